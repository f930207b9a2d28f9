// A box on a file system of 20 MB: photos are refused first, cases still go in, and everything goes on when there is room.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { below, pdf, send, sha256 } from '../lib/cuts.mjs';
import { noMounting, ownDisk } from '../lib/disk.mjs';
import { random, registration } from '../lib/people.mjs';
import { items, startBox } from './gateway_box.mjs';

const DISK = 20 << 20;
const RESERVE = 6 << 20;
const UPLOADS = '/api/v1/uploads';
const MEDIA = 'application/offset+octet-stream';

const free = (dir) => {
  const { bavail, bsize } = statfsSync(join(dir, 'data'));
  return bavail * bsize;
};

test('photos stop at the reserve, and cases do not', { skip: noMounting, timeout: 180000 }, async (t) => {
  const next = below(5);
  const rng = random(5);
  const box = await startBox({ conf: { limits: [`space_reserve_bytes = ${RESERVE}`] } });
  let umount;
  try {
    await box.stop();
    try {
      umount = ownDisk(box.dir, 'data', DISK);
    } catch (error) {
      t.skip(`no loop mount here: ${String(error.stderr ?? error).trim()}`);
      return;
    }
    await box.start();
    const clerk = await box.signIn('clerk');
    const item = items('village', 'accept').find(({ record }) => record === 'application');
    const take = () => clerk.call('POST', '/api/v1/cases', { key: randomUUID(), body: registration(item, rng), expect: 201 });
    const call = (method, path, headers, more) =>
      clerk.call(method, path, { headers: { 'tus-resumable': '1.0.0', ...headers }, ...more });
    const endpoint = { endpoint: `${box.base}${UPLOADS}`, ca: box.root, headers: { authorization: `Bearer ${clerk.token}` } };

    // one that is begun while there is room, and cannot come to its end
    const large = pdf(4 << 20, next);
    const path = (await call('POST', UPLOADS, { 'upload-length': String(large.length) }, { expect: 201 })).headers.location;
    await call('PATCH', path, { 'upload-offset': '0', 'content-type': MEDIA }, { body: large.subarray(0, 1000000), expect: 204 });

    const photos = [];
    for (let full = false; !full;) {
      const file = pdf(400000, next);
      const { status } = await call('POST', UPLOADS, { 'upload-length': String(file.length), 'content-type': MEDIA }, { body: file, expect: [201, 'upload_space'] });
      full = status === 507;
      if (!full) photos.push(file);
      assert.ok(photos.length < 60);
    }
    assert.ok(photos.length >= 5);
    assert.ok(free(box.dir) >= RESERVE - (1 << 20), 'the reserve is untouched');
    const refused = await call('PATCH', path, { 'upload-offset': '1000000', 'content-type': MEDIA }, { body: large.subarray(1000000), expect: 'upload_space' });
    assert.equal(refused.status, 507);
    for (let i = 0; i < 50; i += 1) await take();

    // others fill what is left, the reserve too: what was acknowledged stays, and is there after a kill
    const ballast = join(box.dir, 'data', 'ballast');
    execFileSync('fallocate', ['-l', String(free(box.dir) - (64 << 10)), ballast]);
    await call('POST', UPLOADS, { 'upload-length': '1000' }, { expect: 'upload_space' });
    assert.equal((await call('HEAD', path, {}, { expect: 200 })).headers['upload-offset'], '1000000');
    box.kill('SIGKILL');
    await box.ended();
    rmSync(ballast);
    await box.start();
    const again = await box.signIn('clerk');
    for (const file of photos) assert.ok((await again.call('GET', `/api/v1/blobs/${sha256(file)}`)).raw.equals(file));
    assert.equal((await again.call('HEAD', path, { headers: { 'tus-resumable': '1.0.0' }, expect: 200 })).headers['upload-offset'], '1000000');

    // room again: the one that was stopped goes on where it was
    for (const file of photos) rmSync(join(box.dir, 'data', 'blobs', sha256(file).slice(0, 2), sha256(file)));
    const done = await send(large, { ...endpoint, endpoint: `${box.base}${UPLOADS}`, uploadUrl: `${box.base}${path}` });
    assert.ok(done.requests >= 2);
    assert.ok((await again.call('GET', `/api/v1/blobs/${sha256(large)}`)).raw.equals(large));
    t.diagnostic(`${photos.length} photos before the reserve, ${Math.round(free(box.dir) / 1024)} KiB free at the end`);
  } finally {
    await box.stop().catch(() => {});
    umount?.();
    await box.close();
  }
});
