// The catalog by command at the county, against a running county and box: a table with mistakes, a new version signed and
// in force, and that a case keeps the version that it was opened under, at the box and at the county.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';

const ITEM = '652323-001';
const FIRST = '城乡最低生活保障对象认定';
const SECOND = '最低生活保障对象认定（新）';
const rng = random(31);
let world;
let clerk;
let centre;
let table; // the catalog in force at the start, as CSV
const taken = {}; // version: case

before(async () => {
  world = await start({ name: 'catalog' });
  [clerk, centre] = await Promise.all([world.box('clerk'), world.county('centre')]);
});
after(() => world?.stop());

const tool = (...args) => world.countyTool('catalog', ...args);
function must(...args) {
  const { status, stdout, stderr } = tool(...args);
  assert.equal(status, 0, `catalog ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}
const file = (name, text) => {
  const at = path.join(world.dir, name);
  writeFileSync(at, text);
  return at;
};
const read = async (client, id) => (await client.call('GET', `/api/v1/cases/${id}`)).body;
const version = async () => (await clerk.call('GET', '/api/v1/catalog')).body.version;

/** A case of ITEM, settled. */
async function take() {
  const { body: item } = await clerk.call('GET', `/api/v1/catalog/items/${ITEM}`);
  const { body } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(item, rng), expect: 201 });
  await world.until('settled', 30, async () => (await read(clerk, body.id)).sync === 'settled');
  return body;
}

/** What the box and the county call the case's item, in the case and in their lists. */
async function names({ id }) {
  const all = [];
  for (const client of [clerk, centre]) {
    all.push((await read(client, id)).item_name);
    all.push((await world.all(client, { item: ITEM })).find((one) => one.id === id).item_name);
  }
  return all;
}

async function arrives(wanted) {
  await clerk.call('POST', '/api/v1/sync', { expect: 202 });
  await world.until(`catalog ${wanted} at the box`, 30, async () => (await version()) === wanted);
}

test('a table with mistakes is told of all of them, and nothing is stored', async () => {
  taken[1] = await take();
  table = must('export');
  assert.equal(table.charCodeAt(0), 0xfeff);
  assert.match(must('check', file('same.csv', table)), /^66 items, no mistakes$/m);
  const bad = table.split('\r\n');
  bad[1] = bad[1].replace(',受理,', ',随便,');
  bad[2] = bad[2].replace(',民政局,', ',,');
  bad[3] = bad[3].replace('652323-003', '652323-001');
  const { status, stdout } = tool('check', file('bad.csv', bad.join('\r\n')));
  assert.equal(status, 1);
  assert.deepEqual(stdout.trim().split('\n').map((line) => line.split(':')[0]),
    ['row 2, column 5 (乡镇)', 'row 3, column 8 (部门)', 'row 4, column 1 (事项编码)']);
  assert.equal(tool('import', file('bad.csv', bad.join('\r\n')), '--by', 'a').status, 1);
  assert.equal(tool('diff').status, 1); // no draft
  const told = JSON.parse(tool('check', file('bad.csv', bad.join('\r\n')), '--json').stdout);
  assert.deepEqual(told.faults[0], { row: 2, column: 5, header: '乡镇', message: told.faults[0].message });
  // the catalog of the source tree is right as it stands
  must('check', new URL('../../schema/catalog/hutubi-2022.json', import.meta.url).pathname);
});

test('a draft goes into force once it is signed, and not before', async () => {
  const next = table.replace(`${ITEM},${FIRST},行政确认,申请,受理,受理,`, `${ITEM},${SECOND},行政确认,申请,受理,办理,`);
  assert.notEqual(next, table);
  assert.match(must('import', file('next.csv', next), '--by', '张三'), /^draft 2, 66 items/);
  assert.match(must('diff'), new RegExp(`~ ${ITEM} /name: "${FIRST}" -> "${SECOND}"`));
  const { changes } = JSON.parse(must('diff', '1', '2', '--json'));
  assert.deepEqual(changes.changed.map(({ pointer, old, new: now }) => [pointer, old, now]).sort(),
    [['/levels/village', 'accept', 'handle'], ['/name', FIRST, SECOND]]);
  assert.match(tool('publish', '2', '--by', '张三').stderr, /not signed/);
  assert.match(tool('sign', '2').stderr, /--by/);
  must('sign', '2', '--by', '李四');
  assert.match(must('check', '2'), /signed, the signature is right/);
  assert.equal(await version(), 1);
  must('publish', '2', '--by', '张三', '--reason', '改名');
  await arrives(2);
});

test('a case keeps the version that it was opened under, at the box and at the county', async () => {
  assert.equal((await clerk.call('GET', `/api/v1/catalog/items/${ITEM}`)).body.name, SECOND);
  taken[2] = await take();
  assert.equal(taken[2].item_name, SECOND);
  assert.deepEqual(await names(taken[1]), Array(4).fill(FIRST));
  assert.deepEqual(await names(taken[2]), Array(4).fill(SECOND));
  // and its levels: passed up under the first, at the station under the second
  assert.equal(taken[1].state, 'forwarded');
  assert.equal(taken[2].state, 'received');
  // a box that starts anew reads its older catalogs again
  world.script('stop-gateway');
  world.script('start-gateway');
  clerk = await world.box('clerk');
  assert.deepEqual(await names(taken[1]), Array(4).fill(FIRST));
});

test('going back is a new version, signed, with its reason', async () => {
  assert.match(tool('rollback', '--by', '张三').stderr, /--reason/);
  assert.match(must('rollback', '--by', '张三', '--reason', '名称有误'), /^catalog 3: published$/m);
  await arrives(3);
  assert.equal((await clerk.call('GET', `/api/v1/catalog/items/${ITEM}`)).body.name, FIRST);
  assert.deepEqual(await names(taken[2]), Array(4).fill(SECOND));
  // under the one in force a village only takes the item in; what was opened under the second it still handles
  assert.ok((await read(clerk, taken[2].id)).actions.includes('accept'));
  await clerk.call('POST', `/api/v1/cases/${taken[2].id}/events`, { key: rng.uuid(), body: { type: 'accept', body: {} }, expect: 201 });
  await world.until('accepted', 30, async () => (await read(centre, taken[2].id)).state === 'accepted');
  assert.match(must('check', '3'), /published, the signature is right/);
  const { acts } = JSON.parse(must('log', '--json'));
  assert.deepEqual(acts.map(({ version: v, act, by, reason }) => [v, act, by, reason]), [[2, 'import', '张三', ''],
    [2, 'sign', '李四', ''], [2, 'publish', '张三', '改名'], [3, 'rollback', '张三', '名称有误']]);
  assert.match(tool('publish', '2', '--by', 'x').stderr, /only go forward/);
});

test('an item that is taken out keeps its cases', async () => {
  const rest = table.split('\r\n').filter((line) => !line.startsWith(ITEM)).join('\r\n');
  assert.match(must('import', file('rest.csv', rest), '--by', '张三'), /^draft 4, 65 items/);
  assert.match(must('diff'), new RegExp(`^- ${ITEM} ${FIRST}$`, 'm'));
  must('sign', '4', '--by', '张三');
  must('publish', '4', '--by', '张三');
  await arrives(4);
  await clerk.call('GET', `/api/v1/catalog/items/${ITEM}`, { expect: 'not_found' });
  assert.deepEqual(await names(taken[1]), Array(4).fill(FIRST));
  assert.deepEqual(await names(taken[2]), Array(4).fill(SECOND));
  await clerk.call('GET', '/api/v1/cases', { query: { item: '652323-999' }, expect: 'validation' });
});

test('a calendar goes the same way', async () => {
  const calendar = (...args) => world.countyTool('calendar', ...args);
  const bad = calendar('check', file('bad-days.csv', '日期,类别\n2027-02-30,放假\n'));
  assert.equal(bad.status, 1);
  assert.match(bad.stdout, /^row 2, column 1 \(日期\): /);
  const days = JSON.parse(readFileSync(new URL('../../schema/calendars/xinjiang.json', import.meta.url), 'utf8')).years[2027].off;
  const text = `日期,类别\n${days.map((day) => `${day},放假\n`).join('')}2027-02-13,上班\n`;
  for (const args of [['import', file('days.csv', text)], ['sign', '2'], ['publish', '2']])
    assert.equal(calendar(...args, '--by', '张三').status, 0);
  assert.match(calendar('check', '2').stdout, /published, the signature is right/);
});
