// A form of an act, by its row of the table that schema/events gives (build/bodies.ts): blank values, what is required just
// now, what is missing, and the body to send. No DOM: the tests run it over every act.

import type { Body, BodyField } from '../../build/bodies';
import type { FieldError } from '@/api/client';

export interface Material { name: string; form: string; copies: number; trust?: string | null; files?: unknown[] | null }
export interface Missing { name: string; standard: string; where?: string }
export type Value = string | number | boolean | null | Material[] | Missing[];
export type Values = Record<string, Value>;

const isList = ({ kind }: BodyField) => kind === 'materials' || kind === 'missing';

export function blank(body: Body, given: Values = {}): Values {
  return Object.fromEntries(body.fields.map((field) => [field.name, given[field.name] ?? (isList(field) ? [] : field.kind === 'boolean' ? null : '')]));
}

/** A text that must be there yet may be empty: an amendment takes something away by it. */
const mayBeEmpty = ({ kind, min }: BodyField) => (kind === 'line' || kind === 'text') && !min;

/** Names that must be filled: always, or by what another field says. */
export function requiredNow(body: Body, values: Values): Set<string> {
  const names = new Set(body.fields.filter((field) => field.required && !mayBeEmpty(field)).map(({ name }) => name));
  for (const { field, values: of, names: more } of body.conditions) {
    if (of.includes(String(values[field]))) more.forEach((one) => names.add(one));
  }
  return names;
}

const empty = (value: Value | undefined) => value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)
  || (typeof value === 'string' && value.trim() === '');

/** What is wrong before anything is sent, as the box would point at it. */
export function faults(body: Body, values: Values): FieldError[] {
  const required = requiredNow(body, values);
  const found: FieldError[] = [];
  for (const { name, kind, min, max } of body.fields) {
    const value = values[name];
    if (empty(value)) {
      if (required.has(name)) found.push({ pointer: `/${name}`, code: 'required' });
      continue;
    }
    const size = Array.isArray(value) ? value.length : kind === 'integer' ? Number(value) : [...String(value)].length;
    if (Number.isNaN(size)) found.push({ pointer: `/${name}`, code: 'type' });
    else if (kind !== 'choice' && kind !== 'time' && ((min !== undefined && size < min) || (max !== undefined && size > max))) found.push({ pointer: `/${name}`, code: 'range' });
    if (kind === 'missing') {
      (value as Missing[]).forEach((one, i) => {
        for (const part of ['name', 'standard'] as const) if (empty(one[part])) found.push({ pointer: `/${name}/${i}/${part}`, code: 'required' });
      });
    }
  }
  if (body.anyOf.length > 0 && body.anyOf.every((name) => empty(values[name]))) found.push({ pointer: `/${body.anyOf[0]}`, code: 'required' });
  return found;
}

function sent({ kind }: BodyField, value: Value): unknown {
  if (kind === 'integer') return Number(value);
  if (kind === 'time') return new Date(String(value)).toISOString();
  if (kind === 'missing') return (value as Missing[]).map(({ name, standard, where }) => ({ name, standard, ...(where ? { where } : {}) }));
  return typeof value === 'string' ? value.trim() : value;
}

/** The body that goes out: what is empty and not required is left out, since null is as good as absent. */
export function toBody(body: Body, values: Values): Record<string, unknown> {
  return Object.fromEntries(body.fields.filter(({ name, required }) => !empty(values[name]) || required)
    .map((field) => [field.name, empty(values[field.name]) ? '' : sent(field, values[field.name])]));
}

/** The error that belongs to the field at `pointer`; the box points into {"type","body"} or into the body itself. */
export function errorAt(errors: FieldError[], pointer: string): FieldError | undefined {
  return errors.find((one) => one.pointer === pointer || one.pointer === `/body${pointer}`);
}

/** Errors that no field of the form shows. */
export function elsewhere(errors: FieldError[], pointers: string[]): FieldError[] {
  return errors.filter((one) => !pointers.some((p) => one.pointer === p || one.pointer === `/body${p}` || one.pointer.startsWith(`${p}/`) || one.pointer.startsWith(`/body${p}/`)));
}

/** A time as an input of type datetime-local writes it, by this phone's zone. */
export function localTime(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
