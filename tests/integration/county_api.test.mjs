// The county over its real process and TLS: sign-in and roles, cases and acts, stations and codes, enrolment, what the
// link refuses, the citizens' page, the orderly end. Every answer is held to schema/openapi/county.yaml.

import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomUUID, verify, X509Certificate } from 'node:crypto';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { shown } from '../lib/people.mjs';
import { api, OTHER, random, startCounty, TOWNSHIP, VILLAGE } from './county_world.mjs';

let county;
let box;
let other; // another station's
const rng = random(23);

before(async () => {
  county = await startCounty();
  box = await county.enrol(VILLAGE);
  other = await county.enrol('652323105001');
});
after(() => county?.close());

const act = (client, id, type, body, options = {}) =>
  client.call('POST', `/api/v1/cases/${id}/events`, { key: randomUUID(), body: { type, body }, ...options });

/** A settled case of ITEM. */
async function settled(code) {
  const taken = box.register(code, rng);
  await box.exchange();
  return taken;
}

describe('sessions and roles', () => {
  test('sign-in, who am I, sign-out', async () => {
    const { body, headers } = await county.anonymous.call('POST', '/api/v1/sessions', { body: { name: 'minzheng', password: county.passwords.minzheng }, expect: 201 });
    assert.equal(body.staff.role, 'department');
    assert.equal(body.staff.office, '民政局');
    assert.match(headers['set-cookie'][0], /^__Host-xinke=[^;]+; Path=\/; Secure; HttpOnly; SameSite=Strict$/);
    const client = county.client(county.apiUrl, { token: body.token });
    assert.equal((await client.call('GET', '/api/v1/sessions/current')).body.staff.name, 'minzheng');
    // the cookie serves as well; without a page of this origin it changes nothing
    const cookie = headers['set-cookie'][0].split(';')[0];
    await county.anonymous.call('GET', '/api/v1/sessions/current', { headers: { cookie } });
    const leave = (headers_, expect) => county.anonymous.call('DELETE', '/api/v1/sessions/current', { headers: { cookie, ...headers_ }, expect });
    await leave({}, 'csrf');
    await leave({ 'xinke-client': 'console/1', 'sec-fetch-site': 'cross-site' }, 'csrf');
    await leave({ 'xinke-client': 'console/1', 'sec-fetch-site': 'same-origin' }, 204);
    await client.call('GET', '/api/v1/sessions/current', { expect: 'unauthenticated' });
  });

  test('wrong passwords lock the account, not the others', async () => {
    for (let i = 0; i < 5; i++)
      await county.anonymous.call('POST', '/api/v1/sessions', { body: { name: 'renshe', password: 'wrong' }, expect: 'bad_credentials' });
    const { body } = await county.anonymous.call('POST', '/api/v1/sessions', { body: { name: 'renshe', password: county.passwords.renshe }, expect: 'locked' });
    assert.ok(body.retry_after_s > 0 && body.retry_after_s <= 60);
    await county.signIn('centre');
    await county.anonymous.call('POST', '/api/v1/sessions', { body: { name: 'nobody', password: 'wrong' }, expect: 'bad_credentials' });
  });

  test('bad credentials bodies', async () => {
    const post = (body, expect) => county.anonymous.call('POST', '/api/v1/sessions', { body, invalid: true, expect });
    await post('{"name":"x"', 'malformed_json');
    await post({ name: 'x' }, 'validation');
    await post({ name: 'x', password: 'y', more: 1 }, 'validation');
    await post({ name: 1, password: 'y' }, 'validation');
    await post('['.repeat(20) + ']'.repeat(20), 'malformed_json');
    await post(' '.repeat(5000), 'too_large');
    await county.anonymous.call('POST', '/api/v1/sessions', { body: '{}', headers: { 'content-type': 'text/plain' }, invalid: true, expect: 'unsupported_media' });
  });

  test('what each role may', async () => {
    const rights = { // acts, makes codes
      operator: [false, true], auditor: [false, false], centre: [true, false], head: [true, false], minzheng: [true, false],
    };
    const { id } = await settled('652323-001');
    for (const [name, [acts, codes]] of Object.entries(rights)) {
      const client = await county.signIn(name);
      for (const path of ['/api/v1/cases', '/api/v1/stations', '/api/v1/alarms']) await client.call('GET', path, { expect: 200 });
      await act(client, id, 'note', { text: `von ${name}` }, { expect: acts ? 201 : 'forbidden' });
      await client.call('POST', '/api/v1/enrolment-codes', { body: { station: OTHER }, expect: codes ? 201 : 'forbidden' });
      for (const what of ['retire', 'revoke'])
        await client.call('POST', `/api/v1/boxes/${randomUUID()}/${what}`, { body: { reason: 'x' }, expect: codes ? 404 : 'forbidden' });
    }
    for (const path of ['/api/v1/cases', '/api/v1/stations', '/api/v1/alarms', `/api/v1/cases/${id}`, `/api/v1/cases/${id}/events`])
      await county.anonymous.call('GET', path, { expect: 'unauthenticated' });
    await county.anonymous.call('GET', '/api/v1/cases', { token: 'x'.repeat(43), expect: 'unauthenticated' });
  });
});

describe('cases', () => {
  test('a case as the county has it, its history, its actions', async () => {
    const taken = await settled('652323-002');
    const centre = await county.signIn('centre');
    const { body, headers } = await centre.call('GET', `/api/v1/cases/${taken.id}`);
    assert.equal(body.receipt_number, taken.receipt_number);
    assert.equal(body.state, 'forwarded');
    assert.equal(body.holder, TOWNSHIP);
    assert.equal(body.station, VILLAGE);
    assert.deepEqual(body.applicant, shown(taken.applicant));
    assert.equal(headers.etag, `"${body.revision}"`);
    assert.deepEqual([...body.actions].sort(), ['accept', 'add_material', 'amend', 'forward', 'not_required', 'note', 'refuse', 'return', 'send_back', 'supplement_notice', 'withdraw']);
    const { body: history } = await centre.call('GET', `/api/v1/cases/${taken.id}/events`);
    assert.deepEqual(history.items.map(({ type, order, verdict, origin }) => [type, order, verdict, origin]),
      [['receive', 1, 'settled', VILLAGE], ['forward', 2, 'settled', VILLAGE]]);
    // who only reads is offered nothing
    const auditor = await county.signIn('auditor');
    assert.deepEqual((await auditor.call('GET', `/api/v1/cases/${taken.id}`)).body.actions, []);
    await centre.call('GET', `/api/v1/cases/${randomUUID()}`, { expect: 404 });
    await centre.call('GET', '/api/v1/cases/none', { invalid: true, expect: 404 });
    await centre.call('GET', `/api/v1/cases/${randomUUID()}/events`, { expect: 404 });
  });

  test('lists: pages, filters, a department’s own', async () => {
    const mine = [];
    for (let i = 0; i < 7; i++) mine.push(box.register(i % 2 ? '652323-003' : '652323-019', rng).id);
    await box.exchange();
    const centre = await county.signIn('centre');
    const all = [];
    let cursor;
    do {
      const { body } = await centre.call('GET', '/api/v1/cases', { query: { limit: 3, cursor } });
      assert.ok(body.items.length === 3 || body.next === null);
      all.push(...body.items);
      cursor = body.next;
    } while (cursor);
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    for (const id of mine) assert.ok(all.some((one) => one.id === id));
    const times = all.map(({ received_at: at }) => Date.parse(at));
    assert.deepEqual(times, [...times].sort((a, b) => b - a));
    const list = async (client, query) => (await client.call('GET', '/api/v1/cases', { query: { limit: 200, ...query } })).body.items;
    assert.equal((await list(centre, { item: '652323-019' })).length, 4);
    assert.equal((await list(centre, { item: '652323-019', state: 'forwarded' })).length, 0);
    assert.equal((await list(centre, { station: OTHER })).length, 0);
    assert.equal((await list(centre, { station: VILLAGE })).length, all.length);
    assert.ok((await list(centre, { state: 'forwarded' })).every(({ state }) => state === 'forwarded'));
    const minzheng = await county.signIn('minzheng');
    const own = await list(minzheng, {});
    assert.ok(own.length > 0 && own.every(({ item }) => item < '652323-008'));
    assert.equal((await list(minzheng, { item: '652323-019' })).length, 0);
    // 社保局's case does not exist for 民政局, not even for acting
    const foreign = all.find(({ item }) => item === '652323-019').id;
    await minzheng.call('GET', `/api/v1/cases/${foreign}`, { expect: 404 });
    await minzheng.call('GET', `/api/v1/cases/${foreign}/events`, { expect: 404 });
    await act(minzheng, foreign, 'note', { text: 'x' }, { expect: 404 });
    // parameters that are wrong
    const wrong = async (query, pointer) => {
      const { body } = await centre.call('GET', '/api/v1/cases', { query, invalid: true, expect: 'validation' });
      assert.equal(body.errors[0].pointer, pointer);
    };
    await wrong({ limit: 0 }, '/?limit');
    await wrong({ limit: 201 }, '/?limit');
    await wrong({ limit: 'x' }, '/?limit');
    await wrong({ cursor: 'x' }, '/?cursor');
    await wrong({ state: 'x' }, '/?state');
    await wrong({ station: 'x' }, '/?station');
    await wrong({ item: '' }, '/?item');
    await wrong({ colour: 'x' }, '/?colour');
  });

  test('an act reaches the case and the box’s feed', async () => {
    const taken = await settled('652323-004');
    const minzheng = await county.signIn('minzheng');
    const { body } = await act(minzheng, taken.id, 'supplement_notice', { basis: '行政许可法第三十二条', materials: [{ name: '户口簿', standard: '原件' }] }, { expect: 201 });
    assert.equal(body.state, 'supplement');
    assert.equal(body.supplement.materials[0].name, '户口簿');
    await box.exchange();
    const entry = box.entries.findLast(({ kind, case_id: id }) => kind === 'event' && id === taken.id);
    assert.equal(entry.type, 'supplement_notice');
    assert.equal(entry.origin, 'county');
    assert.equal(entry.actor, 'minzheng');
    const { body: history } = await minzheng.call('GET', `/api/v1/cases/${taken.id}/events`);
    assert.equal(history.items.at(-1).origin, 'county');
    assert.equal(history.items.at(-1).seq, null);
    // not from this state
    await act(minzheng, taken.id, 'accept', {}, { expect: 'transition' });
  });

  test('keys: a replay, another request, another person', async () => {
    const taken = await settled('652323-005');
    const centre = await county.signIn('centre');
    const key = randomUUID();
    const first = await act(centre, taken.id, 'accept', { note: '予以受理' }, { key, expect: 201 });
    assert.equal(first.headers['idempotency-replayed'], undefined);
    const again = await act(centre, taken.id, 'accept', { note: '予以受理' }, { key, expect: 201 });
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(again.body.revision, first.body.revision);
    await act(centre, taken.id, 'accept', { note: '别的' }, { key, expect: 'key_reused' });
    const head = await county.signIn('head');
    await act(head, taken.id, 'accept', { note: '予以受理' }, { key, expect: 'key_reused' });
    await centre.call('POST', `/api/v1/cases/${taken.id}/events`, { body: { type: 'note', body: { text: 'x' } }, invalid: true, expect: 'key_missing' });
    const { body: history } = await centre.call('GET', `/api/v1/cases/${taken.id}/events`);
    assert.equal(history.items.filter(({ type }) => type === 'accept').length, 1);
    assert.equal(history.items.at(-1).id, key);
  });

  test('If-Match', async () => {
    const taken = await settled('652323-006');
    const centre = await county.signIn('centre');
    const { headers } = await centre.call('GET', `/api/v1/cases/${taken.id}`);
    await act(centre, taken.id, 'note', { text: '一' }, { ifMatch: headers.etag, expect: 201 });
    await act(centre, taken.id, 'note', { text: '二' }, { ifMatch: headers.etag, expect: 'stale' });
    await act(centre, taken.id, 'note', { text: '三' }, { ifMatch: '*', expect: 201 });
    await act(centre, taken.id, 'note', { text: '四' }, { ifMatch: 'W/"1"', expect: 'malformed_request' });
  });

  test('ten at once from one ETag: one wins', async () => {
    const taken = await settled('652323-007');
    const centre = await county.signIn('centre');
    const { headers } = await centre.call('GET', `/api/v1/cases/${taken.id}`);
    const answers = await Promise.all(Array.from({ length: 10 }, () => act(centre, taken.id, 'accept', {}, { ifMatch: headers.etag, expect: null })));
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    assert.ok(answers.every(({ status, body }) => status === 201 || body.code === 'stale'));
  });

  test('the same key ten times at once: one event', async () => {
    const taken = await settled('652323-007');
    const centre = await county.signIn('centre');
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => act(centre, taken.id, 'note', { text: '同时' }, { key, expect: 201 })));
    assert.equal(answers.filter(({ headers }) => headers['idempotency-replayed']).length, 9);
    const { body } = await centre.call('GET', `/api/v1/cases/${taken.id}/events`);
    assert.equal(body.items.filter(({ type }) => type === 'note').length, 1);
  });

  test('a holder with a box of its own decides alone', async () => {
    const taken = await settled('652323-019'); // the village handles it
    const centre = await county.signIn('centre');
    const { body } = await centre.call('GET', `/api/v1/cases/${taken.id}`);
    assert.equal(body.holder, VILLAGE);
    assert.deepEqual(body.actions, []);
    const { body: problem } = await act(centre, taken.id, 'accept', {}, { expect: 'transition' });
    assert.match(problem.detail, /box of its own/);
  });

  test('forwarding on: to whom', async () => {
    const taken = await settled('652323-001');
    const centre = await county.signIn('centre');
    for (const to of ['999999999999', '没有的局']) {
      const { body } = await act(centre, taken.id, 'forward', { to }, { expect: 'validation' });
      assert.equal(body.errors[0].pointer, '/body/to');
    }
    const { body } = await act(centre, taken.id, 'forward', { to: '民政局' }, { expect: 201 });
    assert.equal(body.holder, '民政局');
    assert.equal(body.state, 'forwarded');
  });

  test('amending', async () => {
    const taken = await settled('652323-001');
    const centre = await county.signIn('centre');
    const { phone } = taken.applicant;
    const { body } = await act(centre, taken.id, 'amend', { field: '/applicant/phone', old: phone, new: '13899990002', reason: '录入有误' }, { expect: 201 });
    assert.equal(body.applicant.phone, '138****0002');
    const stale = await act(centre, taken.id, 'amend', { field: '/applicant/phone', old: phone, new: '13899990003', reason: 'x' }, { expect: 'validation' });
    assert.equal(stale.body.errors[0].pointer, '/body/old');
    const bad = await act(centre, taken.id, 'amend', { field: '/applicant/phone', old: '13899990002', new: '12', reason: 'x' }, { expect: 'validation' });
    assert.equal(bad.body.errors[0].pointer, '/body/new');
  });

  test('bad acts write nothing', async () => {
    const taken = await settled('652323-001');
    const centre = await county.signIn('centre');
    const path = `/api/v1/cases/${taken.id}/events`;
    const post = async (body, expect, pointer) => {
      const answer = await centre.call('POST', path, { key: randomUUID(), body, invalid: true, expect });
      if (pointer !== undefined) assert.equal(answer.body.errors[0].pointer, pointer);
    };
    await post('{', 'malformed_json');
    await post('{"type":"note","type":"note","body":{"text":"x"}}', 'malformed_json');
    await post(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'malformed_json');
    await post({ type: 'note' }, 'validation', '/body');
    await post({ type: 'fly', body: {} }, 'validation', '/type');
    await post({ type: 'receive', body: {} }, 'validation', '/type');
    await post({ type: 'archive', body: {} }, 'validation', '/type');
    await post({ type: 'note', body: [] }, 'validation', '/body');
    await post({ type: 'note', body: {} }, 'validation', '/body/text');
    await post({ type: 'note', body: { text: 'x', more: 1 } }, 'validation', '/body/more');
    await post({ type: 'note', body: { text: 'a\u0000b' } }, 'malformed_json');
    await post({ type: 'note', body: { text: 'a\u0007b' } }, 'validation', '/body/text');
    await post({ type: 'note', body: { text: 'x'.repeat(2001) } }, 'validation', '/body/text');
    await post({ type: 'note', body: { text: 1.5 } }, 'validation', '/body/text');
    await post({ type: 'refuse', body: { reason: 'x' } }, 'validation');
    await post(JSON.stringify({ type: 'note', body: { text: 'x'.repeat(70000) } }), 'too_large');
    const { body } = await centre.call('GET', path);
    assert.equal(body.items.length, 2);
  });
});

describe('stations, codes, alarms', () => {
  test('stations with their boxes', async () => {
    const operator = await county.signIn('operator');
    await box.exchange();
    const { body } = await operator.call('GET', '/api/v1/stations');
    assert.equal(body.items.length, 80);
    const { boxes, township, tier } = body.items.find(({ code }) => code === VILLAGE);
    assert.equal(township, TOWNSHIP);
    assert.equal(tier, 'village');
    assert.equal(body.items.find(({ code }) => code === TOWNSHIP).township, null);
    assert.deepEqual({ ...boxes[0], last_seen_at: null, certificate_not_after: null },
      { log: box.log, box: 1, state: 'active', head: box.head.seq, last_seen_at: null, software: 'test/1', clock: 'rtc', certificate_not_after: null, backlog: 0 });
    assert.equal(Date.parse(boxes[0].certificate_not_after), Date.parse(new X509Certificate(box.cert).validTo));
    assert.ok(Math.abs(Date.parse(boxes[0].last_seen_at) - Date.now()) < 60000);
  });

  test('a code from the API', async () => {
    const operator = await county.signIn('operator');
    const { body } = await operator.call('POST', '/api/v1/enrolment-codes', { body: { station: OTHER }, expect: 201 });
    const root = createHash('sha256').update(new X509Certificate(county.root).raw).digest('hex');
    assert.equal(body.root_sha256, root);
    assert.equal(body.uri, `xinke-enrol:?url=${encodeURIComponent(county.syncUrl)}&root=${root}&code=${body.code}`);
    const hours = (Date.parse(body.expires_at) - Date.now()) / 3600e3;
    assert.ok(hours > 71.9 && hours <= 72);
    const wrong = async (station, pointer) => {
      const answer = await operator.call('POST', '/api/v1/enrolment-codes', { body: { station }, invalid: true, expect: 'validation' });
      assert.equal(answer.body.errors[0].pointer, pointer);
    };
    await wrong('999999999999', '/station');
    await wrong('x', '/station');
    await wrong(7, '/station');
  });
});

describe('enrolment', () => {
  const enroll = (body, options) => county.sync.call('POST', '/sync/v1/enroll', { body, ...options });

  test('the root, and a certificate by it', async () => {
    const { raw } = await county.sync.call('GET', '/sync/v1/root');
    assert.equal(raw.toString(), county.root);
    const cert = new X509Certificate(box.cert);
    assert.ok(cert.checkIssued(new X509Certificate(county.root)));
    assert.ok(cert.verify(new X509Certificate(county.root).publicKey));
    assert.equal(cert.subject, `CN=${VILLAGE}`);
    assert.match(cert.subjectAltName, new RegExp(`URI:xinke:station:${VILLAGE}:box:01`));
    await county.sync.call('GET', '/sync/v1/keys/00', { expect: 404 });
  });

  test('the same request again gets the same answer, another one with that code is refused', async () => {
    const body = county.enrolment(county.code(OTHER));
    const first = await enroll(body, { expect: 200 });
    const again = await enroll(body, { expect: 200 });
    assert.deepEqual(again.body, first.body);
    await enroll({ ...body, log: randomUUID() }, { expect: 'bad_credentials' });
    const operator = await county.signIn('operator');
    const { body: stations } = await operator.call('GET', '/api/v1/stations');
    assert.equal(stations.items.find(({ code }) => code === OTHER).boxes.length, 1);
  });

  test('what is not a request', async () => {
    const code = county.code(OTHER);
    const body = county.enrolment(code);
    const wrong = (changes, expect = 'validation') => enroll({ ...body, ...changes }, { invalid: true, expect });
    await wrong({ csr: 'x' });
    await wrong({ csr: body.csr.replace(/[A-Za-z0-9+/]{8}/, 'AAAAAAAA') });
    await wrong({ field_key: 'x' });
    await wrong({ log: 'x' });
    await wrong({ software: 1 });
    await enroll('{', { invalid: true, expect: 'malformed_json' });
    await enroll({ ...body, a_later_release: true }, { expect: 200 }); // and the code was still good
  });

  test('wrong codes lock the address, and only for a while', async () => {
    for (let i = 0; i < 5; i++)
      await enroll(county.enrolment('AAAA-BBBB-CCCC-DDDD'), { expect: 'bad_credentials' });
    const { body } = await enroll(county.enrolment(county.code(OTHER)), { expect: 'locked' });
    assert.ok(body.retry_after_s > 0 && body.retry_after_s <= 60);
  });
});

describe('renewal and the time', () => {
  const renew = async (identity, changes = {}) => {
    const made = county.request(VILLAGE);
    const agent = new https.Agent({ ca: county.root, maxCachedSessions: 0, ...identity });
    const body = { station: VILLAGE, log: box.log, csr: made.csr, ...changes };
    const { status, raw } = await box.post(JSON.stringify(body), { agent, path: '/sync/v1/renew' });
    agent.destroy();
    return { status, key: made.key, ...JSON.parse(raw) };
  };
  const mine = () => ({ cert: box.cert, key: box.key });

  test('a certificate renews itself; both are good', async () => {
    const fresh = await renew(mine());
    assert.equal(fresh.status, 200, JSON.stringify(fresh));
    assert.equal(fresh.server_certificate, null);
    for (const identity of [{ cert: fresh.certificate, key: fresh.key }, mine()]) {
      const agent = new https.Agent({ ca: county.root, maxCachedSessions: 0, ...identity });
      const { status } = await box.post(JSON.stringify(box.request()), { agent });
      agent.destroy();
      assert.equal(status, 200);
    }
    const again = await renew({ cert: fresh.certificate, key: fresh.key }, { server_csr: county.request(VILLAGE).csr, server_names: 'xinke.internal,192.168.8.1' });
    assert.match(again.server_certificate, /BEGIN CERTIFICATE/);
  });

  test('for its own log alone, and with a good request', async () => {
    const refused = async (identity, changes, status, code) => {
      const answer = await renew(identity, changes);
      assert.deepEqual([answer.status, answer.code], [status, code]);
    };
    await refused(mine(), { log: other.log }, 403, 'certificate_refused');
    await refused(mine(), { log: randomUUID() }, 403, 'certificate_refused');
    await refused(mine(), { station: OTHER }, 403, 'certificate_refused');
    await refused({ cert: other.cert, key: other.key }, {}, 403, 'certificate_refused');
    await refused({}, {}, 403, 'certificate_required');
    await refused(county.forge(VILLAGE, { ca: county.ownCa, days: -1 }), {}, 403, 'certificate_refused'); // not one that was given out
    await refused(mine(), { csr: 'x' }, 422, 'validation');
    await refused(mine(), { more: 1 }, 422, 'validation');
  });

  test('the time is signed over the nonce', async () => {
    const nonce = '00112233445566778899aabbccddeeff';
    const { body, headers, raw } = await county.sync.call('GET', '/sync/v1/now', { query: { nonce } });
    assert.equal(body.nonce, nonce);
    assert.ok(Math.abs(body.now - Date.now()) < 60000);
    const [id, signature] = headers['xinke-signature'].split(',');
    const { body: pem } = await county.sync.call('GET', `/sync/v1/keys/${id}`);
    const sha = (data) => createHash('sha256').update(data).digest();
    const signed = Buffer.concat([Buffer.from('xinke-answer-1'), sha(nonce), Buffer.from(raw)]);
    assert.ok(verify('sha256', signed, createPublicKey(pem), Buffer.from(signature, 'base64')));
    for (const wrong of ['', 'short', 'g'.repeat(32), 'a'.repeat(65)])
      await county.sync.call('GET', '/sync/v1/now', { query: { nonce: wrong }, invalid: true, expect: 'malformed_request' });
  });
});

describe('the link refuses', () => {
  const agentOf = (identity) => new https.Agent({ ca: county.root, maxCachedSessions: 0, ...identity });
  const post = async (identity, body) => {
    const agent = agentOf(identity);
    try {
      return await box.post(JSON.stringify(body ?? box.request()), { agent });
    } finally {
      agent.destroy();
    }
  };
  const problem = ({ status, raw }) => [status, JSON.parse(raw).code];
  const alert = async (identity, pattern) => {
    await assert.rejects(post(identity), (error) => {
      assert.match(`${error.code} ${error.message}`, pattern);
      return true;
    });
  };

  test('no certificate', async () => assert.deepEqual(problem(await post({})), [403, 'certificate_required']));
  test('another CA’s', () => alert(county.forge(VILLAGE, { ca: county.otherCa() }), /unknown.ca/i));
  test('an expired one', async () =>
    assert.deepEqual(problem(await post(county.forge(VILLAGE, { ca: county.ownCa, days: -1 }))), [403, 'certificate_expired']));
  test('a server’s', () => alert(county.forge(VILLAGE, { ca: county.ownCa, usage: 'serverAuth' }), /unsupported.certificate|bad.certificate/i));
  test('one of our CA that the county never gave out', async () =>
    assert.deepEqual(problem(await post(county.forge(VILLAGE, { ca: county.ownCa, uri: 'urn:no-box' }))), [403, 'certificate_refused']));

  test('another station’s', async () => {
    const theirs = { cert: other.cert, key: other.key };
    assert.deepEqual(problem(await post(theirs)), [403, 'certificate_refused']);
    // their own name over this station's log; then this station's name over their log
    assert.deepEqual(problem(await post(theirs, box.request({ station: other.station }))), [403, 'certificate_refused']);
    assert.deepEqual(problem(await post(theirs, other.request({ station: VILLAGE }))), [403, 'certificate_refused']);
    await other.exchange();
  });

  test('TLS 1.2', () => alert({ cert: box.cert, key: box.key, maxVersion: 'TLSv1.2' }, /protocol|EPROTO|handshake|ECONNRESET/i));

  test('bad exchanges', async () => {
    const mine = { cert: box.cert, key: box.key };
    const agent = agentOf(mine);
    const send = async (text, headers) => problem(await box.post(text, { agent, headers }));
    assert.deepEqual(await send('{', undefined), [400, 'malformed_request']);
    assert.deepEqual(await send('{}', undefined), [400, 'malformed_request']);
    assert.deepEqual(await send(JSON.stringify(box.request({ protocol: 9 })), undefined), [400, 'malformed_request']);
    assert.deepEqual(await send('{}', { 'content-type': 'text/plain' }), [415, 'unsupported_media']);
    assert.deepEqual(await send(JSON.stringify(box.request({ station: OTHER })), undefined), [403, 'certificate_refused']);
    assert.deepEqual(await send(JSON.stringify(box.request({ log: randomUUID(), have: { seq: 0, hash: '0'.repeat(64) }, head: { seq: 0, hash: '0'.repeat(64) } })), undefined), [403, 'certificate_refused']);
    agent.destroy();
    await box.exchange(); // nothing of it was taken
  });

  test('a chain that does not end in its head: nothing is taken, detail is asked for', async () => {
    const before = box.head;
    const event = box.append('note', (await settled('652323-001')).id, { text: '原文' });
    const forged = { ...event, body: { text: '改过' } };
    const { status, raw } = await box.post(JSON.stringify(box.request({ events: [forged] })));
    assert.equal(status, 200);
    const answer = JSON.parse(raw);
    assert.equal(answer.detail, true);
    assert.deepEqual(answer.received, box.have);
    assert.notDeepEqual(before, box.head);
    await box.exchange(); // the true one goes through
  });

  test('a batch of 1000 events in one exchange', async () => {
    const { id } = await settled('652323-001');
    for (let i = 0; i < 1000; i++) box.append('note', id, { text: `第${i}条\n"\\\u2028` });
    await box.exchange();
    const centre = await county.signIn('centre');
    const { body } = await centre.call('GET', `/api/v1/cases/${id}`);
    assert.equal(body.revision, 1002);
    box.append('note', id, { text: 'x' });
    const { status } = await box.post(JSON.stringify(box.request({ events: Array(1001).fill(box.unsent[0]) })));
    assert.equal(status, 400);
    await box.exchange();
  });
});

describe('the citizen’s page', () => {
  test('as JSON and as a page, with no person in it', async () => {
    const taken = await settled('652323-001');
    const minzheng = await county.signIn('minzheng');
    await act(minzheng, taken.id, 'accept', { note: '秘密的话' });
    const path = `/public/progress/${taken.token}`;
    const { body } = await county.public.call('GET', path, { headers: { accept: 'application/json' } });
    assert.equal(body.receipt_number, taken.receipt_number);
    assert.equal(body.state, 'accepted');
    assert.equal(body.state_zh, '已受理');
    assert.deepEqual(body.timeline.map(({ type, state }) => [type, state]), [['receive', 'received'], ['forward', 'forwarded'], ['accept', 'accepted']]);
    const page = await county.public.call('GET', path);
    assert.equal(page.media, 'text/html');
    assert.match(page.body, /lang="zh-CN"/);
    assert.ok(page.body.includes(taken.receipt_number) && page.body.includes('已受理') && page.body.includes('红山村便民服务站'));
    for (const { body: text } of [page, { body: JSON.stringify(body) }])
      for (const secret of [taken.applicant.name, taken.applicant.id_number, taken.applicant.address, '秘密的话', 'minzheng'])
        assert.ok(!text.includes(secret), secret);
    // what the page says of itself holds: no script, one style, by its hash
    const csp = page.headers['content-security-policy'];
    const style = /<style>([^<]*)<\/style>/.exec(page.body)[1];
    assert.match(csp, /^default-src 'none';/);
    assert.ok(csp.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`));
    assert.ok(!/<script|\sstyle=|\son\w+=/i.test(page.body));
  });

  test('a token that is none', async () => {
    await county.public.call('GET', '/public/progress/0000000000000000', { headers: { accept: 'application/json' }, expect: 404 });
    const page = await county.public.raw('GET', '/public/progress/0000000000000000', { headers: { accept: 'text/html' } });
    assert.equal(page.status, 404);
    assert.match(page.body, /未找到办件/);
    await county.public.call('GET', `/public/progress/${'1'.repeat(65)}`, { invalid: true, headers: { accept: 'application/json' }, expect: 404 });
    await county.public.call('GET', '/public/progress/1', { headers: { accept: 'image/png' }, expect: 'not_acceptable' });
  });

  test('faces are apart', async () => {
    for (const [client, path] of [[county.public, '/api/v1/cases'], [county.sync, '/api/v1/cases'], [county.anonymous, '/sync/v1/root'], [county.public, '/sync/v1/root']])
      assert.equal((await client.raw('GET', path)).status, 404);
  });

  test('asked too often', async () => {
    const ask = () => county.public.call('GET', '/public/progress/0000000000000000', { headers: { accept: 'application/json' }, expect: null });
    let limited;
    for (let i = 0; i < 80 && !limited; i++) {
      const { status, body } = await ask();
      if (status === 429) limited = body;
    }
    assert.equal(limited?.code, 'rate_limited');
    assert.ok(limited.retry_after_s >= 1);
    await sleep(limited.retry_after_s * 1000 + 100);
    assert.equal((await ask()).status, 404);
  });
});

describe('service', () => {
  test('health, metrics, what is here, problems', async () => {
    for (const client of [county.anonymous, county.public, county.sync]) {
      assert.equal((await client.call('GET', '/healthz')).body.status, 'ok');
      const { body } = await client.call('GET', '/', { headers: { accept: 'application/json' } });
      assert.ok(body.routes.length >= 5);
      assert.match((await client.call('GET', '/')).body, /<html lang="zh-CN">/);
      await client.call('GET', '/', { headers: { accept: 'image/png' }, expect: 'not_acceptable' });
      assert.match((await client.call('GET', '/problems/transition')).body, /当前状态/);
      await client.call('GET', '/problems/nonsense', { expect: 404 });
    }
    const { body } = await county.anonymous.call('GET', '/metrics');
    const value = (name) => Number(new RegExp(`^xinke_county_${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(body)?.[1]);
    assert.ok(value('exchanges_total') > 10);
    assert.ok(value('events_taken_total') > 500);
    assert.ok(value('cases') > 10);
    assert.ok(value('exchange_seconds_total') > 0);
    assert.ok(value('boxes{state="active"}') >= 2);
    assert.ok(value('exchange_details_total') === 1);
  });

  test('every route of the table is in the contract, and the other way round', async () => {
    const served = new Set();
    for (const client of [county.anonymous, county.public, county.sync]) {
      const { body } = await client.call('GET', '/', { headers: { accept: 'application/json' } });
      for (const { method, path } of body.routes) served.add(`${method} ${path}`);
    }
    assert.deepEqual([...served].sort(), api.operations().sort());
    // and each answers, a stranger too, with the headers that the client checks
    for (const client of [county.anonymous, county.public, county.sync])
      for (const { method, path } of (await client.call('GET', '/', { headers: { accept: 'application/json' } })).body.routes)
        assert.ok((await client.raw(method, path.replaceAll(/\{[^}]+\}/g, 'x'), { headers: { accept: '*/*' } })).guarded, path);
  });
});

describe('commands and the end', () => {
  test('retire and revoke, by API and command, with alarms', async () => {
    const operator = await county.signIn('operator');
    const set = (what, log, expect) => operator.call('POST', `/api/v1/boxes/${log}/${what}`, { body: { reason: '设备更换，"引号"' }, expect });
    const taken = box.register('652323-001', rng);
    assert.equal((await set('retire', box.log, 200)).body.state, 'retired');
    assert.equal((await set('retire', box.log, 200)).body.state, 'retired'); // once more is no error
    const { feed, received } = JSON.parse((await box.post(JSON.stringify(box.request()))).raw);
    assert.deepEqual(feed, []); // it may still push, and gets no feed
    assert.equal(received.seq, box.head.seq);
    const centre = await county.signIn('centre');
    await centre.call('GET', `/api/v1/cases/${taken.id}`);
    assert.equal(county.tool(['revoke', box.log, '--reason', '丢失']).status, 0);
    const { status, raw } = await box.post(JSON.stringify(box.request())); // on the connection that was open already
    assert.deepEqual([status, JSON.parse(raw).code], [403, 'certificate_refused']);
    await set('retire', box.log, 'conflict');
    await set('revoke', 'none', null).then(() => assert.fail(), (error) => assert.match(error.message, /does not fit the contract/));
    const { body } = await operator.call('GET', '/api/v1/alarms', { query: { limit: 1 } });
    assert.equal(body.items[0].kind, 'revoked');
    assert.match(body.items[0].detail, /丢失/);
    const { body: next } = await operator.call('GET', '/api/v1/alarms', { query: { limit: 1, cursor: body.next } });
    assert.equal(next.items[0].kind, 'retired');
    await operator.call('GET', '/api/v1/alarms', { query: { cursor: 'x' }, expect: 'validation' });
  });

  test('verify finds nothing wrong, beside the running server', () => {
    const { status, stdout } = county.tool(['verify', '--json']);
    const report = JSON.parse(stdout);
    assert.deepEqual(report.faults, []);
    assert.equal(status, 0);
    assert.ok(report.events > 500 && report.cases > 10 && report.feed > 10);
  });

  test('commands that are wrong', () => {
    assert.equal(county.tool([]).status, 2);
    assert.equal(county.tool(['fly']).status, 2);
    assert.equal(county.tool(['verify', '--role', 'x']).status, 2);
    assert.equal(county.tool(['enrol-code', '999999999999']).status, 1);
    assert.equal(county.tool(['account', 'add', 'centre', '--role', 'centre']).status, 1);
    assert.equal(county.tool(['account', 'add', 'new', '--role', 'king']).status, 1);
    assert.equal(county.tool(['account', 'add', 'new', '--role', 'centre', '--password-stdin'], 'short\n').status, 1);
    assert.equal(county.tool(['revoke', randomUUID(), '--reason', 'x']).status, 1);
    assert.match(county.tool(['account', 'list']).stdout, /minzheng/);
  });

  test('a password from standard input signs in', async () => {
    assert.equal(county.tool(['account', 'add', 'typed', '--role', 'auditor', '--password-stdin'], 'a long pass phrase\n').status, 0);
    county.passwords.typed = 'a long pass phrase';
    await county.signIn('typed');
  });

  test('no personal data in the log', () => {
    const people = box.people.filter(Boolean);
    assert.ok(people.length > 10 && county.log.length > 1000);
    for (const { name, id_number: number, phone, address } of people)
      for (const text of [name, number, phone, address]) assert.ok(!text || !county.log.includes(text));
    for (const [name, password] of Object.entries(county.passwords)) assert.ok(!county.log.includes(password), name);
  });

  test('SIGTERM under load: what was answered is there, and all that began is answered', async () => {
    const centre = await county.signIn('centre');
    const { body } = await centre.call('GET', '/api/v1/cases', { query: { state: 'forwarded', limit: 1 } });
    const { id } = body.items[0];
    const acknowledged = [];
    const unanswered = [];
    const clients = await Promise.all(Array.from({ length: 8 }, () => county.signIn('centre')));
    const stopping = sleep(300).then(() => county.stop());
    await Promise.all(clients.map(async (client) => {
      for (;;) {
        const key = randomUUID();
        try {
          const { status } = await act(client, id, 'note', { text: '停机前' }, { key, expect: null });
          if (status === 201) acknowledged.push(key);
          else if (status === 503) return;
        } catch (error) {
          assert.match(`${error.code}`, /ECONNREFUSED|ECONNRESET|EPIPE/);
          unanswered.push(key);
          return;
        }
      }
    }));
    assert.deepEqual(await stopping, { code: 0, signal: null });
    assert.ok(acknowledged.length > 0);
    await county.start();
    const again = await county.signIn('centre');
    const { body: history } = await again.call('GET', `/api/v1/cases/${id}/events`);
    const there = new Set(history.items.map((event) => event.id));
    assert.ok(acknowledged.every((key) => there.has(key)));
    // whoever got no answer asks again with the same key, and it is done once
    for (const key of unanswered) await act(again, id, 'note', { text: '停机前' }, { key, expect: 201 });
    const { body: whole } = await again.call('GET', `/api/v1/cases/${id}/events`);
    for (const key of unanswered) assert.equal(whole.items.filter((event) => event.id === key).length, 1);
  });

  test('every operation was called', () => {
    assert.deepEqual(api.coverage().filter((name) => !/^POST .sync.v1.(exchange|renew)$|registers|reveal|rate|public|reports|selfchecks|staff-orders|blobs|uploads/.test(name)), []); // the box here posts these by itself, or county_acts and public.test.mjs call them
  });
});
