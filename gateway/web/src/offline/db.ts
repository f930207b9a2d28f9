// What the phone keeps, in IndexedDB. Plain are only: who has something here, how many, since when, and the county's public
// guides. Everything about a person lies enciphered (offline/vault.ts).

import { openDB, type DBSchema, type IDBPDatabase } from 'idb';

import type { Sealed, Wrapped } from './vault';

/** Somebody who signed in on this phone. `name` is what one signs in with. */
export interface Owner { id: number; name: string; display: string; wrapped: Wrapped | null; tries: number; seen: number }

/** waiting: to be sent. posted: the box has it, its photos are still on the way. wrong: the box found fault with it. */
export type JobState = 'waiting' | 'posted' | 'wrong';

/** A call that waits; `sealed` is a JobBody. The id is the call's key and so the id of the case or entry. */
export interface Job {
  id: string;
  owner: number;
  ownerName: string;
  at: number;
  state: JobState;
  attempts: number;
  code: string | null;
  sealed: Sealed;
}

/** A photo that waits; `sealed` are its bytes. `upload` is where tus goes on. */
export interface Photo {
  id: string;
  job: string;
  owner: number;
  sha256: string;
  size: number;
  media: string;
  material: string;
  thumb: boolean;
  upload: string | null;
  held: boolean;
  sealed: Sealed;
}

interface Schema extends DBSchema {
  owners: { key: number; value: Owner };
  jobs: { key: string; value: Job; indexes: { owner: number } };
  photos: { key: string; value: Photo; indexes: { job: string; owner: number } };
  kept: { key: string; value: { at: number; plain?: unknown; sealed?: Sealed } };
}
export type Db = IDBPDatabase<Schema>;

export function openStore(name = 'xinke'): Promise<Db> {
  return openDB<Schema>(name, 1, {
    upgrade(db) {
      db.createObjectStore('owners', { keyPath: 'id' });
      db.createObjectStore('jobs', { keyPath: 'id' }).createIndex('owner', 'owner');
      const photos = db.createObjectStore('photos', { keyPath: 'id' });
      photos.createIndex('job', 'job');
      photos.createIndex('owner', 'owner');
      db.createObjectStore('kept');
    },
    // another tab of a newer version wants to upgrade: let it
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
    },
  });
}
