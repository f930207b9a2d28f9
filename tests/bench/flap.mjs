// 200 cases and 20 photos of 300 kB over a line of 640 kbit/s that is there 2 seconds of every 6, with real processes: how long it takes,
// that every case is there before the second photo, and what the line carried. Figures go to build/bench/flap.json. Root only, see
// line.mjs. Never part of the tests.
//
//   XINKE_CASES (200), XINKE_PHOTOS (20); ends by itself after XINKE_MINUTES (20)

import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { pdf, below } from '../lib/cuts.mjs';
import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';
import { COUNTY, Line, ownNamespace, run } from './line.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = process.env.XINKE_BIN ?? path.join(root, 'build');
const out = path.join(root, 'build/bench');
const dir = path.join(out, 'flap');
const cases = Number(process.env.XINKE_CASES ?? 200);
const photos = Number(process.env.XINKE_PHOTOS ?? 20);
const minutes = Number(process.env.XINKE_MINUTES ?? 20);
const SIZE = 300000;
const RATE = 640000; // bit/s, both ways
const [ON, OFF] = [2, 4]; // s
const BUDGET = 1.1; // bytes of TLS, both ways, for each byte of content

ownNamespace('flap');

const round = (x, digits = 1) => Number(x.toFixed(digits));
const count = (db, sql) => Number(run('sqlite3', '-readonly', '-cmd', '.timeout 5000', path.join(dir, db), sql).trim());

async function take(clerk, item, rng, file) {
  const body = registration(item, rng);
  if (file) body.materials = [...(body.materials ?? []), { name: '现场照片', form: 'electronic', copies: 1, files: [file] }];
  await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body, expect: 201 });
}

async function upload(clerk, bytes) {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  await clerk.call('POST', '/api/v1/uploads', { body: bytes, expect: 201, headers: { 'tus-resumable': '1.0.0', 'upload-length': String(bytes.length),
    'content-type': 'application/offset+octet-stream', 'upload-metadata': `sha256 ${Buffer.from(sha256).toString('base64')}` } });
  return { sha256, size: bytes.length, media: 'application/pdf' };
}

/** All that waits, taken in while the county is away. */
async function fill(world) {
  const clerk = await world.box('clerk');
  const rng = random(59);
  const next = below(59);
  const { items } = (await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body;
  const item = items.find((one) => one.offer === 'handle' && one.record === 'application');
  for (let i = 0; i < cases; i++) await take(clerk, item, rng, i < photos ? await upload(clerk, pdf(SIZE, next)) : null);
  clerk.close?.();
}

async function measure(world, line) {
  const began = Date.now();
  const seen = { cases: 0, second: 0, all: 0 };
  const seconds = () => (Date.now() - began) / 1000;
  await line.say('count');
  line.plug(true);
  const still = line.flap(ON, OFF);
  while (!seen.all && seconds() < minutes * 60) {
    await sleep(200);
    const [taken, files] = [count('county/county.db', 'SELECT count(*) FROM cases'), count('county/county.db', 'SELECT count(*) FROM blobs')];
    if (!seen.cases && taken === cases) seen.cases = seconds();
    if (!seen.second && files >= 2) seen.second = seconds();
    if (count('box/xinke.db', 'SELECT count(*) FROM blobs WHERE marked = 1') === photos) seen.all = seconds();
  }
  await still();
  const wire = await line.say('count');
  return { ...seen, payload: { up: wire.there.payload, down: wire.here.payload }, came: { up: wire.there.came, down: wire.here.came }, ip: { up: wire.there.bytes, down: wire.here.bytes } };
}

rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
process.env.XINKE_COUNTY_HOST = COUNTY;
const line = new Line(bin, RATE);
let world;
try {
  await line.open();
  world = await start({ name: 'flap', dir, bin, base: 8710, keep: true });
  world.wrap('xinke-sync', ...line.inBox);
  line.rate();
  world.script('stop');
  world.script('start-county');
  line.plug(false);
  world.script('start-gateway');
  await fill(world);
  const r = await measure(world, line);
  const ideal = ((photos * SIZE * 8) / RATE) * ((ON + OFF) / ON);
  const over = (r.came.up + r.came.down) / (photos * SIZE); // what TCP sent once more because the line was away is not TLS's
  const checks = [
    ['every photo is confirmed, s', `<= ${minutes * 60}`, r.all || Infinity, minutes * 60],
    ['cases are all there before the second photo, s', `<= ${round(r.second)}`, r.cases || Infinity, r.second],
    ['bytes of TLS that came through, both ways, for each of the photos', `<= ${BUDGET}`, round(over, 3), BUDGET],
  ].map(([what, budget, value, most]) => {
    console.log(`${value <= most ? '  ok  ' : ' MISS '} ${what}: ${round(value, 3)}   (budget ${budget})`);
    return { what, budget, value, met: value <= most };
  });
  console.log(`${round(r.all)} s; a line that never breaks within its windows would take ${round(ideal)} s: ${round(r.all / ideal, 2)}; with what TCP had to repeat ${round((r.payload.up + r.payload.down) / (photos * SIZE), 2)}`);
  writeFileSync(path.join(out, 'flap.json'), `${JSON.stringify({ cases, photos, ...r, over, ideal, checks }, null, 1)}\n`);
} finally {
  await world?.stop();
  await line.close();
}
