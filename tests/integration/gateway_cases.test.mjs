// Registering, reading, listing, searching and acting on cases, each answer held to the contract.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { random, registration, adult } from '../lib/people.mjs';
import { catalog, items, startBox, until } from './gateway_box.mjs';

const byCode = (code) => catalog.items.find((one) => one.code === code);
const rng = random(20261124);

describe('a village box', () => {
  let box, clerk, lead, tech;
  before(async () => {
    box = await startBox();
    [clerk, lead, tech] = await Promise.all(['clerk', 'lead', 'tech'].map((name) => box.signIn(name)));
  });
  after(() => box.close());

  const post = (body, options = {}) => clerk.call('POST', '/api/v1/cases', { key: randomUUID(), body, expect: 201, ...options });
  const act = (id, type, body, options = {}) =>
    clerk.call('POST', `/api/v1/cases/${id}/events`, { key: randomUUID(), body: { type, body }, expect: 201, ...options });
  const handled = () => items('village', 'handle').find(({ record }) => record === 'application');
  const accepted = () => items('village', 'accept').find(({ record }) => record === 'application');

  test('takes in one case of each item that it offers', async () => {
    const offered = [...items('village', 'handle'), ...items('village', 'accept')];
    assert.equal(offered.length, 25);
    for (const item of offered) {
      const key = randomUUID();
      const { body, headers } = await post(registration(item, rng), { key });
      assert.equal(body.id, key);
      assert.equal(headers.location, `/api/v1/cases/${key}`);
      assert.equal(body.record, item.record);
      assert.equal(body.item_name, item.name);
      assert.match(body.receipt_number, new RegExp(`^${box.station}-\\d{8}-01\\d{4}-[0-9X]$`));
      const up = item.levels.village === 'accept';
      const over = !up && item.record !== 'application'; // nothing to decide: the short form
      assert.equal(body.state, up ? 'forwarded' : over ? 'completed' : 'received');
      assert.equal(body.holder, up ? box.township : box.station);
      assert.equal(body.sync, 'local');
      const again = await clerk.call('GET', `/api/v1/cases/${key}`);
      assert.deepEqual(again.body, body);
      assert.equal(again.headers.etag, headers.etag);
      const history = await clerk.call('GET', `/api/v1/cases/${key}/events`);
      assert.deepEqual(history.body.items.map(({ type }) => type), up ? ['receive', 'forward'] : over ? ['receive', 'complete'] : ['receive']);
    }
  });

  test('does not pass on a case that lacks a material', async () => {
    const body = registration(accepted(), rng);
    body.materials = [{ name: '申请表', form: 'original', copies: 0 }];
    const { body: seen } = await post(body);
    assert.equal(seen.state, 'received');
    assert.ok(seen.actions.includes('forward'));
    assert.ok(!seen.actions.includes('accept'));
  });

  test('answers a repeated call with the case as it is now', async () => {
    const key = randomUUID();
    const body = registration(accepted(), rng);
    const first = await post(body, { key });
    assert.equal(first.headers['idempotency-replayed'], undefined);
    const second = await post(body, { key });
    assert.equal(second.headers['idempotency-replayed'], 'true');
    assert.deepEqual(second.body, first.body);
    await act(key, 'note', { text: '电话通知本人' });
    const third = await post(body, { key });
    assert.equal(third.body.revision, first.body.revision + 1);
    // unquoted, members in another order: the same call
    const reordered = Object.fromEntries(Object.entries(body).reverse());
    const fourth = await post(reordered, { key: undefined, headers: { 'idempotency-key': key } });
    assert.equal(fourth.headers['idempotency-replayed'], 'true');
    // the same key at the same time, many times: one case
    const racing = randomUUID();
    const answers = await Promise.all(Array.from({ length: 12 }, () => post(body, { key: racing })));
    assert.equal(answers.filter(({ headers }) => !headers['idempotency-replayed']).length, 1);
    assert.equal(new Set(answers.map(({ body: one }) => one.receipt_number)).size, 1);
  });

  test('refuses a key that was used otherwise', async () => {
    const key = randomUUID();
    const body = registration(accepted(), rng);
    await post(body, { key });
    await post({ ...body, note: '另一件事' }, { key, expect: 'key_reused' });
    await lead.call('POST', '/api/v1/cases', { key, body, expect: 'key_reused' });
    await act(key, 'note', { text: '同一个键' }, { key, expect: 'key_reused' });
    await post({ ...body, item: 'x' }, { key, expect: 'key_reused' });
    await post(body, { key: undefined, expect: 'key_missing', invalid: true });
    await post(body, { headers: { 'idempotency-key': '"not-a-uuid"' }, expect: 'key_missing', invalid: true });
  });

  test('says who offers what it does not', async () => {
    for (const item of items('village', null)) {
      const answer = await post(registration(item, rng), { expect: 'item_not_offered' });
      const level = item.levels.township ? 'township' : item.levels.community ? 'community' : 'county';
      assert.equal(answer.body.office.level, level);
    }
    const unknown = await post({ ...registration(accepted(), rng), item: '652323-999' }, { expect: 'item_unknown' });
    assert.equal(unknown.body.errors[0].pointer, '/item');
  });

  test('lets a technician look and no more', async () => {
    const { body } = await post(registration(accepted(), rng));
    const seen = await tech.call('GET', `/api/v1/cases/${body.id}`);
    assert.deepEqual(seen.body.actions, []);
    await tech.call('GET', '/api/v1/cases');
    await tech.call('POST', '/api/v1/cases', { key: randomUUID(), body: registration(accepted(), rng), expect: 'forbidden' });
    await tech.call('POST', `/api/v1/cases/${body.id}/events`,
      { key: randomUUID(), body: { type: 'note', body: { text: 'x' } }, expect: 'forbidden' });
  });

  test('acts as the state allows, and says so beforehand', async () => {
    const { body } = await post(registration(handled(), rng));
    assert.deepEqual([...body.actions].sort(), ['accept', 'add_material', 'amend', 'not_required', 'note', 'refuse', 'supplement_notice', 'withdraw']);
    const taken = await act(body.id, 'accept', { note: '当场受理' });
    assert.equal(taken.body.state, 'accepted');
    assert.ok(taken.body.accepted_at);
    await act(body.id, 'accept', {}, { expect: 'transition' });
    const department = await act(body.id, 'forward', { to: handled().department });
    assert.equal(department.body.holder, handled().department);
    const gone = await act(body.id, 'withdraw', { reason: '本人撤回申请' });
    assert.equal(gone.body.state, 'withdrawn');
    assert.equal(gone.body.outcome.type, 'withdraw');
    assert.equal(gone.body.outcome.reason, '本人撤回申请');
    assert.deepEqual([...gone.body.actions].sort(), ['add_material', 'amend', 'note']);
    await act(body.id, 'withdraw', { reason: '再一次' }, { expect: 'transition' });
    const history = await clerk.call('GET', `/api/v1/cases/${body.id}/events`);
    assert.deepEqual(history.body.items.map(({ type }) => type), ['receive', 'accept', 'forward', 'withdraw']);
  });

  test('brings what it handles to its end: notice, examination, extension, decision, delivery', async () => {
    const { body: { id } } = await post(registration(handled(), rng));
    const notice = { basis: '行政许可法第三十二条', materials: [{ name: '户口簿', standard: '原件' }] };
    const told = '2026-11-20T10:00:00+08:00';
    const refusal = { result: 'refused', reason: '不符合条件', basis: '条例第三条', remedies: '六十日内申请行政复议' };
    const walk = [['supplement_notice', notice, 'supplement'], ['supplement_complete', { materials: [{ name: '户口簿', form: 'copy', copies: 1 }] }, 'received'],
      ['accept', {}, 'accepted'], ['start_review', {}, 'in_review'], ['suspend', { kind: 'inspection', reason: '需实地检验', told_at: told }, 'suspended'],
      ['resume', {}, 'in_review'], ['decide', refusal, 'decided'], ['complete', { result_code: 1 }, 'completed'],
      ['deliver', { document: '决定书', way: 'direct', place: '本站', receiver: '本人', delivered_at: told }, 'delivered']];
    for (const [type, body, state] of walk) {
      const { body: now } = await act(id, type, body);
      assert.equal(now.state, state, type);
      if (type === 'supplement_complete') {
        assert.ok(now.materials.some(({ name }) => name === '户口簿'));
        await act(id, 'supplement_notice', notice, { expect: 'transition' }); // once
      }
    }
    const { body: ended } = await clerk.call('GET', `/api/v1/cases/${id}`);
    assert.deepEqual(ended.decision.body, refusal);
    assert.equal(ended.delivery.body.receiver, '本人');
    assert.equal(ended.suspension.body.kind, 'inspection');
    assert.equal(ended.extension, null);
  });

  test('ends on the spot what it handles, in one call with one key, all or nothing', async () => {
    const spot = { decision: { result: 'granted' }, completion: { result_code: 0, document: '证明' },
      delivery: { document: '证明', way: 'direct', place: '本站', receiver: '本人', delivered_at: '2026-11-20T10:00:00+08:00' } };
    const { body, headers } = await post({ ...registration(handled(), rng), on_the_spot: spot });
    assert.equal(body.state, 'delivered');
    assert.equal(headers.etag, '"5"');
    assert.deepEqual(body.decision.body, spot.decision);
    assert.deepEqual(body.delivery.body, spot.delivery);
    const history = await clerk.call('GET', `/api/v1/cases/${body.id}/events`);
    assert.deepEqual(history.body.items.map(({ type }) => type), ['receive', 'accept', 'decide_now', 'complete', 'deliver']);
    assert.equal(history.body.items[0].body.on_the_spot, undefined);
    // and without a delivery
    const { body: fetched } = await post({ ...registration(handled(), rng), on_the_spot: { ...spot, delivery: null } });
    assert.equal(fetched.state, 'completed');
    // the same key again: the case, once
    const key = randomUUID();
    const twice = { ...registration(handled(), rng), on_the_spot: spot };
    await post(twice, { key });
    const again = await post(twice, { key });
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(again.body.revision, 5);
    const before = await clerk.call('GET', '/api/v1/sync');
    const bad = [
      [handled(), { ...spot, decision: { result: 'refused', reason: '不符' } }, '/on_the_spot/decision/basis'],
      [handled(), { ...spot, completion: { result_code: 9 } }, '/on_the_spot/completion/result_code'],
      [handled(), { ...spot, delivery: { ...spot.delivery, receiver: null } }, '/on_the_spot/delivery/receiver'],
      [accepted(), spot, '/on_the_spot'], // it is only taken in here
    ];
    for (const [item, on_the_spot, pointer] of bad) {
      const { body: problem } = await post({ ...registration(item, rng), on_the_spot }, { invalid: true, expect: 'validation' });
      assert.ok(problem.errors.some((one) => one.pointer === pointer), JSON.stringify(problem.errors));
    }
    assert.equal((await clerk.call('GET', '/api/v1/sync')).body.head, before.body.head, 'nothing was written');
  });

  test('keeps to what its level may do', async () => {
    const lacking = { ...registration(accepted(), rng), materials: [{ name: '申请表', form: 'original', copies: 0 }] };
    const { body } = await post(lacking);
    await act(body.id, 'accept', {}, { expect: 'level' });
    const elsewhere = await act(body.id, 'forward', { to: '652323100000' }, { expect: 'validation' });
    assert.equal(elsewhere.body.errors[0].pointer, '/body/to');
    for (const type of ['renumber', 'archive', 'deem_accept', 'rate', 'reveal', 'submit', 'entry_open', 'entry_close', 'no_such_type']) {
      const refused = await act(body.id, type, {}, { invalid: true, expect: 'validation' });
      assert.equal(refused.body.errors[0].pointer, '/type');
    }
    await act(body.id, 'refuse', { reason: '不予受理', basis: '行政许可法第三十二条', remedies: '可以申请复议' }, { expect: 'level' });
    await act(body.id, 'decide', { result: 'granted' }, { expect: 'transition' });
    const again = await act(body.id, 'receive', {}, { invalid: true, expect: 'validation' });
    assert.ok(again.body.errors.some(({ pointer }) => pointer === '/body/amends'), 'only in the place of a refused one');
    const up = await act(body.id, 'forward', { to: box.township, note: '材料已补齐' });
    assert.equal(up.body.holder, box.township);
    assert.deepEqual([...up.body.actions].sort(), ['add_material', 'amend', 'note', 'withdraw']);
    await act(body.id, 'forward', { to: box.township }, { expect: ['transition', 'level'] });
  });

  test('amends a field whose old value is given', async () => {
    const { body } = await post(registration({ ...accepted() }, rng));
    const { name, phone } = body.applicant;
    const amended = await act(body.id, 'amend', { field: '/applicant/name', old: name, new: '阿依努尔·买买提', reason: '登记时写错' });
    assert.equal(amended.body.applicant.name, '阿依努尔·买买提');
    const stale = await act(body.id, 'amend', { field: '/applicant/name', old: name, new: '王五', reason: '又错了' }, { expect: 'validation' });
    assert.equal(stale.body.errors[0].pointer, '/body/old');
    const bad = await act(body.id, 'amend', { field: '/applicant/phone', old: phone, new: '12', reason: '打错' }, { expect: 'validation' });
    assert.equal(bad.body.errors[0].pointer, '/body/new');
    const field = await act(body.id, 'amend', { field: '/state', old: '', new: 'x', reason: '不行' }, { expect: 'validation', invalid: true });
    assert.equal(field.body.errors[0].pointer, '/body/field');
  });

  test('heeds If-Match', async () => {
    const { body, headers } = await post(registration(accepted(), rng));
    const first = await act(body.id, 'note', { text: '一' }, { ifMatch: headers.etag });
    assert.notEqual(first.headers.etag, headers.etag);
    await act(body.id, 'note', { text: '二' }, { ifMatch: headers.etag, expect: 'stale' });
    await act(body.id, 'note', { text: '三' }, { ifMatch: '*' });
    await act(body.id, 'note', { text: '四' }, { ifMatch: 'nonsense', expect: 'malformed_request' });
    await act(body.id, 'note', { text: '五' }, { ifMatch: '""', expect: 'malformed_request' });
    const seen = await clerk.call('GET', `/api/v1/cases/${body.id}`);
    assert.equal(seen.body.revision, body.revision + 2);
  });

  test('repeats of an act answer with the case', async () => {
    const { body } = await post(registration(accepted(), rng));
    const key = randomUUID();
    const first = await act(body.id, 'note', { text: '一次' }, { key });
    const again = await act(body.id, 'note', { text: '一次' }, { key });
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(again.body.revision, first.body.revision);
    const gone = randomUUID();
    await act(body.id, 'withdraw', { reason: '撤' }, { key: gone });
    const replay = await act(body.id, 'withdraw', { reason: '撤' }, { key: gone }); // which the state would not allow any more
    assert.equal(replay.headers['idempotency-replayed'], 'true');
    await act(body.id, 'note', { text: '两次' }, { key, expect: 'key_reused' });
  });

  test('knows no case that is not there', async () => {
    const id = randomUUID();
    await clerk.call('GET', `/api/v1/cases/${id}`, { expect: 'not_found' });
    await clerk.call('GET', `/api/v1/cases/${id}/events`, { expect: 'not_found' });
    await act(id, 'note', { text: 'x' }, { expect: 'not_found' });
    await clerk.call('GET', '/api/v1/cases/zzz', { expect: 'not_found', invalid: true });
  });

  test('takes a case that was received earlier, with a reason', async () => {
    const at = new Date(Date.now() - 3 * 86400000).toISOString();
    const { body } = await post({ ...registration(accepted(), rng), received_at: at, received_reason: '停电期间纸质登记' });
    assert.equal(Date.parse(body.received_at), Date.parse(at));
    assert.equal(body.received_reason, '停电期间纸质登记');
    const captured = { at: new Date(Date.now() - 7200000).toISOString(), now: new Date(Date.now() - 3600000).toISOString() };
    const visit = await post({ ...registration(accepted(), rng), channel: 'visit', captured });
    assert.ok(Math.abs(Date.parse(visit.body.received_at) - (Date.now() - 3600000)) < 60000);
  });

  test('lists newest first, in pages, filtered', async () => {
    const all = [];
    let cursor;
    do {
      const { body } = await clerk.call('GET', '/api/v1/cases', { query: { limit: 7, cursor } });
      assert.ok(body.items.length <= 7);
      all.push(...body.items);
      cursor = body.next ?? undefined;
    } while (cursor);
    const times = all.map(({ received_at }) => received_at);
    assert.deepEqual(times, [...times].sort().reverse());
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
    const whole = await clerk.call('GET', '/api/v1/cases', { query: { limit: 200 } });
    assert.deepEqual(whole.body.items.map(({ id }) => id), all.map(({ id }) => id));
    for (const query of [{ state: 'withdrawn' }, { item: accepted().code }, { state: 'forwarded', item: accepted().code }]) {
      const { body } = await clerk.call('GET', '/api/v1/cases', { query: { ...query, limit: 200 } });
      const wanted = all.filter((one) => (!query.state || one.state === query.state) && (!query.item || one.item === query.item));
      assert.deepEqual(body.items.map(({ id }) => id), wanted.map(({ id }) => id));
      assert.ok(wanted.length > 0);
    }
    for (const query of [{ state: 'nowhere' }, { item: '652323-999' }, { cursor: '!!' }, { cursor: 'AAAA' }, { limit: 0 }, { limit: 201 },
      { limit: 'x' }, { nosuch: '1' }]) {
      const { body } = await clerk.call('GET', '/api/v1/cases', { query, invalid: true, expect: 'validation' });
      assert.equal(body.errors[0].pointer, `/?${Object.keys(query)[0]}`);
    }
  });

  test('finds by name, address, note, number and telephone', async () => {
    const person = { ...adult(rng), name: '古丽巴哈尔·热合曼', phone: '13999912345', address: '呼图壁县五工台镇十三户村9组77号' };
    const { body } = await post({ item: accepted().code, applicant: person, materials: [{ name: '申请表', form: 'original', copies: 1 }],
      channel: 'window', note: '轮椅出行ＡＢ１２' });
    await until(async () => (await clerk.call('GET', '/api/v1/cases', { query: { q: '古丽巴哈尔' } })).body.items.length);
    const texts = ['古丽巴哈尔·热合曼', '古丽巴哈尔•热合曼', '古丽巴哈尔.热合曼', '热合曼', '十三户村 77号', '轮椅', 'ab12', 'AB12', '轮椅 热合曼',
      person.id_number, person.phone, body.receipt_number, ` ${person.phone} `, body.receipt_number.split('-')[2]];
    for (const q of texts) {
      const found = await clerk.call('GET', '/api/v1/cases', { query: { q } });
      assert.deepEqual(found.body.items.map(({ id }) => id), [body.id], q);
    }
    for (const q of ['没有这样的人', '轮椅 不存在', '13000000000', '110105194912310021'])
      assert.deepEqual((await clerk.call('GET', '/api/v1/cases', { query: { q } })).body.items, [], q);
    assert.deepEqual((await clerk.call('GET', '/api/v1/cases', { query: { q: '热合曼', state: 'withdrawn' } })).body.items, []);
    assert.equal((await clerk.call('GET', '/api/v1/cases', { query: { q: '热合曼', item: accepted().code } })).body.items.length, 1);
    assert.deepEqual((await clerk.call('GET', '/api/v1/cases', { query: { q: person.phone, state: 'withdrawn' } })).body.items, []);
    // and by what it is after an amendment
    await act(body.id, 'amend', { field: '/applicant/name', old: person.name, new: '帕提古丽·吐尔逊', reason: '更正姓名' });
    await until(async () => (await clerk.call('GET', '/api/v1/cases', { query: { q: '帕提古丽·吐尔逊' } })).body.items.length);
    assert.deepEqual((await clerk.call('GET', '/api/v1/cases', { query: { q: '古丽巴哈尔' } })).body.items, []);
  });

  test('pages through what it finds', async () => {
    const all = (await clerk.call('GET', '/api/v1/cases', { query: { q: '呼图壁县', limit: 200 } })).body.items.map(({ id }) => id);
    const paged = [];
    let cursor;
    do {
      const { body } = await clerk.call('GET', '/api/v1/cases', { query: { q: '呼图壁县', limit: 4, cursor } });
      paged.push(...body.items.map(({ id }) => id));
      cursor = body.next ?? undefined;
    } while (cursor);
    assert.ok(all.length > 8);
    assert.deepEqual(paged, all);
  });

  test('says the office of every item in the catalog', async () => {
    const { body } = await clerk.call('GET', '/api/v1/catalog');
    assert.deepEqual(body.counts, { handle: 11, accept: 14, not_offered: 41 });
    const listed = [];
    let cursor;
    do {
      const page = await clerk.call('GET', '/api/v1/catalog/items', { query: { limit: 20, cursor } });
      listed.push(...page.body.items);
      cursor = page.body.next ?? undefined;
    } while (cursor);
    assert.deepEqual(listed.map(({ code }) => code), catalog.items.map(({ code }) => code));
    for (const { code } of listed) {
      const { body: item } = await clerk.call('GET', `/api/v1/catalog/items/${code}`);
      assert.equal(item.name, byCode(code).name);
      assert.equal(item.offer, byCode(code).levels.village);
      assert.deepEqual(item.guide, byCode(code).guide);
    }
    const one = byCode('652323-001');
    for (const q of [one.name.slice(2, 6), one.initials.slice(0, 4).toUpperCase(), one.pinyin.slice(0, 9), one.code]) {
      const { body: found } = await clerk.call('GET', '/api/v1/catalog/items', { query: { q } });
      assert.ok(found.items.some(({ code }) => code === one.code), q);
    }
    const offered = await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } });
    assert.equal(offered.body.items.length, 25);
    const others = await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: false, category: one.category, limit: 200 } });
    assert.ok(others.body.items.every(({ offer, category, office }) => offer === null && category === one.category && office));
    await clerk.call('GET', '/api/v1/catalog/items/652323-999', { expect: 'not_found' });
    for (const query of [{ offered: 'maybe' }, { cursor: 'AAAA' }, { limit: '-1' }, { other: '1' }])
      await clerk.call('GET', '/api/v1/catalog/items', { query, invalid: true, expect: 'validation' });
  });
});

test('a township forwards to the department', async () => {
  const box = await startBox({ tier: 'township' });
  try {
    const clerk = await box.signIn('clerk');
    const item = items('township', 'accept').find(({ record }) => record === 'application');
    const { body } = await clerk.call('POST', '/api/v1/cases', { key: randomUUID(), body: registration(item, rng), expect: 201 });
    assert.equal(body.holder, item.department);
    const { body: seen } = await clerk.call('GET', '/api/v1/catalog');
    assert.equal(seen.station.township, null);
  } finally {
    await box.close();
  }
});
