// For everyone: axe finds nothing on any screen, in both types and at 320 px; nothing stands outside of the screen; letters and
// targets keep to domain.md section 8; right to left with a made-up language; no call leaves for another address.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { appBox, clean, go, openPhone } from './app.mjs';
import { furnish, leadPhone, screens } from './screens.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let box, made;
before(async () => {
  box = await appBox();
  made = await furnish(box);
});
after(async () => { await box?.close(); });

/** What axe finds, by WCAG 2.1 AA and its best practices. */
async function violations(page) {
  await page.evaluate(AXE); // by the debugger: the page's own policy lets no script in
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target, failureSummary }) => `${target} ${failureSummary.split('\n')[1]?.trim() ?? ''}`).join(' | ')}`);
}

/** Letters below LEAST px, targets below TAP px in height, and what reaches out of the screen. */
const measure = (page, least, tap) => page.evaluate(([px, target]) => {
  const shown = (one) => one.getClientRects().length > 0 && getComputedStyle(one).visibility !== 'hidden' && !one.closest('.hidden, .skip, canvas, .uplot');
  const name = (one) => `${one.tagName.toLowerCase()}.${one.className} "${(one.innerText ?? '').slice(0, 20)}"`;
  const texts = [...document.body.querySelectorAll('*')].filter((one) => shown(one) && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const targets = [...document.querySelectorAll('button, a.button, a.row, a.chip, .places a, label.button, select, input:not([type=file]):not([type=checkbox]), textarea, label.tick')].filter(shown);
  return [
    ...texts.filter((one) => parseFloat(getComputedStyle(one).fontSize) < px).map((one) => `small letters: ${name(one)} ${getComputedStyle(one).fontSize}`),
    ...targets.filter((one) => one.getBoundingClientRect().height < target - 0.5).map((one) => `small target: ${name(one)} ${one.getBoundingClientRect().height}`),
    ...(document.documentElement.scrollWidth > innerWidth ? [`wider than the screen: ${document.documentElement.scrollWidth}`] : []),
  ];
}, [least, tap]);

async function walk(phone, least, tap) {
  const { page } = phone;
  const wrong = [];
  const foreign = [];
  page.on('request', (request) => { if (!request.url().startsWith(box.base) && !/^(blob|data):/.test(request.url())) foreign.push(request.url()); });
  for (const [name, show] of screens(made)) {
    await show(page, phone);
    for (const one of [...await violations(page), ...await measure(page, least, tap)]) wrong.push(`${name}: ${one}`);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(foreign, []);
  clean(phone);
}

test('every screen at 360 px', async () => {
  const phone = await openPhone(box);
  await phone.page.getByRole('heading', { name: '登录' }).waitFor();
  assert.deepEqual(await violations(phone.page), []);
  await leadPhone(phone);
  await walk(phone, 14, 44);
  await phone.close();
});

test('every screen in the large type at 320 px: letters of 18 px and more, targets of 60', async () => {
  const phone = await openPhone(box, { width: 320, height: 640 });
  await leadPhone(phone, '站长的大字手机');
  await go(phone.page, '/settings');
  await phone.page.getByLabel('大字模式').check();
  await walk(phone, 18, 60);
  await phone.page.reload();
  assert.ok(await phone.page.evaluate(() => document.documentElement.classList.contains('large')), 'it is remembered');
  await phone.close();
});

test('right to left, with texts twice as strange: mirrored, and nothing in another language left over', async () => {
  const phone = await openPhone(box, { lang: 'pseudo' });
  const { page } = phone;
  await page.waitForFunction(() => document.documentElement.dir === 'rtl');
  const inputs = page.locator('input');
  await inputs.first().waitFor();
  await inputs.nth(0).fill('lead');
  if (await inputs.count() > 1) await inputs.nth(1).fill('pw-lead');
  await page.locator('form button').first().click();
  await page.locator('.places').waitFor();
  for (const path of ['/', '/items', `/items/${made.forwarded.item}`, `/register/${made.forwarded.item}`, '/cases', `/cases/${made.fresh.id}`, `/cases/${made.fresh.id}/act/refuse`, '/registers', '/sync', '/staff', '/phones', '/more', '/settings']) {
    await go(page, path);
    await page.locator('main h1').first().waitFor();
    await page.waitForTimeout(200);
    assert.deepEqual(await violations(page), [], path);
    assert.deepEqual((await measure(page, 14, 44)), [], path);
    const box0 = await page.locator('.places a').first().boundingBox();
    assert.ok(box0.x > 180, `${path}: the first place stands on the right`);
    const latin = await page.evaluate(() => [...document.querySelectorAll('.places span, .button, h2, label, legend')].map((one) => one.innerText).filter((text) => /[a-z]{4}/.test(text)));
    assert.deepEqual(latin, [], path);
  }
  clean(phone);
  await phone.close();
});
