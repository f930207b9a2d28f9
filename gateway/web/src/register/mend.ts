// Fields that the box found wrong in a call that waited on the phone, to be corrected one by one.

import { named } from '@/i18n';
import type { JobBody } from '@/offline/outbox';

type Json = Record<string, unknown>;
export interface WrongField { pointer: string; code: string; value: string }

const parts = (pointer: string) => pointer.split('/').slice(1).map((one) => one.replaceAll('~1', '/').replaceAll('~0', '~'));

/** Errors that stand at a text of the body. */
export function wrongFields(job: JobBody): WrongField[] {
  return (job.errors ?? []).flatMap(({ pointer, code }) => {
    const value = parts(pointer).reduce<unknown>((of, name) => (of as Json | undefined)?.[name], job.body);
    return pointer !== '' && (typeof value === 'string' || value === undefined) ? [{ pointer, code, value: String(value ?? '') }] : [];
  });
}

/** A copy of `body` with another text at `pointer`; what is missing on the way is made. */
export function withField(body: Json, pointer: string, value: string): Json {
  const [head, ...rest] = parts(pointer);
  const made: Json | unknown[] = Array.isArray(body) ? [...body] : { ...body };
  const inner = (body[head] ?? {}) as Json;
  (made as Json)[head] = rest.length === 0 ? value : withField(inner, `/${rest.join('/')}`, value);
  return made as Json;
}

export function fieldLabel(pointer: string): string {
  const name = parts(pointer).at(-1) ?? '';
  const known = named('reg', name); // a registration's own words first: the same name means another thing in an act
  return known === name ? named('field', name) : known;
}
