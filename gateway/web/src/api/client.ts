// Calls to the box. Whatever goes wrong becomes a Problem with a code, for which src/locales have a text: the box's own codes
// (shared/problems.def), and three of this side: `unreachable`, `portal` (somebody else answered) and `outdated`.

import createClient from 'openapi-fetch';

import type { components, paths } from './schema';

export type Schemas = components['schemas'];

export interface FieldError { pointer: string; code: string; message?: string }

export class Problem extends Error {
  constructor(
    readonly code: string,
    readonly status = 0,
    readonly errors: FieldError[] = [],
    readonly retryAfter: number | null = null,
    readonly requestId: string | null = null,
    readonly office: Schemas['Office'] | null = null,
  ) {
    super(code);
  }

  /** The call may be repeated as it is: it did not arrive, or the box was not ready. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 423 || this.status >= 500;
  }
}

type Told = (response: Response) => void;
const told: Told[] = [];
/** Calls FN with every answer of the box. */
export function onAnswer(fn: Told) {
  told.push(fn);
}

type Gate = (request: Request) => Promise<void>;
let gate: Gate | null = null;
/** FN is waited for before each call; where it throws, the call is not made. */
export function beforeCalls(fn: Gate) {
  gate = fn;
}

/** Answers are waited for this long, ms; a box on the same Wi-Fi answers within one second. */
const PATIENCE = 20_000;

/** fetch with the header that no other site can send (against CSRF) and with an end. */
export async function boxFetch(input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> {
  const request = new Request(input, init);
  await gate?.(request);
  request.headers.set('Xinke-Client', `app/${__APP_VERSION__}`);
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), PATIENCE);
  request.signal.addEventListener('abort', () => end.abort());
  try {
    const response = await fetch(request, { signal: end.signal, credentials: 'same-origin' });
    told.forEach((fn) => fn(response));
    return response;
  } catch {
    throw new Problem('unreachable');
  } finally {
    clearTimeout(timer);
  }
}

/** What a refusal says. An answer that no box of ours gives comes from a portal or a proxy on the way. */
export function problemOf(response: Response, body: unknown): Problem {
  const it = body as Partial<Schemas['Problem']> | null;
  if (!it || typeof it !== 'object' || typeof it.code !== 'string') return new Problem('portal', 0);
  return new Problem(it.code, response.status, (it.errors ?? []) as FieldError[], it.retry_after_s ?? null, it.request_id ?? null, it.office ?? null);
}

export const api = createClient<paths>({ baseUrl: '', fetch: (request) => boxFetch(request) });

/** The data of an answer, or its Problem thrown. */
export async function done<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let answer;
  try {
    answer = await call;
  } catch (e) {
    throw e instanceof Problem ? e : new Problem('portal'); // a 200 that is no JSON
  }
  if (answer.error !== undefined || !answer.response.ok) throw problemOf(answer.response, answer.error);
  return answer.data as T;
}

/** The header of a call's key: made once when the button is pressed, the same at each repetition. */
export const keyed = (key: string) => ({ 'Idempotency-Key': `"${key}"` });

/** A UUID, also where there is no secure context and so no crypto.randomUUID. */
export function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = [...b].map((one) => one.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

export const asProblem = (e: unknown): Problem => {
  if (e instanceof Problem) return e;
  if (e instanceof DOMException && e.name === 'QuotaExceededError') return new Problem('phone_full');
  console.error(e);
  return new Problem('app_fault');
};
