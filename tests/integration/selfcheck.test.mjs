// The station's self-check (自查) over real processes: asked by the standard, made by a lead, carried to the county, told
// there with what falls short; and what a county does with one that it does not understand.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { random } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';
import { startCounty, VILLAGE } from './county_world.mjs';

const rng = random(53);

describe('from the box to the county', () => {
  let world;
  let lead;
  let centre;
  let points;
  const post = (client, body, options = {}) => client.call('POST', '/api/v1/selfcheck', { key: rng.uuid(), body, expect: 201, ...options });
  /** Meets every point but for what CHANGES say. */
  const answers = (changes = {}) => points.map(({ point, kind, wanted }) =>
    ({ point, ...(kind === 'number' ? { value: wanted ?? 3 } : { yes: true }), ...changes[point] }));

  before(async () => {
    world = await start({ name: 'selfcheck' });
    lead = await world.box('lead');
    centre = await world.county('centre');
    ({ body: { standard: { points } } } = await lead.call('GET', '/api/v1/selfcheck'));
  });
  after(() => world?.stop());

  test('a village is asked what the plan asks of one', () => {
    const of = Object.fromEntries(points.map((one) => [one.point, one]));
    assert.deepEqual([of.area.wanted, of.area.unit, of.windows.wanted], [50, '平方米', 2]);
    assert.ok(!('window_justice' in of)); // of a township
    for (const point of ['name_board', 'waiting_area', 'opinion_box', 'government_extranet']) assert.equal(of[point].wanted, true, point);
  });

  test('what falls short is told, kept, and told once more to the same key', async () => {
    const key = rng.uuid();
    const body = { answers: answers({ area: { value: 49, note: '扩建中' }, copier: { yes: false } }) };
    const { body: made } = await post(lead, body, { key });
    assert.equal(made.id, key);
    assert.deepEqual(made.short, [{ point: 'area', name: '大厅面积', unit: '平方米', wanted: 50, value: 49, note: '扩建中' },
      { point: 'copier', name: '复印机', unit: null, wanted: true, value: false, note: null }]);
    const again = await post(lead, body, { key });
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.deepEqual([again.body.id, again.body.at], [made.id, made.at]);
    await post(lead, { answers: answers() }, { key, expect: 'key_reused' });
    const { body: { items } } = await lead.call('GET', '/api/v1/selfcheck');
    assert.deepEqual(items.map(({ id }) => id), [key]);
  });

  test('the county has it, and the next one stands before it', async () => {
    const own = async (query) => (await centre.call('GET', '/api/v1/selfchecks', { query })).body.items;
    const mine = (await own({})).filter(({ last }) => last);
    const first = await world.until('the self-check settled', 30, async () => {
      const { body: { items } } = await lead.call('GET', '/api/v1/selfcheck');
      return items[0].sync === 'settled' && items[0];
    });
    const [there] = (await own({})).filter(({ last }) => last);
    assert.deepEqual(there.last, Object.fromEntries(Object.entries(first).filter(([name]) => name !== 'sync')));
    assert.ok(mine.length <= 1);
    const { body: good } = await post(lead, { answers: answers() });
    assert.deepEqual(good.short, []);
    await world.until('the second one is there', 30, async () => (await own({ station: there.station }))[0].history.length === 2);
    const [{ last, history }] = await own({ station: there.station });
    assert.deepEqual([last.id, history.map(({ id }) => id)], [good.id, [good.id, first.id]]);
    const { body: { items } } = await lead.call('GET', '/api/v1/selfcheck');
    assert.deepEqual(items.map(({ id }) => id), [good.id, first.id]);
  });

  test('by a lead alone, every point once and of its kind', async () => {
    const { body: before_ } = await lead.call('GET', '/api/v1/selfcheck');
    await post(await world.box('clerk'), { answers: answers() }, { expect: 'forbidden' });
    const bad = async (list, pointer, code) => {
      const { body } = await post(lead, { answers: list }, { expect: 'validation', invalid: true });
      assert.deepEqual([body.errors[0].pointer, body.errors[0].code], [pointer, code]);
    };
    await bad(answers().slice(1), '/answers', 'required');
    await bad([...answers(), answers()[0]], `/answers/${points.length}/point`, 'duplicate');
    await bad([...answers(), { point: 'helipad', yes: true }], `/answers/${points.length}/point`, 'unknown');
    await bad([...answers(), { point: 'window_justice', yes: true }], `/answers/${points.length}/point`, 'unknown');
    await bad(answers({ area: { value: null } }), `/answers/${points.findIndex(({ point }) => point === 'area')}/value`, 'required');
    await bad(answers({ copier: { value: 1 } }), `/answers/${points.findIndex(({ point }) => point === 'copier')}/value`, 'not_allowed');
    await bad(answers({ area: { value: -1 } }), `/answers/${points.findIndex(({ point }) => point === 'area')}/value`, 'range');
    assert.deepEqual((await lead.call('GET', '/api/v1/selfcheck')).body, before_);
  });
});

describe('at the county', () => {
  let county;
  let box;
  let centre;
  before(async () => {
    county = await startCounty();
    box = await county.enrol(VILLAGE);
    centre = await county.signIn('centre');
  });
  after(() => county?.close());
  const body = (more) => ({ standard: 'hutubi-venue', version: 1, answers: [{ point: 'area', value: 60 }], ...more });

  test('one without its form is refused, one of a later edition is kept and not judged', async () => {
    const events = [body({ answers: [{ point: 'area', value: 'sixty' }] }), body({ version: 2 }), body({ standard: 'another' })]
      .map((one) => box.append('selfcheck', null, one));
    await box.exchange();
    const refused = box.entries.filter(({ kind }) => kind === 'refused');
    assert.deepEqual(refused.map(({ seq, code, pointer }) => [seq, code, pointer]), [[events[0].seq, 'body', '/answers/0/value']]);
    const { body: { items: [one] } } = await centre.call('GET', '/api/v1/selfchecks', { query: { station: VILLAGE } });
    assert.deepEqual(one.history.map(({ short }) => short), [null, null]);
    assert.equal(one.history.length, 2);
  });

  test('every station is told, in the order of the codes; a point that was not answered falls short', async () => {
    box.append('selfcheck', null, body({}), { at: Date.now() + 1000 });
    await box.exchange();
    const { body: { items } } = await centre.call('GET', '/api/v1/selfchecks');
    const codes = items.map(({ station }) => station);
    assert.deepEqual(codes, [...codes].sort());
    assert.equal(codes.length, 80);
    const mine = items.filter(({ last }) => last);
    assert.deepEqual(mine.map(({ station }) => station), [VILLAGE]);
    assert.ok(!mine[0].last.short.some(({ point }) => point === 'area'));
    assert.ok(mine[0].last.short.some(({ point, value }) => point === 'windows' && value === null));
    const { body: csv } = await centre.call('GET', '/api/v1/selfchecks', { query: { format: 'csv' } });
    const lines = csv.toString().trimEnd().split('\r\n');
    assert.equal(lines.length, 1 + 79 + mine[0].last.short.length);
    assert.ok(lines.some((line) => line.startsWith(`${VILLAGE},`) && line.includes(',不足 short,windows,')));
    for (const line of lines) assert.equal(line.split(',').length, 11, line);
  });

  test('not for a department; what is wrong is told', async () => {
    await (await county.signIn('minzheng')).call('GET', '/api/v1/selfchecks', { expect: 'forbidden' });
    await centre.call('GET', '/api/v1/selfchecks', { query: { station: '1' }, expect: 'validation', invalid: true });
    await centre.call('GET', '/api/v1/selfchecks', { query: { station: '652323999999' }, expect: 'not_found' });
    await centre.call('GET', '/api/v1/selfchecks', { query: { format: 'pdf' }, expect: 'validation', invalid: true });
    assert.equal(county.tool(['verify']).status, 0);
  });
});
