// Lists of cases and the state of the road, for home, list and chip; the long poll that keeps them fresh.

import { reactive } from 'vue';

import { api, done, Problem, type Schemas } from '@/api/client';

import { readPrivate } from './kept';
import { session } from './session';

export type CaseSummary = Schemas['CaseSummary'];
export type Sync = Schemas['Sync'];

export const road = reactive<{ sync: Sync | null; changed: number }>({ sync: null, changed: 0 });

export async function readRoad(): Promise<void> {
  try {
    road.sync = await done(api.GET('/api/v1/sync')) as Sync;
  } catch (e) {
    if (e instanceof Problem && e.passing) session.offline = true;
    else if (!(e instanceof Problem)) throw e;
  }
}

export interface Query { q?: string; state?: string; due?: string; sort?: string; cursor?: string; limit?: number }
const page = (query: Query) => done(api.GET('/api/v1/cases', { params: { query } as never }));

/** Newest cases: of the box or, while it is away, as this staff member last saw them. */
export const recent = () => readPrivate('recent', () => page({ limit: 50 }));
export const cases = (query: Query) => page(query);
export const dueToday = () => readPrivate('today', () => page({ due: 'today', limit: 20 }));
export const overdue = () => readPrivate('overdue', () => page({ due: 'overdue', limit: 20 }));
export const backAgain = () => readPrivate('back', async () => ({
  items: [...(await page({ limit: 200 })).items.filter(({ sync }) => sync === 'refused'),
    ...(await page({ state: 'supplement', limit: 50 })).items, ...(await page({ state: 'returned', limit: 20 })).items],
  next: null,
}));

/** Seconds that the box holds a call while nothing has changed. */
const HOLD = 10;
let following = false;

/** Follows the box's changes until the session ends; each raises `road.changed`. */
export async function follow(): Promise<void> {
  if (following) return;
  following = true;
  let after: string | undefined;
  try {
    while (session.phase === 'in' && !session.expired) {
      try {
        const answer = await done(api.GET('/api/v1/changes', { params: { query: { after, wait: after ? HOLD : 0 } } }));
        if (after && answer.items.length + answer.entries.length > 0) road.changed += 1;
        after = answer.next;
        await readRoad();
      } catch (e) {
        if (!(e instanceof Problem)) throw e;
        if (e.code === 'cursor_expired') after = undefined;
        else if (e.status === 401 || e.status === 403) break;
        else await new Promise((go) => { setTimeout(go, 5000); });
      }
    }
  } finally {
    following = false;
  }
}
