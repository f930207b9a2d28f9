// Who is signed in, on which phone, and the outbox key while the app is open. The box's session is a cookie that no script reads; the
// key comes with the sign-in's answer or, with the box out of reach, from the PIN.

import { reactive } from 'vue';

import { api, beforeCalls, done, onAnswer, Problem, type Schemas } from '@/api/client';
import type { Db, Owner } from '@/offline/db';
import { openStore } from '@/offline/db';
import * as vault from '@/offline/vault';

export type Staff = Schemas['Staff'];

/** starting; out: sign in; locked: the box knows us, the key is still wrapped; in. */
export type Phase = 'starting' | 'out' | 'locked' | 'in';

interface State {
  phase: Phase;
  staff: Staff | null;
  device: string | null;
  mustChange: boolean;
  /** The box has no session of ours (or is away): what is shown is what the phone keeps. */
  offline: boolean;
  /** Sending waits for a sign-in. */
  expired: boolean;
  key: CryptoKey | null;
  owners: Owner[];
  /** Seconds that this phone's clock is before the box's; null when they agree. */
  clockOff: number | null;
  /** Browsers keep service workers, storage keys and hashes to secure contexts. */
  secure: boolean;
}

export const session = reactive<State>({
  phase: 'starting', staff: null, device: null, mustChange: false, offline: false, expired: false, key: null, owners: [],
  clockOff: null, secure: window.isSecureContext && typeof crypto.subtle === 'object',
});

/** Set where somebody left and the box was not told yet. */
const LEAVING = 'xinke.leaving';

/** Differences below this are none: seconds. */
const CLOCK_SLACK = 300;

let raw: Uint8Array<ArrayBuffer> | null = null;
let db: Promise<Db> | null = null;
/** The phone's store, opened once. */
export const store = () => (db ??= openStore());

onAnswer((response) => {
  const date = Date.parse(response.headers.get('Date') ?? '');
  if (!Number.isNaN(date)) {
    const off = Math.round((date - Date.now()) / 1000);
    session.clockOff = Math.abs(off) > CLOCK_SLACK ? off : null;
  }
  session.offline = false;
  if (response.status === 401 && session.phase === 'in' && !response.url.endsWith('/api/v1/sessions')) session.expired = true;
});

/** False from opening by PIN without the box until the box has said whose session the browser holds: it may be that of another
 * clerk, who left while the box was away, and nothing may go under a name that is not its own. */
let sure = true;

beforeCalls(async ({ url }) => {
  if (sure || session.phase !== 'in' || new URL(url).pathname.startsWith('/api/v1/sessions')) return;
  const now = await done(api.GET('/api/v1/sessions/current'));
  if (now.staff.id !== session.staff?.id) {
    await leave({});
    session.expired = true;
    throw new Problem('unauthenticated', 401);
  }
  Object.assign(session, { staff: now.staff, device: now.device, mustChange: now.must_change_password });
  sure = true;
});

async function readOwners() {
  session.owners = session.secure ? (await (await store()).getAll('owners')).sort((a, b) => b.seen - a.seen) : [];
}

async function keep(owner: Owner) {
  await (await store()).put('owners', owner);
  await readOwners();
}

function enter(staff: Staff, device: string | null, mustChange: boolean, offline: boolean) {
  sure = !offline;
  Object.assign(session, { staff, device, mustChange, offline, expired: false, phase: 'in' });
}

async function useRaw(bytes: Uint8Array<ArrayBuffer> | null) {
  raw = bytes;
  session.key = bytes ? await vault.importKey(bytes) : null;
}

/** Who is there when the app opens. */
export async function begin(): Promise<void> {
  await readOwners();
  if (localStorage.getItem(LEAVING)) await leave({});
  if (localStorage.getItem(LEAVING)) { // still away: nobody enters by a session that was left
    Object.assign(session, { offline: true, phase: 'out' });
    return;
  }
  try {
    const now = await done(api.GET('/api/v1/sessions/current'));
    const owner = session.owners.find(({ id }) => id === now.staff.id);
    if (owner?.wrapped) Object.assign(session, { staff: now.staff, device: now.device, mustChange: now.must_change_password, phase: 'locked' });
    else enter(now.staff, now.device, now.must_change_password, false);
  } catch (e) {
    session.offline = e instanceof Problem && e.passing;
    session.phase = 'out';
  }
}

/** Signs in at the box; `secret` is a password or a PIN of six digits. */
export async function signIn(name: string, secret: string, byPin: boolean): Promise<void> {
  const body = byPin ? { name, pin: secret } : { name, password: secret };
  const opened = await done(api.POST('/api/v1/sessions', { body: body as Schemas['SignIn'] }));
  localStorage.removeItem(LEAVING);
  if (session.secure && opened.outbox_key) {
    const bytes = vault.fromBase64(opened.outbox_key);
    await useRaw(bytes);
    const old = (await (await store()).get('owners', opened.staff.id))?.wrapped ?? null;
    await keep({ id: opened.staff.id, name: opened.staff.name, display: opened.staff.display, seen: Date.now(), tries: 0,
      wrapped: byPin ? await vault.wrap(bytes, secret) : old });
  } else {
    await useRaw(null);
  }
  enter(opened.staff, opened.device, opened.must_change_password, false);
}

/** Opens the wrapped key with a PIN, without the box. After the fifth wrong one it is thrown away. */
export async function unlock(owner: Owner, pin: string): Promise<void> {
  const now = await (await store()).get('owners', owner.id);
  if (!now?.wrapped) throw new Problem('phone_locked', 401);
  // counted before it is tried, so that killing the app gives no free try
  const tries = now.tries + 1;
  await keep({ ...now, tries });
  const bytes = await vault.unwrap(now.wrapped, pin);
  if (!bytes) {
    if (tries >= vault.TRIES) await keep({ ...now, wrapped: null, tries: 0 });
    throw new Problem(tries >= vault.TRIES ? 'phone_locked' : 'pin_wrong', 401);
  }
  await keep({ ...now, tries: 0, seen: Date.now() });
  await useRaw(bytes);
  const known = session.phase === 'locked' && session.staff?.id === owner.id;
  if (known && session.staff) enter(session.staff, session.device, session.mustChange, false);
  else enter({ id: owner.id, name: owner.name, display: owner.display, role: 'clerk' }, session.device, false, true);
}

/** The PIN was set at the box: the key is wrapped by the new one. */
export async function pinChanged(pin: string): Promise<void> {
  if (!raw || !session.staff) return;
  const { id, name, display } = session.staff;
  await keep({ id, name, display, seen: Date.now(), tries: 0, wrapped: await vault.wrap(raw, pin) });
}

/** Ends the box's session; with the box away, the app does it when it opens next. */
async function leave(query: { clear?: '1' }) {
  try {
    await done(api.DELETE('/api/v1/sessions/current', { params: { query } }));
  } catch (e) {
    if (e instanceof Problem && e.passing) return;
  }
  localStorage.removeItem(LEAVING);
}

/** Leaves, and opens the app anew at its beginning: nothing of this clerk is left in the page. Where nothing of anybody waits here,
 * the box tells the browser to forget what it keeps of this address. */
export async function signOut(nothingWaits: boolean): Promise<void> {
  session.phase = 'starting'; // nobody reads or sends any more
  const query = nothingWaits ? { clear: '1' as const } : {};
  localStorage.setItem(LEAVING, '1');
  await leave(query);
  await useRaw(null);
  location.replace('/');
}
