// Phones that register cases for as long as a test hurts the machines under them, and what must be true afterwards.
//
//   const phones = new Phones(clerk, items, { seed });
//   ...                             // kill, cut, fill the disk
//   await phones.stop();            // each phone has an answer to its last case
//   await arrived(world, clerk, phones);

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { random, registration } from './people.mjs';

export class Phones {
  /** COUNT phones that take turns with ITEMS, with pauses of up to PAUSE ms between two cases. */
  constructor(client, items, { seed, count = 4, pause = 30 }) {
    Object.assign(this, { client, items, pause });
    this.acknowledged = new Map(); // case id -> receipt number
    this.statuses = {}; // of all answers; `lost` counts the calls without one
    this.on = true;
    this.ended = Promise.all(Array.from({ length: count }, (_, i) => this.#run(random(seed + 1000 + i))));
    this.ended.catch(() => {}); // told by stop()
  }

  #count(what) {
    this.statuses[what] = (this.statuses[what] ?? 0) + 1;
  }

  /** One try of the case KEY: true when it is acknowledged. */
  async #post(key, body) {
    let answer;
    try {
      answer = await this.client.call('POST', '/api/v1/cases', { key, body, expect: null, timeout: 10000 });
    } catch (error) {
      if (error.name === 'AssertionError') throw error; // a broken contract is no lost connection
      this.#count('lost');
      return false;
    }
    this.#count(answer.status);
    if (answer.status !== 201) {
      assert.ok([503, 507].includes(answer.status), `status ${answer.status} ${JSON.stringify(answer.body)}`);
      return false;
    }
    assert.equal(answer.body.id, key);
    this.acknowledged.set(key, answer.body.receipt_number);
    return true;
  }

  /** One case after the other; after a lost answer or a refusal for now the same key again. */
  async #run(rng) {
    while (this.on) {
      const key = rng.uuid();
      const body = registration(rng.pick(this.items), rng);
      while (!(await this.#post(key, body))) {
        if (this.given_up) return;
        await sleep(20 + rng.int(0, 100));
      }
      await sleep(rng.int(0, this.pause));
    }
  }

  /** No more cases; returns when each phone has its last answer. */
  async stop() {
    this.on = false;
    await this.ended;
    return this.acknowledged;
  }

  /** For a finally: no more tries either. */
  drop() {
    this.on = false;
    this.given_up = true;
  }
}

/** The items that this box offers, as a phone lists them. */
export async function offered(client) {
  return (await client.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items;
}

/** Everything settles within SECONDS; what was acknowledged is at the county once, under its number; both ends verify. */
export async function arrived(world, client, acknowledged, seconds = 120) {
  await client.call('POST', '/api/v1/sync', { expect: 202 });
  await world.until('everything settled', seconds, async () => (await world.all(client)).every((c) => c.sync === 'settled'));
  const here = await world.all(client);
  const there = await world.all(await world.county('centre'), { station: world.json.gateway.station });
  const count = new Map();
  for (const c of there) count.set(c.id, (count.get(c.id) ?? 0) + 1);
  const numbers = new Map(there.map((c) => [c.id, c.receipt_number]));
  for (const [id, receipt] of acknowledged) {
    assert.equal(count.get(id), 1, `case ${id} is at the county ${count.get(id) ?? 0} times`);
    assert.equal(numbers.get(id), receipt);
  }
  assert.equal(new Set(there.map((c) => c.receipt_number)).size, there.length);
  assert.deepEqual(there.map((c) => `${c.id} ${c.state}`).sort(), here.map((c) => `${c.id} ${c.state}`).sort());
  for (const { status, stdout, stderr } of [world.xinke('verify'), world.countyTool('verify')])
    assert.equal(status, 0, `${stdout}\n${stderr}`);
}
