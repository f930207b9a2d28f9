// The link between box and county as an enemy, a fault or a bad line would use it: every certificate that must not pass,
// every request that cannot be read, and what a revoked or retired box still gets. "Nothing stored" is held against a
// dump of the county's tables.

import assert from 'node:assert/strict';
import { createHash, randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { random } from '../lib/people.mjs';
import { authority, DAY, endCounty, enrol, enrolment, eventHash, fileOf, forge, handshake, keyPair, macOf, newCode,
  newKey, openssl, post, rawly, signed,
  sql, startCounty, stored, unchanged, ZERO } from './county_box.mjs';

const VILLAGE = '652323101200';
const NEIGHBOUR = '652323101201';
const TOWNSHIP = '652323101000';
const EXCHANGE = '/sync/v1/exchange';
const rng = random(31);

let world;
let box;
let neighbour;
let own; // the county's CA in a forger's hand: whatever it signs wrongly must not pass
before(async () => {
  world = await startCounty('tls');
  box = await enrol(world, VILLAGE);
  neighbour = await enrol(world, NEIGHBOUR);
  await box.settle();
  await neighbour.settle();
  own = authority(world, { own: true });
});
after(() => endCounty(world));


const file = (name) => path.join(world.folder, 'county', name);
const send = (identity, request, options) => post(world, EXCHANGE, typeof request === 'string' || Buffer.isBuffer(request) ? request : JSON.stringify(request),
  { identity, ...options });

describe('certificates', () => {
  /** The handshake fails with an alert that says so, and a request over it gets nowhere. */
  const refusedByTls = (identity, alert) => unchanged(world, async () => {
    const error = await handshake(world, identity);
    assert.ok(error, 'the county took it');
    assert.match(`${error.code}`, alert);
    await assert.rejects(send(identity, box.request()));
  });
  const refused = (identity, request, code) => unchanged(world, async () => {
    const { status, body } = await send(identity, request);
    assert.deepEqual([status, body.code], [403, code]);
  });

  test('none', async () => {
    await refused({}, box.request(), 'certificate_required');
    await world.caller('sync').call('POST', EXCHANGE, { body: box.request(), expect: 'certificate_required' });
  });

  test('another CA’s, of the same name', () => refusedByTls(forge(authority(world, { own: false }), { station: VILLAGE }), /UNKNOWN_CA/));

  test('one that signed itself', () => {
    const key = newKey();
    const cert = openssl('req', '-x509', '-new', '-key', fileOf(key), '-days', '30', '-subj', `/CN=${VILLAGE}`);
    return refusedByTls({ cert, key }, /UNKNOWN_CA|BAD_CERTIFICATE/);
  });

  test('one that has expired', () =>
    refused(forge(own, { station: VILLAGE, from: Date.now() - 400 * DAY, to: Date.now() - DAY }), box.request(), 'certificate_expired'));
  test('one that has expired, of another CA', () =>
    refusedByTls(forge(authority(world, { own: false }), { station: VILLAGE, from: Date.now() - 400 * DAY, to: Date.now() - DAY }), /UNKNOWN_CA/));
  test('one that is not valid yet', () =>
    refusedByTls(forge(own, { station: VILLAGE, from: Date.now() + DAY, to: Date.now() + 2 * DAY }), /CERTIFICATE_EXPIRED|BAD_CERTIFICATE/));
  test('a station’s with a server’s use', () => refusedByTls(forge(own, { station: VILLAGE, usage: 'serverAuth' }), /UNSUPPORTED_CERTIFICATE|BAD_CERTIFICATE/));
  test('the county’s own server certificate', () =>
    refusedByTls({ cert: readFileSync(file('server.crt')), key: readFileSync(file('server.key')) }, /UNSUPPORTED_CERTIFICATE|BAD_CERTIFICATE/));
  test('the key that signs answers', () =>
    refusedByTls({ cert: readFileSync(file('answer.crt')), key: readFileSync(file('answer.key')) }, /UNSUPPORTED_CERTIFICATE|BAD_CERTIFICATE/));

  test('a gateway’s, which the same enrolment gave out', async () => {
    const made = keyPair();
    const { code } = await newCode(world, '652323105001');
    const body = enrolment(code, keyPair(), { server_csr: made.csr, server_names: 'xinke.internal' });
    const { body: answer } = await world.caller('sync').call('POST', '/sync/v1/enroll', { body, expect: 200 });
    await refusedByTls({ cert: answer.server_certificate, key: made.key }, /UNSUPPORTED_CERTIFICATE|BAD_CERTIFICATE/);
  });

  test('one of the CA that the county does not know and that names no box', async () => {
    await refused(forge(own, { station: VILLAGE, uri: 'urn:no-box' }), box.request(), 'certificate_refused');
  });

  test('another station’s', async () => {
    await refused(neighbour.identity, box.request(), 'certificate_refused');
    await refused(neighbour.identity, neighbour.request({ station: VILLAGE }), 'certificate_refused');
    await refused(neighbour.identity, neighbour.request({ log: box.log }), 'certificate_refused');
    await refused(neighbour.identity, box.request({ station: NEIGHBOUR }), 'certificate_refused');
    await refused(box.identity, box.request({ log: randomUUID(), have: ZERO, head: ZERO, events: [] }), 'certificate_refused');
    await box.exchange();
    await neighbour.exchange();
  });

  test('a certificate without its key', async () => {
    await assert.rejects(send({ cert: box.identity.cert, key: neighbour.identity.key }, box.request()), /key values mismatch/);
  });

  test('TLS 1.2', () => unchanged(world, async () => {
    const old = { ...box.identity, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' };
    const error = await handshake(world, old);
    assert.match(`${error?.code}`, /PROTOCOL_VERSION|ECONNRESET/); // the server may hang up without an alert
    await assert.rejects(send(old, box.request()));
    assert.equal(await handshake(world, { ...box.identity, minVersion: 'TLSv1.3' }), null);
  }));

  test('no session is resumed', async () => {
    const agent = new https.Agent({ ...box.identity, ca: world.root, maxCachedSessions: 10 });
    const seen = [];
    agent.on('keylog', (_, socket) => { if (!seen.includes(socket)) seen.push(socket); });
    for (let i = 0; i < 3; i++) assert.equal((await send({}, box.request(), { agent })).status, 200);
    agent.destroy();
    assert.equal(seen.length, 3);
    assert.ok(seen.every((socket) => !socket.isSessionReused()));
  });
});

const event = (changes) => ({ seq: box.head.seq + 1, id: randomUUID(), type: 'note', at: Date.now(), clock: 'rtc', boot: 'x', mono: 1, actor: 'clerk', device: '',
  body: { text: 'x' }, ...changes });
/** A request with this event, its chain in order. */
const carrying = (...events) => {
  let { hash } = box.have;
  for (const one of events) hash = eventHash(hash, { event: one, mac: macOf(box.stationKey, one.body ?? {}), station: box.station, log: box.log });
  return box.request({ events, head: { seq: box.have.seq + events.length, hash } });
};

describe('requests that cannot be read', () => {
  let agent;
  let past;
  before(() => { agent = new https.Agent({ keepAlive: true, ...box.identity, ca: world.root }); });
  after(() => agent.destroy());
  beforeEach(() => { past = stored(world); });
  afterEach(() => assert.deepEqual(stored(world), past)); // nothing stored

  const bad = async (request, { status = 400, code = 'malformed_request', headers } = {}) => {
    const answer = await send({}, request, { agent, headers });
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(request).slice(0, 600));
    return answer.body;
  };
  test('no JSON, not all of it, something behind it', async () => {
    const whole = JSON.stringify(box.request());
    for (const text of ['', 'x', '{', '[]', 'null', '1', whole.slice(0, -1), `${whole}x`, `${whole}${whole}`, `\u{feff}${whole}`]) await bad(text);
    await bad(Buffer.from(whole.replace('hand/1', 'hand\u00ff'), 'latin1')); // no UTF-8
    await bad(whole.replace('hand/1', 'hand\\u0000'));
    await bad(whole.replace('hand/1', 'hand\\ud800'));
  });

  test('another protocol', async () => {
    for (const protocol of [0, 2, -1, '1', 1.5, null, [1]]) await bad(box.request({ protocol }));
    await bad(JSON.stringify(box.request()).replace('"protocol":1,', ''));
  });

  test('members that are missing or of another type', async () => {
    for (const name of ['station', 'log', 'clock', 'have', 'events', 'head', 'feed']) {
      for (const value of [undefined, null, 7, 'x', [], {}, true])
        if (!(name === 'events' && Array.isArray(value))) await bad(JSON.stringify(box.request({ [name]: value })));
    }
    for (const mark of [{ seq: -1, hash: ZERO.hash }, { seq: 0.5, hash: ZERO.hash }, { seq: '0', hash: ZERO.hash }, { seq: 0 }, { seq: 0, hash: 'x' },
      { seq: 0, hash: ZERO.hash.slice(2) }, { seq: 0, hash: `${ZERO.hash}00` }, { hash: ZERO.hash }])
      for (const name of ['have', 'head', 'feed']) await bad(box.request({ [name]: mark }));
    for (const clock of [{ now: 1 }, { now: 1, quality: 'good' }, { now: 1, quality: 1 }]) await bad(box.request({ clock }));
    for (const health of [7, 'x', [], true]) await bad(box.request({ health }));
    await bad(box.request({ software: 7 }));
    await bad(box.request({ software: 'x'.repeat(1000) }));
  });

  test('numbers out of range', async () => {
    await bad(JSON.stringify(box.request()).replace(/"now":\d+/, '"now":9007199254740992'));
    await bad(JSON.stringify(box.request()).replace(/"now":\d+/, '"now":1e400'));
    await bad(JSON.stringify(box.request({ have: { seq: 7777, hash: ZERO.hash } })).replace('7777', '99999999999999999999'));
  });

  test('more events than one exchange may carry', async () => {
    const many = Array.from({ length: 1001 }, (_, i) => event({ seq: box.have.seq + 1 + i }));
    await bad(carrying(...many));
  });

  test('a key twice', async () => {
    const whole = JSON.stringify(box.request());
    await bad(whole.replace('"protocol":1', '"protocol":1,"protocol":1'));
    await bad(whole.replace('"health":{', '"health":{"head":1,'));
    await bad(whole.replace('"health":{', '"health":{"\\u0068ead":1,'));
    await bad(JSON.stringify(carrying(event())).replace('"body":{', '"body":{"text":"y",'));
  });

  test('nested too deep', async () => {
    await bad(box.request({ later: JSON.parse(`${'['.repeat(30)}${']'.repeat(30)}`) }));
    await bad(`${'['.repeat(1000000)}`);
    await bad(JSON.stringify(box.request({ later: 0 })).replace('"later":0', `"later":${'{"a":'.repeat(100000)}0${'}'.repeat(100000)}`));
  });

  test('too large, by what it says and by what it sends', async () => {
    const large = Buffer.alloc(8 * 1024 * 1024 + 1, 0x20);
    await bad(large, { status: 413, code: 'too_large' });
    const head = `POST ${EXCHANGE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n`;
    const said = await rawly(world, box.identity, `${head}Content-Length: 99999999\r\n\r\n`);
    assert.deepEqual([said.status, said.code], [413, 'too_large']);
    const chunk = `100000\r\n${'x'.repeat(1 << 20)}\r\n`;
    const sent = await rawly(world, box.identity, `${head}Transfer-Encoding: chunked\r\n\r\n`, ...Array(9).fill(chunk), '0\r\n\r\n');
    assert.deepEqual([sent.status, sent.code], [413, 'too_large']);
  });

  test('another media type', async () => {
    for (const type of ['text/plain', 'application/jsonx', 'application/x-www-form-urlencoded', ''])
      await bad(box.request(), { status: 415, code: 'unsupported_media', headers: { 'content-type': type } });
  });

  test('framing that could hide a second request', async () => {
    const text = JSON.stringify(box.request());
    const bytes = Buffer.byteLength(text);
    const head = (...lines) => `POST ${EXCHANGE} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
    const length = `Content-Length: ${bytes}`;
    const chunked = `${bytes.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
    const cases = {
      'two lengths': head(length, length) + text,
      'two different lengths': head(length, 'Content-Length: 5') + text,
      'two lengths in one': head(`Content-Length: ${bytes}, ${bytes}`) + text,
      'a signed length': head(`Content-Length: +${bytes}`) + text,
      'chunked with a length': head(length, 'Transfer-Encoding: chunked') + chunked,
      'a length behind chunked': head('Transfer-Encoding: chunked', length) + chunked,
      'two codings': head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + chunked,
      'a coding that only looks so': head('Transfer-Encoding: xchunked') + chunked,
      'a list of codings': head('Transfer-Encoding: gzip, chunked') + chunked,
      'a bare line feed': head('X-A: b', length).replace('X-A: b\r\n', 'X-A: b\n') + text,
      'a folded line': head('X-A: b\r\n c', length) + text,
      'a space before the colon': head(`Content-Length : ${bytes}`) + text,
      'an escaped NUL': head(length).replace(EXCHANGE, `${EXCHANGE}%00`) + text,
    };
    const inItsWords = ['two lengths in one', 'a signed length']; // the library answers before any of ours runs
    for (const [name, bytesOfIt] of Object.entries(cases)) {
      const { status, code, text: seen } = await rawly(world, box.identity, bytesOfIt);
      assert.equal(status, 400, `${name}: ${seen}`);
      assert.equal(code, inItsWords.includes(name) ? undefined : 'malformed_request', name);
      // nothing of it was taken for a second request
      if (code) assert.equal(seen.match(/HTTP\/1\.1 /g).length, 1, name);
      assert.match(seen, /^Connection: close\r$/m, name);
    }
    const query = await rawly(world, box.identity, head(length).replace(EXCHANGE, `${EXCHANGE}?x=1`) + text);
    assert.deepEqual([query.status, query.code], [422, 'validation']);
    // the well-formed twins pass and store when the box was seen
    assert.equal((await rawly(world, box.identity, head(length) + text)).status, 200);
    assert.equal((await rawly(world, box.identity, head('Transfer-Encoding: chunked') + chunked)).status, 200);
    past = stored(world);
  });

  test('members that a later release may send are no fault', async () => {
    const text = JSON.stringify(box.request({ later: { deep: [1.5, { 键: null }] } }));
    const { status } = await send(box.identity, text.replace('"clock":{', '"clock":{"more":1,'));
    assert.equal(status, 200);
    // health is nobody's business but the operator's: whatever it holds, it must not stop a box
    for (const health of [{ head: box.head.seq, load: 0.5, 键: [null] }, { text: 'x'.repeat(70000) }, {}, null])
      assert.equal((await send(box.identity, box.request({ health }))).status, 200);
    const { body } = await (await world.as('operator')).call('GET', '/api/v1/stations');
    assert.equal(body.items.find(({ code }) => code === VILLAGE).boxes[0].backlog, null);
    past = stored(world);
  });
});

describe('events that cannot be read', () => {
  /** An event that cannot be read is no fault of the request: nothing is taken, and the county asks for detail. */
  const unreadable = async (request) => {
    const answer = await send(box.identity, request);
    assert.deepEqual([answer.status, answer.body.detail, answer.body.received], [200, true, box.have], JSON.stringify(request).slice(0, 600));
  };
  test('a gap in the events, before, within, behind', async () => {
    const { seq } = box.have;
    for (const changes of [{ seq: seq + 2 }, { seq }, { seq: 0 }]) await unreadable(carrying(event(changes)));
    await unreadable(carrying(event(), event({ seq: seq + 3 })));
    await unreadable(carrying(event(), event()));
    const two = carrying(event(), event({ seq: seq + 2 }));
    for (const by of [3, 1]) assert.equal((await send(box.identity, { ...two, head: { ...two.head, seq: seq + by } })).status, 400);
    await unreadable({ ...two, events: [two.events[1], two.events[0]] });
  });

  test('events that are none', async () => {
    const wrong = [
      { id: undefined }, { id: 'x' }, { id: 7 }, { id: '' }, { case_id: 'x' }, { case_id: 7 }, { case_id: {} },
      { type: undefined }, { type: '' }, { type: 7 }, { type: 'x'.repeat(32) }, { at: undefined }, { at: -1 }, { at: '1' }, { at: 1.5 },
      { at: 253402272000000 }, // past the year 9999 no answer could tell it
      { clock: undefined }, { clock: 'good' }, { boot: undefined }, { boot: 'x'.repeat(200) }, { mono: undefined }, { mono: -1 },
      { actor: undefined }, { actor: '' }, { actor: 'x'.repeat(200) }, { device: 7 }, { device: 'x'.repeat(200) },
      { body: undefined }, { body: null }, { body: 'x' }, { body: [] }, { body: undefined, mac: 'x' },
    ];
    for (const changes of wrong) {
      const one = event(changes);
      if (one.case_id === undefined) delete one.case_id;
      await unreadable({ ...box.request(), events: [one], head: { seq: box.have.seq + 1, hash: ZERO.hash } });
    }
    await unreadable({ ...box.request(), events: [7], head: { seq: box.have.seq + 1, hash: ZERO.hash } });
    // what RFC 8785 as the protocol narrows it has no form for
    for (const body of [{ n: 1.5 }, { 键: 'x' }, { text: 'x'.repeat(65536) }])
      await unreadable({ ...box.request(), events: [event({ body })], head: { seq: box.have.seq + 1, hash: ZERO.hash } });
  });

  test('nothing of it was taken', async () => {
    const { events, head } = box.have.seq ? { events: [], head: box.have } : { events: [], head: ZERO };
    const { body } = await send(box.identity, box.request({ events, head }));
    assert.deepEqual(body.received, box.have);
  });
});

describe('answers', () => {
  test('are signed by the key under /sync/v1/keys, which is the root’s', async () => {
    const text = JSON.stringify(box.request());
    const { headers, raw } = await send(box.identity, text);
    const [id, signature] = headers['xinke-signature'].split(',');
    assert.match(id, /^[0-9a-f]{32}$/);
    const { raw: pem } = await world.caller('sync').call('GET', `/sync/v1/keys/${id}`);
    const certificate = new X509Certificate(pem);
    assert.equal(createHash('sha256').update(certificate.raw).digest('hex').slice(0, 32), id);
    assert.ok(certificate.verify(new X509Certificate(world.root).publicKey));
    assert.equal(pem.toString(), box.answerCertificate);
    assert.ok(signed(headers['xinke-signature'], text, raw, pem));
    // of this answer to this request, and of no other
    assert.ok(!signed(headers['xinke-signature'], `${text} `, raw, pem));
    assert.ok(!signed(headers['xinke-signature'], text, Buffer.concat([raw, Buffer.from(' ')]), pem));
    const other = Buffer.from(signature, 'base64');
    other[other.length - 1] ^= 1;
    assert.ok(!signed(`${id},${other.toString('base64')}`, text, raw, pem));
    await world.caller('sync').call('GET', `/sync/v1/keys/${'0'.repeat(32)}`, { expect: 404 });
    await world.caller('sync').call('GET', `/sync/v1/keys/${id.toUpperCase()}`, { expect: 404 });
  });

  test('refusals are not signed: they change nothing at a box', async () => {
    const { headers } = await send(box.identity, '{}');
    assert.equal(headers['xinke-signature'], undefined);
  });

  test('a chain that does not end in its head: nothing is taken, detail is asked for', async () => {
    const counts = () => sql(world, 'SELECT (SELECT count(*) FROM chain) AS chain, (SELECT count(*) FROM events) AS events')[0];
    const past = counts();
    const good = box.append('note', { text: '原文' }, { caseId: randomUUID() });
    const forged = { ...good, body: { text: '改过' } };
    const { body } = await send(box.identity, box.request({ events: [forged] }));
    assert.equal(body.detail, true);
    assert.deepEqual(body.received, box.have);
    for (const changes of [{ actor: 'lead' }, { at: good.at + 1 }, { device: 'phone' }, { case_id: undefined }, { mono: 1 }, { boot: 'x' }, { clock: 'synced' }, { type: 'amend' }, { id: randomUUID() }])
      assert.equal((await send(box.identity, box.request({ events: [{ ...good, ...changes }] }))).body.detail, true, JSON.stringify(changes));
    assert.equal((await send(box.identity, box.request({ events: [], head: { seq: box.have.seq, hash: 'ab'.repeat(32) } }))).body.detail, true);
    assert.deepEqual(counts(), past);
    await box.exchange(); // the true one is taken: it belongs to no case and is refused, which stops nothing
    assert.equal(box.verdict(good.seq).code, 'no_such_case');
  });

  test('a mark that is not the county’s head: nothing is taken, the same number is granted again', async () => {
    const { seq } = box.have;
    const lost = { seq, hash: 'cd'.repeat(32) };
    const ask = async (have) => (await send(box.identity, box.request({ have, events: [], head: have }))).body;
    const first = await ask(lost);
    assert.deepEqual(first.received, box.have);
    assert.ok(first.box > box.number);
    assert.equal((await ask(lost)).box, first.box);
    assert.equal((await ask({ seq: seq + 5, hash: lost.hash })).box, first.box);
    assert.deepEqual((await ask(ZERO)).received, box.have);
    await box.exchange();
  });

  test('a copy goes on in a log of its own, under the number that was granted', async () => {
    const original = await enrol(world, '652323101203');
    await original.settle();
    // the box's disk, put into a second box
    const copy = Object.assign(Object.create(Object.getPrototypeOf(original)), original, { events: [], entries: [] });
    original.append('note', { text: '原机' }, { caseId: randomUUID() });
    await original.settle();
    const lost = copy.register('652323-019', rng); // taken at the copy before anybody knew
    const denied = (await send(copy.identity, copy.request())).body;
    assert.deepEqual([denied.received, denied.box], [original.head, 2]);
    // PROTOCOL.md section 3, point 4: a new log, what was above the received mark appended again
    const again = copy.events;
    const opened = (box_, parent) => {
      Object.assign(copy, { log: randomUUID(), have: ZERO, head: ZERO, events: [] });
      copy.append('log_opened', { parent, parent_seq: copy.had.seq, parent_hash: copy.had.hash, box: box_ });
    };
    copy.had = copy.have;
    opened(2, original.log);
    for (const { type, body, id, case_id: caseId, at } of again) copy.append(type, body, { id, caseId, at });
    await copy.settle();
    assert.equal(copy.verdict(2), 'settled');
    assert.equal((await (await world.as('centre')).call('GET', `/api/v1/cases/${lost}`)).body.state, 'received');
    const operator = await world.as('operator');
    const { body: alarms } = await operator.call('GET', '/api/v1/alarms', { query: { limit: 1 } });
    assert.deepEqual([alarms.items[0].kind, alarms.items[0].station], ['copy', original.station]);
    await original.exchange(); // and the first goes on
    const { body: stations } = await operator.call('GET', '/api/v1/stations');
    assert.deepEqual(stations.items.find(({ code }) => code === original.station).boxes.map(({ box: n, state }) => [n, state]), [[1, 'active'], [2, 'active']]);
  });

  test('a feed mark that the county does not know: an alarm, and the feed from its start', async () => {
    const { body } = await send(box.identity, box.request({ feed: { seq: 3, hash: 'ef'.repeat(32) } }));
    assert.deepEqual(body.feed[0], box.entries[0]);
    const operator = await world.as('operator');
    const { body: alarms } = await operator.call('GET', '/api/v1/alarms', { query: { limit: 1 } });
    assert.deepEqual([alarms.items[0].kind, alarms.items[0].station], ['feed', VILLAGE]);
  });

  test('the same request again is answered and stored once', async () => {
    const caseId = box.register('652323-001', rng, { to: TOWNSHIP });
    const text = JSON.stringify(box.request());
    const agent = new https.Agent({ keepAlive: true, ...box.identity, ca: world.root });
    const answers = await Promise.all(Array.from({ length: 6 }, () => send({}, text, { agent })));
    agent.destroy();
    for (const { status, body } of answers) assert.deepEqual([status, body.received], [200, box.head]);
    assert.equal(sql(world, `SELECT count(*) AS n FROM events WHERE hex(case_id) = '${caseId.replaceAll('-', '').toUpperCase()}'`)[0].n, 2);
    [box.have, box.events] = [box.head, []];
    await box.settle();
    assert.equal(world.countyTool('verify').status, 0);
  });
});

describe('boxes that are out', () => {
  const set = async (what, log) => (await world.as('operator')).call('POST', `/api/v1/boxes/${log}/${what}`, { body: { reason: '设备更换' }, expect: 200 });

  test('a retired log pushes and gets no feed', async () => {
    const caseId = neighbour.register('652323-004', rng, { to: TOWNSHIP });
    await neighbour.exchange();
    await set('retire', neighbour.log);
    const seq = neighbour.append('note', { text: '退役以后' }, { caseId }).seq;
    const centre = await world.as('centre');
    await centre.call('POST', `/api/v1/cases/${caseId}/events`, { key: randomUUID(), body: { type: 'accept', body: {} }, expect: 201 });
    const answer = await neighbour.exchange();
    assert.equal(answer.received.seq, seq);
    assert.deepEqual([answer.feed, answer.more, answer.feed_head], [[], false, neighbour.feed]);
    const { body } = await centre.call('GET', `/api/v1/cases/${caseId}/events`);
    assert.deepEqual(body.items.map(({ type, verdict }) => [type, verdict]),
      [['receive', 'settled'], ['forward', 'settled'], ['accept', 'settled'], ['note', 'settled']]);
  });

  test('a revoked one is refused, on the connection that was open before too', async () => {
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ...box.identity, ca: world.root });
    const ask = () => send({}, box.request(), { agent });
    assert.equal((await ask()).status, 200);
    const still = await ask();
    assert.deepEqual([still.status, still.reused], [200, true]);
    await set('revoke', box.log);
    await unchanged(world, async () => {
      const out = await ask();
      assert.deepEqual([out.status, out.body.code, out.reused], [403, 'certificate_refused', true]);
      const anew = await send(box.identity, box.request());
      assert.deepEqual([anew.status, anew.body.code], [403, 'certificate_refused']);
      const again = await send(box.identity, box.request({ log: neighbour.log, station: NEIGHBOUR }));
      assert.deepEqual([again.status, again.body.code], [403, 'certificate_refused']);
    });
    agent.destroy();
  });

  test('a retired one can be revoked, and then is refused', async () => {
    await set('revoke', neighbour.log);
    const { status, body } = await send(neighbour.identity, neighbour.request());
    assert.deepEqual([status, body.code], [403, 'certificate_refused']);
  });

  test('the county’s store still verifies', () => assert.equal(world.countyTool('verify').status, 0));
});
