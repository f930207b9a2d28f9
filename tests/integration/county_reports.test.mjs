// Reports over the county's cases: two stations' cases by place, what a department is told, the CSV, and what is refused.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { receiptNumber, registration } from '../lib/people.mjs';
import { catalog, itemOf, random, startCounty, TOWNSHIP, VILLAGE } from './county_world.mjs';

const ELSEWHERE = '652323105001'; // a village of another township
const HANDLED = catalog.items.filter(({ levels, record }) => levels.village === 'handle' && record === 'application').map(({ code }) => code);
const ALL = ['open', 'due_soon', 'overdue', 'second_notices', 'deemed', 'ratings', 'tasks', 'registers', 'terms'];
const DAY = 86400e3;
const rng = random(41);
const names = []; // of applicants
let county;
let centre;

/** A case of CODE that STATION's box received DAYS ago. */
function taken(box, code, days) {
  const item = itemOf(code);
  const id = randomUUID();
  const at = Date.now() - days * DAY;
  const day = new Date(at + 8 * 3600e3).toISOString().slice(0, 10).replaceAll('-', '');
  const asked = registration(item, rng);
  names.push(asked.applicant.name);
  box.append('receive', id, { ...asked, catalog: catalog.catalog, catalog_version: catalog.version, record: item.record,
    receipt_number: receiptNumber(box.station, day, box.number, ++box.serial), received_at: at, received_reason: '系统停用期间补录',
    token: rng.digits(16) }, { id });
  return id;
}

const report = async (client, name, query = {}, expect = 200) =>
  (await client.call('GET', `/api/v1/reports/${name}`, { query, expect, invalid: expect !== 200 })).body;

before(async () => {
  county = await startCounty();
  const boxes = [await county.enrol(ELSEWHERE), await county.enrol(VILLAGE)]; // the later division code first
  const counts = [5, 2];
  for (const [at, box] of boxes.entries()) {
    for (let i = 0; i < counts[at]; i++) taken(box, HANDLED[0], 60);
    taken(box, HANDLED[1], 1);
    const entry = randomUUID();
    box.append('entry_open', entry, { register: 'inquiry', opened_at: Date.now(), inquiry: { channel: 'visit', matter: '低保怎么办', first_asked: '王建国' } }, { id: entry });
    await box.exchange();
  }
  centre = await county.signIn('centre');
});
after(() => county?.close());

test('the whole, and by place in the order of the codes, never of the figures', async () => {
  const whole = await report(centre, 'open');
  assert.equal(whole.totals.cases, 9);
  assert.deepEqual([whole.by, whole.township, whole.station], [null, null, null]);
  assert.ok(!('place' in whole.rows[0]));
  const { rows, totals } = await report(centre, 'open', { by: 'station' });
  assert.equal(totals.cases, 9);
  assert.deepEqual([...new Set(rows.map(({ place }) => place))], [VILLAGE, ELSEWHERE]); // two cases before five
  for (const row of rows) assert.match(row.place_name, /便民服务站$/);
  const towns = await report(centre, 'open', { by: 'township' });
  assert.deepEqual([...new Set(towns.rows.map(({ place }) => place))], [TOWNSHIP, '652323105000']);
  assert.equal(towns.rows.filter(({ place }) => place === TOWNSHIP).reduce((sum, row) => sum + row.cases, 0), 3);
});

test('of one station, one township, one item', async () => {
  const own = async (query) => (await report(centre, 'open', query)).totals.cases;
  assert.equal(await own({ station: VILLAGE }), 3);
  assert.equal(await own({ township: '652323105000' }), 6);
  assert.equal(await own({ township: '652323105000', item: HANDLED[1] }), 1);
  assert.equal(await own({ item: HANDLED[1] }), 2);
  assert.equal(await own({ station: VILLAGE, township: '652323105000' }), 0);
});

test('overdue terms have their station and say that no reason was given', async () => {
  const { rows, totals, by } = await report(centre, 'overdue', {});
  assert.equal(by, 'station');
  assert.ok(rows.length > 0);
  assert.equal(totals.without_reason, rows.length);
  for (const row of rows) assert.ok(row.receipt_number.startsWith(row.place), JSON.stringify(row));
  assert.deepEqual(rows.map(({ due }) => due), rows.map(({ due }) => due).sort());
});

test('registers by place, without items', async () => {
  assert.equal((await report(centre, 'registers')).totals.entries, 2);
  assert.equal((await report(centre, 'registers', { station: VILLAGE })).totals.entries, 1);
  const { rows } = await report(centre, 'registers', { by: 'station' });
  assert.deepEqual(rows.map(({ place, entries }) => [place, entries]), [[VILLAGE, 1], [ELSEWHERE, 1]]);
});

test('a department is told of its own items, the other roles of all; nobody of a person', async () => {
  assert.equal(names.length, 9);
  for (const name of ['centre', 'operator', 'auditor', 'head']) assert.equal((await report(await county.signIn(name), 'open')).totals.cases, 9, name);
  for (const name of ['minzheng', 'renshe']) {
    const client = await county.signIn(name);
    const office = { minzheng: '民政局', renshe: '人社局' }[name];
    const mine = HANDLED.slice(0, 2).filter((code) => itemOf(code).department === office);
    const { rows } = await report(client, 'open');
    assert.deepEqual([...new Set(rows.map(({ item }) => item))].sort(), mine.sort(), name);
    assert.equal((await report(client, 'open', { station: VILLAGE })).rows.length, mine.length);
  }
  for (const name of ALL) {
    const text = JSON.stringify(await report(centre, name, name === 'ratings' ? {} : { by: 'station' }));
    assert.doesNotMatch(text, /actor|clerk|staff|applicant/, name);
    for (const one of names) assert.ok(!text.includes(one), name);
  }
});

test('as CSV the place stands first', async () => {
  const { body, headers } = await centre.call('GET', '/api/v1/reports/open', { query: { format: 'csv', by: 'station' } });
  assert.match(headers['content-disposition'], /filename="xinke-open\.csv"/);
  const lines = body.toString().trimEnd().split('\r\n');
  assert.match(lines[0], /^\uFEFF?地区编码 place,地区名称 place_name,事项编码 item,/);
  assert.equal(lines.length, 1 + (await report(centre, 'open', { by: 'station' })).rows.length);
  for (const line of lines.slice(1)) assert.equal(line.split(',').length, lines[0].split(',').length);
});

test('what is wrong is told at its place', async () => {
  for (const [name, query, pointer] of [['open', { by: 'clerk' }, '/?by'], ['open', { station: '65232310120' }, '/?station'],
    ['open', { township: 'x'.repeat(12) }, '/?township'], ['ratings', { by: 'station' }, '/?by'], ['ratings', { station: VILLAGE }, '/?station'],
    ['open', { from: '2026-13-01' }, '/?from'], ['tasks', { item: HANDLED[0] }, '/?item'], ['open', { format: 'pdf' }, '/?format']]) {
    const problem = await report(centre, name, query, 'validation');
    assert.equal(problem.errors[0].pointer, pointer, JSON.stringify(query));
  }
  await report(centre, 'ranking', {}, 'not_found');
  await county.anonymous.call('GET', '/api/v1/reports/open', { expect: 'unauthenticated' });
});
