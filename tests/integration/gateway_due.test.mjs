// Lists by due day: what is overdue, due today and due soon, the first due first, and that a hundred thousand cases do not
// make them slow (XINKE_DUE_CASES=100000 XINKE_DUE_BUDGET=1, with a build without sanitizers).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { catalog, startBox, until } from './gateway_box.mjs';
import { random, registration } from '../lib/people.mjs';

const MANY = Number(process.env.XINKE_DUE_CASES ?? 2000);
const BUDGET_MS = 20; // design, section 9: p99 of a list
const rng = random(53);
const LOW_INCOME = catalog.items.find(({ code }) => code === '652323-001');
const DAY = 86400e3;
let box;
let clerk;

before(async () => {
  box = await startBox({ calendar: 'xinjiang', conf: { http: ['threads = 2'] } });
  clerk = await box.signIn('clerk');
});
after(() => box?.close());

const list = async (query = {}, client = clerk) => (await client.call('GET', '/api/v1/cases', { query, expect: 200 })).body;
/** Every page of a list, one case a page where LIMIT is 1. */
async function all(query, limit = 200, client = clerk) {
  const items = [];
  for (let cursor; ;) {
    const page = await list({ ...query, limit, ...(cursor ? { cursor } : {}) }, client);
    items.push(...page.items);
    if (!page.next) return items;
    cursor = page.next;
  }
}
const dayOf = (ms) => new Date(ms + 8 * 3600e3).toISOString().slice(0, 10);
const today = () => dayOf(Date.now());

/** A case that came in DAYS ago, by what the village still lacks of it. */
async function take(days) {
  const body = { ...registration(LOW_INCOME, rng), materials: [{ name: '申请表', form: 'original', copies: 0 }] };
  if (days) Object.assign(body, { received_at: new Date(Date.now() - days * DAY).toISOString(), received_reason: '停电期间纸质登记' });
  return (await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body, expect: 201 })).body;
}

test('the calendar in force is told, and that it has moved nothing yet', async () => {
  const { body } = await clerk.call('GET', '/api/v1/calendar', { expect: 200 });
  assert.deepEqual([body.version, body.before, body.provisional_after], [1, null, '2026-12-31']);
  assert.ok(body.years.some(({ year, off }) => year === 2026 && off > 10));
  const moved = await clerk.call('GET', '/api/v1/calendar/moved', { expect: 200 });
  assert.deepEqual(moved.body, { version: 1, before: null, items: [], next: null });
});

test('lists show the next term, and filter and sort by it', async () => {
  for (let days = 0; days < 15; days++) await take(days);
  const cases = await all({});
  assert.equal(cases.length, 15);
  // each case by what it says of itself
  const due = (one) => dayOf(Date.parse(one.next_term.due));
  const wanted = {
    overdue: cases.filter((one) => one.next_term.state === 'overdue'),
    today: cases.filter((one) => due(one) === today()),
    soon: cases.filter((one) => one.next_term.warning !== null),
  };
  assert.ok(wanted.overdue.length >= 4 && wanted.soon.length >= 2 && wanted.soon.length < 10);
  for (const one of cases) assert.equal(one.next_term.kind, 'notice');
  for (const [filter, there] of Object.entries(wanted)) {
    const ids = there.map(({ id }) => id);
    await until(async () => (await list({ due: filter })).items.length === ids.length);
    assert.deepEqual((await all({ due: filter }, 1)).map(({ id }) => id), ids, filter);
    assert.deepEqual((await all({ due: filter, item: LOW_INCOME.code, state: 'received' })).map(({ id }) => id), ids);
    assert.deepEqual(await all({ due: filter, state: 'accepted' }), []);
  }
  const sorted = await all({ sort: 'due' }, 1);
  assert.equal(sorted.length, 15);
  assert.equal(new Set(sorted.map(({ id }) => id)).size, 15);
  const days = sorted.map(due);
  assert.deepEqual(days, [...days].sort());
  assert.deepEqual((await all({ sort: 'due', due: 'overdue' })).map(({ id }) => id).sort(), wanted.overdue.map(({ id }) => id).sort());
  // with a search, and by a number
  const one = wanted.overdue[0];
  assert.ok((await all({ q: one.title, due: 'overdue' })).some(({ id }) => id === one.id));
  assert.deepEqual((await all({ q: one.receipt_number, due: 'overdue' })).map(({ id }) => id), [one.id]);
  assert.deepEqual(await all({ q: one.receipt_number, due: 'soon' }), []);
});

test('what is ended on the spot after its term has passed is asked why', async () => {
  const item = catalog.items.find(({ levels, record }) => levels.village === 'handle' && record === 'application');
  const spot = { decision: { result: 'granted' }, completion: { result_code: 0, document: '证明' } };
  const body = { ...registration(item, rng), received_at: new Date(Date.now() - 20 * DAY).toISOString(), received_reason: '停电期间纸质登记', on_the_spot: spot };
  const post = (one, options) => clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: one, ...options });
  const head = async () => (await clerk.call('GET', '/api/v1/sync')).body.head;
  const before = await head();
  const { body: problem } = await post(body, { expect: 'validation', invalid: true });
  assert.deepEqual(problem.errors.map(({ pointer, code }) => [pointer, code]), [['/on_the_spot/decision/overtime_reason', 'required']]);
  assert.deepEqual(await head(), before);
  const key = rng.uuid();
  const why = { ...body, on_the_spot: { ...spot, decision: { ...spot.decision, overtime_reason: '停电三周' } } };
  const { body: made } = await post(why, { key, expect: 201 });
  assert.equal(made.state, 'completed');
  const notice = made.terms.find(({ kind }) => kind === 'notice');
  assert.deepEqual([notice.state, notice.overtime_reason], ['overdue', '停电三周']);
  for (const term of made.terms.filter(({ kind }) => kind !== 'notice')) assert.notEqual(term.state, 'overdue', term.kind);
  const { body: { items } } = await clerk.call('GET', `/api/v1/cases/${made.id}/events`);
  const of = (type) => items.find((one) => one.type === type).body;
  assert.deepEqual([of('accept').overtime_reason, of('decide_now').overtime_reason], ['停电三周', undefined]);
  assert.equal((await post(why, { key, expect: 201 })).headers['idempotency-replayed'], 'true');
  await post({ ...body, received_at: new Date(Date.now() - DAY).toISOString() }, { expect: 201 }); // in time
});

test('what is paused has a list of its own', async () => {
  const item = catalog.items.find(({ levels, record }) => levels.village === 'handle' && record === 'application');
  const act = (id, type, body = {}) => clerk.call('POST', `/api/v1/cases/${id}/events`, { key: rng.uuid(), body: { type, body }, expect: 201 });
  const ids = [];
  for (let i = 0; i < 3; i++) {
    const { body: { id } } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(item, rng), expect: 201 });
    await act(id, 'accept');
    await act(id, 'start_review');
    await act(id, 'suspend', { kind: 'inspection', reason: '需要现场检查', told_at: new Date(Date.now() - 5000).toISOString() });
    ids.unshift(id);
  }
  const paused = async (query = {}, limit = 1) => (await all({ due: 'paused', ...query }, limit)).map(({ id }) => id);
  await until(async () => (await paused()).length === 3);
  assert.deepEqual(await paused(), ids);
  assert.deepEqual(await paused({ item: LOW_INCOME.code }), []);
  for (const query of [{ due: 'overdue' }, { due: 'today' }, { due: 'soon' }, { sort: 'due' }])
    assert.ok((await all(query)).every(({ id }) => !ids.includes(id)), JSON.stringify(query));
  await act(ids[1], 'resume');
  assert.deepEqual(await paused(), [ids[0], ids[2]]);
  await until(async () => (await all({ sort: 'due' })).some(({ id }) => id === ids[1]));
});

test('a case leaves the lists with its term', async () => {
  const [one] = (await list({ due: 'overdue' })).items;
  await clerk.call('POST', `/api/v1/cases/${one.id}/events`, { key: rng.uuid(), body: { type: 'withdraw', body: { reason: '不办了' } }, expect: 201 });
  assert.ok((await all({ due: 'overdue' })).every(({ id }) => id !== one.id)); // at once, though the list follows
  assert.equal((await all({})).find(({ id }) => id === one.id).next_term, null);
  await until(async () => (await all({ sort: 'due' })).every(({ id }) => id !== one.id));
});

test('wrong words are told', async () => {
  for (const [query, pointer] of [[{ due: 'late' }, '/?due'], [{ sort: 'title' }, '/?sort'], [{ sort: 'due', q: '王' }, '/?sort'], [{ due: '' }, '/?due'],
    [{ due: 'paused', sort: 'due' }, '/?sort']]) {
    const { body } = await clerk.call('GET', '/api/v1/cases', { query, invalid: true, expect: 'validation' });
    assert.deepEqual(body.errors.map((error) => error.pointer), [pointer]);
  }
});

test('over many cases a list by due day keeps its budget', { skip: MANY === 0 }, async (t) => {
  const big = await startBox({ calendar: 'xinjiang', cases: MANY, backDays: 60 });
  try {
    const client = await big.signIn('clerk');
    await until(async () => (await client.call('GET', '/api/v1/cases', { query: { sort: 'due', limit: 1 }, expect: [200, 503] })).status === 200, 300_000);
    const [first] = (await list({ sort: 'due', limit: 1 }, client)).items;
    assert.equal(first.next_term.state, 'overdue');
    const times = [];
    for (let i = 0; i < 200; i++) {
      const query = [{ sort: 'due' }, { due: 'overdue' }, { due: 'soon' }, { sort: 'due', due: 'today' }][i % 4];
      const from = performance.now();
      await list({ ...query, limit: 50 }, client);
      times.push(performance.now() - from);
    }
    times.sort((a, b) => a - b);
    t.diagnostic(`${MANY} cases: p50 ${times[100].toFixed(1)} ms, p99 ${times[197].toFixed(1)} ms`);
    if (process.env.XINKE_DUE_BUDGET) assert.ok(times[197] <= BUDGET_MS, `p99 ${times[197]} ms`); // sanitizers and the test client cost more
  } finally {
    await big.close();
  }
});
