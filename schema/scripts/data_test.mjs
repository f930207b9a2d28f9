// Checks the committed data files alone: node --test schema/scripts/data_test.mjs
// It needs neither the county's reference files nor any package, so that it also finds
// what somebody changed by hand after the import.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');
const readJson = (name) => JSON.parse(read(name));

const catalog = readJson('catalog/hutubi-2022.json');
const { townships, stations } = readJson('stations/hutubi.json');
const calendars = {
  xinjiang: readJson('calendars/xinjiang.json'),
  national: readJson('calendars/national.json'),
};
const guideFiles = readdirSync(new URL('../guides/', import.meta.url)).sort();
const drafts = catalog.items.filter((item) => item.guide.status === 'draft');

const DISCLOSURES = ['basis', 'conditions', 'materials', 'process', 'time_limit', 'fee',
  'contact', 'place'];

function rowsOf(name) {
  const lines = read(name).trimEnd().split('\n');
  assert.match(lines[0], /^# [a-z_]+(,[a-z_]+)+$/, 'the first line names the columns');
  const columns = lines[0].slice(2).split(',');
  return lines.filter((line) => !line.startsWith('#')).map((line) => {
    const fields = line.split(',');
    assert.equal(fields.length, columns.length, line);
    return Object.fromEntries(columns.map((column, i) => [column, fields[i]]));
  });
}

test('the catalog holds 66 items with dense codes', () => {
  assert.equal(catalog.catalog, 'hutubi-2022');
  assert.equal(catalog.version, 1);
  assert.equal(catalog.items.length, 66);
  catalog.items.forEach((item, i) => {
    assert.equal(item.order, i + 1);
    assert.equal(item.code, `652323-${String(i + 1).padStart(3, '0')}`);
  });
});

test('the levels are those of the annex', () => {
  const count = (tier) => ['accept', 'handle', null].map((value) =>
    catalog.items.filter((item) => item.levels[tier] === value).length);
  assert.deepEqual(count('village'), [14, 11, 41]);
  assert.deepEqual(count('township'), [35, 31, 0]);
  assert.deepEqual(count('community'), [20, 22, 24]);
});

test('the printed numbers and misprints of the annex are kept', () => {
  const item = (order) => catalog.items[order - 1];
  assert.equal(item(64).annex_no, 65);
  assert.equal(item(65).annex_no, 65);
  assert.equal(item(14).name, '计划生育家庭特别持助制度对象资格确认');
  assert.equal(item(43).name, '棉花目标价改革补贴');
  assert.deepEqual(catalog.items.filter((one) => one.note !== null).map((one) => one.order),
    [14, 43, 64]);
});

test('each category has its national type code, and permits are flagged', () => {
  const types = { 行政许可: '01', 行政给付: '05', 行政确认: '07', 行政奖励: '08', 公共服务: '20' };
  for (const item of catalog.items) {
    assert.equal(item.type, types[item.category], item.code);
    assert.equal(item.permit, item.type === '01', item.code);
    assert.equal(item.deem_accept, item.permit, item.code);
  }
  assert.deepEqual(catalog.items.filter((item) => item.permit).map((item) => item.order),
    [9, 10, 12, 44]);
});

test('what is recorded follows the item', () => {
  const of = (kind) => catalog.items.filter((item) => item.record === kind)
    .map((item) => item.order);
  assert.deepEqual(of('service'), [29, 30, 31]);
  assert.deepEqual(of('activity'), [28, 32, 38, 39]);
  assert.deepEqual(of('mediation'), [40]);
  assert.equal(of('application').length, 58);
});

test('days are working days, and permits keep those of the law', () => {
  for (const { code, permit, days } of catalog.items) {
    assert.deepEqual(Object.keys(days), ['notice', 'decision', 'promise', 'delivery'], code);
    assert.equal(days.notice, 5, code);
    assert.equal(days.delivery, 10, code);
    assert.equal(days.promise, null, `${code}: only the county may promise`);
    assert(Number.isInteger(days.decision) && days.decision > 0, code);
    if (permit) assert.equal(days.decision, 20, code);
  }
});

test('an item is found by pinyin and initials', () => {
  for (const item of catalog.items) {
    assert.match(item.pinyin, /^[a-z0-9]+$/, item.code);
    assert.match(item.initials, /^[a-z0-9]+$/, item.code);
  }
  assert.equal(catalog.items[3].pinyin, 'linshijiuzhuduixiangrending');
  assert.equal(catalog.items[3].initials, 'lsjzdxrd');
  assert.equal(catalog.items[6].initials, '80zsyslnrjbshbtsq');
});

test('43 draft guides, 23 empty ones, none claims to be published', () => {
  assert.equal(drafts.length, 43);
  for (const { code, levels, guide } of catalog.items) {
    assert(['draft', 'none'].includes(guide.status), code);
    const offered = levels.village !== null || levels.community !== null;
    assert.equal(guide.status, offered ? 'draft' : 'none', code);
    assert.equal(guide.mark, offered ? '示例，以县级发布为准' : null, code);
    if (offered) continue;
    assert.deepEqual(guide.pending, DISCLOSURES, code);
    for (const key of ['basis', 'conditions', 'materials', 'process']) {
      assert.deepEqual(guide[key], [], code);
    }
  }
});

test('a draft says what it knows and names what it does not', () => {
  for (const { code, record, guide } of drafts) {
    assert(guide.basis.length > 0, code);
    assert(guide.conditions.length > 0, code);
    assert(guide.process.length > 0, code);
    assert.equal(guide.materials.length > 0, record === 'application', code);
    assert(guide.materials.length <= 7, code);
    assert.equal(guide.contact, null, code);
    assert.equal(guide.place, null, code);
    assert.deepEqual(guide.pending, DISCLOSURES.filter((key) => guide.pending.includes(key)), code);
    for (const key of ['contact', 'place']) assert(guide.pending.includes(key), code);
    for (const key of ['time_limit', 'fee']) {
      assert.equal(guide.pending.includes(key), guide[key].text === null, `${code} ${key}`);
    }
  }
});

test('bases and materials have their full shape', () => {
  const forms = ['original', 'copy', 'original_and_copy', 'electronic'];
  for (const { code, guide } of drafts) {
    for (const basis of guide.basis) {
      assert.deepEqual(Object.keys(basis), ['title', 'article', 'text'], code);
      assert(basis.title.length > 0, code);
      if (basis.article !== null) assert.match(basis.article, /^第[一二三四五六七八九十百]+条$/, code);
    }
    for (const material of guide.materials) {
      assert.deepEqual(Object.keys(material), ['name', 'form', 'copies', 'required', 'note'], code);
      assert(material.name.length > 0, code);
      assert(forms.includes(material.form), code);
      assert(Number.isInteger(material.copies) && material.copies >= 1, code);
      assert.equal(typeof material.required, 'boolean', code);
    }
    const names = guide.materials.map((material) => material.name);
    assert.equal(new Set(names).size, names.length, `${code}: a material stands twice`);
  }
});

test('no guide holds a telephone number or an amount of money', () => {
  for (const { code, guide } of catalog.items) {
    const text = JSON.stringify(guide);
    assert.doesNotMatch(text, /\d[\d -]{5,}\d/, code);
    assert.doesNotMatch(text, /[\d一二三四五六七八九十百千万]元/, code);
  }
});

test('the catalog carries the guides as they are written', () => {
  assert.deepEqual(guideFiles, drafts.map((item) => `${item.code}.json`));
  for (const item of drafts) {
    const source = readJson(`guides/${item.code}.json`);
    assert.equal(source.name, item.name);
    for (const key of DISCLOSURES) assert.deepEqual(item.guide[key], source[key], item.code);
    for (const key of source.pending ?? []) assert(item.guide.pending.includes(key), item.code);
  }
});

test('52 villages and 21 communities, each in one of 7 townships', () => {
  assert.equal(townships.length, 7);
  const codes = new Set(townships.map((township) => township.code));
  const count = (kind) => stations.filter((station) => station.kind === kind).length;
  assert.equal(count('village'), 52);
  assert.equal(count('community'), 21);
  assert.equal(stations.length, 73);
  for (const station of stations) {
    assert(codes.has(station.township), station.code);
    assert(station.code.startsWith(station.township.slice(0, 9)), station.code);
  }
});

test('codes have 12 digits and stand once', () => {
  const codes = [...townships, ...stations].map(({ code }) => code);
  for (const code of codes) assert.match(code, /^652323\d{6}$/);
  assert.equal(new Set(codes).size, codes.length);
  assert(!codes.some((code) => /^652323(402|405|520|521|523)/.test(code)));
});

test('titles are as the plan has them', () => {
  for (const { title } of townships) assert.match(title, /[镇乡]便民服务中心$/);
  for (const { title, kind } of stations) {
    assert.match(title, kind === 'village' ? /村便民服务站$/ : /社区便民服务站$/);
    assert.doesNotMatch(title, /委会|社区社区/);
  }
  const titleOf = (code) => stations.find((station) => station.code === code).title;
  assert.equal(titleOf('652323101200'), '红山村便民服务站');
  assert.equal(titleOf('652323104001'), '北园社区便民服务站');
  assert.equal(titleOf('652323105001'), '河西社区便民服务站');
});

test('calendar dates are real, sorted, in their year and on one list', () => {
  for (const { years } of Object.values(calendars)) {
    assert.deepEqual(Object.keys(years), ['2025', '2026', '2027']);
    for (const [year, { off, work }] of Object.entries(years)) {
      for (const list of [off, work]) {
        assert.deepEqual(list, [...new Set(list)].sort());
        for (const date of list) {
          assert.match(date, new RegExp(`^${year}-\\d\\d-\\d\\d$`));
          assert.equal(new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10), date);
        }
      }
      assert(!work.some((date) => off.includes(date)), year);
      for (const date of work) assert(isWeekend(date), `${date} needs no making up`);
    }
  }
});

test('calendars say which years are published', () => {
  for (const { years } of Object.values(calendars)) {
    assert.equal(years[2025].status, 'published');
    assert.equal(years[2026].status, 'published');
    assert.equal(years[2027].status, 'provisional');
  }
  const extra = calendars.xinjiang.years[2025].off
    .filter((date) => !calendars.national.years[2025].off.includes(date));
  assert.deepEqual(extra, ['2025-03-31', '2025-06-06', '2025-06-09', '2025-06-10']);
  assert.match(calendars.xinjiang.years[2026].note, /missing/);
});

function isWeekend(date) {
  return [0, 6].includes(new Date(`${date}T00:00:00Z`).getUTCDay());
}

// The day of the event is not counted.
function addWorkdays(calendar, date, days) {
  const day = new Date(`${date}T00:00:00Z`);
  for (let left = days; left > 0;) {
    day.setUTCDate(day.getUTCDate() + 1);
    const text = day.toISOString().slice(0, 10);
    const { off, work } = calendar.years[text.slice(0, 4)];
    if (work.includes(text) || (!off.includes(text) && !isWeekend(text))) left -= 1;
  }
  return day.toISOString().slice(0, 10);
}

test('counting working days gives the known answers', () => {
  const { national, xinjiang } = calendars;
  assert.equal(addWorkdays(national, '2026-02-12', 5), '2026-02-26');
  assert.equal(addWorkdays(national, '2026-09-30', 20), '2026-11-03');
  assert.equal(addWorkdays(national, '2025-05-30', 5), '2025-06-09');
  assert.equal(addWorkdays(xinjiang, '2025-05-30', 5), '2025-06-12');
  assert.equal(addWorkdays(xinjiang, '2025-06-05', 5), '2025-06-17');
});

test('20 states, of which the final ones are known', () => {
  const states = rowsOf('states/states.csv');
  assert.equal(new Set(states.map(({ state }) => state)).size, 20);
  assert.equal(states.length, 20);
  assert.deepEqual(states.filter(({ final }) => final === 'yes').map(({ state }) => state),
    ['not_required', 'not_accepted', 'delivered', 'archived', 'lapsed', 'withdrawn', 'returned',
      'terminated']);
});

test('each transition joins known states and has one row', () => {
  const states = new Set(rowsOf('states/states.csv').map(({ state }) => state));
  const rows = rowsOf('states/transitions.csv');
  const seen = new Set();
  for (const { from, event, to } of rows) {
    assert(states.has(from) || from === '*', from);
    assert(states.has(to) || to === 'asked' || (from === '*' && to === '='), `${from} ${event}`);
    assert(!seen.has(`${from} ${event}`), `${from} ${event} stands twice`);
    seen.add(`${from} ${event}`);
  }
  // Every state but the first is entered, and every one but the last is left.
  for (const state of states) {
    if (state !== 'draft') assert(rows.some(({ to }) => to === state), `nothing leads to ${state}`);
    if (state !== 'archived') assert(rows.some(({ from }) => from === state), `${state} is a trap`);
  }
});

test('only the county erases, from where a case or an entry ends, and nothing leaves it', () => {
  const known = new Set([...rowsOf('states/states.csv'), ...rowsOf('states/registers.csv')].map(({ state }) => state));
  const [erased, ...others] = rowsOf('states/retention-states.csv');
  assert.deepEqual(others, []);
  assert.equal(erased.final, 'yes');
  const rows = rowsOf('states/retention-transitions.csv');
  assert.deepEqual(rows.map(({ from }) => from), ['archived', 'closed']);
  for (const { from, event, to, who, by } of rows) {
    assert(known.has(from), from);
    assert.deepEqual([event, to, who, by], ['erase', erased.state, 'system', 'county']);
  }
});

test('the entries of registers have a table of their own, and every state is entered and left', () => {
  const states = new Set(rowsOf('states/registers.csv').map(({ state }) => state));
  const rows = rowsOf('states/register-transitions.csv');
  const ofCases = new Set(rowsOf('states/transitions.csv').map(({ event }) => event));
  const seen = new Set();
  for (const { from, event, to } of rows) {
    assert(states.has(from) || from === 'draft', from);
    assert(states.has(to), `${from} ${event}`);
    assert(!ofCases.has(event), `${event} is an event of cases`);
    assert(!seen.has(`${from} ${event}`), `${from} ${event} stands twice`);
    seen.add(`${from} ${event}`);
  }
  for (const state of states) {
    assert(rows.some(({ to }) => to === state), `nothing leads to ${state}`);
    if (state !== 'closed') assert(rows.some(({ from }) => from === state), `${state} is a trap`);
  }
});

test('who and by are from the closed lists', () => {
  const who = ['window', 'applicant', 'organ', 'handler_or_organ', 'head', 'system', 'holder',
    'window_accept', 'any'];
  const by = ['holder', 'registering', 'either', 'program', 'county_or_registering', 'any', 'county'];
  for (const row of rowsOf('states/transitions.csv')) {
    assert(who.includes(row.who), row.who);
    assert(by.includes(row.by), row.by);
    assert.equal(row.who === 'system', row.by === 'program' || row.by === 'county', `${row.from} ${row.event}`);
  }
});

test('the state tables are plain fields for awk', () => {
  assert.match(read('states/transitions.csv'), /^[\x20-\x7e\n]+$/);
  for (const name of ['states', 'transitions', 'result-codes']) {
    assert.doesNotMatch(read(`states/${name}.csv`), /["\t\r]/);
  }
  assert.deepEqual(rowsOf('states/result-codes.csv').map(({ code }) => code),
    ['0', '1', '2', '3', '4', '5', '6']);
});

test('no file names a folder of the machine that made it', () => {
  const names = ['catalog/hutubi-2022.json', 'stations/hutubi.json', 'calendars/xinjiang.json',
    'calendars/national.json', 'states/states.csv', 'states/transitions.csv',
    'states/result-codes.csv', ...guideFiles.map((file) => `guides/${file}`)];
  for (const name of names) {
    assert.doesNotMatch(read(name), /\/(work|home|root|tmp)\//, name);
    assert(read(name).endsWith('\n') && !read(name).endsWith('\n\n'), name);
  }
});

test('the venue standard asks each level for what the plan says of it', () => {
  const { editions } = readJson('venue/standard.json');
  assert.deepEqual(editions.map(({ version }) => version), editions.map((_, i) => i + 1));
  const { points, sections } = editions.at(-1);
  assert.equal(new Set(points.map(({ point }) => point)).size, points.length);
  const of = (code) => points.find(({ point }) => point === code).wanted;
  assert.deepEqual(of('area'), { village: 50, community: 100, township: 200 });
  assert.deepEqual(of('windows'), { village: 2, community: 4, township: null });
  const named = new Set(sections.map(({ section }) => section));
  for (const { point, section, kind, wanted } of points) {
    assert.ok(named.has(section), point);
    assert.deepEqual(Object.keys(wanted), ['village', 'community', 'township'], point);
    for (const one of Object.values(wanted)) assert.ok(kind === 'yes' ? one === true || one === null : one === null || one > 0, point);
  }
});
