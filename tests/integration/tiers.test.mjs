// Two villages and a community station, their township and the county, all real processes: cases go up, come back as
// notices, decisions and returns, and are fetched at the village; withdrawals cross acceptances on the way.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { catalog } from './gateway_box.mjs';
import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';
import { startStation } from '../lib/station.mjs';

const VILLAGE = '652323101200';
const SECOND = '652323101201';
const COMMUNITY = '652323101001';
const TOWNSHIP = '652323101000';
const LOW_INCOME = '652323-001'; // taken in at each tier, decided by 民政局
const VETERANS = '652323-051'; // taken in at the village, handled by the township
const BIRTHS = '652323-012'; // handled by community and township, not offered at a village
const OFFICE = '民政局';
const OTHER_OFFICE = '退役军人事务局';
const PAPER = { name: '家庭收入证明', form: 'original', copies: 1 };

const rng = random(41);
const stations = {};
let world;
let village; // clerk of the first village; the township's lead, for it decides
let second;
let community;
let township;
let civil; // the county's department 民政局
let centre;

before(async () => {
  world = await start({ name: 'tiers' });
  for (const [name, code] of Object.entries({ second: SECOND, community: COMMUNITY, township: TOWNSHIP })) stations[name] = await startStation(world, code);
  village = await world.box('clerk');
  [second, community, township] = [await stations.second.signIn('clerk'), await stations.community.signIn('clerk'), await stations.township.signIn('lead')];
  [civil, centre] = await Promise.all([world.county('minzheng'), world.county('centre')]);
  for (const box of [second, community, township])
    await world.until('the catalog', 30, async () => (await box.call('GET', '/api/v1/catalog', { expect: [200, 503] })).status === 200);
});
after(async () => {
  for (const station of Object.values(stations)) await station.stop();
  await world?.stop();
});

const itemOf = (code) => catalog.items.find((item) => item.code === code);
async function take(client, code) {
  return (await client.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(itemOf(code), rng), expect: 201 })).body;
}
const act = async (client, { id }, type, body = {}, expect = 201) =>
  (await client.call('POST', `/api/v1/cases/${id}/events`, { key: rng.uuid(), body: { type, body }, expect })).body;
const read = async (client, { id }) => {
  const { status, body } = await client.call('GET', `/api/v1/cases/${id}`, { expect: [200, 404] });
  return status === 200 ? body : { state: status };
};
const events = async (client, { id }) => (await client.call('GET', `/api/v1/cases/${id}/events`, { expect: 200 })).body.items;

/** Waits until each of CLIENTS shows the case in STATE with one holder, and nothing of it is on the way. */
async function reaches(one, state, ...clients) {
  const states = async () => Promise.all(clients.map(async (client) => {
    const { state: at, sync, holder } = await read(client, one);
    return `${at} ${sync ?? 'settled'} at ${holder}`;
  }));
  let seen;
  try {
    await world.until('it', 40, async () => {
      seen = await states();
      const there = new Set(seen.map((it) => it.replace('refused', 'settled')));
      return there.size === 1 && [...there][0].startsWith(`${state} settled `);
    });
  } catch (error) {
    if (!seen) throw error;
    assert.fail(`not ${state} everywhere: ${seen.join(', ')}`);
  }
}

async function handover(client, { id }, query = {}) {
  const { body } = await client.call('GET', '/api/v1/handovers', { query: { limit: 200, ...query }, expect: 200 });
  return body.items.find((row) => row.case === id);
}
const decision = { result: 'granted', document_number: '呼民低保〔2026〕12号' };
const completion = { result_code: 1, document: '低保证', fetch: '红山村便民服务站' };
const receipt = () => ({ document: '低保证', way: 'direct', place: '红山村便民服务站', receiver: '本人', delivered_at: new Date().toISOString() });
const lacking = { basis: '行政许可法第三十二条', materials: [{ name: PAPER.name, standard: '近三个月' }] };

test('low-income aid goes from village to township to department, and its result is fetched at the village', async () => {
  const one = await take(village, LOW_INCOME);
  assert.equal(one.holder, TOWNSHIP);
  await reaches(one, 'forwarded', village, township, centre);
  // the history came along
  assert.deepEqual((await events(township, one)).map(({ type, origin }) => [type, origin]), [['receive', VILLAGE], ['forward', VILLAGE]]);
  assert.equal((await read(second, one)).state, 404); // it is none of the other village's
  const given = { ...(await handover(village, one)) };
  assert.deepEqual([given.from, given.to, given.outcome, given.outcome_at, given.carrier], [VILLAGE, TOWNSHIP, 'waiting', null, null]);
  assert.deepEqual(given.materials, one.materials); // no list was given: all that there was
  assert.equal((await handover(township, one, { direction: 'in', state: 'waiting' })).receipt_number, one.receipt_number);

  // the township only takes it in: it can neither accept nor return it
  const { actions } = await read(township, one);
  assert.ok(actions.includes('forward') && !actions.includes('accept') && !actions.includes('return'), actions.join());
  await act(township, one, 'forward', { to: OTHER_OFFICE }, 422);
  await act(township, one, 'forward', { to: OFFICE, materials: [PAPER], carrier: '阿依古丽·买买提', note: '随车送达' });
  await reaches(one, 'forwarded', village, township, centre, civil);
  const passed = await handover(township, one, { to: OFFICE });
  assert.deepEqual([passed.from, passed.to, passed.carrier, passed.note, passed.materials], [TOWNSHIP, OFFICE, '阿依古丽·买买提', '随车送达', [PAPER]]);
  assert.equal((await handover(village, one)).outcome, 'passed_on');

  await act(civil, one, 'accept');
  await act(civil, one, 'start_review');
  await act(civil, one, 'decide', decision);
  await act(civil, one, 'complete', completion);
  await reaches(one, 'completed', village, township, centre);
  assert.equal((await handover(township, one, { state: 'accepted' })).outcome, 'accepted');
  assert.equal(await handover(township, one, { state: 'waiting' }), undefined);
  assert.equal(await handover(township, one, { after: new Date(Date.now() + 60_000).toISOString() }), undefined);
  // the village holds nothing, and yet hands the result out
  const there = await read(village, one);
  assert.equal(there.decision.body.document_number, decision.document_number);
  assert.equal(there.completion.body.fetch, completion.fetch);
  assert.ok(there.actions.includes('deliver'));
  assert.equal((await read(township, one)).actions.includes('deliver'), false);
  await act(village, one, 'deliver', receipt());
  await reaches(one, 'delivered', village, township, centre, civil);
  assert.equal((await read(civil, one)).delivery.body.receiver, '本人');
});

test('the township asks for a supplement; it is completed at the village, and the township ends the case', async () => {
  const one = await take(village, VETERANS);
  await reaches(one, 'forwarded', village, township);
  await act(township, one, 'supplement_notice', lacking);
  await reaches(one, 'supplement', village, township, centre);
  assert.equal((await handover(village, one)).outcome, 'noticed');
  assert.deepEqual((await read(village, one)).supplement.materials, lacking.materials);
  await act(township, one, 'accept', {}, 'transition');
  await act(village, one, 'supplement_complete', { materials: [PAPER] });
  await reaches(one, 'forwarded', village, township, centre);
  assert.ok((await read(township, one)).materials.some(({ name }) => name === PAPER.name));
  for (const [type, body] of [['accept', {}], ['start_review', {}], ['decide', decision], ['complete', completion]]) await act(township, one, type, body);
  await reaches(one, 'completed', village, township, centre);
  assert.equal((await handover(village, one)).outcome, 'accepted');
  await act(village, one, 'deliver', receipt());
  await reaches(one, 'delivered', village, township, centre);
  // the list of what was passed on is of its time: what came later is not on it
  assert.deepEqual((await handover(village, one)).materials, one.materials);
});

test('a case is returned for good, another is sent back and passed on once more', async () => {
  const [returned, again] = [await take(village, VETERANS), await take(second, LOW_INCOME)];
  await reaches(returned, 'forwarded', township);
  await reaches(again, 'forwarded', township);
  await act(township, returned, 'return', { reason: '不属本镇户籍，请到户籍地办理。' });
  await act(township, again, 'send_back', { reason: '请补签名。' });
  await reaches(returned, 'returned', village, township, centre);
  await reaches(again, 'received', second, township, centre);
  assert.equal((await handover(village, returned)).outcome, 'returned');
  assert.equal((await handover(second, again)).outcome, 'sent_back');
  assert.equal((await read(village, returned)).outcome.reason, '不属本镇户籍，请到户籍地办理。');
  assert.deepEqual((await read(village, returned)).actions.filter((type) => !['note', 'amend', 'add_material'].includes(type)), []);
  assert.equal((await read(second, again)).holder, SECOND);
  await act(second, again, 'forward', { to: TOWNSHIP, carrier: '王建国' });
  await reaches(again, 'forwarded', second, township, centre);
  const row = await handover(township, again, { direction: 'in' });
  assert.deepEqual([row.outcome, row.carrier, row.from], ['waiting', '王建国', SECOND]);
});

test('a withdrawal that reaches the county before the acceptance stands; the acceptance is refused and says why', async () => {
  const one = await take(village, VETERANS);
  await reaches(one, 'forwarded', village, township, centre);
  await stations.township.cut();
  await act(township, one, 'accept'); // nobody else knows yet
  await act(village, one, 'withdraw', { reason: '改到社区办理。' });
  await reaches(one, 'withdrawn', village, centre);
  assert.equal((await read(township, one)).state, 'accepted');
  const next = await take(township, VETERANS); // behind it in the same log
  await stations.township.join();
  await reaches(one, 'withdrawn', village, township, centre);
  const lost = (await events(township, one)).find(({ type }) => type === 'accept');
  assert.deepEqual([lost.sync, lost.fits, lost.refusal.code], ['refused', false, 'transition']);
  const [refused] = (await read(township, one)).refused;
  assert.deepEqual([refused.type, refused.code], ['accept', 'transition']);
  assert.equal((await handover(village, one)).outcome, 'withdrawn');
  await reaches(next, 'received', township, centre); // nothing blocks
});

test('a withdrawal that comes after the decision is refused; one that comes after the acceptance alone is not', async () => {
  const [decided, accepted] = [await take(second, VETERANS), await take(second, VETERANS)];
  for (const one of [decided, accepted]) await reaches(one, 'forwarded', second, township, centre);
  await stations.second.cut();
  for (const one of [decided, accepted]) {
    await act(second, one, 'withdraw', { reason: '不办了。' });
    await act(township, one, 'accept');
  }
  await act(township, decided, 'decide_now', decision);
  await reaches(decided, 'decided', township, centre);
  await reaches(accepted, 'accepted', township, centre);
  assert.equal((await read(second, decided)).state, 'withdrawn'); // as far as the village knows
  const next = await take(second, LOW_INCOME);
  await stations.second.join();
  await reaches(decided, 'decided', second, township, centre);
  await reaches(accepted, 'withdrawn', second, township, centre);
  const lost = (await events(second, decided)).find(({ type }) => type === 'withdraw');
  assert.deepEqual([lost.sync, lost.refusal.code], ['refused', 'transition']);
  assert.equal((await read(second, accepted)).sync, 'settled');
  await reaches(next, 'forwarded', second, township, centre);
  // and both roads end as they should
  await act(township, decided, 'complete', completion);
  await reaches(decided, 'completed', second, township, centre);
});

test('a community station is the same program at its own tier', async () => {
  const { body } = await community.call('GET', '/api/v1/catalog', { expect: 200 });
  assert.deepEqual([body.station.tier, body.station.township], ['community', TOWNSHIP]);
  assert.equal((await township.call('GET', '/api/v1/catalog', { expect: 200 })).body.station.tier, 'township');
  const [own, up] = [await take(community, BIRTHS), await take(community, LOW_INCOME)];
  assert.equal(own.state, 'received'); // handled here
  await act(community, own, 'accept');
  await reaches(own, 'accepted', community, centre);
  assert.equal((await read(township, own)).state, 404);
  assert.equal(up.holder, TOWNSHIP);
  await reaches(up, 'forwarded', community, township, centre);
  const refused = await village.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(itemOf(BIRTHS), rng), expect: 422 });
  assert.equal(refused.body.code, 'item_not_offered');
});

test('a department sees and works what was forwarded to it, though the item is another department’s', async () => {
  const other = await world.county('tuiyi');
  const one = await take(village, LOW_INCOME);
  await reaches(one, 'forwarded', township, centre);
  await act(township, one, 'forward', { to: OFFICE });
  await reaches(one, 'forwarded', township, centre, civil);
  assert.equal((await read(other, one)).state, 404);
  await act(civil, one, 'forward', { to: OTHER_OFFICE, note: '请协助核实。' });
  assert.equal((await read(other, one)).holder, OTHER_OFFICE);
  assert.equal((await events(other, one)).length, 4);
  for (const query of [{}, { item: LOW_INCOME }, { station: VILLAGE }, { state: 'forwarded' }]) {
    const list = await world.all(other, query);
    assert.deepEqual(list.filter(({ item }) => item !== VETERANS).map(({ id }) => id), [one.id], JSON.stringify(query));
    assert.deepEqual([...new Set(list.map(({ id }) => id))].length, list.length);
  }
  await act(other, one, 'accept');
  await act(other, one, 'forward', { to: OFFICE });
  assert.equal((await read(other, one)).state, 'accepted'); // it held the case
  assert.equal((await world.all(civil)).filter(({ id }) => id === one.id).length, 1);
});

test('hand-overs come page by page, and wrong words are told', async () => {
  const whole = (await township.call('GET', '/api/v1/handovers', { query: { direction: 'in', limit: 200 }, expect: 200 })).body.items;
  assert.ok(whole.length >= 8);
  const paged = [];
  for (let cursor; ;) {
    const { body } = await township.call('GET', '/api/v1/handovers', { query: { direction: 'in', limit: 1, ...(cursor ? { cursor } : {}) }, expect: 200 });
    paged.push(...body.items);
    if (!body.next) break;
    cursor = body.next;
  }
  assert.deepEqual(paged, whole);
  assert.deepEqual((await village.call('GET', '/api/v1/handovers', { query: { direction: 'in' }, expect: 200 })).body.items, []);
  for (const [query, pointer] of [[{ direction: 'up' }, '/?direction'], [{ state: 'lost' }, '/?state'], [{ after: 'gestern' }, '/?after'], [{ to: '' }, '/?to'], [{ cursor: 'x' }, '/?cursor']]) {
    const { body } = await township.call('GET', '/api/v1/handovers', { query, invalid: true, expect: 'validation' });
    assert.deepEqual(body.errors.map((error) => error.pointer), [pointer]);
  }
});

test('who ends a term that has passed says why; the applicant need not', async () => {
  const late = async (code) => {
    const received = { received_at: new Date(Date.now() - 42 * 86400e3).toISOString(), received_reason: '停电期间纸质登记' };
    const body = { ...registration(itemOf(code), rng), ...received };
    return (await village.call('POST', '/api/v1/cases', { key: rng.uuid(), body, expect: 201 })).body;
  };
  const why = '停电六周，材料昨日送到。';
  const [here, there, gone] = [await late(VETERANS), await late(LOW_INCOME), await late(VETERANS)];
  for (const one of [here, there, gone]) await reaches(one, 'forwarded', village, township, centre);
  const asked = async (client, one, type, more = {}) => {
    const { body } = await client.call('POST', `/api/v1/cases/${one.id}/events`, { key: rng.uuid(), body: { type, body: more }, expect: 422 });
    assert.deepEqual(body.errors.map(({ pointer, code }) => [pointer, code]), [['/body/overtime_reason', 'required']]);
    assert.match(body.errors[0].message, /notice/);
  };
  const notice = async (client, one) => (await read(client, one)).terms.find(({ kind }) => kind === 'notice');
  await asked(township, here, 'accept');
  await asked(township, here, 'supplement_notice', lacking);
  await act(township, here, 'accept', { overtime_reason: why });
  await act(township, here, 'start_review'); // the next term runs
  await act(township, there, 'forward', { to: OFFICE }); // passing on ends nothing
  await reaches(there, 'forwarded', township, centre, civil);
  await asked(civil, there, 'accept');
  await act(civil, there, 'accept', { overtime_reason: why });
  await act(village, gone, 'withdraw', { reason: '不办了。' });
  await reaches(here, 'in_review', village, township, centre);
  await reaches(there, 'accepted', village, township, centre, civil);
  await reaches(gone, 'withdrawn', village, township, centre);
  for (const client of [village, township, centre]) {
    for (const one of [here, there]) {
      const { state, overtime_reason: said } = await notice(client, one);
      assert.deepEqual([state, said], ['overdue', why]);
    }
    assert.equal((await notice(client, gone)).overtime_reason, null);
  }
});

test('the county lists what is due first, each department its own', async () => {
  const due = async (client, query) => (await client.call('GET', '/api/v1/cases', { query: { limit: 200, ...query }, expect: 200 })).body.items;
  const one = (await village.call('POST', '/api/v1/cases', { key: rng.uuid(), expect: 201,
    body: { ...registration(itemOf(LOW_INCOME), rng), received_at: new Date(Date.now() - 30 * 86400e3).toISOString(), received_reason: '停电期间纸质登记' } })).body;
  const fresh = await take(village, VETERANS);
  for (const it of [one, fresh]) await reaches(it, 'forwarded', village, township, centre);
  const sorted = await due(centre, { sort: 'due' });
  const days = sorted.map(({ next_term: term }) => term.due);
  assert.deepEqual(days, [...days].sort());
  assert.ok(sorted.some(({ id }) => id === fresh.id));
  assert.deepEqual((await due(centre, { due: 'overdue' })).map(({ id }) => id), sorted.filter(({ next_term: term }) => term.state === 'overdue').map(({ id }) => id));
  assert.ok((await due(civil, { due: 'overdue' })).some(({ id }) => id === one.id));
  assert.ok((await due(civil, { sort: 'due' })).every(({ item }) => itemOf(item).department === OFFICE));
  assert.deepEqual(await due(centre, { due: 'overdue', station: SECOND }), sorted.filter(({ next_term: term, station }) => term.state === 'overdue' && station === SECOND));
  assert.ok((await due(centre, { due: 'soon' })).every(({ next_term: term }) => term.warning !== null));
  await centre.call('GET', '/api/v1/cases', { query: { due: 'late' }, invalid: true, expect: 'validation' });
  await centre.call('GET', '/api/v1/cases', { query: { due: 'paused', sort: 'due' }, invalid: true, expect: 'validation' });
  assert.equal((await due(centre, { sort: 'due', limit: 1 }))[0].id, sorted[0].id);
});

test('the county lists apart what is paused', async () => {
  const paused = async (client, query = {}) => (await client.call('GET', '/api/v1/cases', { query: { due: 'paused', limit: 1, ...query }, expect: 200 })).body;
  const before = await paused(centre);
  const one = await take(village, VETERANS);
  await reaches(one, 'forwarded', village, township, centre);
  await act(township, one, 'accept');
  await act(township, one, 'start_review');
  await act(township, one, 'suspend', { kind: 'inspection', reason: '需要现场检查', told_at: new Date(Date.now() - 5000).toISOString() });
  await reaches(one, 'suspended', township, centre);
  assert.deepEqual((await paused(centre)).items.map(({ id }) => id), [one.id]);
  assert.ok((await paused(centre, { state: 'accepted' })).items.length === 0);
  assert.ok((await paused(civil)).items.every(({ item }) => itemOf(item).department === OFFICE));
  await act(township, one, 'resume');
  await reaches(one, 'in_review', township, centre);
  assert.deepEqual(await paused(centre), before);
});

test('a new calendar moves due days, and county and box say which', async () => {
  const tool = (...args) => {
    const { status, stdout, stderr } = world.countyTool('calendar', ...args);
    assert.equal(status, 0, stdout + stderr);
    return stdout;
  };
  const one = await take(village, VETERANS);
  await reaches(one, 'forwarded', village, township, centre);
  const { body: was } = await village.call('GET', '/api/v1/calendar', { expect: 200 });
  const file = new URL(`../../schema/calendars/${was.calendar}.json`, import.meta.url);
  const calendar = JSON.parse(readFileSync(file, 'utf8'));
  const day = (n) => new Date(Date.now() + n * 86400e3 + 8 * 3600e3);
  for (let n = 1; n <= 4; n++) { // the next four days are off; those of them that were work move what is due after
    const [text, weekend] = [day(n).toISOString().slice(0, 10), [0, 6].includes(day(n).getUTCDay())];
    const { off, work } = calendar.years[text.slice(0, 4)];
    if (!weekend && !off.includes(text)) off.push(text);
    assert.ok(!work.includes(text));
  }
  const draft = path.join(world.dir, 'calendar.json');
  writeFileSync(draft, JSON.stringify(calendar));
  tool('import', draft, '--by', '张三');
  tool('sign', '2', '--by', '李四');
  const { moved } = JSON.parse(tool('publish', '2', '--by', '张三', '--reason', '临时放假', '--json'));
  const row = moved.find(({ receipt_number: number }) => number === one.receipt_number);
  assert.equal(row.kind, 'notice');
  assert.ok(row.after > row.before);
  assert.equal(row.before, one.terms[0].due);
  for (const box of [village, township]) {
    await world.until('the second calendar', 30, async () => (await box.call('GET', '/api/v1/calendar')).body.version === 2);
    const { body } = await box.call('GET', '/api/v1/calendar/moved', { query: { limit: 200 }, expect: [200, 503] });
    const told = body.items.find(({ case: id }) => id === one.id);
    assert.deepEqual(told.terms, [{ kind: 'notice', before: row.before, after: row.after, provisional: row.provisional }]);
    assert.equal((await read(box, one)).terms[0].due, row.after);
    assert.ok(body.items.every(({ terms }) => terms.every(({ before, after }) => before !== after)));
  }
  const listed = (await centre.call('GET', '/api/v1/cases', { query: { sort: 'due', limit: 200 }, expect: 200 })).body.items;
  const days = listed.map(({ next_term: term }) => term.due);
  assert.deepEqual(days, [...days].sort()); // the columns were counted anew
  assert.equal(listed.find(({ id }) => id === one.id).next_term.due, row.after);
});

test('a case goes to the department of the catalog that it was opened under', async () => {
  const tool = (...args) => {
    const { status, stdout, stderr } = world.countyTool('catalog', ...args);
    assert.equal(status, 0, stderr);
    return stdout;
  };
  const old = await take(village, LOW_INCOME);
  await reaches(old, 'forwarded', village, township);
  const table = path.join(world.dir, 'moved.csv');
  writeFileSync(table, tool('export').split('\r\n').map((row) => (row.startsWith(`${LOW_INCOME},`) ? row.replace(`,${OFFICE},`, `,${OTHER_OFFICE},`) : row)).join('\r\n'));
  tool('import', table, '--by', '张三');
  tool('sign', '2', '--by', '李四');
  tool('publish', '2', '--by', '张三', '--reason', '职能划转');
  for (const box of [village, township])
    await world.until('the second catalog', 30, async () => (await box.call('GET', '/api/v1/catalog')).body.version === 2);
  const fresh = await take(village, LOW_INCOME);
  await reaches(fresh, 'forwarded', village, township);
  const { body } = await township.call('POST', `/api/v1/cases/${old.id}/events`, { key: rng.uuid(), body: { type: 'forward', body: { to: OTHER_OFFICE } }, expect: 422 });
  assert.equal(body.errors[0].pointer, '/body/to');
  await act(township, old, 'forward', { to: OFFICE });
  await act(township, fresh, 'forward', { to: OFFICE }, 422);
  await act(township, fresh, 'forward', { to: OTHER_OFFICE });
  await reaches(old, 'forwarded', village, township, centre, civil);
  await reaches(fresh, 'forwarded', village, township, centre, await world.county('tuiyi'));
});
