// Forms of acts: every body of schema/events, conditions, what goes out. The bodies that the project's own vectors call good and
// bad are tried through the forms.

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { readBodies } from '../build/bodies';
import { blank, elsewhere, errorAt, faults, localTime, toBody, type Values } from '@/acts/form';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const bodies = readBodies(at('../../../schema/events'));

/** Without what says nothing: null, empty texts and lists, and blanks around a text. */
function said(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(said);
  if (typeof value === 'string') return value.trim();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, said(one)]).filter(([, one]) => one !== null && one !== '' && !(Array.isArray(one) && one.length === 0)));
}

describe('forms', () => {
  it('asks for what is required, and by what another field says', () => {
    const { decide, deliver, entry_pass: pass } = bodies;
    expect(faults(decide, blank(decide)).map(({ pointer }) => pointer)).toEqual(['/result']);
    expect(faults(decide, { ...blank(decide), result: 'refused' }).map(({ pointer }) => pointer)).toEqual(['/reason', '/basis', '/remedies']);
    expect(faults(decide, { ...blank(decide), result: 'granted' })).toEqual([]);
    expect(faults(deliver, { ...blank(deliver), document: 'x', way: 'left', place: 'x', delivered_at: '2026-01-01T10:00' }).map(({ pointer }) => pointer)).toEqual(['/receiver', '/witness']);
    expect(faults(pass, blank(pass)).map(({ pointer }) => pointer)).toEqual(['/to']);
    expect(faults(pass, { ...blank(pass), person: '张三' })).toEqual([]);
  });

  it('leaves out what is empty, trims, and sends numbers and times as the contract has them', () => {
    const { suspend } = bodies;
    const sent = toBody(suspend, { ...blank(suspend), kind: 'hearing', reason: ' 听证 ', days: '12', told_at: '2026-02-01T09:30' });
    expect(sent).toEqual({ kind: 'hearing', reason: '听证', days: 12, told_at: new Date('2026-02-01T09:30').toISOString() });
  });

  it('counts characters, not UTF-16 units, and sees what is too long or no number', () => {
    const { extend, withdraw } = bodies;
    expect(faults(withdraw, { reason: '𠮷'.repeat(1000) })).toEqual([]);
    expect(faults(withdraw, { reason: '吉'.repeat(1001) })).toEqual([{ pointer: '/reason', code: 'range' }]);
    expect(faults(extend, { days: '11', reason: 'x', approver: 'y' })).toEqual([{ pointer: '/days', code: 'range' }]);
    expect(faults(extend, { days: 'ten', reason: 'x', approver: 'y' })).toEqual([{ pointer: '/days', code: 'type' }]);
  });

  it('asks each missing paper for its name and standard', () => {
    const { supplement_notice: notice } = bodies;
    expect(faults(notice, { ...blank(notice), basis: '第三十二条', materials: [{ name: '身份证', standard: ' ' }] })).toEqual([{ pointer: '/materials/0/standard', code: 'required' }]);
    expect(faults(notice, { ...blank(notice), basis: '第三十二条' })).toEqual([{ pointer: '/materials', code: 'required' }]);
  });

  it('finds an error at its field however deep the box points', () => {
    const errors = [{ pointer: '/body/reason', code: 'required' }, { pointer: '/materials/0/name', code: 'length' }, { pointer: '/extra', code: 'unknown' }];
    expect(errorAt(errors, '/reason')?.code).toBe('required');
    expect(elsewhere(errors, ['/reason', '/materials']).map(({ pointer }) => pointer)).toEqual(['/extra']);
  });

  it('writes a time as the input wants it', () => expect(localTime(new Date(2026, 0, 5, 9, 7))).toBe('2026-01-05T09:07'));

  const folder = at('../../../tests/vectors/bodies');
  const vectors = readdirSync(folder);
  it('there are vectors', () => expect(vectors.length).toBeGreaterThan(0));
  for (const [name, body] of Object.entries(bodies)) {
    const file = vectors.find((one) => one === `${name}.json`);
    if (!file) continue;
    const rows = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as { ok: boolean; why: string; body: Values }[];
    for (const { why, body: one } of rows.filter(({ ok, body: it }) => ok && !('amends' in it))) {
      it(`${name}, ${why}: passes the form and comes out as it went in`, () => {
        const values = blank(body, one);
        expect(faults(body, values)).toEqual([]);
        const time = (key: string) => body.fields.find((field) => field.name === key)?.kind === 'time';
        const wanted = Object.fromEntries(Object.entries(one).map(([key, value]) => [key, time(key) && value ? new Date(String(value)).toISOString() : value]));
        expect(said(toBody(body, values))).toEqual(said(wanted));
      });
    }
  }
});
