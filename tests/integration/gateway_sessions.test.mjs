// Signing in and out, lock-out, the cookie, and when a session is over.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { items, password, startBox } from './gateway_box.mjs';

describe('sessions', () => {
  let box;
  before(async () => { box = await startBox(); });
  after(() => box.close());
  const signIn = (client, name, word, expect) =>
    client.call('POST', '/api/v1/sessions', { body: { name, password: word }, expect });
  const sql = (text) => execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(box.dir, 'data', 'xinke.db'), text], { encoding: 'utf8' }).trim();

  test('open with the right password and end when signed out', async () => {
    const client = box.client();
    const { body } = await signIn(client, 'lead', password('lead'), 201);
    assert.deepEqual(body.staff, { id: 2, name: 'lead', display: 'lead', role: 'lead' });
    const hours = (Date.parse(body.expires_at) - Date.now()) / 3600000;
    assert.ok(hours > 11.9 && hours < 12.1);
    client.token = body.token;
    const me = await client.call('GET', '/api/v1/sessions/current');
    assert.deepEqual(me.body.staff, body.staff);
    await client.call('DELETE', '/api/v1/sessions/current', { expect: 204 });
    await client.call('GET', '/api/v1/sessions/current', { expect: 'unauthenticated' });
    await client.call('DELETE', '/api/v1/sessions/current', { expect: 'unauthenticated' });
    assert.ok(!sql('select hex(token) from sessions').includes(Buffer.from(body.token).toString('hex').toUpperCase()));
  });

  test('are refused without a token, with a wrong one, with another scheme', async () => {
    const client = box.client();
    for (const headers of [{}, { authorization: 'Bearer nonsense' }, { authorization: 'Basic YTpi' }, { authorization: `Bearer ${'x'.repeat(300)}` },
      { authorization: 'Bearer ' }, { cookie: '__Host-xinke=nonsense' }, { cookie: 'other=1' }])
      await client.call('GET', '/api/v1/cases', { headers, expect: 'unauthenticated' });
  });

  test('refuse a wrong name as a wrong password', async () => {
    const client = box.client();
    const wrong = await signIn(client, 'tech', 'wrong', 'bad_credentials');
    const nobody = await signIn(client, 'nobody', 'wrong', 'bad_credentials');
    delete wrong.body.request_id;
    delete nobody.body.request_id;
    assert.deepEqual(wrong.body, nobody.body);
    for (const body of [{}, { name: 'x' }, { name: '', password: 'x' }, { name: 'x', password: 'y'.repeat(257) }, { name: 1, password: 'x' },
      { name: 'x', password: 'y', more: 1 }, { name: 'a\u0001', password: 'y' }])
      await client.call('POST', '/api/v1/sessions', { body, invalid: true, expect: 'validation' });
  });

  test('take the cookie of a browser, from its own pages alone', async () => {
    const client = box.client();
    const { headers } = await signIn(client, 'clerk', password('clerk'), 201);
    const [set] = headers['set-cookie'];
    assert.match(set, /^__Host-xinke=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    const cookie = `theme=dark; ${set.split(';')[0]}`;
    await client.call('GET', '/api/v1/cases', { headers: { cookie } });
    const item = items('village', 'accept').find(({ record }) => record === 'application');
    const body = registration(item, random(5));
    const post = (more, expect) => client.call('POST', '/api/v1/cases', { key: randomUUID(), body, headers: { cookie, ...more }, expect });
    const host = `127.0.0.1:${box.port}`;
    const app = { 'xinke-client': 'app/1.0.0' };
    for (const origin of [{}, { 'sec-fetch-site': 'same-origin' }, { origin: `https://${host}` }, { 'xinke-client': '' }]) await post(origin, 'csrf');
    for (const site of ['cross-site', 'same-site', 'none', '']) await post({ ...app, 'sec-fetch-site': site }, 'csrf');
    for (const origin of ['https://evil.example', `http://${host}`, `https://${host}.evil.example`, `https://${host}0`, 'null', ''])
      await post({ ...app, origin }, 'csrf');
    await post({ ...app, 'sec-fetch-site': 'cross-site', origin: `https://${host}` }, 'csrf');
    await post({ ...app, 'sec-fetch-site': 'same-origin', origin: 'https://evil.example' }, 'csrf');
    await post({ ...app, 'sec-fetch-site': 'same-origin', origin: `https://${host}` }, 201);
    await post(app, 201);
    await client.call('DELETE', '/api/v1/sessions/current', { headers: { cookie }, expect: 'csrf' });
    assert.equal((await client.call('GET', '/api/v1/sessions/current', { headers: { cookie, 'sec-fetch-site': 'cross-site' } })).status, 200); // reads change nothing
    const out = await client.call('DELETE', '/api/v1/sessions/current', { headers: { cookie, ...app }, expect: 204 });
    assert.equal(out.headers['clear-site-data'], undefined);
    assert.match(out.headers['set-cookie'][0], /Max-Age=0/);
    await client.call('GET', '/api/v1/cases', { headers: { cookie }, expect: 'unauthenticated' });
  });

  test('leave nothing in the browser where nothing is unsent', async () => {
    const client = await box.signIn('clerk');
    const out = (query, expect) => client.call('DELETE', '/api/v1/sessions/current', { query, expect, invalid: true });
    for (const clear of ['', '0', '2', 'yes', '1 ']) assert.equal((await out({ clear }, 'validation')).body.errors[0].pointer, '/?clear');
    await out({ other: 1 }, 'validation');
    await client.call('GET', '/api/v1/sessions/current'); // none of these was a sign-out
    assert.equal((await out({ clear: 1 }, 204)).headers['clear-site-data'], '"cache", "storage"');
    await client.call('GET', '/api/v1/sessions/current', { expect: 'unauthenticated' });
  });

  test('end after 15 idle minutes and after 12 hours; use keeps them, waiting for changes does not', async () => {
    const client = await box.signIn('clerk');
    const seen = () => Number(sql('select seen_at from sessions order by created_at desc limit 1'));
    const age = (minutes) => sql(`update sessions set seen_at = seen_at - ${minutes * 60000}`);
    age(10);
    const before_ = seen();
    await client.call('GET', '/api/v1/changes');
    await client.call('GET', '/api/v1/cases');
    for (let i = 0; i < 100 && seen() === before_; i++) await new Promise((resolve) => { setTimeout(resolve, 20); });
    assert.ok(seen() > before_);
    age(16);
    await client.call('GET', '/api/v1/cases', { expect: 'unauthenticated' });
    const other = await box.signIn('clerk');
    await other.call('GET', '/api/v1/cases');
    sql('update sessions set expires_at = expires_at - 43200000');
    await other.call('GET', '/api/v1/cases', { expect: 'unauthenticated' });
    const third = await box.signIn('clerk');
    sql("update staff set disabled = 1 where name = 'clerk'");
    await third.call('GET', '/api/v1/cases', { expect: 'unauthenticated' });
    await signIn(third, 'clerk', password('clerk'), 'bad_credentials');
    sql("update staff set disabled = 0 where name = 'clerk'");
  });

  test('answer at the same time, one hash after the other, and say when it is too much', async () => {
    const client = box.client();
    const answers = await Promise.all(Array.from({ length: 24 }, () => signIn(client, 'lead', password('lead'), [201, 'busy'])));
    const busy = answers.filter(({ status }) => status === 503);
    assert.ok(answers.some(({ status }) => status === 201));
    assert.ok(busy.length > 0 && busy.every(({ headers }) => headers['retry-after']));
  });

  test('are locked after five failures, for longer each time, over a restart too', async () => {
    let client = box.client();
    for (let i = 0; i < 5; i++) await signIn(client, 'tech', 'wrong', ['bad_credentials', 'locked']);
    const locked = await signIn(client, 'tech', password('tech'), 'locked');
    assert.ok(locked.body.retry_after_s > 0 && locked.body.retry_after_s <= 120);
    assert.equal(locked.headers['retry-after'], String(locked.body.retry_after_s));
    await signIn(client, 'lead', password('lead'), 201); // nobody else is
    await box.stop();
    await box.start();
    client = box.client();
    await signIn(client, 'tech', password('tech'), 'locked');
    sql("update lockouts set locked_until = 0 where subject = 'account:tech'");
    await signIn(client, 'tech', 'wrong', 'bad_credentials');
    const longer = await signIn(client, 'tech', password('tech'), 'locked');
    assert.ok(longer.body.retry_after_s > locked.body.retry_after_s);
    sql("update lockouts set locked_until = 0 where subject = 'account:tech'");
    await signIn(client, 'tech', password('tech'), 201);
    assert.equal(sql("select count(*) from lockouts where subject = 'account:tech'"), '0');
  });

  test('leave no name and no password in the log', () => {
    assert.ok(!/pw-|wrong|nobody/.test(box.log()));
    assert.match(box.log(), /sign_in .*staff=2/);
    assert.match(box.log(), /sign_in_refused .*code=locked/);
  });
});
