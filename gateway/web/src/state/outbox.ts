// The outbox as the screens see it, and when it is sent: on `online`, when the app becomes visible, by timer, by Background Sync
// where there is one (the worker wakes the open page, which alone has the key), and when a button was pressed.

import { computed, reactive } from 'vue';

import { api, asProblem, done, keyed, newKey, Problem } from '@/api/client';
import type { Photo } from '@/offline/db';
import * as box from '@/offline/outbox';
import { upload, terminate } from '@/photos/tus';

import { session, store } from './session';
import { update } from './update';

/** Between rounds while something waits, ms. */
const EVERY = 15_000;

interface State {
  waiting: box.Waiting[];
  others: { name: string; jobs: number; since: number }[];
  sending: boolean;
  paused: boolean;
  progress: Record<string, number>;
  photos: Photo[];
  last: box.Outcome | null;
}
export const outbox = reactive<State>({ waiting: [], others: [], sending: false, paused: false, progress: {}, photos: [], last: null });
/** Records on this phone that the box has not. */
export const unsent = computed(() => outbox.waiting.filter(({ state }) => state !== 'posted').length);

const posted = new Map<string, (answer: unknown) => void>();
let engine: Promise<box.Outbox> | null = null;
const stops = new Map<string, AbortController>();

type Path = '/api/v1/cases';
async function post(path: string, key: string, body: unknown): Promise<unknown> {
  return done(api.POST(path as Path, { params: { header: keyed(key) }, body } as never));
}

async function find(path: string, key: string): Promise<unknown> {
  try {
    return await done(api.GET(`${path}/${key}` as '/api/v1/sync'));
  } catch (e) {
    if (e instanceof Problem && e.status === 404) return null;
    throw e;
  }
}

async function sendPhoto(photo: Photo, bytes: ArrayBuffer, onUrl: (url: string) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  stops.set(photo.id, stop);
  try {
    await upload({ bytes, url: photo.upload, onUrl, signal: stop.signal,
      metadata: { filename: `${photo.sha256.slice(0, 12)}.jpg`, filetype: photo.media, sha256: photo.sha256, case_id: photo.job, material: photo.material },
      onProgress: (sent, total) => { outbox.progress[photo.id] = Math.round((100 * sent) / total); } });
  } finally {
    stops.delete(photo.id);
    delete outbox.progress[photo.id];
  }
}

async function theEngine(): Promise<box.Outbox> {
  engine ??= store().then((db) => new box.Outbox({ db, post, find, upload: sendPhoto, now: () => Date.now() },
    ({ id, answer }) => posted.get(id)?.(answer)));
  return engine;
}

const holder = (): box.Holder | null => (session.staff && session.key
  ? { id: session.staff.id, display: session.staff.display, key: session.key } : null);

/** Reads anew what waits. */
export async function refresh(): Promise<void> {
  if (!session.secure) return;
  const db = await store();
  const me = holder();
  outbox.waiting = me ? await box.list(db, me) : [];
  outbox.photos = me ? (await db.getAllFromIndex('photos', 'owner', me.id)).filter(({ thumb }) => !thumb) : [];
  const by = await box.counts(db);
  outbox.others = [...by].filter(([id]) => id !== me?.id).map(([, one]) => one);
}

/** Sends what waits, when there is a key and nobody paused it. */
export async function send(): Promise<void> {
  const me = holder();
  if (!me || outbox.paused || !session.secure || update.outdated) return;
  outbox.sending = true;
  try {
    const outcome = await (await theEngine()).drain(me);
    outbox.last = outcome;
    if (outcome === 'signed_out') session.expired = true;
    if (outcome === 'unreachable') session.offline = true;
  } finally {
    outbox.sending = false;
    await refresh();
  }
}

async function askBackgroundSync() {
  const worker = await navigator.serviceWorker?.getRegistration();
  await (worker as unknown as { sync?: { register(tag: string): Promise<void> } } | undefined)?.sync?.register('outbox').catch(() => undefined);
}

export interface Sent<T> { id: string; answer: T | null }

/** Keeps a call under a fresh key and sends it. The answer is null where the box could not be reached: it waits then.
 *  `key` is that of an earlier press of the same button, for a phone that can keep nothing. */
export async function submit<T>(body: box.JobBody, photos: box.NewPhoto[], key = newKey()): Promise<Sent<T>> {
  const me = holder();
  if (!me) { // no secure context or no approved phone: nothing can be kept, so it goes now or not at all
    return { id: key, answer: await post(body.path, key, body.body) as T };
  }
  await box.put(await store(), me, key, body, photos, Date.now());
  let answer: T | null = null;
  posted.set(key, (it) => { answer = it as T; });
  try {
    await refresh();
    const round = send();
    await Promise.race([round, new Promise((go) => { const i = setInterval(() => { if (answer) { clearInterval(i); go(null); } }, 50); void round.finally(() => { clearInterval(i); }); })]);
    const wrong = answer ? undefined : (await box.list(await store(), me)).find(({ id, state }) => id === key && state === 'wrong');
    if (wrong) {
      await box.remove(await store(), key); // the form is still open: it shows the faults and keeps what was typed
      throw new Problem(wrong.code ?? 'unknown', 422, wrong.open.errors ?? []);
    }
    if (!answer) void askBackgroundSync();
    return { id: key, answer };
  } finally {
    posted.delete(key);
    await refresh();
  }
}

export async function drop(id: string): Promise<void> {
  for (const photo of outbox.photos.filter(({ job }) => job === id)) stops.get(photo.id)?.abort();
  await box.remove(await store(), id);
  await refresh();
}

/** A job that was found wrong, with what was corrected. */
export async function correct(id: string, body: box.JobBody): Promise<void> {
  const me = holder();
  if (!me) throw new Problem('phone_locked', 401);
  await box.correct(await store(), me, id, newKey(), body, Date.now());
  await refresh();
  await send();
}

/** Gives a photo up: it is no longer sent, and the box forgets what it had of it. */
export async function cancelPhoto(photo: Photo): Promise<void> {
  stops.get(photo.id)?.abort();
  const db = await store();
  await db.delete('photos', photo.id);
  if (photo.upload) await terminate(photo.upload).catch((e) => asProblem(e));
  await refresh();
}

export async function retryPhoto(photo: Photo): Promise<void> {
  await (await store()).put('photos', { ...photo, held: false });
  await send();
}

export function pause(on: boolean): void {
  outbox.paused = on;
  if (on) stops.forEach((one) => one.abort());
  else void send();
}

/** Starts what sends by itself. */
export function startSending(): void {
  const go = () => { void send().catch((e) => asProblem(e)); };
  window.addEventListener('online', go);
  document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') go(); });
  navigator.serviceWorker?.addEventListener('message', ({ data }) => { if (data === 'drain') go(); });
  setInterval(() => { if (outbox.waiting.length > 0) go(); }, EVERY);
}
