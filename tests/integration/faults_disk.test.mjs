// Disks that fail and disks that are full. Writes and syncs of the gateway, then of the courier, then of the county, fail at random under
// libfiu: a phone gets its 201 or a problem that says "later", and what got a 201 is there after the power has gone too. A
// box on a file system of its own that is full says so, loses nothing, and goes on when there is room again.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { noMounting, ownDisk } from '../lib/disk.mjs';
import { arrived, offered, Phones } from '../lib/phones.mjs';
import { plain as bin, start } from '../lib/run.mjs';

const seed = Number(process.env.XINKE_SEED ?? Date.now() % 1000000);

// --- failing calls ---

const EIO = 5;
const ENOSPC = 28;
const PWRITE = 'posix/io/rw/pwrite';
const SYNC = 'posix/io/sync/fdatasync';
const PHASES = [
  { name: PWRITE, probability: 0.05, failinfo: EIO },
  { name: SYNC, probability: 0.3, failinfo: EIO },
  { name: PWRITE, probability: 0.5, failinfo: ENOSPC },
  { name: SYNC, probability: 1, failinfo: EIO },
];
const PHASE_MS = 2000;

for (const daemon of ['gateway', 'sync', 'county']) {
  test(`random write and sync errors of the ${daemon} process lose nothing`, { timeout: 180000 }, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const world = await start({ name: `fiu-${daemon}`, bin });
    const prefix = path.join(world.dir, 'fiu');
    const control = (command) => execFileSync('fiu-ctrl', ['-f', prefix, '-c', command, String(world.json.pids[daemon])]);
    let phones;
    try {
      const clerk = await world.box('clerk');
      await world.kill(daemon);
      world.wrap(`xinke-${daemon}`, 'fiu-run', '-x', '-f', prefix);
      await world.run(daemon === 'county' ? 'start-county' : 'start-gateway');
      phones = new Phones(clerk, await offered(clerk), { seed, pause: 250 });
      let errors = 0;
      for (const { name, probability, failinfo } of PHASES) {
        control(`enable_random name=${name},probability=${probability},failinfo=${failinfo}`);
        for (const end = Date.now() + PHASE_MS; Date.now() < end; await sleep(200)) {
          const { status, body } = await clerk.call('POST', '/api/v1/sync', { expect: null });
          assert.ok([202, 503, 507].includes(status), `status ${status}`);
          errors += body.last_error ? 1 : 0;
        }
        control(`disable name=${name}`);
        await sleep(500);
      }
      const { pids } = await world.run('pids');
      assert.equal(typeof pids[daemon], 'number', `the ${daemon} has ended`);
      // the power goes while the last writes are in the air, and the disk is well again
      await world.kill(daemon);
      world.wrap(`xinke-${daemon}`);
      await world.run(daemon === 'county' ? 'start-county' : 'start-gateway');
      const acknowledged = await phones.stop();
      t.diagnostic(`${acknowledged.size} cases acknowledged, answers ${JSON.stringify(phones.statuses)}, ${errors} looks at a failing courier`);
      assert.ok(acknowledged.size >= 20);
      if (daemon === 'gateway') assert.ok((phones.statuses[503] ?? 0) + (phones.statuses[507] ?? 0) >= 5, 'no call met an error');
      else assert.ok(errors >= 1, 'no exchange met an error');
      await arrived(world, clerk, acknowledged, 60);
    } finally {
      phones?.drop();
      await world.stop();
    }
  });
}

// --- a full disk ---

const DISK = 20 << 20;

test('a full disk is told, loses nothing, and goes on when there is room', { skip: noMounting, timeout: 180000 }, async (t) => {
  const world = await start({ name: 'full', bin });
  let phones;
  let umount;
  try {
    const clerk = await world.box('clerk');
    await world.run('stop-gateway');
    const probe = path.join(world.dir, 'box');
    try {
      umount = ownDisk(world.dir, 'box', DISK);
    } catch (error) {
      t.skip(`no loop mount here: ${String(error.stderr ?? error).trim()}`);
      return;
    }
    await world.run('start-gateway');
    phones = new Phones(clerk, await offered(clerk), { seed, pause: 60 });
    await world.until('cases while there is room', 20, () => phones.acknowledged.size >= 20);

    const ballast = path.join(probe, 'ballast');
    const { bavail, bsize } = statfsSync(probe);
    execFileSync('fallocate', ['-l', String(bavail * bsize - (256 << 10)), ballast]);
    await world.until('the disk is full', 40, () => (phones.statuses[507] ?? 0) + (phones.statuses[503] ?? 0) >= 20);
    const before = phones.acknowledged.size;
    const { status, body } = await clerk.call('GET', '/api/v1/sync', { expect: null });
    assert.equal(status, 200);
    assert.ok(body.space.free_bytes < (1 << 20));
    assert.equal((await clerk.call('GET', '/api/v1/cases', { query: { limit: 1 } })).status, 200); // reading goes on
    // the power goes with the disk full, and comes back with it full
    await world.kill('gateway');
    await world.kill('sync');
    try {
      await world.run('start-gateway');
    } catch {
      t.diagnostic('the gateway does not start on a full disk');
    }
    rmSync(ballast);
    await world.run('start-gateway');
    await world.until('cases again', 20, () => phones.acknowledged.size > before + 20);
    const acknowledged = await phones.stop();
    t.diagnostic(`${acknowledged.size} cases acknowledged, answers ${JSON.stringify(phones.statuses)}`);
    await arrived(world, clerk, acknowledged, 60);
  } finally {
    phones?.drop();
    try {
      world.script('stop'); // a mount in use cannot be undone
    } finally {
      umount?.();
    }
    await world.stop();
  }
});
