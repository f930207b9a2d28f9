// Photos from a phone at a village to the county and back to the township that handles the case: the record first, the bytes
// after it, each shown where it is, across kills and with the county away.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { catalog } from './gateway_box.mjs';
import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';
import { startStation } from '../lib/station.mjs';

const TOWNSHIP = '652323101000';
const SECOND = '652323101201';
const rng = random(47);
const stations = {};
let world;
let village;
let township;
let second;
let civil;
let centre;

before(async () => {
  world = await start({ name: 'photos' });
  stations.township = await startStation(world, TOWNSHIP);
  stations.second = await startStation(world, SECOND);
  village = await world.box('clerk');
  township = await stations.township.signIn('lead');
  second = await stations.second.signIn('clerk');
  [civil, centre] = await Promise.all([world.county('minzheng'), world.county('centre')]);
  for (const box of [township, second])
    await world.until('the catalog', 30, async () => (await box.call('GET', '/api/v1/catalog', { expect: [200, 503] })).status === 200);
});
after(async () => {
  for (const station of Object.values(stations)) await station.stop();
  await world?.stop();
});

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
/** A JPEG of SIZE bytes by its structure: start, a comment after the other, end. */
function jpeg(size) {
  const head = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc0000b080010001001011100ffda00080101000037f0', 'hex');
  const bytes = Buffer.alloc(size);
  randomBytes(size).copy(bytes);
  for (let i = 0; i < size; i++) if (bytes[i] === 0xff || bytes[i] === 0x3c) bytes[i] = 0x55;
  head.copy(bytes);
  bytes.writeUInt16BE(0xffd9, size - 2);
  return bytes;
}
async function upload(client, bytes) {
  const headers = { 'tus-resumable': '1.0.0', 'upload-length': String(bytes.length), 'content-type': 'application/offset+octet-stream',
    'upload-metadata': `sha256 ${Buffer.from(hash(bytes)).toString('base64')}` };
  const { headers: said } = await client.call('POST', '/api/v1/uploads', { headers, body: bytes, expect: 201 });
  assert.equal(Number(said['upload-offset']), bytes.length);
  return { sha256: hash(bytes), size: bytes.length, media: 'image/jpeg' };
}
const itemOf = (code) => catalog.items.find((item) => item.code === code);
const take = async (client, code, files) => (await client.call('POST', '/api/v1/cases', { key: rng.uuid(), expect: 201,
  body: { ...registration(itemOf(code), rng), materials: [...(registration(itemOf(code), rng).materials ?? []), { name: '现场照片', form: 'electronic', copies: 1, trust: 'C', files }] } })).body;
const filesOf = async (client, id) => (await client.call('GET', `/api/v1/cases/${id}`)).body.files;
const states = (files) => files.map(({ here, at_county: county }) => [here, county]);
const fetched = async (client, url) => {
  const { status, raw } = await client.call('GET', url, { expect: [200, 503] });
  return status === 200 ? raw : null;
};

test('a photo and its thumbnail follow the record to the county, and only its feed says that they are there', async () => {
  const photo = jpeg(300_000);
  const small = jpeg(6_000);
  const file = { ...await upload(village, photo), thumb: (await upload(village, small)).sha256 };
  const taken = await take(village, '652323-001', [file]);
  await world.until('the photo is at the county', 30, async () => states(await filesOf(village, taken.id)).every(([here, county]) => here && county));
  assert.equal((await village.call('GET', `/api/v1/cases/${taken.id}`)).body.sync, 'settled');
  const { body } = await civil.call('GET', `/api/v1/cases/${taken.id}`);
  assert.deepEqual(body.files, [{ sha256: hash(small), here: true }, { sha256: hash(photo), here: true }]);
  const { raw: back, headers } = await civil.call('GET', `/api/v1/cases/${taken.id}/blobs/${hash(photo)}`);
  assert.ok(back.equals(photo));
  assert.equal(headers['content-type'], 'image/jpeg');
  // another department does not see the case, and so not its photo
  const others = (await world.county('department'));
  await others.call('GET', `/api/v1/cases/${taken.id}/blobs/${hash(photo)}`, { expect: [404, 200] });
  await centre.call('GET', `/api/v1/cases/${taken.id}/blobs/${'0'.repeat(64)}`, { expect: 'not_found' });
  const { body: sync } = await village.call('GET', '/api/v1/sync');
  assert.deepEqual(sync.blobs, { waiting: 0, bytes: 0, refused: 0 });
  assert.ok(sync.space.days_left > 0);
});

test('the township that handles the case fetches the photo when somebody looks', async () => {
  const photo = jpeg(500_000);
  const taken = await take(village, '652323-051', [await upload(village, photo)]);
  await world.until('the township has the case and knows of the photo', 40, async () => {
    const { status, body } = await township.call('GET', `/api/v1/cases/${taken.id}`, { expect: [200, 404] });
    return status === 200 && states(body.files).every(([here, county]) => !here && county);
  });
  const url = `/api/v1/blobs/${hash(photo)}`;
  assert.equal(await fetched(township, url), null);
  let got;
  await world.until('it is fetched', 30, async () => Boolean(got = await fetched(township, url)));
  assert.ok(got.equals(photo));
  assert.deepEqual(states(await filesOf(township, taken.id)), [[true, true]]);
  // a station that has nothing to do with the case gets nothing
  await second.call('GET', url, { expect: 'not_found' });
});

test('with the county away records and photos wait, and go when it is back', async () => {
  world.script('stop-county');
  const photos = [jpeg(2_000_000), jpeg(900_000), jpeg(40_000)];
  const cases = [];
  for (const photo of photos) cases.push(await take(village, '652323-001', [await upload(village, photo)]));
  const { body: sync } = await village.call('GET', '/api/v1/sync');
  assert.deepEqual(sync.blobs, { waiting: 3, bytes: 2_940_000, refused: 0 });
  for (const { id } of cases) assert.deepEqual(states(await filesOf(village, id)), [[true, false]]);
  world.script('start-county');
  await world.until('all are there', 60, async () => {
    const all = await Promise.all(cases.map(({ id }) => filesOf(village, id)));
    return all.every((files) => states(files).every(([, county]) => county));
  });
  for (const [i, { id }] of cases.entries())
    assert.ok((await centre.call('GET', `/api/v1/cases/${id}/blobs/${hash(photos[i])}`)).raw.equals(photos[i]));
});

test('what a case names and never came is shown, not hidden', async () => {
  const missing = { sha256: 'a'.repeat(64), size: 1000, media: 'image/png' };
  const taken = await take(village, '652323-001', [missing]);
  await world.until('settled', 30, async () => (await village.call('GET', `/api/v1/cases/${taken.id}`)).body.sync === 'settled');
  assert.deepEqual(states(await filesOf(village, taken.id)), [[false, false]]);
  assert.deepEqual((await centre.call('GET', `/api/v1/cases/${taken.id}`)).body.files, [{ sha256: missing.sha256, here: false }]);
  await village.call('GET', `/api/v1/blobs/${missing.sha256}`, { expect: 'not_found' });
});

test('a later paper brings its photo', async () => {
  const taken = await take(village, '652323-001', [await upload(village, jpeg(50_000))]);
  const later = jpeg(70_000);
  const file = await upload(village, later);
  await village.call('POST', `/api/v1/cases/${taken.id}/events`, { key: rng.uuid(), expect: 201,
    body: { type: 'add_material', body: { materials: [{ name: '补拍', form: 'electronic', copies: 1, trust: 'C', files: [file] }] } } });
  await world.until('both are there', 30, async () => {
    const files = await filesOf(village, taken.id);
    return files.length === 2 && states(files).every(([, county]) => county);
  });
  assert.equal(world.xinke('verify').status, 0);
  assert.equal(world.countyTool('verify').status, 0);
});

test('no photo lies in plain on a disk', () => {
  const seen = readdirSync(world.dir, { recursive: true }).map(String).filter((name) => /blobs\/[0-9a-f]{2}\/[0-9a-f]{64}$/.test(name));
  assert.ok(seen.length >= 8, `${seen.length} blobs`);
  assert.ok(seen.some((name) => path.dirname(name).includes('county')), 'the county has its own');
});
