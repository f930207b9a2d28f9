// A county of one's own and boxes played by this file, for the county's tests: a temporary folder, free ports, the real
// program, stopped by its process id. The box here is a second hand at the protocol: chain, macs and signatures are
// computed by what sync/PROTOCOL.md says, not by the program's own code.
//
//   const county = await startCounty();
//   const operator = await county.signIn('operator');
//   const box = await county.enrol('652323101200');
//   box.append('receive', id, body);
//   const answer = await box.exchange();
//   await county.close();

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash, createHmac, createPublicKey, randomUUID, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { contract } from '../lib/contract.mjs';
import { random, receiptNumber, registration } from '../lib/people.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BIN = process.env.XINKE_BIN ?? here('../../build/san');
export const api = contract(here('../../schema/openapi/county.yaml'));
export const catalog = JSON.parse(readFileSync(here('../../schema/catalog/hutubi-2022.json'), 'utf8'));
export const itemOf = (code) => catalog.items.find((item) => item.code === code);

export const VILLAGE = '652323101200';
export const OTHER = '652323101201';
export const TOWNSHIP = '652323101000';

// --- what a box computes ---

const ZERO = '0'.repeat(64);
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

/** RFC 8785, for what we send: integers, strings, arrays, objects. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

function openssl(...args) {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${args.join(' ')}\n${stderr}`);
  return stdout;
}

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

class Box {
  constructor(county, { answer, key, log }) {
    Object.assign(this, { county, key, log, cert: answer.certificate, station: answer.station, number: answer.box });
    this.stationKey = Buffer.from(answer.station_key, 'base64');
    this.head = { seq: 0, hash: ZERO };
    this.have = { seq: 0, hash: ZERO };
    this.feed = { seq: 0, hash: ZERO };
    this.unsent = [];
    this.entries = [];
    this.serial = 0;
    this.people = []; // applicants
    this.append('log_opened', null, { box: this.number, parent: null, parent_hash: null, parent_seq: 0 });
    this.agent = new https.Agent({ keepAlive: true, ca: county.root, cert: this.cert, key });
  }

  append(type, caseId, body, { id = randomUUID(), at = Date.now() } = {}) {
    const event = { seq: this.head.seq + 1, id, ...(caseId ? { case_id: caseId } : {}), type, at, clock: 'rtc',
      boot: '0b0f3a52-7a4e-4d52-8a57-0f1f6a1c2d3e', mono: 1000, actor: 'clerk', body };
    const mac = createHmac('sha256', this.stationKey).update(canonical(body)).digest('hex');
    const { seq, body: _, ...rest } = event;
    const hashed = canonical({ ...rest, device: '', log: this.log, mac, origin: this.station, seq, station: this.station });
    this.head = { seq, hash: sha256(Buffer.from(this.head.hash, 'hex'), hashed).toString('hex') };
    this.unsent.push(event);
    return event;
  }

  /** Registers a case of ITEM, its body with CHANGES, and passes it up to the township where this village only takes it in. */
  register(code, rng, { to = TOWNSHIP, changes = {} } = {}) {
    const item = itemOf(code);
    const id = randomUUID();
    const day = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10).replaceAll('-', '');
    const body = { ...registration(item, rng), catalog: catalog.catalog, catalog_version: catalog.version, record: item.record,
      receipt_number: receiptNumber(this.station, day, this.number, ++this.serial), received_at: Date.now(),
      token: rng.digits(16), ...changes };
    this.people.push(body.applicant);
    this.append('receive', id, body, { id });
    if (item.levels.village === 'accept') this.append('forward', id, { to });
    return { id, ...body };
  }

  request(changes = {}) {
    return { protocol: 1, station: this.station, log: this.log, software: 'test/1', clock: { now: Date.now(), quality: 'rtc' },
      have: this.have, events: this.unsent, head: this.head, feed: this.feed, health: { head: this.head.seq }, ...changes };
  }

  /** One POST with whatever identity; {status, headers, raw}. */
  post(body, { agent = this.agent, headers = {}, path = '/sync/v1/exchange' } = {}) {
    return new Promise((resolve, reject) => {
      const request = https.request(`${this.county.syncUrl}${path}`, { agent, method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers } });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, raw: Buffer.concat(chunks) }));
      });
      request.end(body);
    });
  }

  /** Checks signature and feed chain, and keeps what the answer says. */
  async exchange() {
    const text = JSON.stringify(this.request());
    const { status, headers, raw } = await this.post(text);
    assert.equal(status, 200, raw.toString());
    const [keyId, signature] = headers['xinke-signature'].split(',');
    const { body: pem } = await this.county.sync.call('GET', `/sync/v1/keys/${keyId}`);
    const signed = Buffer.concat([Buffer.from('xinke-answer-1'), sha256(text), raw]);
    assert.ok(verify('sha256', signed, createPublicKey(pem), Buffer.from(signature, 'base64')), 'the signature does not fit');
    const answer = JSON.parse(raw);
    assert.equal(api.check('ExchangeAnswer', answer), '');
    for (const { hash, ...entry } of answer.feed) {
      const { body, events: _events, ...bare } = entry; // a mark's events are no part of its hash
      if (body) bare.mac = createHmac('sha256', this.stationKey).update(canonical(body)).digest('hex');
      assert.equal(entry.n, this.feed.seq + 1);
      this.feed = { seq: entry.n, hash: sha256(Buffer.from(this.feed.hash, 'hex'), canonical(bare)).toString('hex') };
      assert.equal(hash, this.feed.hash);
      this.entries.push(entry);
    }
    assert.deepEqual(answer.feed_head, this.feed);
    assert.deepEqual(answer.received, this.head);
    this.have = answer.received;
    this.unsent = [];
    return answer;
  }

  close() {
    this.agent.destroy();
  }
}

// --- the county ---

const ROLES = { operator: ['operator'], head: ['head'], centre: ['centre'], auditor: ['auditor'],
  minzheng: ['department', '民政局'], renshe: ['department', '人社局'] };

class County {
  constructor(dir) {
    this.dir = dir;
    this.config = join(dir, 'county.conf');
    this.data = join(dir, 'data');
    this.passwords = {};
    this.closers = [];
    this.log = '';
  }

  /** Runs a command; {status, stdout, stderr}. */
  tool(args, input = '') {
    const { status, stdout, stderr, error } = spawnSync(join(BIN, 'xinke-county'), ['-c', this.config, ...args], { encoding: 'utf8', input });
    if (error) throw error;
    return { status, stdout, stderr };
  }

  must(...args) {
    const { status, stdout, stderr } = this.tool(args);
    if (status !== 0) throw new Error(`xinke-county ${args.join(' ')} -> ${status}\n${stderr}`);
    return stdout;
  }

  async init() {
    const [sync, apiPort, pub] = await Promise.all([freePort(), freePort(), freePort()]);
    writeFileSync(this.config, `[paths]\ndata = data\n[http]\nbind = 127.0.0.1\nnames = localhost,127.0.0.1\nsync_port = ${sync}\n`
      + `api_port = ${apiPort}\npublic_port = ${pub}\n[sync]\nurl = https://127.0.0.1:${sync}\n`);
    this.must('init', '--schema', here('../../schema'));
    this.root = readFileSync(join(this.data, 'ca/root.crt'), 'utf8');
    [this.syncUrl, this.apiUrl, this.publicUrl] = [sync, apiPort, pub].map((port) => `https://127.0.0.1:${port}`);
    for (const [name, [role, office]] of Object.entries(ROLES))
      this.passwords[name] = this.must('account', 'add', name, '--role', role, ...(office ? ['--office', office] : [])).trim();
    this.sync = this.client(this.syncUrl);
    this.public = this.client(this.publicUrl);
    this.anonymous = this.client(this.apiUrl);
  }

  client(base, options = {}) {
    const client = api.client({ base, ca: this.root, terse: base === this.syncUrl, ...options });
    this.closers.push(() => client.close());
    return client;
  }

  start() {
    return new Promise((resolve, reject) => {
      this.child = spawn(join(BIN, 'xinke-county'), ['-c', this.config, 'serve'], { stdio: ['ignore', 'ignore', 'pipe'] });
      this.child.stderr.setEncoding('utf8');
      this.child.stderr.on('data', (text) => {
        this.log += text;
        if (/ started /.test(text)) resolve();
      });
      this.child.on('error', reject);
      this.ended = new Promise((end) => this.child.on('exit', (code, signal) => {
        reject(new Error(`the county ended with ${code ?? signal}\n${this.log}`));
        end({ code, signal });
      }));
    });
  }

  /** Asks it to end; its exit. */
  stop(signal = 'SIGTERM') {
    if (this.child.exitCode === null && this.child.signalCode === null) process.kill(this.child.pid, signal);
    return this.ended;
  }

  async signIn(name) {
    const { body } = await this.anonymous.call('POST', '/api/v1/sessions', { body: { name, password: this.passwords[name] }, expect: 201 });
    return this.client(this.apiUrl, { token: body.token });
  }

  /** A key and a request for it. */
  request(name = 'box') {
    const key = join(this.dir, `${randomUUID()}.key`);
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', key);
    return { file: key, key: readFileSync(key, 'utf8'), csr: openssl('req', '-new', '-key', key, '-subj', `/CN=${name}`) };
  }

  /** The body of an enrolment. */
  enrolment(code, made = this.request()) {
    return { code, log: randomUUID(), csr: made.csr, server_csr: null, field_key: Buffer.alloc(32, 7).toString('base64'), software: 'test/1' };
  }

  code(station) {
    return JSON.parse(this.must('enrol-code', station, '--json')).code;
  }

  async enrol(station) {
    const made = this.request();
    const body = this.enrolment(this.code(station), made);
    const { body: answer } = await this.sync.call('POST', '/sync/v1/enroll', { body, expect: 200 });
    const box = new Box(this, { answer, key: made.key, log: body.log });
    this.closers.push(() => box.close());
    return box;
  }

  /** A certificate for STATION by another hand: `ca` {cert, key} files, `days`, extended key usage. */
  forge(station, { ca, days = 30, usage = 'clientAuth', uri = `xinke:station:${station}:box:01` }) {
    const made = this.request(station);
    const [csr, ext] = ['csr', 'ext'].map((end) => join(this.dir, `${randomUUID()}.${end}`));
    writeFileSync(csr, made.csr);
    writeFileSync(ext, `extendedKeyUsage=${usage}\nsubjectAltName=URI:${uri}\n`);
    const cert = openssl('x509', '-req', '-in', csr, '-CA', ca.cert, '-CAkey', ca.key, '-days', String(days), '-extfile', ext, '-set_serial', '77');
    return { cert, key: made.key };
  }

  get ownCa() {
    return { cert: join(this.data, 'ca/root.crt'), key: join(this.data, 'ca/root.key') };
  }

  otherCa() {
    const [cert, key] = ['crt', 'key'].map((end) => join(this.dir, `other.${end}`));
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '30', '-subj', '/CN=呼图壁县');
    return { cert, key };
  }

  async close() {
    this.closers.forEach((close) => close());
    const end = this.child ? await this.stop() : { code: 0 };
    if (!process.env.XINKE_KEEP) rmSync(this.dir, { recursive: true, force: true });
    if (end.code !== 0) throw new Error(`the county ended with ${end.code ?? end.signal}\n${this.log}`); // a sanitizer's finding too
  }
}

/** A county with accounts of every role, running. */
export async function startCounty() {
  const county = new County(mkdtempSync(join(tmpdir(), 'xinke-county-')));
  await county.init();
  await county.start();
  return county;
}

export { random };
