// A new version of the app is offered, never in the way of an open form, and taken when the clerk says so; an app that is too
// old for its box says so and sends nothing.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { items, until } from '../integration/gateway_box.mjs';
import { appBox, clean, go, openPhone, settled, signIn, WEB } from './app.mjs';

const web = mkdtempSync(join(tmpdir(), 'xinke-web-'));
const item = items('village', 'accept').find(({ record }) => record === 'application');
let box, phone;
before(async () => {
  cpSync(WEB, web, { recursive: true });
  box = await appBox({ web });
  phone = await openPhone(box);
});
after(async () => {
  await phone?.close();
  await box?.close();
  rmSync(web, { recursive: true, force: true });
});

/** What `make web` of a later day leaves: another worker, named by the list with another mark. */
function release() {
  appendFileSync(join(web, 'sw.js'), '\n// a later day\n');
  const list = JSON.parse(readFileSync(join(web, 'files.json'), 'utf8'));
  const worker = list.find(({ path }) => path === '/sw.js');
  worker.etag = createHash('sha256').update(readFileSync(join(web, 'sw.js'))).digest('hex');
  worker.encodings = { identity: 'sw.js' };
  writeFileSync(join(web, 'files.json'), JSON.stringify(list));
}

test('a new version waits while a form is open, is offered after, and comes when it is taken', async () => {
  const { page } = phone;
  await settled(page);
  await signIn(page, 'clerk');
  await go(page, `/register/${item.code}`);
  await page.getByLabel('已向申请人说明并取得同意').waitFor();
  release();
  await until(() => page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    await registration.update();
    return registration.waiting !== null;
  }), 15_000);
  assert.equal(await page.getByText('有新版本').count(), 0, 'not in the way of a form');
  await go(page, '/');
  await page.getByText('有新版本').waitFor();
  await Promise.all([page.waitForEvent('load'), page.getByRole('button', { name: '立即更新' }).click()]);
  await page.getByRole('heading', { name: '您好' }).waitFor();
  assert.equal(await page.getByText('有新版本').count(), 0);
  clean(phone);
});

test('an app that is too old is told plainly', async () => {
  const { page } = phone;
  await page.route('**/api/v1/version', (route) => route.fulfill({ contentType: 'application/json', body: JSON.stringify({ program: 'xinke-gateway', version: '9.0.0', api: '2.0.0', app_min: '9.0.0' }) }));
  await page.reload();
  await page.getByText('盒子已升级，本应用版本过旧').waitFor();
});
