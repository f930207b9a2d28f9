// `xinke poster`: what stands on the wall is what the setup page and the gateway say, its QR codes are read again by a decoder from
// the rendered page, and it fits one sheet of A4. XINKE_SHOTS=DIR keeps a picture.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import jsqr from 'jsqr';
import { chromium } from 'playwright-core';

import { LAUNCH } from '../lib/browser.mjs';
import { BIN, makeBox, run } from './gateway_box.mjs';

const SHOTS = process.env.XINKE_SHOTS;
const HEX = '0123456789abcdef'.repeat(4);

let box, browser, text;
before(async () => {
  box = makeBox();
  text = readFileSync(box.config, 'utf8');
  browser = await chromium.launch(LAUNCH);
  if (SHOTS) mkdirSync(SHOTS, { recursive: true });
});
after(async () => { await browser?.close(); rmSync(box.dir, { recursive: true }); });

function configure({ names = 'xinke.internal,192.168.8.1', port = 8443, setup = 8080 } = {}) {
  writeFileSync(box.config, `${text.replace(/names = .*/, `names = ${names}`).replace(/port = .*/, `port = ${port}`)}\n[setup]\nport = ${setup}\n`);
}
const poster = (args, input = '') => spawnSync(join(BIN, 'xinke'), ['-c', box.config, 'poster', ...args], { encoding: 'utf8', input });

/** What a picture of a QR code says; drawn on a page of its own, since the poster's policy lets it load nothing. */
async function decode(png) {
  const page = await browser.newPage();
  const { width, height, data } = await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height }).getContext('2d');
    canvas.drawImage(image, 0, 0);
    return { width: image.width, height: image.height, data: [...canvas.getImageData(0, 0, image.width, image.height).data] };
  }, `data:image/png;base64,${png.toString('base64')}`);
  await page.close();
  return jsqr(Uint8ClampedArray.from(data), width, height)?.data;
}

/** The page in a browser, with what its QR codes say. */
async function look(html, name) {
  const page = await browser.newPage();
  try {
    await page.setContent(html);
    const codes = {};
    for (const svg of await page.locator('svg[data-qr]').all()) codes[await svg.getAttribute('data-qr')] = await decode(await svg.screenshot());
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1');
    await page.setViewportSize({ width: 794, height: 1123 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    if (SHOTS && name) await page.screenshot({ path: `${SHOTS}/poster-${name}.png`, fullPage: true });
    return {
      codes,
      sheets: pdf.match(/\/Type \/Page\b(?!s)/g).length, over, says: await page.locator('body').innerText(),
      fingerprint: await page.locator('#fingerprint').count() ? await page.locator('#fingerprint').innerText() : null,
      elements: await page.locator('script, img, iframe, [onload], [onerror]').count(),
    };
  } finally {
    await page.close();
  }
}
async function made(args, input, name) {
  const { status, stdout, stderr } = poster(args, input);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  const seen = await look(stdout, name);
  assert.deepEqual([seen.sheets, seen.elements], [1, 0]);
  assert.ok(seen.over <= 0, `${seen.over} px too wide`);
  return seen;
}

test('Wi-Fi, setup page, fingerprint and address, as the box has them', async () => {
  configure();
  const { codes, says, fingerprint } = await made(['--ssid', '红山村便民站', '--password-stdin'], 'lv-sheng-2026\n', 'whole');
  assert.deepEqual(codes, { wifi: 'WIFI:T:WPA;S:红山村便民站;P:lv-sheng-2026;;', setup: 'http://192.168.8.1:8080/setup', address: 'https://xinke.internal:8443' });
  assert.equal(fingerprint.replaceAll(/\s/g, '').toLowerCase(), run('xinke-ca', 'fingerprint', join(box.dir, 'data', 'root.crt')).trim());
  for (const words of ['试验便民服务站', '红山村便民站', 'lv-sheng-2026', 'http://192.168.8.1:8080/setup', 'https://xinke.internal:8443', '呼图壁县']) assert.ok(says.includes(words), words);
});

test('a network without password, none at all, the usual ports, no setup page', async () => {
  configure({ names: '192.168.8.1', port: 443, setup: 80 });
  const open = await made(['--ssid', 'station', '--open']);
  assert.deepEqual(open.codes, { wifi: 'WIFI:T:nopass;S:station;;', setup: 'http://192.168.8.1/setup', address: 'https://192.168.8.1' });
  assert.doesNotMatch(open.says, /密码/);
  configure({ names: 'xinke.internal 127.0.0.1 fd00::8', port: 8443 });
  assert.deepEqual((await made([])).codes, { setup: 'http://[fd00::8]:8080/setup', address: 'https://xinke.internal:8443' });
  configure({ setup: 0 });
  const without = await made(['--url', 'https://box.county.example']);
  assert.deepEqual([without.codes, without.fingerprint], [{ address: 'https://box.county.example' }, null]);
  assert.deepEqual((await made(['--setup-url', 'http://10.0.0.1/setup'])).codes.setup, 'http://10.0.0.1/setup');
});

test('what a code or a page would misread is escaped', async () => {
  configure();
  const ssid = 'a;b:c,"d"\\e';
  const password = '<b>&;,:"\\\'{{name}}</b>';
  const { codes, says } = await made(['--ssid', ssid, '--password-stdin'], `${password}\r\n`, 'odd');
  assert.equal(codes.wifi, 'WIFI:T:WPA;S:a\\;b\\:c\\,\\"d\\"\\\\e;P:<b>&\\;\\,\\:\\"\\\\\'{{name}}</b>;;');
  assert.ok(says.includes(ssid) && says.includes(password));
  const longest = await made(['--ssid', 'W'.repeat(32), '--password-stdin'], HEX, 'longest');
  assert.equal(longest.codes.wifi, `WIFI:T:WPA;S:${'W'.repeat(32)};P:${HEX};;`);
});

test('what is wrong is told, and no page is made', () => {
  const refused = (args, input, pattern) => {
    const { status, stdout, stderr } = poster(args, input);
    assert.deepEqual([status, stdout], [2, ''], args.join(' '));
    assert.match(stderr, pattern);
    if (input?.length > 8) assert.ok(!stderr.includes(input.trim()));
  };
  configure();
  refused(['--ssid', ''], '', /--ssid: 1 to 32 bytes/);
  refused(['--ssid', '好'.repeat(11), '--open'], '', /--ssid: 1 to 32 bytes/);
  refused(['--ssid', 'a\nb', '--open'], '', /--ssid: 1 to 32 bytes/);
  refused(['--ssid', 'x'], '', /either --password-stdin or --open/);
  refused(['--ssid', 'x', '--open', '--password-stdin'], 'long-enough', /either --password-stdin or --open/);
  refused(['--open'], '', /wants its --ssid/);
  refused(['--password-stdin'], 'long-enough', /wants its --ssid/);
  for (const word of ['', '\n', '1234567', 'x'.repeat(64), `${HEX}0`, 'x'.repeat(200), '口令口令口令口令', 'tab\there']) refused(['--ssid', 'x', '--password-stdin'], word, /password on standard input/);
  for (const url of ['http://x', 'https://', 'x', 'https://a b', `https://${'x'.repeat(200)}`, 'https://x\u0001']) refused(['--url', url], '', /--url/);
  refused(['--setup-url', 'https://x/setup'], '', /--setup-url/);
  refused(['--ssid'], '', /--ssid wants a value/);
  refused(['--nonsense'], '', /no such option/);
  refused(['x'], '', /no such option/);
  configure({ names: 'xinke.internal,127.0.0.1' });
  refused([], '', /no address that phones reach/);
  configure({ port: 0 });
  refused([], '', /http\.port is 0/);
  configure();
  rmSync(join(box.dir, 'data', 'root.crt'));
  refused([], '', /root\.crt/);
});
