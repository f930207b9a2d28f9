// Thirty SIGKILLs at random moments while cases are posted and synced. Whatever a phone got a 201 for is at the county
// once. The seed is printed; XINKE_SEED repeats the choice of victims and pauses, though not the kernel's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';

const KILLS = 30;
const POSTERS = 4;

test(`${KILLS} kills lose nothing and double nothing`, { timeout: 600000 }, async (t) => {
  const seed = Number(process.env.XINKE_SEED ?? Date.now() % 1000000);
  t.diagnostic(`seed ${seed}`);
  const rng = random(seed);
  const world = await start({ name: 'kill' });
  const acknowledged = new Map();
  let posting = true;
  try {
    const first = await world.box('clerk');
    const items = (await first.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items;

    // A phone: one case after the other; after a lost answer the same key again, until it has an answer.
    const poster = async (own) => {
      while (posting) {
        const key = own.uuid();
        const body = registration(own.pick(items), own);
        for (;;) {
          try {
            const answer = await first.call('POST', '/api/v1/cases', { key, body, expect: null, timeout: 10000 });
            if (answer.status === 201) {
              assert.equal(answer.body.id, key);
              const had = acknowledged.get(key);
              if (had) assert.equal(answer.body.receipt_number, had);
              acknowledged.set(key, answer.body.receipt_number);
              break;
            }
            assert.ok([503, 507].includes(answer.status), `status ${answer.status} ${JSON.stringify(answer.body)}`);
          } catch (error) {
            if (error.name === 'AssertionError') throw error; // a broken contract is no lost connection
          }
          await sleep(20 + own.int(0, 100));
        }
        await sleep(own.int(0, 30));
      }
    };
    const phones = Array.from({ length: POSTERS }, (_, i) => poster(random(seed + 1000 + i)));
    const failed = Promise.all(phones);
    failed.catch(() => {});

    for (let i = 0; i < KILLS; i++) {
      await sleep(rng.int(50, 700));
      const victim = rng.pick(['gateway', 'gateway', 'sync', 'sync', 'county']);
      await world.kill(victim);
      world.script(victim === 'county' ? 'start-county' : 'start-gateway');
    }
    posting = false;
    await failed;
    t.diagnostic(`${acknowledged.size} cases acknowledged`);
    assert.ok(acknowledged.size >= 50);

    await first.call('POST', '/api/v1/sync', { expect: 202 });
    await world.until('everything settled', 120, async () => (await world.all(first)).every((c) => c.sync === 'settled'));
    const here = await world.all(first);
    const there = await world.all(await world.county('centre'), { station: world.json.gateway.station });
    const count = new Map();
    for (const c of there) count.set(c.id, (count.get(c.id) ?? 0) + 1);
    for (const [id, receipt] of acknowledged) {
      assert.equal(count.get(id), 1, `case ${id} is at the county ${count.get(id) ?? 0} times`);
      assert.equal(there.find((c) => c.id === id).receipt_number, receipt);
    }
    assert.equal(new Set(there.map((c) => c.receipt_number)).size, there.length);
    assert.deepEqual(there.map((c) => `${c.id} ${c.state}`).sort(), here.map((c) => `${c.id} ${c.state}`).sort());
    assert.equal(world.xinke('verify').status, 0);
    assert.equal(world.countyTool('verify').status, 0);
  } finally {
    posting = false;
    await world.stop();
  }
});
