// The phone app in a browser over a real box: a gateway with the built app, Chromium that trusts its certificate (so that
// service workers and keys work), and what a clerk does with a thumb, by the words that stand on the screen.
//
//   const box = await appBox();                      a box with the app of XINKE_WEB
//   const phone = await openPhone(box, { dir });     a phone; the same `dir` again is the same phone after a restart
//   await signIn(phone.page, 'clerk');

import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

import { password, startBox } from '../integration/gateway_box.mjs';

const BROWSER = process.env.XINKE_CHROMIUM ?? '/usr/bin/chromium';
export const WEB = process.env.XINKE_WEB ?? fileURLToPath(new URL('../../build/web', import.meta.url));
export const PIN = '274913';

/** A box with the app. It keeps its port over a restart: an app belongs to its address. */
export async function appBox({ web = WEB, ...options } = {}) {
  const box = await startBox({ calendar: 'national', ...options,
    conf: { ...options.conf, paths: [`web = ${web}`, ...(options.conf?.paths ?? [])], station: ['phone = 0994-0000000'] } });
  writeFileSync(box.config, readFileSync(box.config, 'utf8').replace('port = 0', `port = ${box.port}`));
  return box;
}

/** What Chromium's list of keys wants: the certificate counts as trusted, as with the root installed. */
function keyOf(pem) {
  const der = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64');
}

/** A phone of 360x800 in Chinese. `complaints` are errors of scripts and of the content security policy. */
export async function openPhone(box, { dir, width = 360, height = 800, lang = '' } = {}) {
  const own = dir ?? mkdtempSync(join(tmpdir(), 'xinke-phone-'));
  const context = await chromium.launchPersistentContext(own, {
    executablePath: BROWSER, viewport: { width, height }, hasTouch: true, isMobile: true, deviceScaleFactor: 2, locale: 'zh-CN', timezoneId: 'Asia/Shanghai',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
      `--ignore-certificate-errors-spki-list=${keyOf(box.crt ?? readFileSync(join(box.dir, 'data', 'server.crt'), 'utf8'))}`],
  });
  const page = context.pages()[0] ?? await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // a refused call is also a line of the console: those are looked at where they are wanted
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) complaints.push(message.text());
    if (process.env.XINKE_DEBUG) console.error(message.text());
  });
  page.on('dialog', (dialog) => dialog.accept());
  page.setDefaultTimeout(10_000);
  await page.goto(box.base + (lang ? `/?lang=${lang}` : '/'));
  return { context, page, complaints, dir: own, box,
    close: async ({ keep = false } = {}) => {
      await context.close();
      if (!keep && !dir) rmSync(own, { recursive: true, force: true });
    } };
}

export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const link = (page, name) => page.getByRole('link', { name, exact: true });
export const fill = (page, label, value) => page.getByLabel(label).first().fill(value);

/** By password, or by PIN where `secret` has six digits. */
export async function signIn(page, name, secret = password(name)) {
  const pin = /^\d{6}$/.test(secret);
  await page.getByLabel('用户名').fill(name);
  const wanted = page.getByLabel(pin ? 'PIN（6 位数字）' : '密码');
  if (!(await wanted.isVisible())) await button(page, pin ? '用 PIN 登录' : '用密码登录').click();
  await wanted.fill(secret);
  await button(page, '登录').click();
  await page.getByRole('heading', { name: '您好' }).waitFor();
}

/** Opens what the phone keeps of whoever is signed in. */
export async function unlock(page, pin = PIN) {
  await page.getByLabel('PIN（6 位数字）').fill(pin);
  await page.locator('form button').first().click();
  await page.getByRole('heading', { name: '您好' }).waitFor();
}

/** Goes to a screen without loading the app anew: signed in by a click, as a clerk does. */
export async function go(page, path) {
  await page.evaluate((to) => { history.pushState(history.state, '', to); dispatchEvent(new PopStateEvent('popstate', { state: history.state })); }, path);
  await page.waitForTimeout(50);
}

/** Signs NAME in, registers the phone, has a lead approve it, signs in again and sets the PIN. */
export async function approve(phone, name = 'clerk', label = `手机 ${name}`) {
  const { page, box } = phone;
  await signIn(page, name);
  const lead = await box.signIn('lead');
  const { body: before } = await lead.call('GET', '/api/v1/devices', { expect: 200 });
  if (!before.items.some((one) => one.name === label)) {
    await go(page, '/phones');
    await page.getByLabel('给本机起个名字').fill(label);
    await button(page, '申请登记本机').click();
    await page.getByText('已申请，请站长').waitFor();
    const { body } = await lead.call('GET', '/api/v1/devices', { expect: 200 });
    await lead.call('POST', `/api/v1/devices/${body.items.find((one) => one.name === label).id}/approve`, { expect: 200 });
  }
  await signOut(page);
  await signIn(page, name);
  await go(page, '/phones');
  await page.getByLabel('新 PIN（6 位数字）').fill(PIN);
  await page.getByLabel('密码', { exact: true }).fill(password(name));
  await button(page, '设置 PIN').click();
  await page.getByText('PIN 已设置').waitFor();
}

export async function signOut(page) {
  await go(page, '/more');
  await button(page, '退出登录').click();
  await page.getByRole('heading', { name: '登录' }).waitFor();
}

/** A photo as a phone takes it: large, JPEG, with its place in EXIF. */
export async function photoFile(page) {
  const base64 = await page.evaluate(() => new Promise((give) => {
    const canvas = document.createElement('canvas');
    canvas.width = 3000;
    canvas.height = 2250;
    const ctx = canvas.getContext('2d');
    for (let i = 0; i < 4000; i += 1) {
      ctx.fillStyle = `hsl(${(i * 37) % 360} 60% 50%)`;
      ctx.fillRect((i * 197) % 3000, (i * 331) % 2250, 60, 40);
    }
    canvas.toBlob((blob) => { const reader = new FileReader(); reader.onload = () => give(reader.result.split(',')[1]); reader.readAsDataURL(blob); }, 'image/jpeg', 0.95);
  }));
  const jpeg = Buffer.from(base64, 'base64');
  const exif = Buffer.concat([Buffer.from('Exif\0\0'), Buffer.from('49492a0008000000', 'hex'), Buffer.from('GPS 44.18N 86.89E')]);
  const head = Buffer.alloc(4);
  head.writeUInt16BE(0xffe1, 0);
  head.writeUInt16BE(exif.length + 2, 2);
  return { name: 'IMG_0001.jpg', mimeType: 'image/jpeg', buffer: Buffer.concat([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)]) };
}

/** Types a registration up to the check. */
export async function typePerson(page, person) {
  await page.getByLabel('已向申请人说明并取得同意').check();
  await fill(page, '证件号码', person.id_number);
  await fill(page, '姓名 / 单位名称', person.name);
  await fill(page, '联系电话', person.phone);
  await fill(page, '住址', person.address);
  await button(page, '下一步').click();
}

/** Lets a call of the app reach the box; its answer goes no further. */
export async function reach(route, box) {
  const call = route.request();
  const headers = Object.fromEntries(Object.entries(await call.allHeaders()).filter(([name]) => !name.startsWith(':')));
  return new Promise((give, fail) => {
    const out = request(call.url(), { method: call.method(), headers, ca: box.root, servername: 'xinke.internal' }, (answer) => { answer.resume(); answer.on('end', () => give(answer.statusCode)); });
    out.on('error', fail);
    out.end(call.postDataBuffer());
  });
}

/** Waits until the app has put itself into the browser's cache, as after one visit. */
export async function settled(page) {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

export function clean(phone) {
  assert.deepEqual(phone.complaints, []);
}
