// Photos and papers at the county, brought by boxes played by hand: the public client through a line that breaks, what a case names
// and who may see it, and what every certificate that must not pass gets.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { below, pdf, sha256, storm } from '../lib/cuts.mjs';
import { random } from '../lib/people.mjs';
import { authority, DAY, endCounty, enrol, forge, startCounty } from './county_box.mjs';

const CUTS = Number(process.env.XINKE_CUTS ?? 20);
const SEED = Number(process.env.XINKE_SEED ?? 20261125);
const VILLAGE = '652323101200';
const NEIGHBOUR = '652323101201';
const UPLOADS = '/sync/v1/uploads';
const MEDIA = 'application/offset+octet-stream';
const next = below(SEED);
const rng = random(53);
const b64 = (text) => Buffer.from(text).toString('base64');

let world;
let box;
let neighbour;

before(async () => {
  world = await startCounty('blobs');
  box = await enrol(world, VILLAGE);
  neighbour = await enrol(world, NEIGHBOUR);
  await box.settle();
  await neighbour.settle();
});
after(() => endCounty(world));

const tus = (who, method, target, { headers = {}, ...more } = {}) => who.call(method, target, { headers: { 'tus-resumable': '1.0.0', ...headers }, ...more });
const make = (who, file, more = {}) => tus(who, 'POST', UPLOADS, { expect: 201, ...more,
  headers: { 'upload-length': String(file.length), 'upload-metadata': `sha256 ${b64(sha256(file))}`, ...more.headers } });
const patch = (who, target, offset, body, more = {}) => tus(who, 'PATCH', target, { body, expect: 204, ...more,
  headers: { 'upload-offset': String(offset), 'content-type': MEDIA, ...more.headers } });
async function bring(who, file) {
  const { headers } = await make(who, file);
  await patch(who, headers.location, 0, file);
}
const blob = (file) => `/sync/v1/blobs/${sha256(file)}`;
const named = (file) => ({ name: '现场照片', form: 'electronic', copies: 1, trust: 'C', files: [{ sha256: sha256(file), size: file.length, media: 'application/pdf' }] });
/** A case of the village that names FILE, settled; its id. */
async function take(file) {
  const id = box.register('652323-001', rng, { changes: { materials: [named(file)] } });
  await box.settle();
  assert.equal(box.verdict(box.have.seq), 'settled');
  return id;
}
const told = (who, file) => who.entries.filter(({ kind, body }) => kind === 'blob' && body.sha256 === sha256(file));

test('tus-js-client through cuts and kills of the county: every file byte-equal at the end', { timeout: 600000 }, async (t) => {
  const server = {
    port: () => world.syncPort,
    endpoint: (port) => `https://127.0.0.1:${port}${UPLOADS}`,
    kill: async () => { await world.kill('county'); world.script('start-county'); },
    read: async (sha) => (await world.caller('sync', box.identity).call('GET', `/sync/v1/blobs/${sha}`)).raw,
  };
  const seen = await storm(server, { cuts: CUTS, kill: 4, seed: SEED, ca: world.root, identity: box.identity, log: (line) => t.diagnostic(line) });
  assert.ok(seen.cuts >= CUTS && seen.kills >= Math.floor(CUTS / 4));
});

test('what a case names is told once to who follows it, whichever came first', async () => {
  const first = pdf(30000, next);
  const second = pdf(40000, next);
  await tus(box.client, 'OPTIONS', UPLOADS, { expect: 204 });
  await bring(box.client, first);
  await box.client.call('HEAD', blob(first), { expect: 200 }); // its own, before any case names it
  await take(first);
  await box.settle();
  assert.equal(told(box, first).length, 1);
  const id = await take(second);
  assert.equal(told(box, second).length, 0);
  const centre = await world.as('centre');
  assert.deepEqual((await centre.call('GET', `/api/v1/cases/${id}`)).body.files, [{ sha256: sha256(second), here: false }]);
  await centre.call('GET', `/api/v1/cases/${id}/blobs/${sha256(second)}`, { expect: 'not_found' });
  await bring(box.client, second);
  await box.settle();
  assert.deepEqual(told(box, second).map(({ body }) => body), [{ sha256: sha256(second), size: second.length, media: 'application/pdf' }]);
  assert.ok((await centre.call('GET', `/api/v1/cases/${id}/blobs/${sha256(second)}`)).raw.equals(second));
  await bring(box.client, second); // once more: it is one, and nobody is told again
  await box.settle();
  assert.equal(told(box, second).length, 1);
});

test('another station sees neither blob nor upload', async () => {
  const file = pdf(20000, next);
  const { headers } = await make(box.client, file);
  await tus(neighbour.client, 'HEAD', headers.location, { expect: 404 });
  await patch(neighbour.client, headers.location, 0, file, { expect: 'not_found' });
  await tus(neighbour.client, 'DELETE', headers.location, { expect: 'not_found' });
  await patch(box.client, headers.location, 0, file.subarray(0, 100));
  assert.equal((await tus(box.client, 'HEAD', headers.location, { expect: 200 })).headers['upload-offset'], '100');
  await patch(box.client, headers.location, 50, file.subarray(50), { expect: 'upload_offset' });
  await patch(box.client, headers.location, 100, file.subarray(100));
  await take(file);
  await neighbour.client.call('GET', blob(file), { expect: 'not_found' });
  await neighbour.client.call('HEAD', blob(file), { expect: 404 });
  assert.ok((await box.client.call('GET', blob(file))).raw.equals(file));
  const part = await box.client.call('GET', blob(file), { headers: { range: 'bytes=1000-1999' }, expect: 206 });
  assert.ok(part.raw.equals(file.subarray(1000, 2000)));
});

test('bytes that are not their name’s, and kinds that are not taken, are dropped', async () => {
  const file = pdf(10000, next);
  const { headers } = await make(box.client, file);
  const other = Buffer.from(file);
  other[5000] ^= 1;
  await patch(box.client, headers.location, 0, other, { expect: 'upload_hash' });
  await tus(box.client, 'HEAD', headers.location, { expect: 404 });
  await box.client.call('HEAD', blob(file), { expect: 404 });
  await box.client.call('HEAD', blob(other), { expect: 404 });
  const script = Buffer.from('<script>alert(1)</script>'.padEnd(400));
  const made = await make(box.client, script);
  await patch(box.client, made.headers.location, 0, script, { expect: 'blob_type' });
  const gone = await make(box.client, file);
  await tus(box.client, 'OPTIONS', gone.headers.location, { expect: 204 });
  await tus(box.client, 'DELETE', gone.headers.location, { expect: 204 });
  await tus(box.client, 'HEAD', gone.headers.location, { expect: 404 });
});

test('no certificate that must not pass brings or reads anything', async () => {
  const file = pdf(5000, next);
  await bring(box.client, file);
  await take(file);
  const own = authority(world, { own: true });
  const identities = [
    [{}, 'certificate_required'],
    [forge(own, { station: VILLAGE, from: Date.now() - 400 * DAY, to: Date.now() - DAY }), 'certificate_expired'],
    [forge(own, { station: VILLAGE }), 'certificate_refused'], // of the county's root, and of no log that it knows
  ];
  for (const [identity, expect] of identities) {
    const caller = world.caller('sync', identity);
    await caller.call('GET', blob(file), { expect });
    await tus(caller, 'POST', UPLOADS, { headers: { 'upload-length': '10' }, expect });
    await tus(caller, 'PATCH', `${UPLOADS}/${'0'.repeat(32)}`, { body: 'x', headers: { 'upload-offset': '0', 'content-type': MEDIA }, expect });
    await tus(caller, 'HEAD', `${UPLOADS}/${'0'.repeat(32)}`, { expect: 403 });
    await tus(caller, 'DELETE', `${UPLOADS}/${'0'.repeat(32)}`, { expect });
  }
  const revoked = await enrol(world, NEIGHBOUR);
  await revoked.settle();
  const { headers } = await make(revoked.client, file);
  assert.equal(world.countyTool('revoke', revoked.log, '--reason', 'x').status, 0);
  await patch(revoked.client, headers.location, 0, file, { expect: 'certificate_refused' });
  await revoked.client.call('GET', blob(file), { expect: 'certificate_refused' });
});

test('only who sees the case sees its photo', async () => {
  const file = pdf(6000, next);
  await bring(box.client, file);
  const id = await take(file);
  const target = `/api/v1/cases/${id}/blobs/${sha256(file)}`;
  const { headers } = await (await world.as('centre')).call('GET', target);
  assert.match(headers['content-security-policy'], /sandbox/);
  await world.caller('api').call('GET', target, { expect: 'unauthenticated' });
  const item = (await (await world.as('centre')).call('GET', `/api/v1/cases/${id}`)).body;
  for (const role of ['minzheng', 'renshe', 'department']) {
    const one = await world.as(role).catch(() => null);
    if (!one) continue;
    const { status } = await one.call('GET', `/api/v1/cases/${id}`, { expect: [200, 404] });
    assert.equal((await one.call('GET', target, { expect: [200, 404] })).status, status, `${role} of ${item.item}`);
  }
});

test('nothing lies in plain in the folder', () => {
  const file = pdf(50000, next);
  return bring(box.client, file).then(() => {
    const at = path.join(world.folder, 'county/blobs', sha256(file).slice(0, 2), sha256(file));
    const stored = readFileSync(at);
    assert.ok(!stored.includes(file.subarray(20000, 20032)));
    assert.equal(world.countyTool('verify').status, 0);
  });
});
