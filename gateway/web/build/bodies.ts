// The bodies of acts as a table of fields, made from schema/events/*.json when the app is built: `virtual:bodies`. A form is
// drawn from its row, so that an act that gains a field gains an input, and a schema that says something which no form
// can show stops the build.

import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import type { Plugin } from 'vite';

export type FieldKind = 'line' | 'text' | 'integer' | 'choice' | 'time' | 'boolean' | 'materials' | 'missing';
/** An input of a form. `min` and `max` are characters of a text, values of a number, members of a list. */
export interface BodyField {
  name: string;
  kind: FieldKind;
  required: boolean;
  min?: number;
  max?: number;
  values?: string[];
}
/** Names that are required when the field `field` has one of `values`. */
export interface Condition { field: string; values: string[]; names: string[] }
export interface Body { fields: BodyField[]; conditions: Condition[]; anyOf: string[] }

interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: (string | null)[];
  const?: string;
  oneOf?: Schema[];
  allOf?: { if: Schema; then: Schema }[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
}

/** Acts of a person that have a form. The others are made by programs or have a screen of their own. */
export const FORMS = ['accept', 'amend', 'add_material', 'ask_supplement', 'complete', 'decide', 'decide_now', 'deliver', 'extend',
  'forward', 'not_required', 'note', 'pre_return', 'refuse', 'resume', 'return', 'send_back', 'start_review',
  'supplement_complete', 'supplement_lapse', 'supplement_notice', 'suspend', 'terminate', 'withdraw', 'reveal',
  'entry_answer', 'entry_close', 'entry_pass', 'entry_reopen', 'entry_step'];
const REGISTERS = ['inquiry', 'agency', 'hours', 'stuck'];

const KINDS: Record<string, FieldKind> = {
  line: 'line', opt_line: 'line', name: 'line', phone: 'line', text: 'text', opt_text: 'text', overtime_reason: 'text', time: 'time',
};

function resolve(schema: Schema, common: Record<string, Schema>): Schema {
  const of = schema.oneOf?.find((one) => one.type !== 'null');
  if (of) return resolve(of, common);
  if (!schema.$ref) return schema;
  const target = common[schema.$ref.split('/').at(-1) as string];
  return { ...target, ...schema };
}

function kindOf(schema: Schema, where: string): FieldKind {
  const name = schema.$ref?.split('/').at(-1);
  if (name && KINDS[name]) return KINDS[name];
  const types = [schema.type].flat();
  if (schema.enum) return 'choice';
  if (types.includes('integer')) return 'integer';
  if (types.includes('boolean')) return 'boolean';
  if (types.includes('array')) return schema.items?.$ref?.endsWith('/missing_material') ? 'missing' : 'materials';
  if (types.includes('string')) return 'line';
  throw new Error(`${where}: no input shows ${JSON.stringify(schema)}`);
}

function field(name: string, raw: Schema, required: boolean, common: Record<string, Schema>, where: string): BodyField {
  const schema = resolve(raw, common);
  const made: BodyField = { name, kind: kindOf(schema, `${where}/${name}`), required };
  const min = schema.minLength ?? schema.minimum ?? schema.minItems;
  const max = schema.maxLength ?? schema.maximum ?? schema.maxItems;
  if (min !== undefined) made.min = min;
  if (max !== undefined) made.max = max;
  if (schema.enum) made.values = schema.enum.filter((one): one is string => one !== null);
  return made;
}

/** One schema as a row. `amends` is set by the program that mends, never typed. */
export function bodyOf(schema: Schema, common: Record<string, Schema>, where: string): Body {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).filter(([name]) => name !== 'amends' && name !== 'station')
    .map(([name, one]) => field(name, one, required.has(name), common, where));
  const conditions = (schema.allOf ?? []).flatMap(({ if: when, then }) => Object.entries(when.properties ?? {}).map(([name, one]) => ({
    field: name, values: (one.enum as string[] | undefined) ?? [one.const as string], names: then.required ?? [],
  })));
  return { fields, conditions, anyOf: (schema.anyOf ?? []).flatMap((one) => one.required ?? []) };
}

export function readBodies(folder: string): Record<string, Body> {
  const read = (name: string) => JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Schema & { $defs: Record<string, Schema> };
  const common = read('common').$defs;
  const table: Record<string, Body> = {};
  for (const name of FORMS) table[name] = bodyOf(read(name), common, name);
  const opening = read('entry_open').properties as Record<string, Schema>;
  for (const name of REGISTERS) table[name] = bodyOf(resolve(opening[name], common), common, name);
  for (const name of ['service', 'activity']) table[name] = bodyOf(common[name], common, name);
  return table;
}

export function bodies(folder: string): Plugin {
  return {
    name: 'xinke-bodies',
    resolveId: (id) => (id === 'virtual:bodies' ? '\0virtual:bodies' : undefined),
    load(id) {
      if (id !== '\0virtual:bodies') return undefined;
      for (const name of readdirSync(folder)) this.addWatchFile(join(folder, basename(name)));
      return `export default ${JSON.stringify(readBodies(folder))}`;
    },
  };
}
