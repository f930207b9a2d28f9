// The outbox against a box that is played: what is kept, in which order it goes, and what happens when anything breaks.

import { beforeEach, describe, expect, it } from 'vitest';

import { newKey, Problem } from '@/api/client';
import { openStore, type Db } from '@/offline/db';
import { correct, counts, list, Outbox, put, remove, type Deps, type Holder, type JobBody, type NewPhoto } from '@/offline/outbox';
import * as vault from '@/offline/vault';

const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;
const job = (name: string): JobBody => ({ path: '/api/v1/cases', body: { item: 'x', applicant: { name } }, captured: true, title: name, subtitle: 'x' });
const photo = async (text: string, thumb = false): Promise<NewPhoto> => ({ bytes: bytes(text), sha256: await vault.sha256(bytes(text)), size: text.length, media: 'image/jpeg', material: '身份证', thumb });
const holder = async (id: number): Promise<Holder> => ({ id, display: `staff ${id}`, key: await vault.importKey(crypto.getRandomValues(new Uint8Array(32))) });

/** A box: takes each key once; `fail` throws before it takes, `lose` after. */
class Box {
  cases = new Map<string, unknown>();
  calls: string[] = [];
  fail: Problem | null = null;
  lose: Problem | null = null;
  failPhoto: Problem | null = null;
  photos: string[] = [];
  clock = 1_000_000;
  deps = (db: Db): Deps => ({
    db,
    post: async (_path, key, body) => {
      this.calls.push(`post ${key}`);
      if (this.fail) throw this.fail;
      if (this.cases.has(key) && JSON.stringify(this.cases.get(key)) !== JSON.stringify(body)) throw new Problem('key_reused', 422);
      this.cases.set(key, body);
      if (this.lose) throw this.lose;
      return { id: key };
    },
    find: async (_path, key) => {
      this.calls.push(`find ${key}`);
      return this.cases.has(key) ? { id: key } : null;
    },
    upload: async (row, _bytes, onUrl) => {
      if (this.failPhoto) throw this.failPhoto;
      await onUrl(`/api/v1/uploads/${row.sha256}`);
      this.photos.push(row.thumb ? 'thumb' : 'photo');
    },
    now: () => this.clock,
  });
}

let db: Db;
let box: Box;
let me: Holder;
let n = 0;
beforeEach(async () => {
  n += 1;
  db = await openStore(`test-${n}`);
  box = new Box();
  me = await holder(1);
});

describe('the outbox', () => {
  it('shows what another key has closed, and goes past it', async () => {
    const shut = newKey();
    const open = newKey();
    await put(db, { ...await holder(1) }, shut, job('closed'), [await photo('old', true)], 1);
    await put(db, me, open, job('open'), [await photo('new')], 2);
    expect((await list(db, me)).map(({ id, state, code }) => [id, state, code])).toEqual([[shut, 'wrong', 'job_shut'], [open, 'waiting', null]]);
    expect(await new Outbox(box.deps(db)).drain(me)).toBe('done');
    expect([box.calls, box.photos]).toEqual([[`post ${open}`], ['photo']]);
    expect((await list(db, me)).map(({ id }) => id)).toEqual([shut]); // kept, should its key come back
    expect((await db.get('jobs', shut))?.state).toBe('waiting');
  });

  it('keeps nothing readable on the phone', async () => {
    await put(db, me, newKey(), job('阿依古丽·买买提'), [await photo('pixels of an identity card')], 1);
    const all = [...await db.getAll('jobs'), ...await db.getAll('photos')];
    const text = JSON.stringify(all, (_key, value) => (value instanceof ArrayBuffer ? new TextDecoder().decode(value) : value));
    expect(text).not.toContain('阿依古丽');
    expect(text).not.toContain('pixels');
    expect((await list(db, me))[0].open.title).toBe('阿依古丽·买买提');
  });

  it('sends records in order, then thumbnails, then photos, and forgets what arrived', async () => {
    const keys = [newKey(), newKey()];
    await put(db, me, keys[0], job('a'), [await photo('large one'), await photo('t', true)], 1);
    await put(db, me, keys[1], job('b'), [], 2);
    expect(await new Outbox(box.deps(db)).drain(me)).toBe('done');
    expect(box.calls).toEqual([`post ${keys[0]}`, `post ${keys[1]}`]);
    expect(box.photos).toEqual(['thumb', 'photo']);
    expect(await db.count('jobs')).toBe(0);
    expect(await db.count('photos')).toBe(0);
  });

  it('asks before it repeats a call whose answer was lost, though the body would differ now', async () => {
    const key = newKey();
    await put(db, me, key, job('a'), [], box.clock);
    box.lose = new Problem('unreachable');
    expect(await new Outbox(box.deps(db)).drain(me)).toBe('unreachable');
    box.lose = null;
    box.clock += 3_600_000; // now `captured` would be in it
    expect(await new Outbox(box.deps(db)).drain(me)).toBe('done');
    expect(box.calls).toEqual([`post ${key}`, `find ${key}`]);
    expect(box.cases.size).toBe(1);
    expect(await db.count('jobs')).toBe(0);
  });

  it('says when it was made only of a call that waited', async () => {
    const [early, late] = [newKey(), newKey()];
    await put(db, me, early, job('a'), [], box.clock);
    box.clock += 7_200_000;
    await put(db, me, late, job('b'), [], box.clock - 1000);
    await new Outbox(box.deps(db)).drain(me);
    expect(box.cases.get(early)).toMatchObject({ captured: { at: new Date(box.clock - 7_200_000).toISOString(), now: new Date(box.clock).toISOString() } });
    expect(box.cases.get(late)).not.toHaveProperty('captured');
  });

  it('lets one wrong record stop no other, keeps what is wrong with it, and sends it corrected with its photos', async () => {
    const [bad, good] = [newKey(), newKey()];
    await put(db, me, bad, job('bad'), [await photo('p')], 1);
    await put(db, me, good, job('good'), [], 2);
    const deps = box.deps(db);
    const post = deps.post;
    deps.post = (path, key, body) => (key === bad ? Promise.reject(new Problem('validation', 422, [{ pointer: '/applicant/name', code: 'length' }])) : post(path, key, body));
    const outbox = new Outbox(deps);
    expect(await outbox.drain(me)).toBe('done');
    expect([...box.cases.keys()]).toEqual([good]);
    const [left] = await list(db, me);
    expect(left).toMatchObject({ id: bad, state: 'wrong', code: 'validation', photos: 1, open: { errors: [{ pointer: '/applicant/name', code: 'length' }] } });
    const fresh = newKey();
    await correct(db, me, bad, fresh, { ...left.open, body: { item: 'x', applicant: { name: 'mended' } } }, 3);
    expect(await outbox.drain(me)).toBe('done');
    expect(box.cases.get(fresh)).toMatchObject({ applicant: { name: 'mended' } });
    expect(box.photos).toEqual(['photo']);
    expect(await db.count('jobs')).toBe(0);
  });

  it.each([[401, 'unauthenticated', 'signed_out'], [403, 'forbidden', 'signed_out'], [503, 'busy', 'unreachable'], [0, 'portal', 'unreachable'], [429, 'rate_limited', 'unreachable'], [507, 'no_space', 'unreachable']])(
    'pauses at %i %s and empties nothing', async (status, code, outcome) => {
      await put(db, me, newKey(), job('a'), [await photo('p')], 1);
      await put(db, me, newKey(), job('b'), [], 2);
      box.fail = new Problem(code as string, status as number);
      expect(await new Outbox(box.deps(db)).drain(me)).toBe(outcome);
      expect(box.calls.length).toBe(1);
      expect(await db.count('jobs')).toBe(2);
      expect(await db.count('photos')).toBe(1);
    });

  it('goes on with a photo where tus stood, and holds one that nobody takes', async () => {
    await put(db, me, newKey(), job('a'), [await photo('p')], 1);
    box.failPhoto = new Problem('upload_space', 507);
    expect(await new Outbox(box.deps(db)).drain(me)).toBe('unreachable');
    expect(await db.count('photos')).toBe(1);
    box.failPhoto = new Problem('blob_type', 422);
    expect(await new Outbox(box.deps(db)).drain(me)).toBe('done');
    expect((await db.getAll('photos'))[0].held).toBe(true);
    expect((await db.getAll('jobs'))[0].state).toBe('posted');
  });

  it('leaves another clerk\'s records alone, and they do not open with another key', async () => {
    const other = await holder(2);
    const key = newKey();
    await put(db, me, key, job('mine'), [], 5);
    expect(await new Outbox(box.deps(db)).drain(other)).toBe('done');
    expect(box.calls).toEqual([]);
    expect(await list(db, other)).toEqual([]);
    const [shut] = await list(db, { ...me, key: other.key });
    expect([shut.code, shut.open]).toEqual(['job_shut', { path: '', body: {}, captured: false, title: '', subtitle: '' }]);
    await expect(correct(db, other, key, newKey(), job('x'), 6)).rejects.toThrow();
    expect([...await counts(db)]).toEqual([[1, { name: 'staff 1', jobs: 1, since: 5 }]]);
    await remove(db, key);
    expect(await db.count('jobs')).toBe(0);
  });

  it('runs one round for callers at the same time, and one more for what came meanwhile', async () => {
    const key = newKey();
    const late = newKey();
    await put(db, me, key, job('a'), [], box.clock);
    const deps = box.deps(db);
    const post = deps.post;
    let outbox: Outbox | null = null;
    deps.post = async (path, id, body) => {
      if (id === key) {
        await put(db, me, late, job('b'), [], box.clock);
        void outbox?.drain(me);
      }
      return post(path, id, body);
    };
    outbox = new Outbox(deps);
    const [a, b] = await Promise.all([outbox.drain(me), outbox.drain(me)]);
    expect([a, b]).toEqual(['done', 'done']);
    expect(box.calls).toEqual([`post ${key}`, `post ${late}`]);
  });
});

describe('the vault', () => {
  const FEW = 1000; // the figure itself is checked below; 600,000 rounds take seconds in a test

  it('opens with the PIN alone', async () => {
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const wrapped = await vault.wrap(raw, '274913', FEW);
    expect(await vault.unwrap(wrapped, '274913')).toEqual(raw);
    expect(await vault.unwrap(wrapped, '274914')).toBeNull();
    expect(new Uint8Array(wrapped.data)).not.toEqual(raw);
  });

  it('wraps anew with another salt each time, by 600,000 rounds', async () => {
    const raw = crypto.getRandomValues(new Uint8Array(32));
    const [a, b] = [await vault.wrap(raw, '111222', FEW), await vault.wrap(raw, '111222', FEW)];
    expect(a.salt).not.toEqual(b.salt);
    expect(vault.ITERATIONS).toBeGreaterThanOrEqual(600_000);
  });

  it('binds a record to its place', async () => {
    const key = await vault.importKey(crypto.getRandomValues(new Uint8Array(32)));
    const sealed = await vault.sealJson(key, 'job:1:a', { x: 1 });
    expect(await vault.openJson(key, 'job:1:a', sealed)).toEqual({ x: 1 });
    await expect(vault.openJson(key, 'job:2:a', sealed)).rejects.toThrow();
  });

  it('knows SHA-256', async () => {
    expect(await vault.sha256(bytes('abc'))).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
