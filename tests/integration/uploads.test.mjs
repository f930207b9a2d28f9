// Photos and papers over tus: the public client through a line that breaks and a gateway that is killed, the same against
// the reference server, and what bad input gets.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';

import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

import { below, pdf, send, sha256, storm } from '../lib/cuts.mjs';
import { sleep, startBox, until } from './gateway_box.mjs';

const CUTS = Number(process.env.XINKE_CUTS ?? 20);
const SEED = Number(process.env.XINKE_SEED ?? 20261124);
const MEDIA = 'application/offset+octet-stream';
const UPLOADS = '/api/v1/uploads';
const next = below(SEED);
const b64 = (text) => Buffer.from(text).toString('base64');

let box;
let clerk;
let lead;

before(async () => {
  box = await startBox({ conf: { limits: ['upload_max_bytes = 60000000', 'space_reserve_bytes = 1048576'] } });
  clerk = await box.signIn('clerk');
  lead = await box.signIn('lead');
});
after(() => box.close());

// --- calls ---

const tusCall = (who, method, path, { headers = {}, ...more } = {}) =>
  who.call(method, path, { headers: { 'tus-resumable': '1.0.0', ...headers }, ...more });
const create = (length, { headers, who = clerk, ...more } = {}) =>
  tusCall(who, 'POST', UPLOADS, { headers: { 'upload-length': String(length), ...headers }, expect: 201, ...more });
const patch = (path, offset, body, { headers, who = clerk, ...more } = {}) =>
  tusCall(who, 'PATCH', path, { headers: { 'upload-offset': String(offset), 'content-type': MEDIA, ...headers }, body, expect: 204, ...more });
const head = (path, { who = clerk, ...more } = {}) => tusCall(who, 'HEAD', path, { expect: 200, ...more });
const offsetOf = async (path) => Number((await head(path)).headers['upload-offset']);
const metric = async (name) => {
  const { body } = await clerk.call('GET', '/metrics', { token: null });
  return Number(new RegExp(`^xinke_${name} (\\d+)$`, 'm').exec(body)?.[1]);
};

/** Writes bytes to the gateway and ends the line without waiting for anything. */
async function half(method, path, headers, body, linger = 0) {
  const socket = tls.connect({ port: box.port, host: '127.0.0.1', ca: box.root });
  await new Promise((up, no) => { socket.once('secureConnect', up); socket.once('error', no); });
  const lines = Object.entries({ host: `127.0.0.1:${box.port}`, authorization: `Bearer ${clerk.token}`, 'tus-resumable': '1.0.0', ...headers });
  await new Promise((sent) => {
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`);
    socket.write(body, sent);
  });
  socket.on('error', () => {});
  if (linger) await sleep(linger);
  return socket;
}

/** Files of uploads without a record: what a kill in the middle of a creation leaves until the sweep, and nothing else may. */
function orphans() {
  const names = readdirSync(join(box.dir, 'data', 'blobs', 'uploads'));
  const records = new Set(names.filter((name) => name.endsWith('.info')).map((name) => name.slice(0, 32)));
  return names.filter((name) => !records.has(name.slice(0, 32)));
}

// --- the line that breaks ---

test('tus-js-client through cuts and kills: every file byte-equal at the end', { timeout: 600000 }, async (t) => {
  const server = {
    port: () => box.port,
    endpoint: (port) => `https://127.0.0.1:${port}${UPLOADS}`,
    kill: async () => { box.kill('SIGKILL'); await box.ended(); await box.start(); },
    read: async (sha) => (await tusClient().call('GET', `/api/v1/blobs/${sha}`)).raw,
  };
  const tusClient = () => { const one = box.client(); one.token = clerk.token; return one; };
  const seen = await storm(server, { cuts: CUTS, kill: 4, seed: SEED, ca: box.root, log: (line) => t.diagnostic(line),
    headers: { authorization: `Bearer ${clerk.token}` } });
  assert.ok(seen.cuts >= CUTS && seen.kills >= Math.floor(CUTS / 4));
  clerk = await box.signIn('clerk');
  lead = await box.signIn('lead');
});

test('the same script is green against @tus/server', { timeout: 600000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'xinke-tus-'));
  let listener;
  const start = () => new Promise((up) => {
    const reference = new Server({ path: '/files', datastore: new FileStore({ directory: dir }), respectForwardedHeaders: false, relativeLocation: true });
    listener = http.createServer((req, res) => reference.handle(req, res));
    listener.listen(0, '127.0.0.1', up);
  });
  await start();
  const server = {
    port: () => listener.address().port,
    endpoint: (port) => `http://127.0.0.1:${port}/files`,
    kill: async () => { const old = listener; await start(); old.closeAllConnections(); old.close(); },
    read: (sha, url) => readFileSync(join(dir, url.split('/').at(-1))),
  };
  try {
    const seen = await storm(server, { cuts: CUTS, kill: 4, seed: SEED, log: (line) => t.diagnostic(line) });
    assert.ok(seen.cuts >= CUTS && seen.kills >= Math.floor(CUTS / 4));
  } finally {
    listener.closeAllConnections();
    listener.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

// --- one upload ---

test('options, creation, pieces, head, blob, ranges', async () => {
  const { headers } = await clerk.call('OPTIONS', UPLOADS, { token: null, expect: 204 });
  assert.equal(headers['tus-max-size'], '60000000');
  assert.match(headers['tus-extension'], /checksum/);
  const file = pdf(300000, next);
  const made = await create(file.length, { headers: { 'upload-metadata': `filename ${b64('../../身份证.pdf')},filetype ${b64('image/png')},flag` } });
  const path = made.headers.location;
  await clerk.call('OPTIONS', path, { token: null, expect: 204 });
  assert.equal(await offsetOf(path), 0);
  await patch(path, 0, file.subarray(0, 100000));
  assert.equal((await patch(path, 100000, file.subarray(100000))).headers['upload-offset'], '300000');
  const asked = await head(path);
  assert.equal(asked.headers['upload-length'], '300000');
  assert.match(asked.headers['upload-metadata'], /^filename /);
  assert.equal((await patch(path, 300000, Buffer.alloc(0))).headers['upload-offset'], '300000'); // its answer was lost
  await patch(path, 300000, Buffer.from('more'), { expect: 'upload_offset' });
  const at = `/api/v1/blobs/${sha256(file)}`;
  const whole = await clerk.call('GET', at, { expect: 200 });
  assert.equal(whole.media, 'application/pdf'); // by the content, whatever the sender said
  assert.ok(whole.raw.equals(file));
  assert.equal(whole.headers['x-content-type-options'], 'nosniff');
  assert.ok((await clerk.call('GET', at.toUpperCase().replace('/API/V1/BLOBS', '/api/v1/blobs'), { expect: 200 })).raw.equals(file));
  for (const [asks, from, to] of [['0-0', 0, 1], ['65530-65545', 65530, 65546], ['299990-', 299990, 300000], ['-7', 299993, 300000], ['0-9999999', 0, 300000]]) {
    const part = await clerk.call('GET', at, { headers: { range: `bytes=${asks}` }, expect: 206 });
    assert.equal(part.headers['content-range'], `bytes ${from}-${to - 1}/300000`);
    assert.ok(part.raw.equals(file.subarray(from, to)), asks);
  }
  assert.equal((await clerk.call('GET', at, { headers: { range: 'bytes=300000-' }, expect: 'range' })).headers['content-range'], 'bytes */300000');
  for (const asks of ['bytes=5-2', 'lines=1-2', 'bytes=1-2,4-5', 'bytes=-', 'bytes=x-'])
    assert.equal((await clerk.call('GET', at, { headers: { range: asks }, expect: 200 })).raw.length, 300000);
  await clerk.call('GET', at, { token: null, expect: 401 });
  await clerk.call('GET', `/api/v1/blobs/${'0'.repeat(64)}`, { expect: 404 });
  await clerk.call('GET', '/api/v1/blobs/..%2e', { invalid: true, expect: [400, 404] });
  await tusCall(clerk, 'DELETE', path, { expect: 204 });
  await head(path, { expect: 404 });
  await clerk.call('GET', at, { expect: 200 }); // the blob stays
});

test('a length that comes later, first bytes with the creation, the same file twice', async () => {
  const file = pdf(70000, next);
  const made = await tusCall(clerk, 'POST', UPLOADS, { headers: { 'upload-defer-length': '1', 'content-type': MEDIA }, body: file.subarray(0, 66000), expect: 201 });
  assert.equal(made.headers['upload-offset'], '66000');
  const path = made.headers.location;
  assert.equal((await head(path)).headers['upload-defer-length'], '1');
  await patch(path, 66000, file.subarray(66000), { headers: { 'upload-length': '69999' }, expect: 'too_large' });
  await patch(path, 66000, file.subarray(66000, 69999), { headers: { 'upload-length': '70000' }, expect: 'upload_offset' }); // it has one now
  await tusCall(clerk, 'DELETE', path, { expect: 204 });
  const again = await tusCall(clerk, 'POST', UPLOADS, { headers: { 'upload-defer-length': '1' }, expect: 201 });
  await patch(again.headers.location, 0, file);
  await patch(again.headers.location, 70000, Buffer.alloc(0), { headers: { 'upload-length': '70000' } });
  const before_ = await metric('blobs');
  const twice = await create(file.length, { headers: { 'content-type': MEDIA }, body: file });
  assert.equal(twice.headers['upload-offset'], '70000');
  assert.equal(await metric('blobs'), before_); // stored once
  assert.ok((await clerk.call('GET', `/api/v1/blobs/${sha256(file)}`)).raw.equals(file));
});

test('checksums: sha1 and sha256, a wrong one drops its piece alone', async () => {
  const file = pdf(200000, next);
  const sum = (kind, data) => `${kind} ${createHash(kind).update(data).digest('base64')}`;
  const path = (await create(file.length)).headers.location;
  await patch(path, 0, file.subarray(0, 150000), { headers: { 'upload-checksum': sum('sha1', file.subarray(0, 150000)) } });
  await patch(path, 150000, file.subarray(150000), { headers: { 'upload-checksum': sum('sha256', file) }, expect: 'upload_checksum' });
  assert.equal(await offsetOf(path), 150000);
  const wrong = Buffer.from(file.subarray(150000));
  wrong[7] ^= 1;
  await patch(path, 150000, wrong, { headers: { 'upload-checksum': sum('sha256', file.subarray(150000)) }, expect: 460 });
  await patch(path, 150000, file.subarray(150000), { headers: { 'upload-checksum': sum('sha256', file.subarray(150000)) } });
  assert.ok((await clerk.call('GET', `/api/v1/blobs/${sha256(file)}`)).raw.equals(file));
  const bad = ['md5 AAAA', 'sha1', 'sha1 ', 'sha1 AAAA', 'sha256 !!!!', 'SHA1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=', 'sha1 2jmj7l5rSw0yVb_vlWAYkK_YBwk='];
  const other = (await create(1000)).headers.location;
  for (const value of bad) await patch(other, 0, Buffer.from('x'), { headers: { 'upload-checksum': value }, invalid: true, expect: 'malformed_request' });
  // under a checksum a piece that breaks off is given up
  const socket = await half('PATCH', other, { 'upload-offset': 0, 'content-type': MEDIA, 'content-length': 1000, 'upload-checksum': sum('sha1', 'x') }, 'half of it', 100);
  socket.destroy();
  await until(async () => (await head(other, { expect: [200, 423] })).status === 200);
  assert.equal(await offsetOf(other), 0);
  const all = await create(40, { headers: { 'content-type': MEDIA, 'upload-checksum': sum('sha1', 'y') }, body: Buffer.from('x'), expect: 'upload_checksum' });
  assert.equal(all.headers.location, undefined);
});

test('what arrived before the line broke is kept', async () => {
  const file = pdf(500000, next);
  const path = (await create(file.length)).headers.location;
  const socket = await half('PATCH', path, { 'upload-offset': 0, 'content-type': MEDIA, 'content-length': 500000 }, file.subarray(0, 123456), 200);
  socket.destroy();
  await until(async () => (await head(path, { expect: [200, 423] })).headers['upload-offset'] === '123456');
  await patch(path, 123456, file.subarray(123456));
  assert.ok((await clerk.call('GET', `/api/v1/blobs/${sha256(file)}`)).raw.equals(file));
});

test('a creation that fails or breaks off leaves nothing', async () => {
  const pending = await metric('uploads_pending');
  const left = orphans();
  await create(300000, { headers: { 'content-type': MEDIA, 'upload-checksum': 'sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, body: pdf(300000, next), expect: 'upload_checksum' });
  await create(40, { headers: { 'content-type': MEDIA }, body: Buffer.alloc(40), expect: 'blob_type' });
  const socket = await half('POST', UPLOADS, { 'upload-length': 500000, 'content-type': MEDIA, 'content-length': 500000 }, Buffer.alloc(100000), 100);
  assert.equal(await metric('uploads_pending'), pending + 1);
  socket.destroy();
  await until(async () => await metric('uploads_pending') === pending);
  assert.deepEqual(orphans(), left);
});

test('a sender that fell silent gives way, one that is at work does not', { timeout: 60000 }, async () => {
  const file = pdf(400000, next);
  const path = (await create(file.length)).headers.location;
  const socket = await half('PATCH', path, { 'upload-offset': 0, 'content-type': MEDIA, 'content-length': 400000 }, file.subarray(0, 100000), 300);
  await patch(path, 0, file, { expect: 'upload_locked' });
  await tusCall(clerk, 'DELETE', path, { expect: 'upload_locked' });
  // it stays on the line and says nothing
  const offset = await until(async () => {
    const { status, headers } = await patch(path, 65536, file.subarray(65536), { expect: [204, 409, 423] });
    return status !== 423 && headers['upload-offset'];
  }, 20000);
  if (offset !== '400000') await patch(path, Number(offset), file.subarray(Number(offset)));
  socket.destroy();
  assert.ok((await clerk.call('GET', `/api/v1/blobs/${sha256(file)}`)).raw.equals(file));
});

// --- bad input ---

test('headers: each fault has its answer, and makes nothing', async () => {
  const pending = await metric('uploads_pending');
  const left = orphans();
  const bad = [
    [{ 'tus-resumable': undefined, 'upload-length': '5' }, 'tus_version'], [{ 'tus-resumable': '0.2.2', 'upload-length': '5' }, 'tus_version'],
    [{}, 'malformed_request'], [{ 'upload-length': '-1' }, 'malformed_request'], [{ 'upload-length': '1e3' }, 'malformed_request'],
    [{ 'upload-length': '9007199254740992' }, 'malformed_request'], [{ 'upload-length': '99999999999999999999999' }, 'malformed_request'],
    [{ 'upload-length': '5', 'upload-defer-length': '1' }, 'malformed_request'], [{ 'upload-defer-length': '2' }, 'malformed_request'],
    [{ 'upload-length': '60000001' }, 'too_large'], [{ 'upload-length': '5', 'upload-concat': 'partial' }, 'malformed_request'],
    ...['filename !', 'filename YQ', 'filename YR==', 'filename Y-__', 'sha256 YWJj', `case_id ${b64('7')}`, 'a YQ==,a YQ==', ',', 'a YQ==,', `filename ${b64('a\u0000b')}`,
      `filename ${Buffer.from([0xff, 0xfe]).toString('base64')}`, `filename ${b64('a'.repeat(300))}`, `material ${b64('m'.repeat(64))}`,
      Array.from({ length: 17 }, (_, i) => `k${i}`).join(','), `x ${b64('y'.repeat(1600))}`].map((one) => [{ 'upload-length': '5', 'upload-metadata': one }, 'malformed_request']),
  ];
  for (const [headers, code] of bad) await tusCall(clerk, 'POST', UPLOADS, { headers, invalid: true, expect: code });
  assert.equal((await tusCall(clerk, 'POST', UPLOADS, { headers: { 'tus-resumable': '2.0.0' }, invalid: true, expect: 412 })).headers['tus-version'], '1.0.0');
  await create(5, { headers: { 'content-type': 'application/json' }, body: Buffer.from('{}'), invalid: true, expect: 'unsupported_media' });
  await create(5, { headers: { 'content-type': MEDIA }, body: Buffer.from('123456'), expect: 'too_large' });
  await tusCall(clerk, 'POST', UPLOADS, { headers: { 'upload-length': '5' }, query: { x: 1 }, invalid: true, expect: 422 });
  assert.equal(await metric('uploads_pending'), pending);
  assert.deepEqual(orphans(), left);
  await create(5, { token: null, expect: 401 });
  const path = (await create(1000)).headers.location;
  const wrong = [[{ 'upload-offset': undefined }, 'malformed_request'], [{ 'upload-offset': 'x' }, 'malformed_request'], [{ 'upload-offset': '5' }, 'upload_offset'],
    [{ 'content-type': 'application/json' }, 'unsupported_media'], [{ 'content-type': undefined }, 'unsupported_media'], [{ 'upload-defer-length': '1' }, 'malformed_request']];
  for (const [headers, code] of wrong) await patch(path, 0, Buffer.from('abc'), { headers, invalid: true, expect: code });
  await patch(path, 0, Buffer.alloc(1001), { expect: 'too_large' });
  // more than declared, of which no header warned
  const sly = await half('PATCH', path, { 'upload-offset': 0, 'content-type': MEDIA, 'transfer-encoding': 'chunked' }, `7d0\r\n${'z'.repeat(2000)}\r\n0\r\n\r\n`);
  const said = await new Promise((data) => { sly.once('data', data); });
  assert.match(said.toString(), /^HTTP\/1\.1 413 /);
  sly.destroy();
  assert.equal(await offsetOf(path), 0);
  for (const id of ['', 'x', '0'.repeat(32), 'A'.repeat(32), '..%2f..']) await head(`${UPLOADS}/${id}`, { invalid: true, expect: [400, 404, 405] }).catch((error) => {
    assert.match(error.message, /is not in gateway.yaml/);
  });
});

test('another account has no part in an upload', async () => {
  const path = (await create(1000)).headers.location;
  await head(path, { who: lead, expect: 404 });
  await patch(path, 0, Buffer.from('abc'), { who: lead, expect: 404 });
  await tusCall(lead, 'DELETE', path, { expect: 404 });
  await head(path, { expect: 200 });
  const tech = await box.signIn('tech');
  await create(1000, { who: tech, expect: 403 });
});

test('what is no photo is dropped whole: a script, a bomb, another file than announced', async () => {
  const left = orphans();
  const counts = async () => Promise.all(['uploads_refused_total', 'uploads_hash_failures_total', 'blobs', 'uploads_pending'].map(metric));
  const was = await counts();
  const script = Buffer.from('\u00ff\u00d8\u00ff\u00e0<script>alert(1)</script>........', 'latin1');
  const bomb = Buffer.alloc(57);
  Buffer.from('89504e470d0a1a0a0000000d49484452000186a0000186a00802000000deadbeef', 'hex').copy(bomb);
  Buffer.from('0000000049454e44ae426082', 'hex').copy(bomb, 45);
  for (const [file, code] of [[script, 'blob_type'], [Buffer.from('<html>hello, this is a page</html>'), 'blob_type'], [bomb, 'blob_pixels'], [Buffer.alloc(5), 'blob_type']]) {
    const path = (await create(file.length)).headers.location;
    await patch(path, 0, file, { expect: code });
    await head(path, { expect: 404 });
    await clerk.call('GET', `/api/v1/blobs/${sha256(file)}`, { expect: 404 });
  }
  const file = pdf(1000, next);
  const path = (await create(1000, { headers: { 'upload-metadata': `sha256 ${b64(sha256('another'))}` } })).headers.location;
  await patch(path, 0, file, { expect: 'upload_hash' });
  await head(path, { expect: 404 });
  await create(0, { expect: 'blob_type' });
  const is = await counts();
  assert.deepEqual(is.map((n, i) => n - was[i]), [5, 1, 0, 0]);
  assert.deepEqual(orphans(), left);
});

// --- start and space ---

test('a blob that the table lost, and one that the folder lost', async () => {
  const file = pdf(5000, next);
  await create(file.length, { headers: { 'content-type': MEDIA }, body: file });
  const sha = sha256(file);
  const stored = join(box.dir, 'data', 'blobs', sha.slice(0, 2), sha);
  assert.ok(existsSync(stored));
  assert.ok(!readFileSync(stored).includes('%PDF'));
  await box.stop('SIGKILL');
  const { DatabaseSync } = await import('node:sqlite').catch(() => ({}));
  const sql = DatabaseSync ? null : (await import('node:child_process')).spawnSync;
  const run = (text) => {
    if (sql) return sql('sqlite3', [join(box.dir, 'data', 'xinke.db'), text], { encoding: 'utf8' }).stdout.trim();
    const db = new DatabaseSync(join(box.dir, 'data', 'xinke.db'));
    const [row] = db.prepare(text).all();
    db.close();
    return row ? String(Object.values(row)[0]) : '';
  };
  run(`DELETE FROM blobs WHERE sha256 = x'${sha}'`);
  await box.start();
  assert.equal(run(`SELECT size FROM blobs WHERE sha256 = x'${sha}'`), '5000');
  clerk = await box.signIn('clerk');
  assert.ok((await clerk.call('GET', `/api/v1/blobs/${sha}`)).raw.equals(file));
  await box.stop();
  rmSync(stored);
  await box.start();
  assert.match(run(`SELECT dropped_at FROM blobs WHERE sha256 = x'${sha}'`), /^\d+$/);
  clerk = await box.signIn('clerk');
  await clerk.call('GET', `/api/v1/blobs/${sha}`, { expect: 404 });
  await create(file.length, { headers: { 'content-type': MEDIA }, body: file }); // it comes again
  assert.equal(run(`SELECT dropped_at FROM blobs WHERE sha256 = x'${sha}'`), '');
});

test('below the reserve photos are refused and cases are not', async () => {
  const small = await startBox({ conf: { limits: ['space_reserve_bytes = 1099511627776'] } });
  try {
    const one = await small.signIn('clerk');
    const refused = await tusCall(one, 'POST', UPLOADS, { headers: { 'upload-length': '1000' }, expect: 'upload_space' });
    assert.equal(refused.status, 507);
    assert.equal(refused.headers['tus-resumable'], '1.0.0');
    await one.call('GET', '/api/v1/cases');
  } finally {
    await small.close();
  }
});

test('a paper of 50 MB does not grow the gateway', { timeout: 300000 }, async (t) => {
  const bin = process.env.XINKE_PLAIN ?? fileURLToPath(new URL('../../build', import.meta.url));
  if (!existsSync(join(bin, 'xinke-gateway'))) return t.skip('no build without sanitizers: make all');
  const plain = await startBox({ bin, conf: { limits: ['space_reserve_bytes = 1048576'] } });
  try {
    const one = await plain.signIn('clerk');
    const to = { endpoint: `${plain.base}${UPLOADS}`, ca: plain.root, headers: { authorization: `Bearer ${one.token}` } };
    const pss = () => Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${plain.pid()}/smaps_rollup`, 'utf8'))[1]);
    const file = pdf(50000000, next);
    await send(pdf(3000000, next), to);
    const at = pss();
    let most = 0;
    const watch = setInterval(() => { most = Math.max(most, pss()); }, 20);
    const began = Date.now();
    await send(file, { ...to, metadata: { sha256: sha256(file) } });
    const ms = Date.now() - began;
    const whole = await one.call('GET', `/api/v1/blobs/${sha256(file)}`, { expect: 200 });
    clearInterval(watch);
    t.diagnostic(`PSS ${at} kB before, ${most} kB at most: ${most - at} kB more; 50 MB in ${ms} ms`);
    assert.ok(whole.raw.equals(file));
    assert.ok(most - at <= 4096, `${most - at} kB more`);
  } finally {
    await plain.close();
  }
});
