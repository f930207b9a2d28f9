// The setup page: the root in plain with its fingerprint and nothing else; a real browser that does not trust the box, and one that
// does, are told so. XINKE_SHOTS=DIR keeps pictures at 360x800.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { chromium } from 'playwright-core';

import { LAUNCH, measure } from '../lib/browser.mjs';
import { guardFaults } from '../lib/guards.mjs';
import { run, startBox } from './gateway_box.mjs';

const SHOTS = process.env.XINKE_SHOTS;
const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

let box, port, browser;
const get = (path, method = 'GET', headers = {}) => new Promise((resolve, reject) => {
  http.request({ port, host: '127.0.0.1', path, method, headers }, (response) => {
    let text = '';
    response.on('data', (data) => { text += data; });
    response.on('end', () => resolve({ status: response.statusCode, text, headers: response.headers }));
  }).on('error', reject).end();
});
before(async () => {
  port = await freePort();
  box = await startBox({ conf: { setup: ['bind = 127.0.0.1', `port = ${port}`] } });
  browser = await chromium.launch(LAUNCH);
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
});
after(async () => { await browser?.close(); await box?.close(); });

test('the root comes as Android and Safari want it, with its fingerprint', async () => {
  const root = new X509Certificate(box.root);
  const { text, headers } = await get('/setup');
  assert.equal(headers['content-type'], 'text/html; charset=utf-8');
  const shown = /<pre id="fingerprint"[^>]*>([^<]+)<\/pre>/.exec(text)[1];
  assert.match(shown, /^([0-9A-F]{4} ){3}[0-9A-F]{4}\n(([0-9A-F]{4} ){3}[0-9A-F]{4}\n){2}([0-9A-F]{4} ){3}[0-9A-F]{4}$/);
  assert.equal(shown.replaceAll(/\s/g, ''), root.fingerprint256.replaceAll(':', ''));
  assert.equal(shown.replaceAll(/\s/g, '').toLowerCase(), run('xinke-ca', 'fingerprint', join(box.dir, 'data', 'root.crt')).trim());
  assert.ok(text.includes(`打开“${/CN=(.*)/.exec(root.subject)[1]}”`)); // the name that the phone's list shows
  for (const [path, disposition] of [['/setup/root.crt', 'attachment; filename="xinke-root.crt"'], ['/setup/root.cer', undefined]]) {
    const answer = await get(path);
    assert.deepEqual([answer.status, answer.headers['content-type'], answer.headers['content-disposition'], answer.text],
      [200, 'application/x-x509-ca-cert', disposition, box.root]);
  }
  assert.ok(text.includes(`data-addresses="https://xinke.internal:${box.port} https://127.0.0.1:${box.port}"`));
});

test('it is careful in plain too: no inline script, nothing kept, no promise of HTTPS', async () => {
  for (const path of ['/setup', '/setup/setup.js', '/setup/setup.css', '/setup/root.crt', '/nowhere']) {
    const { headers } = await get(path);
    assert.equal(headers['strict-transport-security'], undefined); // the name would never be asked in plain again
    assert.equal(headers['cross-origin-opener-policy'], undefined); // which is for HTTPS
    const secure = { ...headers, 'strict-transport-security': 'max-age=31536000', 'cross-origin-opener-policy': 'same-origin' };
    secure['content-security-policy'] = headers['content-security-policy'].replace(' https:', ' data:'); // the one thing from elsewhere: the check's picture
    assert.equal(guardFaults(secure), '', path);
    assert.equal(headers['cache-control'], 'no-store');
  }
  const { text } = await get('/setup');
  assert.doesNotMatch(text, /<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/);
  assert.match((await get('/setup')).headers['content-security-policy'], /^default-src 'none'; script-src 'self'; style-src 'self'; img-src https:; /);
});

test('nothing else is served in plain', async () => {
  for (const path of ['/', '/setup/', '/api/v1/cases', '/api/v1/version', '/healthz', '/metrics', '/setup/server.key', '/setup/check.svg', '/setup/../data/field.key',
    '/setup/root', '/index.html', '/problems/not_found']) {
    const answer = await get(path, 'GET', { accept: 'text/html' });
    assert.ok(answer.status === 404 || (answer.status === 400 && path.includes('..')), path);
    assert.equal(answer.headers['content-type'], 'application/problem+json', path);
  }
  for (const method of ['POST', 'PUT', 'DELETE']) assert.equal((await get('/setup', method)).status, 405);
  assert.equal((await get('/setup?x=1')).status, 422);
  assert.equal((await get('/setup/root.crt?x=1')).status, 422);
});

test('the picture of the check is for every page, and not kept', async () => {
  const client = box.client();
  for (const query of [{}, { n: 1 }]) {
    const { headers } = await client.call('GET', '/setup/check.svg', { query });
    assert.deepEqual([headers['cross-origin-resource-policy'], headers['cache-control']], ['cross-origin', 'no-store']);
  }
  await client.call('GET', '/setup/check.svg', { query: { x: 1 }, invalid: true, expect: 'validation' });
});

for (const [name, trusts, userAgent] of [['strange', false, undefined], ['trusting', true, undefined],
  ['iphone', false, 'Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.0 Mobile/15E148 Safari/604.1']]) {
  test(`a phone that ${trusts ? 'trusts the box is told so, and goes on' : 'does not trust the box is told what to do'} (${name})`, async () => {
    for (const width of [360, 320]) {
      const context = await browser.newContext({ viewport: { width, height: 800 }, ignoreHTTPSErrors: trusts, hasTouch: true, ...(userAgent ? { userAgent } : {}) });
      const page = await context.newPage();
      const complaints = [];
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      try {
        await page.goto(`http://127.0.0.1:${port}/setup`);
        await page.locator('#check[data-is]:not([data-is=checking])').waitFor();
        const state = () => page.locator('#check').getAttribute('data-is');
        const open = (id) => page.locator(id).evaluate((one) => one.open);
        assert.equal(await state(), trusts ? 'good' : 'bad');
        assert.equal(await page.locator('.good').isVisible(), trusts);
        assert.equal(await page.locator('.bad').isVisible(), !trusts);
        assert.deepEqual([await open('#android'), await open('#iphone')], [name !== 'iphone', name === 'iphone']);
        await page.getByRole('button', { name: '再查一次' }).tap();
        await page.locator('#check[data-is]:not([data-is=checking])').waitFor();
        assert.equal(await state(), trusts ? 'good' : 'bad');
        const m = await measure(page);
        assert.ok(m.over <= 0, `${m.over} px too wide`);
        assert.ok(m.body >= 18 && m.smallest >= 16, `${m.body}, ${m.smallest} px`);
        assert.ok(m.contrast >= 4.5, `contrast ${m.contrast}`);
        assert.deepEqual([m.lang, m.headings], ['zh-CN', 1]);
        const heights = await page.locator('.button:visible, button:visible, summary').evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height));
        assert.ok(heights.length >= 4 && heights.every((height) => height >= 60), heights.join(' '));
        const clipped = await page.locator('#fingerprint').evaluate((one) => one.scrollWidth - one.clientWidth);
        assert.ok(clipped <= 0, `${clipped} px of the fingerprint cannot be seen`);
        if (SHOTS) await page.screenshot({ path: `${SHOTS}/setup-${name}-${width}.png`, fullPage: true });
        if (trusts) {
          assert.equal(await page.locator('#open').getAttribute('href'), `https://127.0.0.1:${box.port}`); // the one that loaded
          await Promise.all([page.waitForURL(`https://127.0.0.1:${box.port}/`), page.locator('#open').tap()]);
        }
        assert.deepEqual(complaints.filter((text) => !/ERR_CERT|ERR_NAME_NOT_RESOLVED/.test(text)), []);
      } finally {
        await context.close();
      }
    }
  });
}

test('without script it still says how to check', async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 800 }, javaScriptEnabled: false });
  try {
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${port}/setup`);
    assert.equal(await page.locator('noscript a').getAttribute('href'), `https://xinke.internal:${box.port}`);
    assert.ok(await page.locator('noscript a').isVisible());
  } finally {
    await context.close();
  }
});

test('before the enrolment there is no root to hand out', async () => {
  rmSync(join(box.dir, 'data', 'root.crt'));
  for (const path of ['/setup', '/setup/root.crt', '/setup/root.cer']) {
    const { status, text } = await get(path);
    assert.deepEqual([status, JSON.parse(text).code], [503, 'not_enrolled']);
  }
});

test('the app is told where the page is, where phones reach it', async () => {
  assert.equal((await box.client().call('GET', '/api/v1/version', { expect: 200 })).body.setup, null); // of 127.0.0.1 alone
  await box.stop();
  writeFileSync(box.config, readFileSync(box.config, 'utf8').replace('names = xinke.internal,127.0.0.1', 'names = xinke.internal,127.0.0.1,192.168.8.1'));
  await box.start();
  assert.equal((await box.client().call('GET', '/api/v1/version', { expect: 200 })).body.setup, `http://192.168.8.1:${port}/setup`);
});
