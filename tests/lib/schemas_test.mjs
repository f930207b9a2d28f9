// Holds schema/events, schema/openapi and their sources to each other: the vectors that the C checks pass too, the
// registry of problems, the state table, the catalog. No server runs here.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

import { contract } from './contract.mjs';

const top = new URL('../../', import.meta.url);
const read = (name) => readFileSync(new URL(name, top), 'utf8');
const list = (folder) => readdirSync(new URL(folder, top)).filter((name) => name.endsWith('.json')).sort();

const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false });
addFormats(ajv);
const eventFiles = list('schema/events/');
for (const name of eventFiles) ajv.addSchema(JSON.parse(read(`schema/events/${name}`)), new URL(`schema/events/${name}`, top).href);
const eventSchema = (type) => ajv.getSchema(new URL(`schema/events/${type}.json`, top).href);
const types = eventFiles.map((name) => name.slice(0, -5)).filter((name) => name !== 'common');

const vectors = list('tests/vectors/bodies/').flatMap((name) => {
  const cases = JSON.parse(read(`tests/vectors/bodies/${name}`));
  cases.forEach((one) => assert.equal(`${one.type}.json`, name, 'a file holds one type'));
  return cases;
});

const common = parse(read('schema/openapi/common.yaml')).components;
const gateway = contract(new URL('schema/openapi/gateway.yaml', top));
const county = contract(new URL('schema/openapi/county.yaml', top));

const ofNoCase = ['clock_fixed', 'log_opened', 'selfcheck']; // the box's own, and what is said of the station

test('every event type of a case has vectors, good and bad', () => {
  assert.ok(vectors.length >= 60);
  for (const type of types.filter((name) => !ofNoCase.includes(name))) {
    assert.ok(vectors.some((one) => one.type === type && one.ok), `${type}: good`);
    assert.ok(vectors.some((one) => one.type === type && !one.ok), `${type}: bad`);
  }
});

test('the schemas judge the vectors as they are marked', () => {
  for (const { type, body, ok, schema, pointer, why } of vectors) {
    const name = `${type}, ${why}`;
    const check = eventSchema(type);
    assert.equal(typeof pointer, ok ? 'undefined' : 'string', name);
    // a bad body without the mark must pass: then only the program sees what is wrong, and the mark stays honest
    assert.equal(check(body), ok || !schema, `${name}: ${ajv.errorsText(check.errors)}`);
  }
});

test('log_opened', () => {
  const check = eventSchema('log_opened');
  const first = { parent: null, parent_seq: 0, parent_hash: null, box: 1 };
  const next = { parent: '0b0f1bfe-29c5-4c1d-9d3e-2f6f5f1f9c11', parent_seq: 12, parent_hash: 'ab'.repeat(32), box: 2 };
  assert.ok(check(first));
  assert.ok(check(next));
  const bad = [{ ...first, box: 0 }, { ...first, box: 100 }, { ...first, parent_seq: 3 }, { ...first, parent_hash: '0'.repeat(64) }, { ...next, parent_hash: null }, { ...next, parent: 'x' },
    { ...next, parent_hash: 'AB'.repeat(32) }, { ...next, parent_seq: -1 }, { ...next, kept: 1 }, {}];
  for (const body of bad) assert.ok(!check(body), JSON.stringify(body));
});

test('clock_fixed', () => {
  const check = eventSchema('clock_fixed');
  const good = { boot: '0b0f1bfe-29c5-4c1d-9d3e-2f6f5f1f9c11', offset: -1795478400000, error: 12 };
  assert.ok(check(good));
  for (const body of [{ ...good, boot: 'x' }, { ...good, error: -1 }, { ...good, offset: 1.5 }, { ...good, more: 1 }, {}])
    assert.ok(!check(body), JSON.stringify(body));
});

test('selfcheck', () => {
  const check = eventSchema('selfcheck');
  const good = { standard: 'hutubi-venue', version: 1, answers: [{ point: 'area', value: 60 }, { point: 'copier', yes: false, note: '报修' }] };
  assert.ok(check(good));
  for (const body of [{ ...good, answers: [] }, { ...good, version: 0 }, { ...good, more: 1 }, { ...good, answers: [{ value: 1 }] },
    { ...good, answers: [{ point: 'area', value: 1.5 }] }, { ...good, answers: [{ point: 'area', yes: 'yes' }] }, { version: 1 }])
    assert.ok(!check(body), JSON.stringify(body));
});

test('every schema of both documents compiles', () => {
  assert.ok(gateway.compileAll() > 30);
  assert.ok(county.compileAll() > 30);
});

test('the problems are those of the registry, each under its status', () => {
  const rows = [...read('shared/problems.def').matchAll(/^PROBLEM\(\w+, "(\w+)", (\d+),/gm)]
    .map(([, code, status]) => ({ code, status }))
    .filter(({ code }) => code !== 'none');
  assert.deepEqual([...common.schemas.Problem.properties.code.enum].sort(), rows.map(({ code }) => code).sort());
  const statuses = Object.keys(common.schemas).map((name) => /^Problem(\d+)$/.exec(name)?.[1]).filter(Boolean);
  for (const status of statuses) {
    const { code } = common.schemas[`Problem${status}`].properties;
    assert.deepEqual([...(code.enum ?? [code.const])].sort(),
      rows.filter((row) => row.status === status).map((row) => row.code).sort(), status);
  }
});

test('the states and event types are those of the tables', () => {
  const rows = (name) => read(`schema/states/${name}.csv`).trim().split('\n').filter((line) => !line.startsWith('#'))
    .map((line) => line.split(','));
  const kept = rows('retention-states');
  assert.deepEqual([...common.schemas.State.enum].sort(), [...rows('states'), ...kept].map(([state]) => state).sort());
  const events = new Set([...rows('transitions'), ...rows('retention-transitions')].map(([, event]) => event));
  assert.deepEqual([...common.schemas.EventType.enum].sort(), [...events].sort());
  assert.deepEqual([...common.schemas.EntryState.enum].sort(), [...rows('registers'), ...kept].map(([state]) => state).sort());
  const ofEntries = new Set(rows('register-transitions').map(([, event]) => event));
  assert.deepEqual([...common.schemas.EntryEventType.enum].sort(), [...ofEntries].sort());
});

test('what can be acted and what is checked in a history is what has a schema', () => {
  const acts = (name) => common.schemas[name].oneOf.map(({ $ref }) => common.schemas[$ref.split('/').at(-1)].properties.type.const).sort();
  // what programs append, what citizens say, and what has a call of its own
  const otherwise = ['deem_accept', 'renumber', 'archive', 'erase', 'rate', 'reveal', 'submit', ...ofNoCase];
  const ofEntries = types.filter((type) => type.startsWith('entry_'));
  assert.deepEqual(acts('Act'), types.filter((type) => !otherwise.includes(type) && !ofEntries.includes(type)));
  assert.deepEqual(acts('EntryAct'), [...ofEntries.filter((type) => type !== 'entry_open'), 'note'].sort());
  const checked = common.schemas.BodyFits.then.allOf.map((one) => one.if.properties.type.const);
  assert.deepEqual(checked.sort(), types.filter((type) => !ofNoCase.includes(type)));
});

test('every item of the catalog can be shown as the gateway shows it', () => {
  for (const item of JSON.parse(read('schema/catalog/hutubi-2022.json')).items) {
    const { code, name, category, type, record, permit, window, department, order, annex_no, note, days, deem_accept, levels, guide } = item;
    const offer = levels.village;
    const shown = { code, name, category, type, record, permit, offer, office: offer ? null : { level: 'township', name: '乡镇便民服务中心' },
      window, department, guide_status: guide.status, order, annex_no, note, days, deem_accept, levels, guide };
    assert.equal(gateway.check('Item', shown), '', code);
    assert.notEqual(gateway.check('Item', { ...shown, pinyin: item.pinyin }), '', 'an undocumented member is a fault');
    assert.notEqual(gateway.check('Item', { ...shown, office: offer ? { level: 'county', name: '县' } : null }), '');
  }
});
