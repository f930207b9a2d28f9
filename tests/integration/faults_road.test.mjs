// The road between box and county, at its worst: cut at any byte, slow, a hole, a captive portal, and somebody in the middle
// who has a certificate that the box believes. Whatever comes back, nothing is shown as received that the county did not
// sign; the phone is told what is wrong; and on a clean road everything is there once.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, sign, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { random, registration } from '../lib/people.mjs';
import { arrived, offered, Phones } from '../lib/phones.mjs';
import { start } from '../lib/run.mjs';
import { cutting, forger, honestly, Wire } from '../lib/wire.mjs';

const seed = Number(process.env.XINKE_SEED ?? Date.now() % 1000000);
const rng = random(seed);
const acknowledged = new Map();
let world;
let wire;
let clerk;
let items;
let ask; // what the county answers the box

const file = (name) => path.join(world.dir, name);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest();
const openssl = (...args) => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A key and a certificate for it by the county's own root, or by itself; { key, cert }. */
function certificate(name, { own, usage = 'serverAuth' }) {
  const [key, csr, cert, ext] = ['key', 'csr', 'crt', 'ext'].map((end) => file(`${name}.${end}`));
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', csr, '-subj', '/CN=127.0.0.1');
  writeFileSync(ext, `subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=${usage}\nkeyUsage=digitalSignature\n`);
  const by = own ? ['-CA', file('county/ca/root.crt'), '-CAkey', file('county/ca/root.key'), '-set_serial', '7777'] : ['-signkey', key];
  openssl('x509', '-req', '-in', csr, ...by, '-days', '2', '-extfile', ext, '-out', cert);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

before(async () => {
  world = await start({ name: 'road' });
  const { sync_url: url, ca } = world.json.county;
  wire = await Wire.open(Number(new URL(url).port));
  clerk = await world.box('clerk');
  items = await offered(clerk);
  ask = honestly(url, { ca: readFileSync(ca), cert: readFileSync(file('courier/client.crt')), key: readFileSync(file('courier/client.key')) });
  await world.run('stop-gateway');
  execFileSync('sqlite3', [world.json.gateway.db, `UPDATE meta SET value = 'https://127.0.0.1:${wire.port}' WHERE key = 'county_url'`]);
  const conf = readFileSync(file('sync.conf'), 'utf8').split('[sync]')[0];
  writeFileSync(file('sync.conf'), `${conf}[sync]\npoll_s = 1\nbackoff_max_s = 1\ntimeout_s = 3\n`);
  await world.run('start-gateway');
});
after(async () => {
  await world?.stop();
  await wire?.close();
});

const take = async () => {
  const { body } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(rng.pick(items), rng), expect: 201 });
  acknowledged.set(body.id, body.receipt_number);
  return body.id;
};
const status = async () => (await clerk.call('POST', '/api/v1/sync', { expect: 202 })).body;
const clean = async () => {
  wire.road = () => ({});
  wire.break();
  await arrived(world, clerk, acknowledged, 60);
  assert.equal((await status()).last_error, null);
};

const settles = (id) => world.until('settled', 30, async () => (await clerk.call('GET', `/api/v1/cases/${id}`)).body.sync === 'settled');

/** Takes a case on the road ROAD: the box says what ERROR matches, and nothing has been received. */
async function refused(road, error) {
  const was = await status();
  const since = Date.now();
  wire.road = road;
  wire.break();
  const id = await take();
  let now;
  await world.until(`an error like ${error}`, 20, async () => {
    now = await status();
    return Date.parse(now.last_attempt_at) >= since && error.test(now.last_error ?? '');
  }).catch((late) => assert.fail(`${late.message}; it says ${now.last_error}`));
  await sleep(500); // it comes back again and again
  now = await status();
  assert.equal(now.link, 'down');
  assert.equal(now.received, was.received);
  assert.equal(now.feed, was.feed);
  const { body } = await clerk.call('GET', `/api/v1/cases/${id}`);
  assert.ok(['local', 'sent'].includes(body.sync), body.sync);
}

test('a clean road', clean);

test('cuts at any byte and delays', { timeout: 120000 }, async (t) => {
  t.diagnostic(`seed ${seed}`);
  wire.road = cutting(rng);
  wire.break();
  const phones = new Phones(clerk, items, { seed, count: 2, pause: 400 });
  try {
    const from = Date.now();
    const over = () => Date.now() - from > (wire.cuts < 12 ? 40000 : 12000);
    for (; !over(); await sleep(200)) await status();
    for (const [id, receipt] of await phones.stop()) acknowledged.set(id, receipt);
    t.diagnostic(`${acknowledged.size} cases, ${wire.connections} connections, ${wire.cuts} cuts`);
    assert.ok(wire.cuts >= 12);
    await clean();
  } finally {
    phones.drop();
    wire.road = () => ({});
  }
});

test('answers that are lost after the county has committed', { timeout: 60000 }, async () => {
  let lost = 0;
  const tls = certificate('middle', { own: true });
  await refused(() => forger(tls, async (request) => {
    const answer = await ask(request);
    assert.equal(answer.status, 200);
    lost++;
    return null;
  }), /./);
  const centre = await world.county('centre');
  await world.until('the county has it all', 20, async () => {
    const there = new Set((await world.all(centre, { station: world.json.gateway.station })).map((c) => c.id));
    return [...acknowledged.keys()].every((id) => there.has(id));
  });
  assert.ok(lost >= 1);
  assert.ok((await world.all(clerk)).some((c) => c.sync !== 'settled'), 'the box cannot know');
  await clean();
});

test('a slow county is waited for', { timeout: 60000 }, async () => {
  const tls = certificate('slow', { own: true });
  wire.road = () => forger(tls, async (request) => {
    await sleep(1200);
    return ask(request);
  });
  wire.break();
  await settles(await take());
});

test('a hole', { timeout: 60000 }, () => refused(() => ({ hole: true }), /time|respon/i));

// --- portals ---

const portal = { status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<!doctype html><title>请登录</title>') };

test('a captive portal', { timeout: 90000 }, async (t) => {
  await t.test('with a certificate of its own', () => {
    const tls = certificate('portal', { own: false });
    return refused(() => forger(tls, async () => portal), /certificate|HTTP 200/i);
  });
  await t.test('with one that the box believes', () => {
    const tls = certificate('believed', { own: true });
    return refused(() => forger(tls, async () => portal), /HTTP 200, not a signed answer/);
  });
  await t.test('that sends elsewhere', () => {
    const tls = certificate('elsewhere', { own: true });
    return refused(() => forger(tls, async () => ({ ...portal, status: 302, headers: { location: 'https://127.0.0.1/' } })), /HTTP 302/);
  });
  await t.test('that speaks no TLS', () => {
    const server = { emit: (_, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nok') };
    return refused(() => ({ server }), /SSL|TLS|handshake|certificate/i);
  });
  await t.test('then a clean road', clean);
});

test('somebody with another certificate sees no exchange, though he asks the county honestly', { timeout: 60000 }, async () => {
  const seen = [];
  const tls = certificate('stranger', { own: false });
  await refused(() => forger(tls, (request) => {
    seen.push(request.url);
    return ask(request);
  }), /certificate/i);
  assert.deepEqual(seen.filter((url) => url.startsWith('/sync/v1/exchange')), []);
  await clean();
});

// --- a forger whom TLS believes ---

test('an answer that is not the county’s', { timeout: 180000 }, async (t) => {
  const tls = certificate('forger', { own: true });
  const old = [];
  const forged = (change) => () => forger(tls, async (request) => {
    const answer = await ask(request);
    if (!request.url.startsWith('/sync/v1/exchange')) return change.other ? change.other(request, answer) : answer;
    old.push(answer);
    return change.exchange(answer, request);
  });
  const signed = (answer, signature) => ({ ...answer, headers: { ...answer.headers, 'xinke-signature': signature } });

  // one honest round, so that there is an old answer
  wire.road = forged({ exchange: (answer) => answer });
  wire.break();
  await t.test('while he is honest, all is well', async () => settles(await take()));
  const [first] = old;

  const flip = (answer, at) => {
    const body = Buffer.from(answer.body);
    body[at < 0 ? body.length + at : at] ^= 1;
    return { ...answer, body };
  };
  const kinds = {
    'a bit of it changed': [{ exchange: (answer) => flip(answer, rng.int(0, answer.body.length - 1)) }, /signature does not fit/],
    'its end missing': [{ exchange: (answer) => ({ ...answer, body: answer.body.subarray(0, -1) }) }, /signature does not fit/],
    'an old one again': [{ exchange: () => first }, /signature does not fit/],
    'without a signature': [{ exchange: ({ status: code, body, headers: { 'content-type': type } }) => ({ status: code, body, headers: { 'content-type': type } }) }, /HTTP 200, not a signed answer/],
    'a signature that is none': [{ exchange: (answer) => signed(answer, 'x') }, /signature cannot be read/],
    'another’s signature under the county’s key id': [{ exchange: (answer) => signed(answer, first.headers['xinke-signature']) }, /signature does not fit/],
    'a plain one': [{ exchange: (answer) => ({ ...answer, headers: { ...answer.headers, 'content-type': 'application/json' }, body: Buffer.from('{"protocol":1}') }) }, /signature does not fit/],
    'an error that nobody said': [{ exchange: () => ({ status: 500, headers: {}, body: Buffer.from('') }) }, /HTTP 500/],
    'a refusal that nobody said': [{ exchange: () => ({ status: 403, headers: { 'content-type': 'application/problem+json' }, body: Buffer.from('{"code":"certificate_refused"}') }) }, /HTTP 403/],
  };
  for (const [name, [change, error]] of Object.entries(kinds)) await t.test(name, () => refused(forged(change), error));

  // he signs by the rules, and shows the certificate for it
  for (const [name, own] of [['of his own', false], ['that the county’s root vouches for as a server', true]]) {
    await t.test(`signed with a key ${name}`, () => {
      const { cert, key } = certificate(own ? 'misused' : 'nobody', { own });
      const id = sha256(new X509Certificate(cert).raw).toString('hex').slice(0, 32);
      const signature = (request, answer) => sign('sha256', Buffer.concat([Buffer.from('xinke-answer-1'), sha256(request.body), answer.body]), key);
      return refused(forged({
        exchange: (answer, request) => signed(answer, `${id},${signature(request, answer).toString('base64')}`),
        other: () => ({ status: 200, headers: { 'content-type': 'application/x-pem-file' }, body: cert }),
      }), /root does not vouch/);
    });
  }
  await t.test('then a clean road', clean);
});
