#!/usr/bin/env node
// Makes the data files below schema/ from the county's reference files and the
// hand-written guides:
//
//   node schema/scripts/import-reference.mjs REFERENCE_DIR [--check] [--modules DIR]
//
// Reads annex-items.json, divisions-652323.csv, holidays.json and case-states.json
// from REFERENCE_DIR, and schema/guides/*.json. The same input always gives the same
// bytes. With --check nothing is written and the exit code is 1 when a committed file
// differs. pinyin-pro comes from the packages of tests/, or from DIR/node_modules.
//
// The county's text is taken as it stands, misprints too: the county corrects it in a
// new version of the catalog. Every count that the plan fixes is asserted here, so a
// damaged reference file stops the import instead of reaching a box.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const SCHEMA = fileURLToPath(new URL('..', import.meta.url));

// The plan was published on this day; the annex itself carries no date.
const PUBLISHED = '2022-05-24';

// GB/T 39046-2020, table of item types (事项类型).
const TYPE_OF_CATEGORY = {
  行政许可: '01',
  行政给付: '05',
  行政确认: '07',
  行政奖励: '08',
  公共服务: '20',
};

// What a case of the item records. Only an application has an applicant; the others
// would make staff invent one.
const RECORD_OF_ORDER = {
  28: 'activity', 29: 'service', 30: 'service', 31: 'service',
  32: 'activity', 38: 'activity', 39: 'activity', 40: 'mediation',
};

// Working days of the permit law (articles 32, 42 and 44). They are the default for
// every item; a guide's "days" overrides single ones where another law sets the term.
const DEFAULT_DAYS = { notice: 5, decision: 20, promise: null, delivery: 10 };

// The eight disclosures (八公开): 法定依据, 申请条件, 申请材料, 办理流程, 办理时限,
// 收费依据和标准, 联系方式, 办理地点.
const DISCLOSURES = ['basis', 'conditions', 'materials', 'process', 'time_limit', 'fee',
  'contact', 'place'];

const DRAFT_MARK = '示例，以县级发布为准';

// Other administrations inside the county's code range: 520, 521 and 523 belong to the
// XPCC (兵团), 402 and 405 are farms.
const EXCLUDED_TOWNSHIPS = new Set(['652323402', '652323405', '652323520', '652323521',
  '652323523']);

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

// One blank a level: the files are read by programs and in diffs, and stay small.
const toJson = (value) => JSON.stringify(value, null, 1) + '\n';

function loadPinyin(modules) {
  const from = modules ? path.join(path.resolve(modules), 'package.json')
    : new URL('../../tests/package.json', import.meta.url);
  try {
    return createRequire(from)('pinyin-pro').pinyin;
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    throw new Error('pinyin-pro is missing: run npm ci in tests/, or give --modules DIR');
  }
}

// Toneless syllables without marks or brackets; digits and Latin letters stay. ü is
// written v, as a keyboard types it.
function spell(pinyin, name) {
  const text = name.replace(/[^\p{L}\p{N}]/gu, '');
  const parts = pinyin(text, { toneType: 'none', type: 'array', v: true, nonZh: 'consecutive' })
    .map((part) => part.toLowerCase());
  assert(parts.every((part) => /^[a-z0-9]+$/.test(part)), `cannot spell ${name}`);
  // A run of digits is typed whole, also among initials.
  const initials = parts.map((part) => (/^[a-z]/.test(part) ? part[0] : part));
  return { pinyin: parts.join(''), initials: initials.join('') };
}

function emptyGuide() {
  return {
    status: 'none', mark: null, basis: [], conditions: [], materials: [], process: [],
    time_limit: { text: null }, fee: { text: null }, contact: null, place: null,
    pending: [...DISCLOSURES],
  };
}

// A guide file holds what the law says. What it leaves null is pending; a list that is
// there but needs the county's detail is named in the file's own "pending". An empty
// list of materials is a statement: nothing has to be brought.
function draftGuide(source) {
  const known = {
    basis: source.basis,
    conditions: source.conditions,
    materials: source.materials,
    process: source.process,
    time_limit: source.time_limit.text,
    fee: source.fee.text,
    contact: source.contact,
    place: source.place,
  };
  const named = new Set(source.pending ?? []);
  for (const key of named) assert(DISCLOSURES.includes(key), `${source.code}: pending ${key}`);
  return {
    status: 'draft',
    mark: DRAFT_MARK,
    basis: source.basis,
    conditions: source.conditions,
    materials: source.materials,
    process: source.process,
    time_limit: source.time_limit,
    fee: source.fee,
    contact: source.contact,
    place: source.place,
    pending: DISCLOSURES.filter((key) => known[key] === null || named.has(key)),
  };
}

function readGuides() {
  const folder = path.join(SCHEMA, 'guides');
  const guides = new Map();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    const guide = readJson(path.join(folder, file));
    assert.equal(`${guide.code}.json`, file, 'a guide file is named for its item');
    guides.set(guide.code, guide);
  }
  return guides;
}

function makeItem(row, guide, county, pinyin) {
  const code = `${county.division_code}-${String(row.order).padStart(3, '0')}`;
  const type = TYPE_OF_CATEGORY[row.category];
  assert(type, `unknown category ${row.category}`);
  if (guide) assert.equal(guide.name, row.name, `${code}: the guide is for another item`);
  const permit = row.category === '行政许可';
  return {
    code,
    order: row.order,
    annex_no: row.annex_no,
    name: row.name,
    category: row.category,
    type,
    permit,
    record: RECORD_OF_ORDER[row.order] ?? 'application',
    levels: { township: row.township, village: row.village, community: row.community },
    window: row.window,
    department: row.department,
    note: row.note ?? null,
    ...spell(pinyin, row.name),
    days: { ...DEFAULT_DAYS, ...guide?.days },
    // Article 32 makes silence an acceptance for permits only.
    deem_accept: permit,
    guide: guide ? draftGuide(guide) : emptyGuide(),
  };
}

function makeCatalog(annex, pinyin) {
  const guides = readGuides();
  const offered = annex.items.filter((row) => row.village !== null || row.community !== null);
  assert.equal(annex.items.length, 66);
  assert.equal(offered.length, 43, 'items that a village or a community offers');
  const items = annex.items.map((row, index) => {
    // The printed numbers skip 64 and repeat 65; only the order is dense.
    assert.equal(row.order, index + 1, 'the order is dense');
    const code = `${annex.county.division_code}-${String(row.order).padStart(3, '0')}`;
    const guide = guides.get(code);
    assert.equal(guide !== undefined, offered.includes(row), `${code}: guide and levels disagree`);
    guides.delete(code);
    return makeItem(row, guide, annex.county, pinyin);
  });
  assert.equal(guides.size, 0, 'a guide without an item');
  return {
    catalog: 'hutubi-2022',
    version: 1,
    title: annex.source.slice(annex.source.indexOf('：') + 1),
    source: annex.source,
    published: PUBLISHED,
    county: { name: annex.county.name, division_code: annex.county.division_code },
    items,
  };
}

function readDivisions(file) {
  const [header, ...lines] = readFileSync(file, 'utf8').trim().split(/\r?\n/);
  assert.equal(header, 'code,name,parent,level');
  return lines.map((line) => {
    const [code, name, parent, level] = line.split(',');
    return { code, name, parent, level };
  });
}

// 红山村委会 -> 红山村便民服务站, 北园社区居委会 -> 北园社区便民服务站,
// 河西居委会 -> 河西社区便民服务站: the plan's form of the name.
function makeStation({ code, name, parent }) {
  const community = name.includes('社区') || name.includes('居委会');
  const place = community ? name.replace(/居委会$/, '').replace(/(?<!社区)$/, '社区')
    : name.replace(/村委会$/, '村');
  return {
    code,
    name,
    kind: community ? 'community' : 'village',
    township: `${parent}000`,
    title: `${place}便民服务站`,
  };
}

function makeStations(divisions) {
  const own = (row) => !EXCLUDED_TOWNSHIPS.has(row.code) && !EXCLUDED_TOWNSHIPS.has(row.parent);
  const [county] = divisions.filter((row) => row.level === 'county');
  const townships = divisions.filter((row) => row.level === 'township' && own(row))
    .map((row) => ({ code: `${row.code}000`, name: row.name, title: `${row.name}便民服务中心` }));
  const stations = divisions.filter((row) => row.level === 'village_or_community' && own(row))
    .map(makeStation);
  const count = (kind) => stations.filter((station) => station.kind === kind).length;
  assert.equal(townships.length, 7);
  assert.equal(count('village'), 52);
  assert.equal(count('community'), 21);
  for (const station of stations) {
    assert(townships.some((township) => township.code === station.township), station.code);
  }
  return { county: { name: county.name, division_code: county.code }, townships, stations };
}

// Days off and make-up workdays only; a plain Saturday or Sunday is off without being
// listed, unless "work" names it. A year with adjusted days unknown is provisional.
function makeYear(year, withXinjiang) {
  const xinjiang = withXinjiang ? year.xinjiang_extra_off ?? [] : [];
  const notes = [];
  if (year.status) notes.push(year.status);
  if (withXinjiang && xinjiang.length === 0) notes.push("Xinjiang's own days are missing here");
  if (withXinjiang && year.xinjiang_note) notes.push(year.xinjiang_note);
  return {
    status: year.national_off ? 'published' : 'provisional',
    off: [...new Set([...(year.national_off ?? year.statutory), ...xinjiang])].sort(),
    work: [...(year.national_makeup_workdays ?? [])].sort(),
    note: notes.join('; ') || null,
  };
}

function makeCalendar(holidays, name, source) {
  const years = {};
  for (const year of Object.keys(holidays).sort()) {
    years[year] = makeYear(holidays[year], name === 'xinjiang');
  }
  return { calendar: name, version: 1, source, years };
}

// The reference says who acts in prose; this is the closed list that C knows. The first
// rule that matches wins.
const WHO = [
  [/^applicant\b/, 'applicant'],
  [/^holder whose level is 办理/, 'handler_or_organ'],
  [/^holder (passes|gives) it\b/, 'holder'],
  [/^head of organ\b/, 'head'],
  [/^organ\b/, 'organ'],
  [/^system\b/, 'system'],
  [/^village\/community clerk or lead of a station where level=受理/, 'window_accept'],
  [/^clerk or lead of a station\b/, 'window'],
];

const BY = {
  holder: 'holder',
  'registering station': 'registering',
  'holder or registering station': 'either',
  'holder or registering station, not in archived': 'either',
  "holder's program": 'program',
  'county or registering station': 'county_or_registering',
  'whoever reveals': 'any',
};

// Rows of our own, behind the reference's: what the machinery needs and no citizen or clerk does.
const OWN_ROWS = [
  // An undeclared copy of a box gave a receipt number twice: the county gives the later case another.
  ['*', 'renumber', '=', 'system', 'county'],
  // A service, an activity or a mediation has nothing to accept or decide: its short form ends it (see caseview.c).
  ['received', 'complete', 'completed', 'organ', 'holder'],
];

const ASKED = '(state that asked)';

function csv(comments, rows) {
  for (const row of rows) {
    for (const field of row) assert(!/[",\r\n]/.test(field), `not a plain field: ${field}`);
  }
  const lines = [...comments.map((text) => `# ${text}`), ...rows.map((row) => row.join(','))];
  return lines.join('\n') + '\n';
}

function makeStates(machine) {
  assert.equal(machine.states.length, 20);
  const rows = machine.states.map(({ state, zh, clock, mohurd_code: code }) => {
    const final = /\bfinal\b|^done$|^read-only$/.test(clock);
    return [state, zh, final ? 'yes' : 'no', code === null ? '' : String(code)];
  });
  return csv(['state,zh,final,mohurd_code'], rows);
}

function transitionRow({ from, event, to, who, appended_by: by }) {
  const rule = WHO.find(([pattern]) => pattern.test(who));
  assert(rule, `nobody knows who this is: ${who}`);
  assert(BY[by], `nobody knows whose log this is: ${by}`);
  return [from, event, to === ASKED ? 'asked' : to, rule[1], BY[by]];
}

function makeTransitions(machine) {
  const states = new Set(machine.states.map(({ state }) => state));
  for (const { from, to } of machine.transitions) {
    assert(states.has(from), from);
    assert(states.has(to) || to === ASKED, to);
  }
  const rows = machine.transitions.map(transitionRow);
  for (const { event, appended_by: by } of machine.no_state_change) {
    assert(BY[by], by);
    // The header's rule for * is read off "by": it has to be what the reference says.
    assert.equal(BY[by] === 'either', by.endsWith(', not in archived'), event);
    rows.push(['*', event, '=', 'any', BY[by]]);
  }
  const keys = new Set(rows.map(([from, event]) => `${from} ${event}`));
  assert.equal(keys.size, rows.length, 'one row a state and event');
  rows.push(...OWN_ROWS);
  return csv([
    'from,event,to,who,by',
    'from *: any state but archived; with by county, county_or_registering or any: archived too',
    'to =: the state stays; to asked: the state and the holder that asked for the supplement',
    'who: window, applicant, organ, handler_or_organ, head, system, holder, window_accept, any',
    'by: holder, registering, either, program, county_or_registering, any, county',
  ], rows);
}

function makeResultCodes(machine) {
  return csv(['code,zh'], Object.entries(machine.result_codes));
}

const NATIONAL_SOURCE = '国务院办公厅关于2025年、2026年部分节假日安排的通知；全国年节及纪念日放假办法';
const XINJIANG_SOURCE = `${NATIONAL_SOURCE}；新疆维吾尔自治区2025年肉孜节、古尔邦节放假安排`;

function makeAll(reference, pinyin) {
  const from = (name) => path.join(reference, name);
  const holidays = readJson(from('holidays.json'));
  const machine = readJson(from('case-states.json'));
  const json = {
    'catalog/hutubi-2022.json': makeCatalog(readJson(from('annex-items.json')), pinyin),
    'stations/hutubi.json': makeStations(readDivisions(from('divisions-652323.csv'))),
    'calendars/xinjiang.json': makeCalendar(holidays, 'xinjiang', XINJIANG_SOURCE),
    'calendars/national.json': makeCalendar(holidays, 'national', NATIONAL_SOURCE),
  };
  return {
    ...Object.fromEntries(Object.entries(json).map(([name, value]) => [name, toJson(value)])),
    'states/states.csv': makeStates(machine),
    'states/transitions.csv': makeTransitions(machine),
    'states/result-codes.csv': makeResultCodes(machine),
  };
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { check: { type: 'boolean' }, modules: { type: 'string' } },
  });
  if (positionals.length !== 1) {
    throw new Error('usage: import-reference.mjs REFERENCE_DIR [--check] [--modules DIR]');
  }
  // Everything is made before anything is written: a failed assertion changes no file.
  const files = makeAll(positionals[0], loadPinyin(values.modules));
  for (const [name, text] of Object.entries(files)) {
    const target = path.join(SCHEMA, name);
    if (existsSync(target) && readFileSync(target, 'utf8') === text) continue;
    if (values.check) {
      console.error(`schema/${name} differs from what the reference files give`);
      process.exitCode = 1;
      continue;
    }
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, text);
    console.log(`wrote schema/${name}`);
  }
}

try {
  main();
} catch (error) {
  console.error(`import-reference: ${error.message}`);
  process.exitCode = 2;
}
