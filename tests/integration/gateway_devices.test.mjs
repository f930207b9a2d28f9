// Phones: registered, approved, revoked; the PIN on one; and that a session, its events and the audit say which it was.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { api, items, password, run, startBox } from './gateway_box.mjs';

const PIN = '135246';
const HOUR = 3600000;
const rng = random(77);

describe('phones', () => {
  let box;
  let lead;
  before(async () => {
    box = await startBox({ conf: { limits: ['sign_ins = 64'] } });
    lead = await box.signIn('lead');
  });
  after(() => box.close());

  const sql = (text) => execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(box.dir, 'data', 'xinke.db'), text], { encoding: 'utf8' }).trim();
  /** Signs in on the phone of TOKEN, with the password or { pin }. */
  const enter = async (name, token, more = {}, expect = 201) => {
    const client = box.client();
    const headers = token ? { 'xinke-device': token } : {};
    const body = more.pin ? { name, pin: more.pin } : { name, password: more.password ?? password(name) };
    const answer = await client.call('POST', '/api/v1/sessions', { body, headers, expect });
    client.token = answer.body.token;
    client.opened = answer.body;
    return client;
  };
  const register = async (name, who = 'clerk') => {
    const client = await enter(who);
    const { body } = await client.call('POST', '/api/v1/devices', { body: { name }, expect: 201 });
    return { ...body, client };
  };
  const approve = (id, expect = 200) => lead.call('POST', `/api/v1/devices/${id}/approve`, { expect });
  const revoke = (id, expect = 200) => lead.call('POST', `/api/v1/devices/${id}/revoke`, { expect });
  const setPin = (client, pin = PIN, expect = 204, word = password('clerk')) =>
    client.call('PUT', '/api/v1/devices/current/pin', { body: { pin, password: word }, invalid: true, expect });
  /** An approved phone with a PIN of the clerk's. */
  const ready = async (name) => {
    const phone = await register(name);
    await approve(phone.id);
    await setPin(phone.client);
    return phone;
  };
  const rows = async (query) => (await lead.call('GET', '/api/v1/audit', { query: { limit: 200, ...query } })).body.items;
  const take = async (client) => {
    const item = items('village', 'accept').find(({ record }) => record === 'application');
    const { body } = await client.call('POST', '/api/v1/cases', { key: randomUUID(), body: registration(item, rng), expect: 201 });
    return (await client.call('GET', `/api/v1/cases/${body.id}/events`)).body.items;
  };

  test('a phone is pending, then approved; its session, its events and the audit name it', async () => {
    const phone = await register('王芳的手机');
    assert.deepEqual([phone.state, phone.staff, phone.current, phone.decided_by], ['pending', { id: 1, name: 'clerk' }, true, null]);
    assert.ok(!sql('select hex(token) from devices').includes(Buffer.from(phone.token).toString('hex').toUpperCase()));
    assert.equal((await phone.client.call('GET', '/api/v1/sessions/current')).body.device, '王芳的手机');
    const [session] = (await phone.client.call('GET', '/api/v1/sessions')).body.items.filter(({ current }) => current);
    assert.deepEqual(session.device, { id: phone.id, name: '王芳的手机' });
    for (const event of await take(phone.client)) assert.equal(event.device, '王芳的手机');
    for (const event of await take(lead)) assert.equal(event.device, null);
    await phone.client.call('POST', '/api/v1/devices', { body: { name: '另一部' }, expect: 'conflict' }); // it is one already
    await setPin(phone.client, PIN, 'conflict'); // not approved
    await setPin(lead, PIN, 'conflict', password('lead')); // no phone
    const { body } = await approve(phone.id);
    assert.deepEqual([body.state, body.decided_by, body.current], ['approved', 'lead', false]);
    const count = (await rows({ action: 'device_approve' })).length;
    await approve(phone.id); // again: nothing happens
    assert.equal((await rows({ action: 'device_approve' })).length, count);
    for (const action of ['device_add', 'device_approve']) assert.equal((await rows({ action }))[0].subject, '王芳的手机');
    await enter('clerk', phone.token);
    assert.equal((await rows({ action: 'sign_in' }))[0].device, '王芳的手机');
    // a clerk sees his own, a lead all
    const other = await register('负责人的手机', 'lead');
    const names = async (client) => (await client.call('GET', '/api/v1/devices')).body.items.map(({ name }) => name);
    assert.deepEqual(await names(phone.client), ['王芳的手机']);
    assert.deepEqual(await names(lead), ['负责人的手机', '王芳的手机']);
    await phone.client.call('POST', `/api/v1/devices/${other.id}/approve`, { expect: 'forbidden' });
  });

  test('names are short, unique, and what can be seen', async () => {
    const client = await enter('clerk');
    for (const name of ['', ' x', 'a\u0001', '王芳的手机', '手'.repeat(22), 'x'.repeat(64), 1]) {
      const { body } = await client.call('POST', '/api/v1/devices', { body: { name }, invalid: true, expect: 'validation' });
      assert.equal(body.errors[0].pointer, '/name');
    }
    await client.call('POST', '/api/v1/devices', { body: { name: '手'.repeat(21) }, expect: 201 });
  });

  test('a browser keeps the phone in a cookie of its own', async () => {
    const client = box.client();
    const signed = await client.call('POST', '/api/v1/sessions', { body: { name: 'clerk', password: password('clerk') }, expect: 201 });
    const cookie = signed.headers['set-cookie'][0].split(';')[0];
    const own = { cookie, 'sec-fetch-site': 'same-origin', 'xinke-client': 'app/1.0.0' };
    await client.call('POST', '/api/v1/devices', { body: { name: '浏览器' }, headers: { cookie }, expect: 'csrf' });
    const { body, headers } = await client.call('POST', '/api/v1/devices', { body: { name: '浏览器' }, headers: own, expect: 201 });
    const [set] = headers['set-cookie'];
    assert.equal(set, `__Host-xinke-device=${body.token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=31536000`);
    await approve(body.id);
    await client.call('PUT', '/api/v1/devices/current/pin', { body: { pin: PIN, password: password('clerk') }, headers: own, expect: 204 });
    const pin = (more) => client.call('POST', '/api/v1/sessions', { body: { name: 'clerk', pin: PIN }, headers: { cookie: more }, expect: null });
    assert.equal((await pin(`a=b; ${set.split(';')[0]}; ${cookie}`)).status, 201);
    assert.equal((await pin(`__Host-xinke=${body.token}`)).body.code, 'password_wanted'); // no session's cookie is a phone's
    await client.call('GET', '/api/v1/cases', { headers: { cookie: `__Host-xinke=${body.token}` }, expect: 'unauthenticated' });
  });

  test('an approved phone gets a key for its outbox: of this person, at each sign-in the same, gone when it is revoked', async () => {
    const key = async (name, token, more) => (await enter(name, token, more)).opened.outbox_key;
    const phone = await register('外勤机');
    const other = await register('外勤机二');
    assert.equal(phone.client.opened.outbox_key, undefined); // of no phone
    assert.equal(await key('clerk', phone.token), undefined); // not approved
    await approve(phone.id);
    await approve(other.id);
    const mine = await key('clerk', phone.token);
    assert.equal(Buffer.from(mine, 'base64').length, 32);
    await setPin(await enter('clerk', phone.token));
    assert.equal(await key('clerk', phone.token, { pin: PIN }), mine);
    assert.equal(await key('clerk', phone.token), mine);
    const others = [await key('lead', phone.token), await key('clerk', other.token)];
    assert.equal(new Set([mine, ...others]).size, 3);
    assert.equal(await key('clerk'), undefined); // a tool's sign-in
    // it says nowhere else what it is
    const stored = Buffer.from(sql("select hex(sealed) from outbox_keys").replaceAll('\n', ''), 'hex');
    for (const text of [mine, ...others]) {
      const raw = Buffer.from(text, 'base64');
      assert.ok(!stored.includes(raw) && !stored.includes(text));
      assert.ok(!box.log().includes(text) && !box.log().includes(raw.toString('hex')));
    }
    // a new password forgets the PIN; what lies on the phone is still read
    const { body: fresh } = await lead.call('POST', '/api/v1/staff', { body: { name: 'li', display: '李丽', role: 'clerk' }, expect: 201 });
    const theirs = await key('li', phone.token, { password: fresh.password });
    const reset = await lead.call('POST', `/api/v1/staff/${fresh.id}/password`);
    assert.equal(sql(`select count(*) from device_staff where staff = ${fresh.id}`), '0');
    assert.equal(await key('li', phone.token, { password: reset.body.password }), theirs);
    await revoke(phone.id);
    assert.equal(sql("select count(*) from outbox_keys k join devices d on d.n = k.device where d.name = '外勤机'"), '0');
    assert.equal((await enter('lead', phone.token)).opened.outbox_key, undefined);
    assert.match(run('xinke', '-c', box.config, 'verify'), /0 faults/);
    // one that was changed in the file opens for nobody, and no other takes its place
    sql("update outbox_keys set sealed = zeroblob(61) where device = (select n from devices where name = '外勤机二')");
    await enter('clerk', other.token, {}, 'internal');
    assert.equal(sql("select sum(hex(sealed) = hex(zeroblob(61))) from outbox_keys"), '1');
  });

  test('a PIN is six digits that nobody guesses at once, set with the password', async () => {
    const phone = await register('口令机');
    await approve(phone.id);
    for (const [pin, code] of [['12345', 'format'], ['1234567', 'format'], ['12345a', 'format'], ['１２３４５６', 'format'], ['000000', 'simple'],
      ['123456', 'simple'], ['654321', 'simple'], ['890123', 'simple'], ['135791', 'simple'], ['121212', 'simple'], ['123123', 'simple'], ['112211', 'simple']]) {
      const { body } = await setPin(phone.client, pin, 'validation');
      assert.deepEqual([body.errors[0].pointer, body.errors[0].code], ['/pin', code], pin);
    }
    await setPin(phone.client, PIN, 'bad_credentials', 'wrong');
    assert.deepEqual((await rows({ action: 'pin_set' })).map(({ outcome }) => outcome)[0], 'refused');
    await setPin(phone.client);
    assert.equal((await rows({ action: 'pin_set' }))[0].outcome, 'done');
    assert.match(sql("select pin from device_staff where pin is not null limit 1"), /^\$argon2id\$/);
    assert.ok(!JSON.stringify(await rows({})).includes(PIN));
  });

  test('name and PIN open a session, on that phone, for that person, while the password is fresh', async () => {
    const phone = await ready('窗口机');
    const mobile = await enter('clerk', phone.token, { pin: PIN });
    assert.equal(mobile.opened.device, '窗口机');
    for (const event of await take(mobile)) assert.equal(event.device, '窗口机');
    const [row] = await rows({ action: 'sign_in' });
    assert.deepEqual([row.name, row.reason, row.device], ['clerk', 'pin', '窗口机']);
    await enter('clerk', null, { pin: PIN }, 'password_wanted');
    await enter('clerk', 'x'.repeat(43), { pin: PIN }, 'password_wanted');
    await enter('lead', phone.token, { pin: PIN }, 'password_wanted');
    await enter('nobody', phone.token, { pin: PIN }, 'password_wanted');
    const client = box.client();
    const headers = { 'xinke-device': phone.token };
    for (const body of [{ name: 'clerk', pin: PIN, password: 'x' }, { name: 'clerk' }, { name: 'clerk', pin: '12' }, { name: 'clerk', pin: 135246 }])
      await client.call('POST', '/api/v1/sessions', { body, headers, invalid: true, expect: 'validation' });
    // the session by PIN ends when the password is due, and so does the PIN
    const left = 2 * HOUR;
    sql(`update device_staff set password_at = password_at - ${12 * HOUR - left} where device = (select n from devices where name = '窗口机')`);
    const late = await enter('clerk', phone.token, { pin: PIN });
    assert.ok(Math.abs(Date.parse(late.opened.expires_at) - Date.now() - left) < 60000);
    sql(`update device_staff set password_at = password_at - ${left} where device = (select n from devices where name = '窗口机')`);
    await enter('clerk', phone.token, { pin: PIN }, 'password_wanted');
    await enter('clerk', phone.token);
    await enter('clerk', phone.token, { pin: PIN });
    // another phone of the same person has a PIN of its own
    const second = await register('第二部');
    await approve(second.id);
    await enter('clerk', second.token, { pin: PIN }, 'password_wanted');
  });

  test('five wrong PINs lock it until the password is shown', async () => {
    const phone = await ready('锁定机');
    for (let i = 0; i < 4; i++) await enter('clerk', phone.token, { pin: '902134' }, 'bad_credentials');
    await enter('clerk', phone.token, { pin: PIN }); // a right one forgives
    for (let i = 0; i < 5; i++) await enter('clerk', phone.token, { pin: '902134' }, 'bad_credentials');
    await enter('clerk', phone.token, { pin: PIN }, 'password_wanted');
    const [locked] = await rows({ action: 'pin_locked' });
    assert.deepEqual([locked.subject, locked.device], ['clerk', '锁定机']);
    assert.equal((await rows({ action: 'sign_in_failed' })).filter(({ reason, device }) => reason === 'pin' && device === '锁定机').length, 9);
    await box.stop();
    await box.start(); // over a restart too
    lead = await box.signIn('lead');
    await enter('clerk', phone.token, { pin: PIN }, 'password_wanted');
    await enter('clerk', phone.token); // the account itself is not locked
    await enter('clerk', phone.token, { pin: PIN });
    sql('delete from lockouts');
  });

  test('wrong PINs count against the address', async () => {
    sql('delete from lockouts');
    const phone = await ready('地址机');
    sql(`insert into lockouts values ('address:127.0.0.1', 19, 0, ${Date.now()})`);
    await enter('clerk', phone.token, { pin: '902134' }, 'bad_credentials');
    await enter('clerk', phone.token, { pin: PIN }, 'locked');
    sql('delete from lockouts');
    lead = await box.signIn('lead');
  });

  test('a revoked phone is out at once, and for good', async () => {
    const phone = await ready('遗失机');
    const mobile = await enter('clerk', phone.token, { pin: PIN });
    const desk = await enter('clerk');
    assert.equal((await revoke(phone.id)).body.state, 'revoked');
    await mobile.call('GET', '/api/v1/cases', { expect: 'unauthenticated' });
    await phone.client.call('GET', '/api/v1/cases', { expect: 'unauthenticated' });
    await desk.call('GET', '/api/v1/cases'); // of no phone
    await enter('clerk', phone.token, { pin: PIN }, 'password_wanted');
    await approve(phone.id, 'conflict');
    await revoke(phone.id);
    assert.equal((await rows({ action: 'device_revoke' })).filter(({ subject }) => subject === '遗失机').length, 1);
    // with the password it is a stranger's: no phone is remembered, and nothing of it can come back
    const again = await enter('clerk', phone.token);
    assert.equal(again.opened.device, null);
    await setPin(again, PIN, 'conflict');
    await again.call('POST', '/api/v1/devices', { body: { name: '遗失机' }, expect: 'validation' });
    assert.equal(sql(`select count(*) from device_staff where device = (select n from devices where name = '遗失机')`), '0');
    for (const id of ['x', randomUUID()]) await lead.call('POST', `/api/v1/devices/${id}/revoke`, { invalid: true, expect: 'not_found' });
  });

  test('a new password asks for itself on the other phones; a reset and a disabling take the PINs away', async () => {
    const phones = [await ready('一号机'), await ready('二号机')];
    const [first, second] = phones;
    await first.client.call('POST', '/api/v1/staff/current/password', { body: { password: password('clerk'), new_password: 'another good one 83' }, expect: 204 });
    await second.client.call('GET', '/api/v1/cases', { expect: 'unauthenticated' });
    await enter('clerk', second.token, { pin: PIN }, 'password_wanted');
    await enter('clerk', first.token, { pin: PIN });
    await enter('clerk', second.token, { password: 'another good one 83' });
    await enter('clerk', second.token, { pin: PIN });
    const { body } = await lead.call('POST', '/api/v1/staff/1/password', { expect: 200 });
    for (const { token } of phones) await enter('clerk', token, { pin: PIN }, 'password_wanted');
    // a one-time password makes no PIN usable
    await enter('clerk', first.token, { password: body.password });
    await enter('clerk', first.token, { pin: PIN }, 'password_wanted');
    const desk = await enter('clerk', first.token, { password: body.password });
    await desk.call('PUT', '/api/v1/devices/current/pin', { body: { pin: PIN, password: body.password }, expect: 'password_change' });
    await desk.call('POST', '/api/v1/staff/current/password', { body: { password: body.password, new_password: 'third good one 83' }, expect: 204 });
    await setPin(desk, PIN, 204, 'third good one 83');
    await enter('clerk', first.token, { pin: PIN });
    await lead.call('PATCH', '/api/v1/staff/1', { body: { disabled: true }, expect: 200 });
    await enter('clerk', first.token, { pin: PIN }, 'password_wanted');
    await lead.call('PATCH', '/api/v1/staff/1', { body: { disabled: false }, expect: 200 });
    await enter('clerk', first.token, { pin: PIN }, 'password_wanted');
    assert.match(run('xinke', '-c', box.config, 'verify'), /0 faults/);
  });

  test('every call of staff, phones, sessions and audit was made', () => {
    const ours = api.coverage().filter((name) => /\/(devices|sessions)/.test(name) && !/sessions\/\{id\}/.test(name));
    assert.deepEqual(ours, ['DELETE /api/v1/sessions/current']); // gateway_sessions.test.mjs makes this one
  });
});
