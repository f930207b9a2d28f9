// 网上申请 over real processes: an application made in advance is looked over, given back, made again and taken in; it has no
// number and no terms before that, and the county follows each step.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';

let world;
let clerk;
let centre;
let items;
const rng = random(41);

before(async () => {
  world = await start({ name: 'advance' });
  clerk = await world.box('clerk');
  centre = await world.county('centre');
  items = (await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items;
});
after(() => world?.stop());

const item = (offer) => items.find((one) => one.offer === offer && one.record === 'application');
const apply = (of, more = {}, options = {}) =>
  clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: { ...registration(of, rng), channel: 'kiosk', in_advance: true, ...more }, expect: 201, ...options });
const act = (id, type, body, options = {}) =>
  clerk.call('POST', `/api/v1/cases/${id}/events`, { key: rng.uuid(), body: { type, body }, expect: 201, ...options });
const read = async (client, id) => (await client.call('GET', `/api/v1/cases/${id}`)).body;
const settled = (id) => world.until('settled', 30, async () => (await read(clerk, id)).sync === 'settled');
const types = async (id) => (await clerk.call('GET', `/api/v1/cases/${id}/events`)).body.items.map(({ type }) => type);

test('an application in advance has no number, no terms and no paper; the county has it', async () => {
  const { body } = await apply(item('accept'));
  assert.deepEqual([body.state, body.receipt_number, body.terms], ['submitted', null, []]);
  assert.deepEqual([...body.actions].sort(), ['add_material', 'amend', 'note', 'pre_return', 'receive', 'withdraw']);
  assert.ok(body.progress_token);
  await settled(body.id);
  const there = await read(centre, body.id);
  assert.deepEqual([there.state, there.receipt_number, there.terms], ['submitted', null, []]);
  assert.deepEqual(await types(body.id), ['submit']);
});

test('it is given back with what is wrong, made again, and taken in: then it goes the way of any case', async () => {
  const { body: { id } } = await apply(item('accept'));
  await act(id, 'resubmit', registration(item('accept'), rng), { expect: 'transition' });
  const { body: back } = await act(id, 'pre_return', { reason: '照片看不清', materials: [{ name: '户口簿', standard: '清晰' }] });
  assert.deepEqual([back.state, [...back.actions].sort()], ['pre_returned', ['add_material', 'amend', 'note', 'resubmit', 'withdraw']]);
  await act(id, 'receive', {}, { expect: ['transition', 'validation'] });
  const other = await act(id, 'resubmit', registration(item('handle'), rng), { expect: 'validation' });
  assert.equal(other.body.errors[0].pointer, '/body/item');
  const again = { ...registration(item('accept'), rng), channel: 'kiosk', note: '重新拍照' };
  const { body: resubmitted } = await act(id, 'resubmit', again);
  assert.deepEqual([resubmitted.state, resubmitted.note], ['submitted', '重新拍照']);
  const { body: taken } = await act(id, 'receive', { note: '原件已核对' });
  assert.match(taken.receipt_number, new RegExp(`^${world.json.gateway.station}-`));
  assert.deepEqual([taken.state, taken.note, taken.applicant.name], ['forwarded', '原件已核对', again.applicant.name]);
  assert.deepEqual(taken.terms.map(({ kind, state }) => [kind, state]), [['notice', 'running']]);
  assert.deepEqual(await types(id), ['submit', 'pre_return', 'resubmit', 'receive', 'forward']);
  await settled(id);
  const there = await read(centre, id);
  assert.deepEqual([there.state, there.receipt_number], ['forwarded', taken.receipt_number]);
  await act(id, 'receive', {}, { expect: ['transition', 'validation'] });
});

test('what this station handles waits for its decision; a missing paper keeps what it passes up', async () => {
  const { body: handled } = await apply(item('handle'));
  assert.equal((await act(handled.id, 'receive', {})).body.state, 'received');
  const { body: lacking } = await apply(item('accept'));
  const { body: here } = await act(lacking.id, 'receive', { materials: [{ name: '申请书', form: 'original', copies: 0 }] });
  assert.equal(here.state, 'received');
  const { body: more } = await act(lacking.id, 'add_material', { materials: [{ name: '申请书', form: 'original', copies: 1, trust: 'B' }] });
  assert.deepEqual(more.materials, [{ name: '申请书', form: 'original', copies: 1, trust: 'B' }]);
  await act(lacking.id, 'forward', { to: world.json.gateway.township ?? '652323101000' });
  await settled(lacking.id);
});

test('it can be withdrawn before anybody has it; what cannot go with it is told at its place', async () => {
  const { body: { id } } = await apply(item('accept'));
  assert.equal((await act(id, 'withdraw', { reason: '不办了' })).body.state, 'withdrawn');
  await settled(id);
  const wrong = [
    [{ received_at: '2026-11-20T00:00:00Z', received_reason: 'x' }, '/received_at'],
    [{ on_the_spot: { decision: { result: 'granted' }, completion: { result_code: 6 } } }, '/on_the_spot'],
    [{ captured: { at: '2026-11-20T00:00:00Z', now: '2026-11-20T00:00:00Z' } }, '/captured'],
  ];
  for (const [more, pointer] of wrong) {
    const { body } = await apply(item('handle'), more, { expect: 'validation' });
    assert.ok(body.errors.some((one) => one.pointer === pointer), JSON.stringify(body.errors));
  }
});

test('the same key twice is no second application, and the ledger verifies', async () => {
  const key = rng.uuid();
  const body = { ...registration(item('accept'), rng), channel: 'kiosk', in_advance: true };
  await clerk.call('POST', '/api/v1/cases', { key, body, expect: 201 });
  const again = await clerk.call('POST', '/api/v1/cases', { key, body, expect: 201 });
  assert.equal(again.headers['idempotency-replayed'], 'true');
  const { status, stdout } = world.xinke('verify');
  assert.equal(status, 0, stdout);
});
