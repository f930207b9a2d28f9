// The main job on a phone: register with a photo; register out of reach, the tab killed, the browser started again, the
// PIN, and then exactly one case with its photo; two clerks on one phone; what the box finds wrong, mended.

import assert from 'node:assert/strict';
import { rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { items, until } from '../integration/gateway_box.mjs';
import { appBox, approve, button, clean, go, openPhone, photoFile, PIN, reach, settled, signIn, signOut, typePerson } from './app.mjs';

const rng = random(606);
const item = items('village', 'accept').find(({ record, guide }) => record === 'application' && guide?.materials?.length > 1);
const dir = mkdtempSync(join(tmpdir(), 'xinke-phone-'));
let box, phone, lead;
before(async () => {
  box = await appBox();
  lead = await box.signIn('lead');
  phone = await openPhone(box, { dir });
});
after(async () => {
  await phone?.close();
  await box?.close();
  rmSync(dir, { recursive: true, force: true });
});

const person = () => registration(item, rng).applicant;
/** Cases of a person, by the number: names repeat. */
const found = async ({ id_number }) => (await lead.call('GET', '/api/v1/cases', { query: { q: id_number }, expect: 200 })).body.items;
const whole = async ({ id }) => (await lead.call('GET', `/api/v1/cases/${id}`, { expect: 200 })).body;
const photosOf = (one) => one.materials.flatMap(({ files }) => files ?? []);

async function toCheck(page, who, photo) {
  await go(page, '/items'); // away from the receipt of the one before
  await go(page, `/register/${item.code}`);
  await typePerson(page, who);
  if (photo) {
    await page.locator('input[type=file]').first().setInputFiles(await photoFile(page));
    await page.locator('.thumbs img').first().waitFor();
  }
  await button(page, '下一步').click();
  await page.getByText('核对').first().waitFor();
}

test('an approved phone has its key under the PIN', async () => {
  await approve(phone);
  await settled(phone.page);
  const kept = await phone.page.evaluate(() => new Promise((give) => {
    const request = indexedDB.open('xinke');
    request.onsuccess = () => {
      const all = request.result.transaction('owners').objectStore('owners').getAll();
      all.onsuccess = () => { give(all.result.map(({ name, wrapped }) => ({ name, iterations: wrapped?.iterations, length: wrapped?.data.byteLength }))); request.result.close(); };
    };
  }));
  assert.deepEqual(kept, [{ name: 'clerk', iterations: 600_000, length: 48 }]);
});

test('registers with a photo, made small and without its place, all of it on the box', async () => {
  const who = person();
  await toCheck(phone.page, who, true);
  await button(phone.page, '提交').click();
  await phone.page.getByText('已登记').waitFor();
  assert.match(await phone.page.locator('.number').innerText(), /^\d{12}-\d{8}-\d{6,}-[\dX]$/);
  const [row, ...more] = await found(who);
  assert.equal(more.length, 0);
  const [file] = photosOf(await whole(row));
  assert.ok(file.size > 20_000 && file.size < 500_000, `${file.size} bytes`);
  await until(async () => (await whole(row)).files.every(({ here }) => here));
  const { raw: jpeg } = await lead.call('GET', `/api/v1/blobs/${file.sha256}`, { expect: 200 });
  assert.equal(jpeg.length, file.size);
  assert.ok(!jpeg.includes('GPS 44.18N'), 'the place of the photo is gone');
  await until(async () => (await phone.page.locator('.chip').innerText()).includes('待收'));
  clean(phone);
});

test('out of reach: kept, the tab killed, the browser started again, the PIN, and one case with its photo', async () => {
  const who = person();
  const { page } = phone;
  await go(page, '/items');
  await go(page, `/items/${item.code}`);
  await page.getByRole('heading', { name: item.name }).waitFor();
  await phone.context.setOffline(true);
  await toCheck(page, who, true);
  await button(page, '提交').click();
  await page.getByText('临时凭条').waitFor();
  assert.equal(await page.locator('.number').innerText(), '暂无编号');
  assert.match(await page.locator('.chip').innerText(), /本机未送 1/);
  assert.deepEqual(await found(who), []);

  // the phone dies; at the next start the box is still away: the app opens by itself, the PIN opens the record
  await phone.close({ keep: true });
  await box.stop();
  phone = await openPhone(box, { dir }).catch(async () => { throw new Error('the app does not open without the box'); });
  await phone.page.getByText(/本机存有/).waitFor();
  await phone.page.getByLabel('用户名').fill('clerk');
  await phone.page.getByLabel('PIN（6 位数字）').fill(PIN);
  await button(phone.page, '登录').click();
  await phone.page.getByRole('heading', { name: '您好' }).waitFor();
  assert.ok(await phone.page.getByText(who.name).first().isVisible());

  // the box is there again and knows no session of ours: the record waits, and goes when the clerk signs in
  await box.start();
  await button(phone.page, '重新登录').click({ timeout: 30_000 });
  await signIn(phone.page, 'clerk', PIN);
  const [row, ...more] = await until(async () => { const rows = await found(who); return rows.length > 0 && rows; }, 20_000);
  assert.equal(more.length, 0);
  await until(async () => (await whole(row)).files?.every(({ here }) => here), 20_000);
  const one = await whole(row);
  assert.equal(photosOf(one).length, 1);
  assert.ok(one.captured, 'it says when it was really made');
  await until(async () => !(await phone.page.locator('.chip').innerText()).includes('本机未送'), 20_000);
});

test('a lost answer makes no second case', async () => {
  const who = person();
  const { page } = phone;
  let lost = 0;
  await page.route('**/api/v1/cases', async (route) => {
    if (route.request().method() !== 'POST' || lost > 0) return route.fallback();
    lost += 1;
    assert.equal(await reach(route, box), 201); // it arrives
    return route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad Gateway</h1>' }); // its answer does not
  });
  await toCheck(page, who, false);
  await button(page, '提交').click();
  await page.getByText('临时凭条').waitFor();
  await go(page, '/sync');
  await button(page, '马上送').click();
  await until(async () => !(await page.locator('.chip').innerText()).includes('本机未送'), 20_000);
  assert.equal((await found(who)).length, 1);
  assert.equal(lost, 1);
  await page.unroute('**/api/v1/cases');
});

test('what the box finds wrong with a record that waited is mended, and stops no other', async () => {
  const { page } = phone;
  const [bad, good] = [person(), person()];
  await phone.context.setOffline(true);
  bad.phone = '13800000000';
  await toCheck(page, bad, false);
  await button(page, '提交').click();
  await page.getByText('临时凭条').waitFor();
  await toCheck(page, good, false);
  await button(page, '提交').click();
  await page.getByText('临时凭条').waitFor();
  // a box of another version finds fault with what this one lets pass
  await page.route('**/api/v1/cases', async (route) => {
    if (route.request().method() === 'POST' && route.request().postData().includes('13800000000')) {
      return route.fulfill({ status: 422, contentType: 'application/problem+json', body: JSON.stringify({ type: '/problems/validation', title: 'x', status: 422, code: 'validation', errors: [{ pointer: '/applicant/phone', code: 'format' }] }) });
    }
    return route.fallback();
  });
  await phone.context.setOffline(false);
  await go(page, '/sync');
  await button(page, '马上送').click();
  await page.getByText('盒子退回').waitFor();
  assert.equal((await found(good)).length, 1);
  assert.equal((await found(bad)).length, 0);
  await button(page, '修改后再送').click();
  await page.getByLabel('联系电话').fill('13899990001');
  await button(page, '修改后再送').click();
  await until(async () => (await found(bad)).length === 1, 20_000);
  await page.unroute('**/api/v1/cases');
});

test('a session that ends while a form is open: signing in again finds the form as it was', async () => {
  const { page } = phone;
  const who = person();
  await go(page, '/items');
  await go(page, `/register/${item.code}`);
  await typePerson(page, who);
  const { body: { items: sessions } } = await lead.call('GET', '/api/v1/sessions', { query: { staff: 'all' }, expect: 200 });
  for (const { id, staff, current } of sessions) if (!current && staff.name === 'clerk') await lead.call('DELETE', `/api/v1/sessions/${id}`, { expect: 204 });
  await button(page, '重新登录').click({ timeout: 30_000 });
  await page.getByLabel('PIN（6 位数字）').fill(PIN);
  await button(page, '登录').click();
  await button(page, '下一步').click();
  await button(page, '提交').click();
  await page.getByText('已登记').waitFor();
  assert.equal((await found(who)).length, 1);
});

test('two clerks on one phone: asked at signing out, kept under its owner\'s name, closed to the other', async () => {
  const { page } = phone;
  const who = person();
  await phone.context.setOffline(true);
  await toCheck(page, who, false);
  await button(page, '提交').click();
  await page.getByText('临时凭条').waitFor();
  await phone.context.setOffline(false);
  await page.route('**/api/v1/cases', (route) => (route.request().method() === 'POST' ? route.abort() : route.fallback()));
  await signOut(page);
  await page.getByText(/本机存有 clerk 未送出的记录 1 件/).waitFor();
  await page.unroute('**/api/v1/cases');
  await approve(phone, 'lead', '手机 clerk');
  await go(page, '/sync');
  assert.equal(await page.getByText(who.name).count(), 0);
  await page.getByText(/本机存有 clerk 未送出的记录 1 件/).waitFor();
  await button(page, '马上送').click();
  await page.getByText('已请盒子马上送').waitFor();
  assert.equal((await found(who)).length, 0);
  await signOut(page);
  await signIn(page, 'clerk', PIN);
  await until(async () => (await found(who)).length === 1, 20_000);
});

test('five wrong PINs throw the wrapped key away; the record stays, and the password gives the key again', async () => {
  const who = person();
  await phone.context.setOffline(true);
  await toCheck(phone.page, who, false);
  await button(phone.page, '提交').click();
  await phone.page.getByText('临时凭条').waitFor();
  await phone.close({ keep: true });
  await box.stop();
  phone = await openPhone(box, { dir });
  const { page } = phone;
  await page.getByLabel('用户名').fill('clerk');
  for (let i = 1; i <= 5; i += 1) {
    await page.getByLabel('PIN（6 位数字）').fill(`90817${i}`);
    await button(page, '登录').click();
    await page.getByText(i < 5 ? 'PIN 不对' : 'PIN 错了 5 次').waitFor();
  }
  await box.start();
  await signIn(page, 'clerk');
  await until(async () => (await found(who)).length === 1, 20_000);
});

test('who left while the box was away is gone when it is back, and what the next one took in goes under the next one\'s name', async () => {
  const { page } = phone;
  const who = person();
  await phone.context.setOffline(true);
  await signOut(page);
  await signIn(page, 'lead', PIN);
  await toCheck(page, who, false);
  await button(page, '提交').click();
  await page.getByText('临时凭条').waitFor();
  await phone.context.setOffline(false);
  await button(page, '重新登录').click({ timeout: 30_000 });
  assert.equal((await found(who)).length, 0);
  const cookie = await page.evaluate(async () => (await fetch('/api/v1/sessions/current')).status);
  assert.equal(cookie, 401, 'the session of the one who left is ended');
  await page.getByLabel('用户名').fill('lead');
  await page.getByLabel('PIN（6 位数字）').fill(PIN);
  await button(page, '登录').click();
  await until(async () => (await found(who)).length === 1, 20_000);
  const { body: { items: events } } = await lead.call('GET', `/api/v1/cases/${(await found(who))[0].id}/events`, { expect: 200 });
  assert.equal(events[0].actor, 'lead');
});
