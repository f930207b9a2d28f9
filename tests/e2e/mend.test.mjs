// What the county refused is told on the phone in words and mended at its field; the county takes it then.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';
import { clean, go, link, openPhone, button, signIn } from './app.mjs';

const rng = random(77);
let world, clerk, phone;
before(async () => {
  world = await start({ name: 'mend' });
  clerk = await world.box('clerk');
});
after(async () => {
  await phone?.close();
  await world?.stop();
});

test('a registration that the county refused is mended field by field on the phone', async () => {
  const { body: { items } } = await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } });
  const item = items.find(({ offer, record }) => offer === 'handle' && record === 'application'); // one event: it is not passed on
  // no gateway of ours writes what its county refuses: this one's verdict is turned on its way into the feed
  const key = rng.uuid();
  const id = `x'${key.replaceAll('-', '')}'`;
  const sql = (text) => execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(dirname(world.json.county.config), 'county/county.db'), text]);
  world.script('stop-county');
  sql(`CREATE TRIGGER turned AFTER INSERT ON feed WHEN new.entry LIKE '%"settled"%' BEGIN
      UPDATE feed SET entry = replace(replace(new.entry, '"to":', '"seq":'), '"kind":"settled"',
        '"code":"body","kind":"refused","message":"停机号码","pointer":"/applicant/phone"') WHERE row = new.row;
      UPDATE events SET code = 'body', pointer = '/applicant/phone', message = '停机号码' WHERE id = ${id}; END;
    CREATE TRIGGER gone AFTER INSERT ON cases WHEN new.id = ${id} BEGIN DELETE FROM cases WHERE id = new.id; END;`);
  const body = registration(item, rng);
  const { body: made } = await clerk.call('POST', '/api/v1/cases', { key, body, expect: 201 });
  world.script('start-county');
  const read = async () => (await clerk.call('GET', `/api/v1/cases/${made.id}`, { expect: 200 })).body;
  await world.until('the refusal is at the box', 60, async () => (await read()).sync === 'refused');
  sql('DROP TRIGGER turned; DROP TRIGGER gone;');

  const { gateway } = world.json;
  phone = await openPhone({ base: gateway.url, crt: readFileSync(join(dirname(gateway.db), 'server.crt'), 'utf8') });
  const { page } = phone;
  await signIn(page, 'clerk', gateway.accounts.find(({ name }) => name === 'clerk').password);
  await page.getByText('退回待改').first().waitFor();
  await page.locator('#back .row').first().click();
  await page.getByText('县里退回 1 条，需要改正').waitFor();
  await page.getByText('停机号码').waitFor();
  await link(page, '改正并重新提交').click();
  const number = page.getByLabel('联系电话').first(); // an agent has one too
  await number.waitFor();
  assert.equal(await number.inputValue(), body.applicant.phone, 'it is filled in as it was');
  assert.equal(await number.getAttribute('aria-invalid'), 'true', 'the fault stands at its field');
  await number.fill('13899991234');
  await button(page, '改正并重新提交').click();
  await page.getByText('可以做的事').waitFor();
  await world.until('the county takes it', 60, async () => (await read()).sync === 'settled');
  const mended = await read();
  assert.deepEqual(mended.refused, []);
  assert.equal(mended.applicant.phone, '138****1234');
  assert.equal(mended.receipt_number, made.receipt_number);
  const centre = await world.county('centre');
  assert.equal((await centre.call('GET', `/api/v1/cases/${made.id}`, { expect: 200 })).body.applicant.phone, '138****1234');
  await go(page, '/');
  clean(phone);
});
