// Boxes played by hand against a county that packaging/run.sh started. Macs, chains, feeds and signatures are computed
// here from the words of sync/PROTOCOL.md and with Node's own crypto, so these tests check the text as well as the
// program.
//
//   const world = await startCounty('tls');
//   const box = await enrol(world, '652323101200');
//   box.append('note', { text: 'x' }, { caseId });
//   await box.exchange();
//   await endCounty(world);

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

import { receiptNumber, registration } from '../lib/people.mjs';
import { entryHash, eventHash, macOf, sha256, signed, ZERO } from '../lib/protocol.mjs';
import { countyApi, start } from '../lib/run.mjs';

export const catalog = JSON.parse(readFileSync(new URL('../../schema/catalog/hutubi-2022.json', import.meta.url), 'utf8'));

export { canonical, entryHash, eventHash, macOf, sha256, signed, ZERO } from '../lib/protocol.mjs';

// --- the county ---

const tables = ['stations', 'logs', 'enrolments', 'chain', 'events', 'cases', 'followers', 'feed', 'things', 'alarms', 'calls'];

/** A county of one's own, with what the tests below ask of it. */
export async function startCounty(name) {
  const world = await start({ name, command: 'start-county' });
  world.folder = path.dirname(world.json.county.config);
  world.db = path.join(world.folder, 'county/county.db');
  world.root = readFileSync(world.json.county.ca, 'utf8');
  world.closers = [];
  world.syncPort = Number(new URL(world.json.county.sync_url).port);
  /** A caller of one of its addresses ("sync", "api", "public"), by whatever identity. */
  world.caller = (face, identity = {}) => {
    const client = countyApi.client({ base: world.json.county[`${face}_url`], ca: world.root, terse: face === 'sync', ...identity });
    world.closers.push(() => client.close());
    return client;
  };
  const signedIn = new Map();
  /** A signed-in account, once: sign-ins are slow on purpose. */
  world.as = (role) => {
    if (!signedIn.has(role)) {
      signedIn.set(role, world.county(role).then((client) => {
        world.closers.push(() => client.close());
        return client;
      }));
    }
    return signedIn.get(role);
  };
  return world;
}

/** Ends it; what a sanitizer found is told. */
export async function endCounty(world) {
  if (!world) return;
  world.closers.forEach((close) => close());
  world.script('stop-county');
  const log = readFileSync(path.join(world.folder, 'county.log'), 'utf8');
  await world.stop();
  assert.doesNotMatch(log, /Sanitizer|runtime error:/);
  assert.match(log, / stopped signal=15\n$/);
}

/** Runs SQL on the county's database by the sqlite3 command; rows as objects. */
export function sql(world, text, { write = false } = {}) {
  const out = execFileSync('sqlite3', [...(write ? [] : ['-readonly']), '-json', '-cmd', '.timeout 5000', world.db, text], { encoding: 'utf8' });
  return out.trim() ? JSON.parse(out) : [];
}

/** Row counts of every table that a box or an account can fill, and a digest of all that stands in them. */
export function stored(world) {
  const [counts] = sql(world, `SELECT ${tables.map((name) => `(SELECT count(*) FROM ${name}) AS ${name}`).join(', ')}`);
  const dump = execFileSync('sqlite3', ['-readonly', world.db, `.dump ${tables.join(' ')}`], { maxBuffer: 1 << 28 });
  return { ...counts, all: sha256(dump).toString('hex') };
}

/** Runs FN; nothing may have been stored by it. */
export async function unchanged(world, fn) {
  const past = stored(world);
  const value = await fn();
  assert.deepEqual(stored(world), past);
  return value;
}

// --- keys and certificates by the openssl command ---

export const openssl = (...args) => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

const scratch = mkdtempSync(path.join(tmpdir(), 'xinke-keys-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
/** A file of TEXT, gone with this process. */
export function fileOf(text) {
  const name = path.join(scratch, randomUUID());
  writeFileSync(name, text, { mode: 0o600 });
  return name;
}

const P256 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'];
export const newKey = (algorithm = P256) => openssl('genpkey', ...algorithm);

/** A P-256 key and a request for it, PEM. */
export function keyPair({ subject = '/CN=box', algorithm = P256, more = [] } = {}) {
  const key = newKey(algorithm);
  return { key, csr: openssl('req', '-new', '-utf8', '-key', fileOf(key), '-subj', subject, ...more) };
}

/** Files of a CA for `forge`: the county's own, or another with the same name. */
export function authority(world, { own }) {
  const dir = mkdtempSync(path.join(world.folder, 'forge-'));
  const file = (name) => path.join(dir, name);
  let [cert, key] = ['crt', 'key'].map((end) => path.join(world.folder, `county/ca/root.${end}`));
  if (!own) {
    [cert, key] = [file('ca.crt'), file('ca.key')];
    const name = new X509Certificate(world.root).subject.replace(/^CN=/, '');
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '30', '-utf8', '-subj', `/CN=${name}`);
  }
  writeFileSync(file('index.txt'), '');
  writeFileSync(file('ca.conf'), `[ca]\ndefault_ca=d\n[d]\ndatabase=${file('index.txt')}\nnew_certs_dir=${dir}\ndefault_md=sha256\n`
    + 'rand_serial=yes\nunique_subject=no\npolicy=p\nutf8=yes\n[p]\ncommonName=supplied\n');
  return { cert, key, dir, config: file('ca.conf') };
}

const stamp = (ms) => new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
export const DAY = 86400000;

/** A station's certificate as `by` signs it; each part can be made wrong. */
export function forge(by, { station, from = Date.now() - DAY, to = Date.now() + DAY, usage = 'clientAuth', uri = `xinke:station:${station}:box:01`, made = keyPair({ subject: `/CN=${station}` }) }) {
  const ext = fileOf(`basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n${usage ? `extendedKeyUsage=${usage}\n` : ''}`
    + `subjectAltName=URI:${uri}\n`);
  const out = openssl('ca', '-batch', '-notext', '-config', by.config, '-cert', by.cert, '-keyfile', by.key, '-in', fileOf(made.csr),
    '-extfile', ext, '-startdate', stamp(from), '-enddate', stamp(to));
  return { cert: out.slice(out.indexOf('-----BEGIN')), key: made.key };
}

// --- the link, below the contract ---

/** One POST over HTTPS; {status, headers, raw, body, reused}. */
export function post(world, target, text, { agent, identity = {}, headers = {}, localAddress } = {}) {
  return new Promise((resolve, reject) => {
    const request = https.request(`${world.json.county.sync_url}${target}`, { ca: world.root, agent: agent ?? false, localAddress, ...identity,
      method: 'POST', headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers } });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const raw = Buffer.concat(chunks);
        resolve({ status: response.statusCode, headers: response.headers, raw, body: JSON.parse(raw), reused: request.reusedSocket });
      });
    });
    request.end(text);
  });
}

/** Shakes hands and says nothing; the error of a handshake that was refused, null where the connection stands. */
export function handshake(world, options) {
  return new Promise((resolve) => {
    const socket = tls.connect({ host: '127.0.0.1', port: world.syncPort, ca: world.root, ...options });
    const end = (error) => {
      socket.destroy();
      resolve(error);
    };
    socket.on('error', end);
    socket.on('close', () => end(new Error('closed')));
    // in TLS 1.3 the server judges the client's certificate after the client thinks that all is well
    socket.on('secureConnect', () => setTimeout(() => end(null), 3000));
    socket.resume();
  });
}

/** Sends bytes as they are; {status, code, text}. */
export function rawly(world, identity, ...parts) {
  return new Promise((resolve) => {
    let seen = '';
    const socket = tls.connect({ host: '127.0.0.1', port: world.syncPort, ca: world.root, ...identity }, () => parts.forEach((part) => socket.write(part)));
    const end = () => {
      socket.destroy();
      const [head, body = ''] = seen.split('\r\n\r\n');
      let code;
      try { code = JSON.parse(body).code; } catch { /* the library's own page */ }
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), code, text: seen });
    };
    socket.setTimeout(5000, end);
    socket.on('data', (data) => {
      seen += data;
      if (/\r\n\r\n[^]*\}\s*$/.test(seen)) end();
    });
    socket.on('error', end);
    socket.on('close', end);
  });
}

// --- a box ---

/** The body of an enrolment. */
export const enrolment = (code, made, more = {}) =>
  ({ code, log: randomUUID(), csr: made.csr, server_csr: null, field_key: Buffer.alloc(32, 7).toString('base64'), software: 'hand/1', ...more });

/** A new code for STATION, by an operator over the API. */
export async function newCode(world, station) {
  const operator = await world.as('operator');
  return (await operator.call('POST', '/api/v1/enrolment-codes', { body: { station }, expect: 201 })).body;
}

export async function enrol(world, station) {
  const made = keyPair();
  const { code } = await newCode(world, station);
  const body = enrolment(code, made);
  const answer = (await world.caller('sync').call('POST', '/sync/v1/enroll', { body, expect: 200 })).body;
  return new Box(world, answer, made.key);
}

export class Box {
  constructor(world, answer, key) {
    Object.assign(this, { world, station: answer.station, log: answer.log, number: answer.box, identity: { cert: answer.certificate, key } });
    this.stationKey = Buffer.from(answer.station_key, 'base64');
    this.answerCertificate = answer.answer_certificate;
    this.client = world.caller('sync', this.identity);
    this.have = ZERO;
    this.head = ZERO;
    this.feed = ZERO;
    this.events = []; // above `have`
    this.entries = [];
    this.serial = 0;
    this.append('log_opened', { parent: null, parent_seq: 0, parent_hash: null, box: this.number });
  }

  /** Adds an event to the log; as it is sent. */
  append(type, body, { caseId, id = randomUUID(), at = Date.now(), actor = 'clerk', device = '' } = {}) {
    const event = { seq: this.head.seq + 1, id, ...(caseId ? { case_id: caseId } : {}), type, body, at, clock: 'rtc',
      boot: '6d1f0b52-3b0c-4a86-9d10-0f6a1e7c2d3e', mono: 4711, actor, device };
    this.head = { seq: event.seq, hash: eventHash(this.head.hash, { event, mac: macOf(this.stationKey, body), station: this.station, log: this.log }) };
    this.events.push(event);
    return event;
  }

  /** The body that opens a case of ITEM. */
  receiving(code, rng, changes = {}) {
    const item = catalog.items.find((one) => one.code === code);
    const day = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10).replaceAll('-', '');
    return { ...registration(item, rng), catalog: catalog.catalog, catalog_version: catalog.version, record: item.record,
      receipt_number: receiptNumber(this.station, day, this.number, ++this.serial), received_at: Date.now(), token: rng.digits(16), ...changes };
  }

  /** Takes a case of ITEM in, and passes it on where TO says; its id. */
  register(code, rng, { to, changes } = {}) {
    const id = rng.uuid();
    this.append('receive', this.receiving(code, rng, changes), { caseId: id, id });
    if (to) this.append('forward', { to }, { caseId: id });
    return id;
  }

  request(changes = {}) {
    return { protocol: 1, station: this.station, log: this.log, software: 'hand/1', clock: { now: Date.now(), quality: 'rtc' },
      have: this.have, events: this.events, head: this.head, feed: this.feed, health: { head: this.head.seq }, ...changes };
  }

  /** One exchange whose answer is believed only after its signature; takes what it says. */
  async exchange(changes = {}) {
    const text = JSON.stringify(this.request(changes));
    const { body: answer, headers, raw } = await this.client.call('POST', '/sync/v1/exchange', { body: text, expect: 200 });
    assert.ok(signed(headers['xinke-signature'], text, raw, this.answerCertificate), 'the signature does not fit');
    const known = [this.have, this.head].find(({ seq, hash }) => answer.received.seq === seq && answer.received.hash === hash);
    assert.ok(known, 'a mark that is not in this chain');
    if (known === this.head) this.events = [];
    this.have = known;
    for (const entry of answer.feed) {
      assert.equal(entry.n, this.feed.seq + 1);
      assert.equal(entry.hash, entryHash(this.feed.hash, entry, this.stationKey));
      this.feed = { seq: entry.n, hash: entry.hash };
      this.entries.push(entry);
    }
    assert.deepEqual(answer.feed_head, this.feed);
    return answer;
  }

  /** Exchanges until there is nothing to fetch. */
  async settle() {
    let answer;
    do answer = await this.exchange(); while (answer.more);
    return answer;
  }

  /** What the feed said of own event SEQ: 'settled', the entry of a refusal, or undefined. */
  verdict(seq) {
    for (const entry of this.entries) {
      if (entry.log !== this.log) continue;
      if (entry.kind === 'settled' && entry.from <= seq && seq <= entry.to) return 'settled';
      if (entry.kind === 'refused' && entry.seq === seq) return entry;
    }
    return undefined;
  }
}
