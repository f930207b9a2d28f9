// The main job, told as it happens: `make demo`. The county is down, a village takes 25 cases, the box loses power, the
// county comes back, everything is there once, a department answers, the phone sees it. Ends with 1 where anything is
// missing.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dir = process.env.XINKE_RUN_DIR ?? path.join(root, 'build/demo');
const rng = random(2022);
let step = 0;

const tell = (text) => console.log(`\n${++step}. ${text}`);
const seen = (text) => console.log(`   ok  ${text}`);

rmSync(dir, { recursive: true, force: true });
const world = await start({ dir, base: Number(process.env.XINKE_PORT_BASE ?? 8540), bin: process.env.XINKE_BIN ?? path.join(root, 'build'), keep: true });

async function main() {
  const { station } = world.json.gateway;
  const clerk = await world.box('clerk');
  const items = (await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items;

  tell('The county goes away. The village station goes on.');
  world.script('stop-county');
  assert.equal(items.length, 25);
  seen(`the station offers 25 of 66 items: ${items.filter((i) => i.offer === 'accept').length} 受理, ${items.filter((i) => i.offer === 'handle').length} 办理`);

  tell('25 citizens come, one for each item.');
  const taken = [];
  for (const item of items) {
    const { body } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(item, rng), expect: 201 });
    taken.push(body);
    console.log(`   ${body.receipt_number}  ${body.state.padEnd(9)}  ${item.name}`);
  }
  assert.equal(new Set(taken.map((c) => c.receipt_number)).size, 25);
  assert.ok(taken.every((c) => c.sync === 'local' || c.sync === 'sent'));
  seen('25 receipts, all different; every case says that it is on the box only');

  tell('The power fails: both daemons of the box are killed, and started again.');
  await world.kill('gateway');
  await world.kill('sync');
  world.script('start-gateway');
  const again = await world.box('clerk');
  const kept = await world.all(again);
  assert.deepEqual(kept.map((c) => c.receipt_number).sort(), taken.map((c) => c.receipt_number).sort());
  assert.equal(world.xinke('verify').status, 0);
  seen('all 25 are there, and xinke verify finds no fault');

  tell('The county comes back.');
  world.script('start-county');
  await world.until('25 cases settled', 60, async () => (await world.all(again)).every((c) => c.sync === 'settled'));
  seen('the box shows 25 cases as settled');
  const centre = await world.county('centre');
  const there = await world.all(centre, { station });
  assert.deepEqual(there.map((c) => `${c.id} ${c.receipt_number} ${c.item}`).sort(), taken.map((c) => `${c.id} ${c.receipt_number} ${c.item}`).sort());
  seen('the county has each of them once, with its receipt number and item');

  tell('The service centre passes one on to the civil affairs department, which accepts it.');
  const one = there.find((c) => c.item === '652323-001');
  assert.equal(one.state, 'forwarded');
  const watch = (await again.call('GET', '/api/v1/changes')).body.next;
  await centre.call('POST', `/api/v1/cases/${one.id}/events`, { key: rng.uuid(), body: { type: 'forward', body: { to: '民政局' } } });
  const department = await world.county('minzheng');
  const { body: decided } = await department.call('POST', `/api/v1/cases/${one.id}/events`, { key: rng.uuid(), body: { type: 'accept', body: { note: '材料齐全，予以受理' } } });
  assert.equal(decided.state, 'accepted');
  seen('民政局 accepted it');

  tell('The phone that waits at the box sees it.');
  let after = watch;
  await world.until('the phone sees the acceptance', 40, async () => {
    const { body } = await again.call('GET', '/api/v1/changes', { query: { after, wait: 20 }, timeout: 30000 });
    after = body.next;
    return body.items.some((c) => c.id === one.id && c.state === 'accepted');
  });
  const { body: history } = await again.call('GET', `/api/v1/cases/${one.id}/events`);
  console.log(`   ${history.items.map((e) => `${e.type} (${e.origin})`).join(' → ')}`);
  assert.deepEqual(history.items.map((e) => e.type), ['receive', 'forward', 'forward', 'accept']);
  seen('accepted, with the whole history');

  tell('Both ends check their books.');
  assert.equal(world.xinke('verify').status, 0);
  assert.equal(world.countyTool('verify').status, 0);
  const status = world.xinke('status', '--json');
  assert.equal(status.status, 0);
  seen(`no fault; ${JSON.parse(status.stdout).head} events, none waiting`);
}

try {
  await main();
  console.log('\nThe demo holds: 25 of 25, each once.');
} finally {
  await world.stop();
}
