// A box whose clock has died: 1970 after the battery, 2099 after a slip of the hand. While the county is away cases are
// taken, and their events are dated by the floor or by the clock and say which. When it is back, dates that the box does not
// believe keep nothing from it, and from then on the county's time stands in the clock's place.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { random, registration } from '../lib/people.mjs';
import { arrived, offered } from '../lib/phones.mjs';
import { plain as bin, start } from '../lib/run.mjs';

const [FLOOR, , SYNCED] = [0, 1, 2]; // enum clock_quality

const preload = execFileSync('faketime', ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim();
const shifted = (seconds) => ['env', `LD_PRELOAD=${preload}`, `FAKETIME=${seconds}`, 'FAKETIME_DONT_FAKE_MONOTONIC=1', 'DONT_FAKE_MONOTONIC=1'];

/** On a box whose daemons are stopped: as after a boot, nothing is known of its time. */
const forgetBoot = (world) => execFileSync('sqlite3', [world.json.gateway.db, "DELETE FROM meta WHERE key = 'clock_base'"]);
const query = (world, sql) => JSON.parse(execFileSync('sqlite3', ['-readonly', '-json', world.json.gateway.db, sql], { encoding: 'utf8' }) || '[]');

for (const { year, dead } of [{ year: 1970, dead: true }, { year: 2099, dead: false }]) {
  test(`the clock stands at ${year}`, { timeout: 180000 }, async () => {
    const world = await start({ name: `clock-${year}`, bin });
    const rng = random(year);
    try {
      const first = await world.box('clerk');
      const items = await offered(first);
      const [{ value: floor } = { value: 0 }] = query(world, "SELECT value FROM meta WHERE key = 'floor'");
      assert.ok(Math.abs(Date.now() - floor) < 60000, 'the first exchange brought the county’s time');
      const [{ n: last }] = query(world, 'SELECT max(n) AS n FROM events');

      const offset = Math.round((Date.UTC(year, 5, 1) - Date.now()) / 1000);
      await world.run('stop-county');
      await world.run('stop-gateway');
      forgetBoot(world);
      for (const daemon of ['xinke-gateway', 'xinke-sync']) world.wrap(daemon, ...shifted(`${offset > 0 ? '+' : ''}${offset}`));
      await world.run('start-gateway');
      const clerk = await world.box('clerk'); // sessions of another time may have run out
      const acknowledged = new Map();
      for (let i = 0; i < 10; i++) {
        const { body } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(rng.pick(items), rng), expect: 201 });
        acknowledged.set(body.id, body.receipt_number);
      }
      const events = query(world, `SELECT at, clock, mono FROM events WHERE n > ${last} ORDER BY n`);
      assert.ok(events.length >= 10);
      events.forEach(({ at, clock, mono }, i) => {
        if (i) assert.ok(mono >= events[i - 1].mono, 'the order that time since boot gives');
        if (dead) {
          assert.ok(at >= floor && at < floor + 3600e3, `${new Date(at).toISOString()} is not the floor's time`);
          assert.equal(clock, FLOOR);
        } else {
          assert.equal(new Date(at).getUTCFullYear(), year);
          assert.notEqual(clock, FLOOR);
        }
      });

      await world.run('start-county');
      await clerk.call('POST', '/api/v1/sync', { expect: 202 });
      await world.until('everything settled', 30, async () => (await world.all(clerk)).every((c) => c.sync === 'settled'));
      await sleep(1500); // the gateway looks once a second
      const now = await world.box('clerk');
      const { body: later } = await now.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(rng.pick(items), rng), expect: 201 });
      acknowledged.set(later.id, later.receipt_number);
      const [made] = query(world, 'SELECT at, clock FROM events WHERE type = \'receive\' ORDER BY n DESC LIMIT 1');
      assert.ok(Math.abs(Date.now() - made.at) < 60000, `the county's time stands in its place: ${new Date(made.at).toISOString()}`);
      assert.equal(made.clock, SYNCED);

      await world.run('stop-gateway');
      forgetBoot(world);
      for (const daemon of ['xinke-gateway', 'xinke-sync']) world.wrap(daemon);
      await world.run('start-gateway');
      const again = await world.box('clerk');
      await arrived(world, again, acknowledged, 60);
      const { body } = await again.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(rng.pick(items), rng), expect: 201 });
      assert.ok(Math.abs(Date.now() - Date.parse(body.received_at)) < 60000, `the clock is right again, the case is of ${body.received_at}`);
    } finally {
      await world.stop();
    }
  });
}
