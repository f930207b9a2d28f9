// A hundred SIGKILLs at random moments while cases are posted and synced. Whatever a phone got a 201 for is at the county
// once. The seed is printed; XINKE_SEED repeats the choice of victims and pauses, though not the kernel's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { random } from '../lib/people.mjs';
import { arrived, offered, Phones } from '../lib/phones.mjs';
import { start } from '../lib/run.mjs';

const KILLS = 100;

test(`${KILLS} kills lose nothing and double nothing`, { timeout: 600000 }, async (t) => {
  const seed = Number(process.env.XINKE_SEED ?? Date.now() % 1000000);
  t.diagnostic(`seed ${seed}`);
  const rng = random(seed);
  const world = await start({ name: 'kill' });
  let phones;
  try {
    const clerk = await world.box('clerk');
    phones = new Phones(clerk, await offered(clerk), { seed, count: 3, pause: 300 });
    const killed = {};
    for (let i = 0; i < KILLS; i++) {
      await sleep(rng.int(10, 300));
      const victim = rng.pick(['gateway', 'gateway', 'sync', 'sync', 'county']);
      killed[victim] = (killed[victim] ?? 0) + 1;
      await world.kill(victim);
      await world.run(victim === 'county' ? 'start-county' : 'start-gateway');
    }
    t.diagnostic(`${Math.round(performance.now() / 1000)} s`);
    const acknowledged = await phones.stop();
    t.diagnostic(`killed ${JSON.stringify(killed)}; ${acknowledged.size} cases acknowledged, answers ${JSON.stringify(phones.statuses)}`);
    assert.ok(acknowledged.size >= 100);
    await arrived(world, clerk, acknowledged);
  } finally {
    phones?.drop();
    await world.stop();
  }
});
