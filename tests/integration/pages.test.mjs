// The citizens' pages in a real browser, without script: a villager goes from the turned screen to a rating by touch alone,
// in both types and down to 320 px; every page keeps to the sizes and contrasts of domain.md section 8 (适老化).
// XINKE_SHOTS=DIR keeps a picture of each at 360x800.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { LAUNCH, measure } from '../lib/browser.mjs';
import { random, registration } from '../lib/people.mjs';
import { items, startBox } from './gateway_box.mjs';

const SHOTS = process.env.XINKE_SHOTS;
const SPOT = { decision: { result: 'granted' }, completion: { result_code: 6 } };
const rng = random(360);
const item = items('village', 'handle').find(({ record }) => record === 'application');

let box, browser, clerk;
before(async () => {
  box = await startBox({ conf: { station: ['phone = 0994-0000000'] } });
  clerk = await box.signIn('clerk');
  browser = await chromium.launch(LAUNCH);
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
});
after(async () => { await browser?.close(); await box?.close(); });

async function ended() {
  const body = { ...registration(item, rng), on_the_spot: SPOT };
  const { body: made } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body, expect: 201 });
  return { ...made, last4: body.applicant.id_number.slice(-4) };
}

/** A context that trusts the box, runs no script of a page, and notes what the browser complains of. */
async function open(width) {
  const context = await browser.newContext({ viewport: { width, height: 800 }, ignoreHTTPSErrors: true, hasTouch: true });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => complaints.push(message.text()));
  return { page, complaints, close: () => context.close() };
}

async function looked(page, large, name) {
  const m = await measure(page);
  assert.ok(m.over <= 0, `${name}: ${m.over} px too wide`);
  assert.ok(m.body >= (large ? 22 : 18) && m.smallest >= 16, `${name}: ${m.body}, ${m.smallest} px`);
  assert.ok(m.contrast >= 4.5, `${name}: contrast ${m.contrast}`);
  assert.ok(Math.min(m.height, m.width) >= (large ? 60 : 44), `${name}: ${m.height} high, ${m.width} wide`);
  assert.deepEqual([m.unlabelled, m.lang, m.headings], [0, 'zh-CN', 1], name);
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}${large ? '-large' : ''}.png`, fullPage: true });
}

for (const width of [360, 320]) {
  for (const large of [false, true]) {
    test(`from the screen to a rating at ${width} px in ${large ? 'large' : 'plain'} type`, async () => {
      const { receipt_number: number, progress_token: token, last4 } = await ended();
      const { page, complaints, close } = await open(width);
      const press = (what) => Promise.all([page.waitForEvent('load'), what.tap()]);
      const look = (name) => looked(page, large, `${name}-${width}`);
      try {
        await page.goto(`${box.base}/screen`); // begins in large type
        if (!large) await press(page.getByText('普通字号'));
        await look('home');
        await press(page.getByText('办事指南'));
        await look('guides');
        await page.getByLabel('找事项').fill(item.initials);
        await press(page.getByRole('button', { name: '查找' }));
        await look('found');
        await press(page.getByRole('link', { name: item.name, exact: true }));
        await look('guide');
        await press(page.getByText('返回首页'));
        await press(page.getByText('办件进度'));
        await look('typed');
        await page.getByLabel('收件编号').fill(number);
        await page.getByLabel('最后四位').fill(last4 === '0000' ? '0001' : '0000');
        await press(page.getByRole('button', { name: '查询' }));
        await page.getByRole('alert').waitFor();
        await look('wrong');
        assert.equal(await page.getByLabel('收件编号').inputValue(), number); // thirty characters are not typed twice
        await page.getByLabel('最后四位').fill(last4.toLowerCase());
        await press(page.getByRole('button', { name: '查询' }));
        await page.getByText(number).waitFor();
        await look('progress');
        assert.ok(!page.url().includes(token)); // whoever comes next finds no token in the list of pages
        await press(page.getByText('评价这次办事'));
        await look('rate');
        assert.equal(await page.locator('input:checked').count(), 0);
        await page.getByText('满意', { exact: true }).tap();
        await page.getByLabel('想说的话').fill('好\n<b>谢谢</b>');
        await press(page.getByRole('button', { name: '提交评价' }));
        await page.getByText('您的评价已经收到').waitFor();
        await look('thanks');
        await page.goto(`${box.base}/public/progress/0000000000000000${large ? '?large=1' : ''}`);
        await look('none');
        assert.deepEqual(complaints.filter((text) => !/status of 404/.test(text)), []); // nothing that the policy forbids
        assert.equal((await page.context().cookies()).length, 0);
      } finally {
        await close();
      }
    });
  }
}

test('what is searched for, with marks of direction, markup or no place to break, stays where it is', async () => {
  const { page, close } = await open(320);
  try {
    const odd = '\u202e\u2067<b onmouseover=x>';
    await page.goto(`${box.base}/public/guides?q=${encodeURIComponent(odd)}`);
    assert.equal(await page.getByLabel('找事项').inputValue(), odd);
    await looked(page, false, 'odd-320');
    await page.goto(`${box.base}/public/guides?q=${'W'.repeat(50)}&large=1`);
    await looked(page, true, 'wide-320');
  } finally {
    await close();
  }
});
