// Renders every paper as a citizen would get it, by a real box, in both formats, to build/papers/*.png (and *.pdf), and fails
// where something stands outside the paper, a page holds no text, or a symbol is missing. Look at the pictures afterwards.
//
//   make papers          or: XINKE_BIN=build/san node tests/papers/papers.mjs

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { startBox } from '../integration/gateway_box.mjs';
import { paperCases, startPrint } from '../integration/print_box.mjs';

const OUT = process.env.XINKE_PAPERS ?? fileURLToPath(new URL('../../build/papers', import.meta.url));
const BROWSER = process.env.XINKE_CHROMIUM ?? '/usr/bin/chromium';
const MM = 96 / 25.4;
const FORMATS = { a4: { width: 210, height: 297 }, roll: { width: 80, height: 200 } };
const URL_CONF = { public: ['url = https://xinke.example.gov.cn'], station: ['phone = 0994-0000000', 'address = 试验路1号'] };
const LONG = { name: '阿布都克里木江·买买提吐尔逊·艾合买提·穆罕默德', address: '新疆维吾尔自治区昌吉回族自治州呼图壁县'.repeat(8) };

/** What stands outside of its page, by its text. */
const outside = (page, right) => page.evaluate((limit) => [...document.querySelectorAll('body *:not(.mark)')]
  .filter((one) => one.getBoundingClientRect().right > limit + 1 || one.getBoundingClientRect().left < -1)
  .map((one) => `${one.tagName} ${one.textContent.slice(0, 40)}`), right);

async function render(page, name, long, format, html, symbols = 1) {
  const { width, height } = FORMATS[format];
  await page.setViewportSize({ width: Math.round(width * MM), height: Math.round(height * MM) });
  await page.setContent(html);
  assert.equal(await page.evaluate(() => document.compatMode), 'CSS1Compat', `${name}: quirks`);
  assert.equal(await page.evaluate(() => document.characterSet), 'UTF-8');
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
  assert.equal(await page.evaluate(() => document.scripts.length), 0);
  assert.deepEqual(await outside(page, width * MM), [], `${name}-${format}: outside of the paper`);
  const { sheets, drawn } = await page.evaluate(() => ({ sheets: document.querySelectorAll('.sheet').length, drawn: document.querySelectorAll('.qr svg path').length }));
  assert.ok(sheets >= 1 && drawn === symbols * sheets, `${name}-${format}: ${drawn} symbols on ${sheets} sheets`);
  await page.screenshot({ path: `${OUT}/${name}-${format}.png`, fullPage: true });
  await page.emulateMedia({ media: 'print' });
  const pdf = await page.pdf(format === 'a4' ? { path: `${OUT}/${name}-${format}.pdf`, preferCSSPageSize: true, printBackground: true }
    : { path: `${OUT}/${name}-${format}.pdf`, width: '80mm', height: '280mm' });
  await page.emulateMedia({ media: 'screen' });
  const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0;
  if (format === 'a4') assert.ok(pages === sheets || (pages === 2 * sheets && long), `${name}: ${pages} pages for ${sheets} sheets`);
}

/** The hand-over list, which is of no single case and has no symbol. */
async function handovers(clerk, prefix, long, page) {
  const { body: { items: [{ to }] } } = await clerk.call('GET', '/api/v1/handovers');
  for (const format of Object.keys(FORMATS)) {
    const { raw } = await clerk.call('GET', '/api/v1/handovers/document', { query: { to, format } });
    await render(page, `${prefix}-handovers`, long, format, raw.toString('utf8'), 0);
  }
  return Object.keys(FORMATS).length;
}

async function papersOf(tier, item, { upward = null, applicant = {}, prefix = tier } = {}, page) {
  const box = await startBox({ tier, calendar: 'xinjiang', conf: URL_CONF });
  const print = await startPrint(box);
  let n = 0;
  try {
    const [clerk, lead] = await Promise.all(['clerk', 'lead'].map((name) => box.signIn(name)));
    const cases = await paperCases(clerk, lead, item, { upward, applicant });
    const done = new Set();
    for (const [name, { id, kinds }] of Object.entries(cases)) {
      for (const kind of kinds) {
        const once = ['receipt', 'acceptance'].includes(kind) ? kind : `${kind}-${name}`;
        if (done.has(once)) continue;
        done.add(once);
        for (const format of Object.keys(FORMATS)) {
          const { raw } = await clerk.call('GET', `/api/v1/cases/${id}/documents/${kind}`, { query: { format } });
          await render(page, `${prefix}-${once}`, kind === 'extension' || Boolean(applicant.name), format, raw.toString('utf8'));
          n++;
        }
      }
    }
    if (upward) n += await handovers(clerk, prefix, Boolean(applicant.name), page);
  } finally {
    await print.close();
    await box.close();
  }
  return n;
}

mkdirSync(OUT, { recursive: true });
const browser = await chromium.launch({ executablePath: BROWSER,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
try {
  const page = await browser.newPage();
  let n = await papersOf('township', '652323-010', { upward: '652323-001' }, page);
  n += await papersOf('village', '652323-019', { upward: '652323-001', applicant: LONG }, page);
  console.log(`papers: ${n} passed, 0 failed, in ${OUT}`);
} finally {
  await browser.close();
}
