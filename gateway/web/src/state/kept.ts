// Reading through what the phone keeps: from the box while it answers, else the last copy. Guides are public and lie plain; the
// list of cases lies under the outbox key of whoever read it.

import { Problem } from '@/api/client';
import { openJson, sealJson } from '@/offline/vault';

import { session, store } from './session';

export interface Kept<T> { value: T; at: number; fromPhone: boolean }

async function plainOf<T>(name: string): Promise<Kept<T> | null> {
  const row = session.secure ? await (await store()).get('kept', name) : undefined;
  return row ? { value: row.plain as T, at: row.at, fromPhone: true } : null;
}

async function sealedOf<T>(name: string): Promise<Kept<T> | null> {
  if (!session.key || !session.staff || !session.secure) return null;
  const row = await (await store()).get('kept', `${name}:${session.staff.id}`);
  if (!row?.sealed) return null;
  return { value: await openJson<T>(session.key, `kept:${name}:${session.staff.id}`, row.sealed), at: row.at, fromPhone: true };
}

async function through<T>(read: () => Promise<T>, copy: () => Promise<Kept<T> | null>, keep: (value: T) => Promise<void>): Promise<Kept<T>> {
  try {
    const value = await read();
    await keep(value).catch(() => undefined); // a full phone still shows what the box said
    return { value, at: Date.now(), fromPhone: false };
  } catch (e) {
    if (!(e instanceof Problem) || !(e.passing || e.status === 401)) throw e;
    if (e.status === 0) session.offline = true;
    const old = await copy();
    if (!old) throw e;
    return old;
  }
}

/** What is public: items, guides, the station. */
export function readPublic<T>(name: string, read: () => Promise<T>): Promise<Kept<T>> {
  return through(read, () => plainOf<T>(name), async (plain) => {
    if (session.secure) await (await store()).put('kept', { at: Date.now(), plain: JSON.parse(JSON.stringify(plain)) }, name);
  });
}

/** What names people. */
export function readPrivate<T>(name: string, read: () => Promise<T>): Promise<Kept<T>> {
  return through(read, () => sealedOf<T>(name), async (value) => {
    if (!session.key || !session.staff || !session.secure) return;
    const sealed = await sealJson(session.key, `kept:${name}:${session.staff.id}`, value);
    await (await store()).put('kept', { at: Date.now(), sealed }, `${name}:${session.staff.id}`);
  });
}
