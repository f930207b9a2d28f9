// The road end to end over real processes and TLS: taken while the county is away, settled when it is back, decided
// there, seen here; and that what is shown as synced is true at each point.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';

let world;
let items;
const rng = random(11);

before(async () => {
  world = await start({ name: 'road' });
  const clerk = await world.box('clerk');
  items = (await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items;
});
after(() => world?.stop());

const take = async (client, code) => {
  const item = items.find((i) => i.code === code);
  const { body } = await client.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(item, rng), expect: 201 });
  return body;
};
const read = async (client, id) => (await client.call('GET', `/api/v1/cases/${id}`)).body;
const act = (client, id, type, body, options = {}) =>
  client.call('POST', `/api/v1/cases/${id}/events`, { key: rng.uuid(), body: { type, body }, ...options });

test('run.json says what checks from outside rely on', () => {
  const { json } = world;
  for (const key of ['sync_url', 'api_url', 'public_url', 'ca', 'config', 'accounts']) assert.ok(json.county[key], key);
  for (const key of ['url', 'setup_url', 'ca', 'config', 'station', 'level', 'db', 'accounts']) assert.ok(json.gateway[key], key);
  for (const key of ['county', 'gateway', 'sync']) assert.equal(typeof json.pids[key], 'number');
});

test('a case settles, with one exchange that carries it and its verdict', async () => {
  const clerk = await world.box('clerk');
  const taken = await take(clerk, '652323-001');
  assert.equal(taken.state, 'forwarded');
  await world.until('settled', 30, async () => (await read(clerk, taken.id)).sync === 'settled');
  const centre = await world.county('centre');
  const there = await read(centre, taken.id);
  assert.equal(there.receipt_number, taken.receipt_number);
  assert.equal(there.state, 'forwarded');
  assert.equal(there.holder, '652323101000');
  // both count the same terms, by the calendar that the feed brought
  const { terms } = await read(clerk, taken.id);
  assert.deepEqual(terms.map(({ kind, state, days }) => [kind, state, days]), [['notice', 'running', 5]]);
  assert.deepEqual(terms, there.terms);
});

test('with the county away, nothing is shown as received, and all of it settles later', async () => {
  const clerk = await world.box('clerk');
  world.script('stop-county');
  const ids = [];
  for (let i = 0; i < 40; i++) ids.push((await take(clerk, items[i % items.length].code)).id);
  await new Promise((resolve) => setTimeout(resolve, 1500)); // time for a call that fails
  for (const id of ids) assert.ok(['local', 'sent'].includes((await read(clerk, id)).sync));
  const { body: sync } = await clerk.call('GET', '/api/v1/sync');
  assert.ok(sync.backlog >= 40);
  assert.equal(world.xinke('status', '--json').status, 1);
  world.script('start-county');
  await clerk.call('POST', '/api/v1/sync', { expect: 202 });
  await world.until('all settled', 60, async () => (await world.all(clerk)).every((c) => c.sync === 'settled'));
  const centre = await world.county('centre');
  const there = (await world.all(centre, { station: world.json.gateway.station })).map((c) => c.id);
  for (const id of ids) assert.equal(there.filter((x) => x === id).length, 1);
});

test('the technician’s commands say how the box stands', async () => {
  const clerk = await world.box('clerk');
  await world.until('well', 30, async () => world.xinke('status').status === 0);
  const { stdout } = world.xinke('status');
  assert.ok(stdout.trim().split('\n').length <= 12, stdout);
  assert.match(stdout, /^link +up$/m);
  const status = JSON.parse(world.xinke('status', '--json').stdout);
  assert.equal(status.backlog, 0);
  assert.ok(status.sync.bytes_sent > 0 && status.sync.bytes_received > 0 && status.sync.calls >= 2);
  const { body } = await clerk.call('GET', '/api/v1/sync');
  assert.ok(body.traffic.calls >= status.sync.calls);
  assert.ok(body.traffic.bytes_sent >= status.sync.bytes_sent);
  const { logs, feed } = JSON.parse(world.xinke('log', '--json').stdout);
  assert.equal(logs.length, 1);
  assert.equal(logs[0].log, body.log);
  assert.equal(logs[0].state, 'open');
  assert.equal(logs[0].parent, null);
  assert.ok(logs[0].head > 40 && logs[0].received === logs[0].head);
  assert.match(logs[0].hash, /^[0-9a-f]{64}$/);
  assert.equal(feed.seq, body.feed);
  const text = world.xinke('log').stdout.trim().split('\n');
  assert.equal(text.length, 2);
  assert.ok(text[0].startsWith(body.log) && text[1].startsWith('feed '));
});

test('every answer of the county reaches the phone: accept, supplement, refuse, return, send back', async () => {
  const clerk = await world.box('clerk');
  const centre = await world.county('centre');
  const bodies = {
    accept: [{ note: '予以受理' }, 'accepted'],
    supplement_notice: [{ basis: '行政许可法第三十二条', materials: [{ name: '户口簿', standard: '原件' }] }, 'supplement'],
    refuse: [{ reason: '不属于本机关职权', basis: '行政许可法第三十二条', competent_organ: '公安局', remedies: '六十日内申请行政复议，或者提起诉讼' }, 'not_accepted'],
    return: [{ reason: '重复申请' }, 'returned'],
    send_back: [{ reason: '材料不全' }, 'received'],
  };
  for (const [type, [body, state]] of Object.entries(bodies)) {
    const { id } = await take(clerk, '652323-004');
    await world.until(`${type}: at the county`, 30, async () => (await read(clerk, id)).sync === 'settled');
    await act(centre, id, type, body);
    await world.until(`${type}: at the phone`, 30, async () => (await read(clerk, id)).state === state);
  }
});

test('a permit that nobody answered in time counts as accepted from the day of receipt; nothing else does', async () => {
  const clerk = await world.box('clerk');
  const permit = items.find((i) => i.code === '652323-044');
  const other = items.find((i) => i.code === '652323-001');
  const weeks = (n) => new Date(Date.now() - n * 7 * 86400e3).toISOString();
  const lacking = (item, more) => ({ ...registration(item, rng), materials: [{ name: '申请表', form: 'original', copies: 0 }], ...more });
  const post = async (body) => (await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body, expect: 201 })).body;
  const old = await post(lacking(permit, { received_at: weeks(6), received_reason: '停电补录' }));
  const fresh = await post(lacking(permit));
  const plain = await post(lacking(other, { received_at: weeks(6), received_reason: '停电补录' }));
  assert.equal(old.state, 'received');
  assert.equal(old.terms[0].state, 'overdue');
  assert.deepEqual(old.actions.filter((type) => type === 'deem_accept'), []);
  world.script('stop-gateway');
  world.script('start-gateway'); // it looks when it starts, also after weeks without power
  const again = await world.box('clerk');
  await world.until('deemed', 20, async () => (await read(again, old.id)).state === 'accepted');
  const deemed = await read(again, old.id);
  assert.equal(deemed.deemed, true);
  assert.equal(deemed.accepted_at, deemed.received_at);
  await world.until('settled', 30, async () => (await read(again, old.id)).sync === 'settled');
  const there = await read(await world.county('centre'), old.id);
  assert.deepEqual([there.state, there.deemed, there.accepted_at], ['accepted', true, old.received_at]);
  const { body: { items: history } } = await again.call('GET', `/api/v1/cases/${old.id}/events`);
  assert.deepEqual(history.map(({ type, actor }) => [type, actor === 'system']), [['receive', false], ['deem_accept', true]]);
  assert.equal((await read(again, fresh.id)).state, 'received');
  assert.equal((await read(again, plain.id)).state, 'received');
});

test('a withdrawal that crosses an acceptance: the first at the county wins, the other is refused and told', async () => {
  const clerk = await world.box('clerk');
  const centre = await world.county('centre');
  const { id } = await take(clerk, '652323-007');
  await world.until('settled', 30, async () => (await read(clerk, id)).sync === 'settled');
  // the county returns the case while the box, cut off, withdraws it
  await world.kill('sync');
  await act(clerk, id, 'withdraw', { reason: '不办了' });
  await act(centre, id, 'return', { reason: '重复申请' });
  world.script('start-gateway');
  await world.until('refused', 30, async () => (await read(clerk, id)).sync === 'refused');
  const seen = await read(clerk, id);
  assert.equal(seen.state, 'returned');
  assert.deepEqual(seen.refused.map((r) => [r.type, r.code]), [['withdraw', 'transition']]);
  // and it does not hold up anybody else
  const next = await take(clerk, '652323-020');
  await world.until('the next one settles', 30, async () => (await read(clerk, next.id)).sync === 'settled');
});

test('a village accepts what it handles and not what it only takes in', async () => {
  const clerk = await world.box('clerk');
  const handled = await take(clerk, '652323-020');
  assert.ok(handled.actions.includes('accept'));
  const { body } = await act(clerk, handled.id, 'accept', {});
  assert.equal(body.state, 'accepted');
  await world.until('settled', 30, async () => (await read(clerk, handled.id)).sync === 'settled');
});

test('the progress page by the receipt’s token tells the state and no personal data', async () => {
  const clerk = await world.box('clerk');
  const taken = await take(clerk, '652323-005');
  await world.until('settled', 30, async () => (await read(clerk, taken.id)).sync === 'settled');
  const { progress_token: token, applicant } = await read(clerk, taken.id);
  const { countyApi } = await import('../lib/run.mjs');
  const { readFileSync } = await import('node:fs');
  const citizen = countyApi.client({ base: world.json.county.public_url, ca: readFileSync(world.json.county.ca) });
  const { body } = await citizen.call('GET', `/public/progress/${token}`, { headers: { Accept: 'application/json' } });
  assert.equal(body.receipt_number, taken.receipt_number);
  assert.ok(!JSON.stringify(body).includes(applicant.id_number));
  assert.ok(!JSON.stringify(body).includes(applicant.name));
  await citizen.call('GET', `/public/progress/${'0'.repeat(16)}`, { expect: 404, headers: { Accept: 'application/json' } });
});

test('both ends verify, and a rebuild gives the same cases', async () => {
  const clerk = await world.box('clerk');
  await world.until('nothing waits', 60, async () => (await clerk.call('GET', '/api/v1/sync')).body.backlog === 0);
  assert.equal(world.countyTool('verify').status, 0);
  assert.equal(world.xinke('verify').status, 0);
  const before_ = await world.all(clerk);
  world.script('stop-gateway');
  assert.equal(world.xinke('rebuild').status, 0);
  assert.equal(world.xinke('verify').status, 0);
  world.script('start-gateway');
  const again = await world.box('clerk');
  assert.deepEqual(await world.all(again), before_);
});
