// The outbox: calls and photos that wait on the phone until the box has them. A call is kept under its key before it is sent for the first
// time, so that a tab that is killed at any point makes no second case; where an earlier try may have arrived, the box is
// asked for the record of that key before anything is sent again. One wrong record never stops the others; want of a
// session stops all and empties nothing.
//
// Everything from outside comes in by `Deps`, so that the tests run it in Node.

import { Problem, type FieldError } from '@/api/client';

import type { Db, Job, Photo } from './db';
import { open, openJson, orNull, seal, sealJson, type Sealed } from './vault';

/** What a job says once it is open. `captured`: the call takes the time at which it was really made. */
export interface JobBody {
  path: string;
  body: Record<string, unknown>;
  captured: boolean;
  title: string;
  subtitle: string;
  errors?: FieldError[];
}
export interface NewPhoto { sha256: string; size: number; media: string; material: string; thumb: boolean; bytes: ArrayBuffer }
export interface Waiting extends Job { open: JobBody; photos: number }
/** Whose and with which key. Nobody else's jobs are touched. */
export interface Holder { id: number; display: string; key: CryptoKey }
/** How a round ended: `done`, or why it stopped. */
export type Outcome = 'done' | 'unreachable' | 'signed_out';
export interface Posted { id: string; answer: unknown }

export interface Deps {
  db: Db;
  /** Sends with the key; throws a Problem. */
  post(path: string, key: string, body: unknown): Promise<unknown>;
  /** The record of that path and key, null where the box has none; throws a Problem. */
  find(path: string, key: string): Promise<unknown>;
  upload(photo: Photo, bytes: ArrayBuffer, onUrl: (url: string) => Promise<void>): Promise<void>;
  now(): number;
}

/** A call that is sent for the first time within this of being made needs no `captured`, ms. */
const AT_ONCE = 60_000;

const jobLabel = (owner: number, id: string) => `job:${owner}:${id}`;
const photoLabel = (owner: number, id: string) => `photo:${owner}:${id}`;

export async function put(db: Db, holder: Holder, id: string, body: JobBody, photos: NewPhoto[], now: number): Promise<void> {
  const job: Job = { id, owner: holder.id, ownerName: holder.display, at: now, state: 'waiting', attempts: 0, code: null,
    sealed: await sealJson(holder.key, jobLabel(holder.id, id), body) };
  const rows: Photo[] = [];
  for (const { bytes, ...one } of photos) {
    const row = `${id}/${one.sha256}`;
    rows.push({ ...one, id: row, job: id, owner: holder.id, upload: null, held: false, sealed: await seal(holder.key, photoLabel(holder.id, row), bytes) });
  }
  const tx = db.transaction(['jobs', 'photos'], 'readwrite', { durability: 'strict' });
  await Promise.all([tx.objectStore('jobs').put(job), ...rows.map((row) => tx.objectStore('photos').put(row)), tx.done]);
}

/** Stands for a job under another key: it is shown and counted, and stops no other. */
const SHUT: JobBody = { path: '', body: {}, captured: false, title: '', subtitle: '' };

const openJob = (holder: Holder, job: Job) => orNull(openJson<JobBody>(holder.key, jobLabel(job.owner, job.id), job.sealed));

/** All that wait, open for its holder, oldest first. */
export async function list(db: Db, holder: Holder): Promise<Waiting[]> {
  const jobs = (await db.getAllFromIndex('jobs', 'owner', holder.id)).sort((a, b) => a.at - b.at);
  return Promise.all(jobs.map(async (job): Promise<Waiting> => {
    const body = await openJob(holder, job);
    const photos = await db.countFromIndex('photos', 'job', job.id);
    return body ? { ...job, open: body, photos } : { ...job, state: 'wrong', code: 'job_shut', open: SHUT, photos };
  }));
}

/** How many wait, by owner; needs no key. */
export async function counts(db: Db): Promise<Map<number, { name: string; jobs: number; since: number }>> {
  const by = new Map<number, { name: string; jobs: number; since: number }>();
  for (const job of await db.getAll('jobs')) {
    const one = by.get(job.owner) ?? { name: job.ownerName, jobs: 0, since: job.at };
    by.set(job.owner, { name: job.ownerName, jobs: one.jobs + 1, since: Math.min(one.since, job.at) });
  }
  return by;
}

/** Takes a job out, with its photos. */
export async function remove(db: Db, id: string): Promise<void> {
  const tx = db.transaction(['jobs', 'photos'], 'readwrite');
  const photos = await tx.objectStore('photos').index('job').getAllKeys(id);
  await Promise.all([tx.objectStore('jobs').delete(id), ...photos.map((one) => tx.objectStore('photos').delete(one)), tx.done]);
}

/** Gives a job that was found wrong another body and a new key, and lets it wait again. */
export async function correct(db: Db, holder: Holder, old: string, id: string, body: JobBody, now: number): Promise<void> {
  const job = await db.get('jobs', old);
  if (!job || job.owner !== holder.id) throw new Problem('not_found');
  const photos = await db.getAllFromIndex('photos', 'job', old);
  const moved: Photo[] = [];
  for (const one of photos) {
    const row = `${id}/${one.sha256}`;
    const bytes = await open(holder.key, photoLabel(holder.id, one.id), one.sealed);
    moved.push({ ...one, id: row, job: id, sealed: await seal(holder.key, photoLabel(holder.id, row), bytes) });
  }
  const sealed = await sealJson(holder.key, jobLabel(holder.id, id), { ...body, errors: undefined });
  const tx = db.transaction(['jobs', 'photos'], 'readwrite', { durability: 'strict' });
  const fresh: Job = { ...job, id, at: Math.min(job.at, now), state: 'waiting', attempts: 0, code: null, sealed };
  await Promise.all([tx.objectStore('jobs').delete(old), tx.objectStore('jobs').put(fresh),
    ...photos.map((one) => tx.objectStore('photos').delete(one.id)), ...moved.map((one) => tx.objectStore('photos').put(one)), tx.done]);
}

export class Outbox {
  private running: Promise<Outcome> | null = null;
  private again = false;

  constructor(private readonly deps: Deps, private readonly onPosted: (posted: Posted) => void = () => {}) {}

  /** Sends what waits; callers at the same time share a round, and one more follows for what came meanwhile. */
  drain(holder: Holder): Promise<Outcome> {
    if (this.running) {
      this.again = true;
      return this.running;
    }
    this.running = this.rounds(holder).finally(() => { this.running = null; });
    return this.running;
  }

  private async rounds(holder: Holder): Promise<Outcome> {
    let outcome: Outcome;
    do {
      this.again = false;
      outcome = await this.round(holder);
    } while (this.again && outcome === 'done');
    return outcome;
  }

  private async round(holder: Holder): Promise<Outcome> {
    const { db } = this.deps;
    const jobs = (await db.getAllFromIndex('jobs', 'owner', holder.id)).sort((a, b) => a.at - b.at);
    for (const job of jobs.filter((one) => one.state === 'waiting')) {
      const end = await this.guarded(() => this.sendJob(holder, job));
      if (end !== 'done') return end;
    }
    // records first, photos after: small before large
    const rows = (await db.getAllFromIndex('photos', 'owner', holder.id)).filter((one) => !one.held);
    for (const row of rows.sort((a, b) => Number(b.thumb) - Number(a.thumb) || a.size - b.size)) {
      const job = await db.get('jobs', row.job);
      if (job?.state !== 'posted') continue;
      const end = await this.guarded(() => this.sendPhoto(holder, row));
      if (end !== 'done') return end;
    }
    for (const job of await db.getAllFromIndex('jobs', 'owner', holder.id)) {
      if (job.state === 'posted' && (await db.countFromIndex('photos', 'job', job.id)) === 0) await remove(db, job.id);
    }
    return 'done';
  }

  private async guarded(act: () => Promise<void>): Promise<Outcome> {
    try {
      await act();
      return 'done';
    } catch (e) {
      if (!(e instanceof Problem)) throw e;
      if (e.status === 401 || e.status === 403) return 'signed_out';
      return 'unreachable';
    }
  }

  /** The body as it goes out: a call made some time ago says when, by this phone's clock, and what that clock says now. */
  private dated(job: Job, body: JobBody): Record<string, unknown> {
    const now = this.deps.now();
    if (!body.captured || (job.attempts === 0 && now - job.at < AT_ONCE)) return body.body;
    return { ...body.body, captured: { at: new Date(job.at).toISOString(), now: new Date(now).toISOString() } };
  }

  private async sendJob(holder: Holder, job: Job): Promise<void> {
    const { db } = this.deps;
    const body = await openJob(holder, job);
    if (!body) return;
    let answer = job.attempts > 0 ? await this.deps.find(body.path, job.id) : null;
    if (!answer) {
      await db.put('jobs', { ...job, attempts: job.attempts + 1 });
      try {
        answer = await this.deps.post(body.path, job.id, this.dated(job, body));
      } catch (e) {
        if (!(e instanceof Problem) || e.passing || e.status === 401 || e.status === 403 || e.status === 429) throw e;
        answer = e.code === 'key_reused' || e.code === 'key_in_use' ? await this.deps.find(body.path, job.id) : null;
        if (!answer) {
          await this.wrong(holder, job, body, e);
          return;
        }
      }
    }
    // the words have arrived: only what the photos need stays
    const rest: JobBody = { ...body, body: {} };
    await db.put('jobs', { ...job, state: 'posted', attempts: job.attempts + 1, sealed: await sealJson(holder.key, jobLabel(holder.id, job.id), rest) });
    this.onPosted({ id: job.id, answer });
  }

  private async wrong(holder: Holder, job: Job, body: JobBody, problem: Problem): Promise<void> {
    const sealed = await sealJson(holder.key, jobLabel(holder.id, job.id), { ...body, errors: problem.errors });
    await this.deps.db.put('jobs', { ...job, state: 'wrong', attempts: job.attempts + 1, code: problem.code, sealed });
  }

  private async sendPhoto(holder: Holder, row: Photo): Promise<void> {
    const { db } = this.deps;
    const bytes = await orNull(open(holder.key, photoLabel(holder.id, row.id), row.sealed));
    if (!bytes) return;
    try {
      await this.deps.upload(row, bytes, async (upload) => { await db.put('photos', { ...row, upload }); });
    } catch (e) {
      if (!(e instanceof Problem) || e.passing || e.status === 401 || e.status === 403 || e.status === 429) throw e;
      // nobody will ever take it (of another type, too large): it is held, shown, and stops nothing
      await db.put('photos', { ...row, held: true, upload: null });
      return;
    }
    await db.delete('photos', row.id);
  }
}

export type { Sealed };
