// Enrolment by a client of these tests: keys and requests made by the openssl command, the root believed only by the
// code's digest, answers read by Node. What a wrong, used, expired or stolen code gets, and what a request that is none.

import assert from 'node:assert/strict';
import { createHash, createPublicKey, randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { random } from '../lib/people.mjs';
import { Box, DAY, endCounty, enrol, enrolment, fileOf, keyPair, newCode, newKey, openssl, post, sha256, sql, startCounty, stored,
  unchanged } from './county_box.mjs';

const VILLAGE = '652323101200';
const COMMUNITY = '652323100001';
const TOWNSHIP = '652323101000';
const NEVER = '652323105001'; // enrolled by no test
const ENROLL = '/sync/v1/enroll';
const rng = random(41);

let world;
let link; // the sync address, without a certificate
before(async () => {
  world = await startCounty('enrol');
  link = world.caller('sync');
});
after(() => endCounty(world));
// every test begins with no wrong code counted
beforeEach(() => sql(world, 'DELETE FROM lockouts', { write: true }));

const enroll = (body, options = {}) => link.call('POST', ENROLL, { body, ...options });
const used = (code) => sql(world, `SELECT used_at FROM enrolments WHERE hex(code) = '${codeHash(code)}'`)[0].used_at !== null;
const codeHash = (code) => sha256(code.replaceAll('-', '')).toString('hex').toUpperCase();
const subjectKey = (cert) => new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
const publicOf = (key) => createPublicKey(key).export({ type: 'spki', format: 'der' });
const expire = (code, at) => sql(world, `UPDATE enrolments SET expires_at = ${at} WHERE hex(code) = '${codeHash(code)}'`, { write: true });
const purposes = (cert) => openssl('x509', '-in', fileOf(cert), '-noout', '-ext', 'extendedKeyUsage,basicConstraints,keyUsage,subjectAltName');

describe('a code', () => {
  test('says where to go and what root to believe', async () => {
    const made = await newCode(world, VILLAGE);
    assert.match(made.code, /^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$/);
    assert.equal(made.station, VILLAGE);
    assert.equal(made.url, world.json.county.sync_url);
    const { raw: pem } = await link.call('GET', '/sync/v1/root');
    const root = new X509Certificate(pem);
    assert.equal(createHash('sha256').update(root.raw).digest('hex'), made.root_sha256);
    assert.equal(pem.toString(), readFileSync(world.json.county.ca, 'utf8'));
    assert.ok(root.ca && root.verify(root.publicKey));
    const uri = new URL(made.uri);
    assert.equal(uri.protocol, 'xinke-enrol:');
    assert.deepEqual(Object.fromEntries(uri.searchParams), { url: made.url, root: made.root_sha256, code: made.code });
    assert.ok(Math.abs(Date.parse(made.expires_at) - Date.now() - 3 * DAY) < 60000);
  });

  test('is kept hashed, and is another each time', async () => {
    const codes = new Set();
    for (let i = 0; i < 20; i++) codes.add((await newCode(world, VILLAGE)).code);
    assert.equal(codes.size, 20);
    const kept = sql(world, 'SELECT hex(code) AS code, made_by FROM enrolments');
    for (const code of codes) {
      assert.ok(kept.some((row) => row.code === codeHash(code) && row.made_by === 'yunwei'));
      for (const form of [code, code.replaceAll('-', '')]) assert.ok(!readFileSync(world.db).includes(form));
    }
  });

  test('from the command is as good', async () => {
    const { status, stdout } = world.countyTool('enrol-code', NEVER, '--json');
    assert.equal(status, 0);
    const made = JSON.parse(stdout);
    assert.equal(made.station, NEVER);
    assert.equal(used(made.code), false);
  });
});

describe('a good request', () => {
  test('gets certificate, keys and a box number', async () => {
    const { code } = await newCode(world, VILLAGE);
    const made = keyPair({ subject: `/CN=${TOWNSHIP}`, more: ['-addext', `subjectAltName=URI:xinke:station:${TOWNSHIP}:box:09,DNS:evil.example`] });
    const body = enrolment(code, made);
    const { body: answer } = await enroll(body, { expect: 200 });
    assert.deepEqual([answer.station, answer.tier, answer.township, answer.log, answer.box, answer.server_certificate, answer.field_key],
      [VILLAGE, 'village', TOWNSHIP, body.log, 1, null, undefined]);
    assert.equal(answer.root, world.root);
    assert.equal(Buffer.from(answer.station_key, 'base64').length, 32);
    assert.ok(Math.abs(answer.now - Date.now()) < 60000);
    // of the request only the key counts
    const cert = new X509Certificate(answer.certificate);
    assert.ok(cert.verify(new X509Certificate(world.root).publicKey) && cert.checkIssued(new X509Certificate(world.root)));
    assert.equal(cert.subject, `CN=${VILLAGE}`);
    assert.equal(cert.subjectAltName, `URI:xinke:station:${VILLAGE}:box:01`);
    assert.deepEqual(subjectKey(answer.certificate), publicOf(made.key));
    assert.equal(cert.ca, false);
    const text = purposes(answer.certificate);
    assert.match(text, /TLS Web Client Authentication/);
    assert.doesNotMatch(text, /TLS Web Server Authentication|CA:TRUE|Certificate Sign/);
    assert.ok(Date.parse(cert.validFrom) <= Date.now() && Date.parse(cert.validTo) > Date.now() + 30 * DAY);
    // the answer key: under the root, with a use of its own, named by its digest
    const answering = new X509Certificate(answer.answer_certificate);
    assert.ok(answering.verify(new X509Certificate(world.root).publicKey));
    assert.equal(createHash('sha256').update(answering.raw).digest('hex').slice(0, 32), answer.answer_key_id);
    assert.doesNotMatch(purposes(answer.answer_certificate), /TLS Web/);
    // and all of it is good for an exchange
    const box = new Box(world, answer, made.key);
    await box.settle();
    assert.deepEqual(box.entries.map(({ kind }) => kind), ['catalog', 'calendar', 'settled']);
    assert.equal(used(code), true);
  });

  test('may type the code as people do', async () => {
    for (const form of [(code) => code.toLowerCase(), (code) => code.replaceAll('-', ''), (code) => `--${code.replaceAll('-', '').toLowerCase()}-`]) {
      const { code } = await newCode(world, COMMUNITY);
      await enroll(enrolment(form(code), keyPair()), { expect: 200 });
    }
  });

  test('may ask for the gateway’s certificate, with names that the root vouches for', async () => {
    const [client, server] = [keyPair(), keyPair({ more: ['-addext', 'subjectAltName=DNS:evil.example'] })];
    const { code } = await newCode(world, COMMUNITY);
    const { body } = await enroll(enrolment(code, client, { server_csr: server.csr, server_names: 'xinke.internal,localhost,127.0.0.1' }), { expect: 200 });
    const cert = new X509Certificate(body.server_certificate);
    assert.ok(cert.verify(new X509Certificate(world.root).publicKey));
    assert.deepEqual(subjectKey(body.server_certificate), publicOf(server.key));
    assert.deepEqual(cert.subjectAltName.split(', ').sort(), ['DNS:localhost', 'DNS:xinke.internal', 'IP Address:127.0.0.1']);
    assert.match(purposes(body.server_certificate), /TLS Web Server Authentication/);
    assert.doesNotMatch(purposes(body.server_certificate), /TLS Web Client Authentication/);
    openssl('verify', '-CAfile', world.json.county.ca, '-purpose', 'sslserver', fileOf(body.server_certificate));
    assert.match(purposes(body.certificate), /TLS Web Client Authentication/);
  });

  test('may name what the root does not vouch for: no client that knows constraints takes it', async () => {
    for (const names of ['www.example.com', 'xinke.internal,8.8.8.8', 'xinke.internal.evil.example']) {
      const server = keyPair();
      const { code } = await newCode(world, COMMUNITY);
      const { body } = await enroll(enrolment(code, keyPair(), { server_csr: server.csr, server_names: names }), { expect: 200 });
      assert.throws(() => openssl('verify', '-CAfile', world.json.county.ca, fileOf(body.server_certificate)), /permitted subtree violation/);
    }
  });

  test('may hold what a later release adds', async () => {
    const { code } = await newCode(world, COMMUNITY);
    await enroll(enrolment(code, keyPair(), { later: { deep: [1.5, null] }, server_names: null, restore: null }), { expect: 200 });
  });

  test('of a second box: the same station key, the next number, the first goes on', async () => {
    const first = await enrol(world, TOWNSHIP);
    await first.settle();
    const second = await enrol(world, TOWNSHIP);
    assert.equal(second.number, first.number + 1);
    assert.deepEqual(second.stationKey, first.stationKey);
    await first.exchange();
    // both follow the station's one feed, which begins with the things in force
    await second.settle();
    assert.deepEqual(second.entries.slice(0, 2).map(({ kind }) => kind), ['catalog', 'calendar']);
    assert.equal((await enrol(world, TOWNSHIP)).number, second.number + 1);
  });

  test('of a restore: the field key comes back, what was there is retired', async () => {
    const old = await enrol(world, NEVER);
    const secret = Buffer.from(rng.digits(32));
    const { code } = await newCode(world, NEVER);
    await enroll(enrolment(code, keyPair(), { field_key: secret.toString('base64') }), { expect: 200 });
    const again = await newCode(world, NEVER);
    const { field_key: _, ...body } = enrolment(again.code, keyPair(), { restore: true });
    const { body: answer } = await enroll(body, { expect: 200, invalid: true }); // the contract wants a field key here too
    assert.equal(answer.field_key, secret.toString('base64'));
    assert.deepEqual([answer.box, Buffer.from(answer.station_key, 'base64')], [3, old.stationKey]);
    const { body: stations } = await (await world.as('operator')).call('GET', '/api/v1/stations');
    assert.deepEqual(stations.items.find((one) => one.code === NEVER).boxes.map(({ box, state }) => [box, state]),
      [[1, 'retired'], [2, 'retired'], [3, 'active']]);
  });
});

describe('a code that is not good', () => {
  const made = keyPair();
  const refuse = async (code, more) => (await unchanged(world, () => enroll(enrolment(code, made, more), { expect: 'bad_credentials' }))).body;

  test('a wrong one', async () => {
    const { code } = await newCode(world, VILLAGE);
    const other = code.at(-1) === '0' ? '1' : '0';
    for (const wrong of ['0000-0000-0000-0000', code.slice(0, -1) + other, code.slice(0, -1), `${code}0`]) await refuse(wrong);
    sql(world, 'DELETE FROM lockouts', { write: true });
    for (const wrong of ['x', 'U000-0000-0000-0000', '----']) await refuse(wrong); // no such letters, none at all
    assert.equal(used(code), false);
  });

  test('a used one', async () => {
    const { code } = await newCode(world, VILLAGE);
    const made = keyPair();
    const body = enrolment(code, made);
    await enroll(body, { expect: 200 });
    const { detail } = await refuse(code);
    assert.match(detail, /used or has expired/);
    // the same but for one member is another request
    await refuse(code, { ...body, log: randomUUID() });
    await refuse(code, { ...body, software: 'hand/2' });
    await refuse(code, { ...body, field_key: Buffer.alloc(32, 8).toString('base64') });
  });

  test('an expired one', async () => {
    const { code } = await newCode(world, VILLAGE);
    expire(code, Date.now() - 1);
    await refuse(code);
    expire(code, Date.now() + DAY);
    await enroll(enrolment(code, keyPair()), { expect: 200 });
  });

  test('one of a station that was never enrolled, for a restore', async () => {
    const { code } = await newCode(world, '652323101201');
    await unchanged(world, () => enroll(enrolment(code, keyPair(), { restore: true }), { expect: 'conflict' }));
    assert.equal(used(code), false);
  });

  test('five wrong ones lock the address out, and no other', async () => {
    const { code } = await newCode(world, VILLAGE);
    const good = enrolment(code, keyPair());
    for (let i = 0; i < 5; i++) await refuse(`0000-0000-0000-000${i}`);
    await unchanged(world, async () => {
      const { body, headers } = await enroll(good, { expect: 'locked' });
      assert.ok(body.retry_after_s > 50 && body.retry_after_s <= 60);
      assert.equal(headers['retry-after'], String(body.retry_after_s));
      await enroll(enrolment('0000-0000-0000-0000', keyPair()), { expect: 'locked' });
    });
    assert.equal(used(code), false);
    // from elsewhere, and signing in from here, goes on
    const elsewhere = await post(world, ENROLL, JSON.stringify(enrolment('0000-0000-0000-0000', keyPair())), { localAddress: '127.0.0.2' });
    assert.deepEqual([elsewhere.status, elsewhere.body.code], [401, 'bad_credentials']);
    await world.county('auditor');
    // when the time is over the next wrong one locks for longer, a good one forgets them all
    sql(world, "UPDATE lockouts SET locked_until = 1 WHERE subject = 'enrol:127.0.0.1'", { write: true });
    await refuse('0000-0000-0000-0000');
    const { body } = await enroll(good, { expect: 'locked' });
    assert.ok(body.retry_after_s > 60 && body.retry_after_s <= 120);
    sql(world, "UPDATE lockouts SET locked_until = 1 WHERE subject = 'enrol:127.0.0.1'", { write: true });
    await enroll(good, { expect: 200 });
    assert.deepEqual(sql(world, "SELECT * FROM lockouts WHERE subject = 'enrol:127.0.0.1'"), []);
  });
});

describe('a lost answer', () => {
  test('comes again, the same, as long as the code lives', async () => {
    const { code } = await newCode(world, VILLAGE);
    const body = enrolment(code, keyPair());
    const first = await enroll(body, { expect: 200 });
    await unchanged(world, async () => {
      const second = await enroll(body, { expect: 200 });
      assert.deepEqual(second.body, first.body);
      // the members' order and what this release does not know are no part of it
      const third = await enroll({ later: 1, ...Object.fromEntries(Object.entries(body).reverse()) }, { expect: 200 });
      assert.deepEqual(third.body, first.body);
    });
    const [{ answer }] = sql(world, `SELECT hex(answer) AS answer FROM enrolments WHERE hex(code) = '${codeHash(code)}'`);
    assert.ok(!Buffer.from(answer, 'hex').includes(first.body.station_key)); // sealed
    expire(code, Date.now() - 1);
    await enroll(body, { expect: 'bad_credentials' });
  });

  test('is not asked for by a repetition that met its first: one box, one answer', async () => {
    const { code } = await newCode(world, VILLAGE);
    const body = enrolment(code, keyPair());
    const boxes = () => sql(world, `SELECT count(*) AS n FROM logs WHERE station = '${VILLAGE}'`)[0].n;
    const past = boxes();
    const answers = await Promise.all(Array.from({ length: 8 }, () => enroll(body, { expect: null })));
    assert.deepEqual(answers.map(({ status }) => status), Array(8).fill(200));
    for (const answer of answers) assert.deepEqual(answer.body, answers[0].body);
    assert.equal(boxes(), past + 1);
  });

  test('and a race for one code: one box', async () => {
    const { code } = await newCode(world, VILLAGE);
    const bodies = Array.from({ length: 5 }, () => enrolment(code, keyPair()));
    const answers = await Promise.all(bodies.map((body) => enroll(body, { expect: null })));
    const won = answers.filter(({ status }) => status === 200);
    assert.equal(won.length, 1);
    for (const { status, body } of answers) if (status !== 200) assert.ok(['bad_credentials', 'conflict'].includes(body.code), body.code);
    assert.equal(sql(world, `SELECT count(*) AS n FROM logs WHERE hex(log) IN (${bodies.map(({ log }) => `'${log.replaceAll('-', '').toUpperCase()}'`).join()})`)[0].n, 1);
  });
});

describe('a request that is none', () => {
  let code;
  let past;
  const made = keyPair();
  before(async () => { ({ code } = await newCode(world, VILLAGE)); });
  beforeEach(() => { past = stored(world); });
  afterEach(() => assert.deepEqual(stored(world), past)); // nothing stored
  const wrong = async (changes, ...pointers) => {
    const { body } = await enroll({ ...enrolment(code, made), ...changes }, { invalid: true, expect: 'validation' });
    assert.deepEqual(body.errors.map(({ pointer }) => pointer), pointers, JSON.stringify(changes).slice(0, 200));
  };
  const broken = (pem) => {
    const lines = pem.split('\n');
    lines[2] = lines[2].replace(/[A-Za-z0-9]/g, (c) => (c === 'A' ? 'B' : 'A'));
    return lines.join('\n');
  };

  test('its CSR is not one', async () => {
    const { csr } = keyPair();
    const cert = openssl('req', '-x509', '-new', '-key', fileOf(newKey()), '-days', '3', '-subj', '/CN=x');
    for (const bad of ['x', csr.slice(0, 120), csr.replace('BEGIN CERTIFICATE REQUEST', 'BEGIN CERTIFICATE'), broken(csr), cert, newKey(),
      '-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n', csr.replaceAll('\n', '')])
      await wrong({ csr: bad }, '/csr');
    await wrong({ csr: `${csr}${'x'.repeat(20000)}` }, '/csr');
  });

  test('its CSR is signed by another key', async () => {
    // the key of one request under the signature of another: nobody has shown that it owns it
    const [one, two] = [keyPair(), keyPair()].map(({ csr }) => Buffer.from(csr.replace(/-----.*-----/g, ''), 'base64'));
    const spki = (der) => der.indexOf(Buffer.from('2a8648ce3d030107034200', 'hex')) + 11; // P-256, then 65 bytes of point
    const mixed = Buffer.from(one);
    two.copy(mixed, spki(one), spki(two), spki(two) + 65);
    await wrong({ csr: `-----BEGIN CERTIFICATE REQUEST-----\n${mixed.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE REQUEST-----\n` }, '/csr');
  });

  test('its key is of another kind', async () => {
    for (const algorithm of [['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
      ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], ['-algorithm', 'ED25519']])
      await wrong({ csr: keyPair({ algorithm }).csr }, '/csr');
  });

  test('its gateway’s CSR is not one, or its names cannot be', async () => {
    const { csr } = keyPair();
    const names = 'xinke.internal';
    await wrong({ server_csr: 'x', server_names: names }, '/server_csr');
    await wrong({ server_csr: broken(csr), server_names: names }, '/server_csr');
    for (const none of [' xinke.internal', '999.1.1.1', 'a b', 'xinke..internal'])
      await wrong({ server_csr: csr, server_names: none }, '/server_csr');
    await wrong({ server_csr: csr, server_names: Array(40).fill(names).join() }, '/server_names');
  });

  test('members that are missing or wrong', async () => {
    for (const name of ['code', 'log', 'csr', 'software'])
      for (const value of [undefined, null, 7, [], {}]) await wrong({ [name]: value }, `/${name}`);
    for (const key of [undefined, null, 'x', '', Buffer.alloc(31).toString('base64'), Buffer.alloc(33).toString('base64'), 7])
      await wrong({ field_key: key }, '/field_key');
    await wrong({ log: 'x' }, '/log');
    await wrong({ code: 'x'.repeat(41) }, '/code');
    await wrong({ software: 'a\u0007b' }, '/software');
    await wrong({ server_csr: 7 }, '/server_csr');
    await wrong({ server_names: 7 }, '/server_names');
    await wrong({ restore: 'yes' }, '/restore');
    await wrong({ log: 'x', software: 7 }, '/log', '/software');
  });

  test('no JSON, twice a key, too deep, too large, another media type', async () => {
    const whole = JSON.stringify(enrolment(code, made));
    const bad = (body, expect, options) => enroll(body, { invalid: true, expect, ...options });
    for (const text of ['', 'x', '[]', 'null', whole.slice(0, -1), `${whole}x`, whole.replace('"code"', '"log":"x","code"'),
      whole.replace('{', '{"later":1,"later":2,'), whole.replace('{', `{"later":${'['.repeat(16)}${']'.repeat(16)},`), whole.replace('hand', 'ha\\u0000nd')])
      await bad(text, 'malformed_json');
    await bad(Buffer.from(whole.replace('hand', 'h\u00ffnd'), 'latin1'), 'malformed_json');
    await bad(`${whole}${' '.repeat(66000)}`, 'too_large');
    await bad(whole, 'unsupported_media', { headers: { 'content-type': 'text/plain' } });
    assert.equal((await link.raw('GET', ENROLL)).status, 405);
    assert.equal((await link.raw('POST', `${ENROLL}?x=1`, { body: whole })).body.code, 'validation');
  });

  test('its log is another box’s', async () => {
    const [{ log }] = sql(world, "SELECT lower(hex(log)) AS log FROM logs LIMIT 1");
    const taken = log.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    await enroll(enrolment(code, made, { log: taken }), { expect: 'conflict' });
  });

  test('and after all that the code is still good', async () => {
    assert.deepEqual(sql(world, "SELECT * FROM lockouts WHERE subject LIKE 'enrol:%'"), []); // none of it counts as a wrong code
    await enroll(enrolment(code, made), { expect: 200 });
    past = stored(world);
    assert.equal(world.countyTool('verify').status, 0);
  });
});
