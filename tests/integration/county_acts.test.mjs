// What the county's API does with cases, held against the sources of its rules and not against its code: every act from
// every state by schema/states/transitions.csv, bodies by the contract's schemas, verdicts by sync/PROTOCOL.md, lists by
// filtering in JavaScript. Sessions, roles and the single calls are in county_api.test.mjs.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';

import { random } from '../lib/people.mjs';
import { countyApi } from '../lib/run.mjs';
import { endCounty, enrol, macOf, sql, startCounty, stored, unchanged } from './county_box.mjs';

const VILLAGE = '652323101200'; // has a box
const CLOSED = '652323101201'; // had one: the county acts for it
const PAGED = '652323105001';
const TOWNSHIP = '652323101000';
const CIVIL = '652323-001'; // of 民政局; a village takes it in
const SOCIAL = '652323-019'; // of 社保局; a village handles it
const PENSION = '652323-023'; // of 社保局; a village takes it in, a township handles it
const rng = random(53);

let world;
let box;
let closed;
let centre;
before(async () => {
  world = await startCounty('acts');
  box = await enrol(world, VILLAGE);
  closed = await enrol(world, CLOSED);
  await box.settle();
  await closed.settle();
  await (await world.as('operator')).call('POST', `/api/v1/boxes/${closed.log}/retire`, { body: { reason: '站点撤并' }, expect: 200 });
  centre = await world.as('centre');
});
after(() => endCounty(world));

const act = (client, id, type, body, options = {}) =>
  client.call('POST', `/api/v1/cases/${id}/events`, { key: randomUUID(), body: { type, body }, expect: 201, ...options });
const read = async (client, id) => (await client.call('GET', `/api/v1/cases/${id}`)).body;
const history = async (client, id) => (await client.call('GET', `/api/v1/cases/${id}/events`)).body.items;

const bodies = {
  accept: { note: '予以受理' },
  supplement_notice: { basis: '行政许可法第三十二条', materials: [{ name: '户口簿', standard: '原件，在有效期内', where: '派出所' }], bring_by: '2027-01-31T18:00:00+08:00', note: '一次告知' },
  refuse: { reason: '不属于本机关职权', basis: '行政许可法第三十二条', competent_organ: '公安局', remedies: '六十日内申请行政复议，或者提起诉讼' },
  return: { reason: '重复申请' },
  send_back: { reason: '材料不全' },
  forward: { to: '民政局', note: '请审核' },
  withdraw: { reason: '不办了' },
  note: { text: '已电话联系' },
  amend: null, // of the case
  supplement_complete: { materials: [{ name: '户口簿', form: 'copy', copies: 1 }] },
  supplement_lapse: { reason: '逾期未补正' },
  not_required: { reason: '依法不需要申请', basis: '行政许可法第三十二条' },
  start_review: {},
  decide_now: { result: 'granted', document_number: '呼民〔2026〕12号' },
  suspend: { kind: 'appraisal', reason: '需鉴定', days: 15, told_at: '2026-11-20T10:00:00+08:00' },
  resume: { note: '鉴定完毕' },
  extend: { days: 10, reason: '案情复杂', approver: '买买提·艾山' },
  ask_supplement: { basis: '行政许可法第三十二条', materials: [{ name: '照片', standard: '一寸' }], superior_reason: '经负责人同意' },
  decide: { result: 'refused', reason: '不符合条件', basis: '条例第三条', remedies: '六十日内申请行政复议，或者提起诉讼' },
  complete: { result_code: 0, document: '证明', document_number: '1号', fetch: '本站窗口' },
  deliver: { document: '证明', way: 'left', place: '住所', receiver: '古丽', relation: '妻', witness: '李四', delivered_at: '2026-11-20T10:00:00+08:00' },
  add_material: { materials: [{ name: '收入证明', form: 'copy', copies: 1, trust: 'B' }], note: '后补' },
  terminate: { reason: '以欺骗手段取得', authoriser: '王局长' },
};
const bodyOf = async (type, id) => {
  if (type !== 'amend') return bodies[type];
  const { applicant } = await read(centre, id);
  return { field: '/applicant/address', old: applicant.address, new: `${applicant.address}二单元`, reason: '搬家' };
};

describe('every act from every state', () => {
  const rows = readFileSync(new URL('../../schema/states/transitions.csv', import.meta.url), 'utf8').split('\n')
    .filter((line) => line && !line.startsWith('#')).map((line) => line.split(','));
  /** The state after, by the table; null where it has no row for an office that is no head. A supplement goes back to ASKED. */
  const after_ = (state, type, asked) => {
    const row = rows.find(([from, event]) => from === state && event === type) ?? rows.find(([from, event]) => from === '*' && event === type);
    if (!row || ['system', 'head'].includes(row[3])) return null;
    if (state === 'received' && type === 'complete') return null; // for what is no application alone
    return { '=': state, asked }[row[2]] ?? row[2];
  };
  const ways = { received: [], forwarded: ['up'], supplement: ['up', 'supplement_notice'], accepted: ['up', 'accept'], not_accepted: ['up', 'refuse'],
    returned: ['up', 'return'], withdrawn: ['up', 'withdraw'], lapsed: ['up', 'supplement_notice', 'supplement_lapse'], not_required: ['up', 'not_required'],
    in_review: ['up', 'accept', 'start_review'], suspended: ['up', 'accept', 'start_review', 'suspend'], review_supplement: ['up', 'accept', 'start_review', 'ask_supplement'],
    decided: ['up', 'accept', 'decide_now'], completed: ['up', 'accept', 'start_review', 'decide', 'complete'],
    delivered: ['up', 'accept', 'decide_now', 'complete', 'deliver'], terminated: ['up', 'accept', 'decide_now', 'complete', 'terminate'] };

  for (const [state, [up, ...steps]] of Object.entries(ways)) {
    test(`from ${state}`, async () => {
      const cases = Object.fromEntries(Object.keys(bodies).map((type) => [type, closed.register(CIVIL, rng, up ? { to: TOWNSHIP } : {})]));
      await closed.exchange();
      for (const [type, id] of Object.entries(cases)) {
        for (const step of steps) await act(centre, id, step, bodies[step]);
        const { body: seen, headers } = await centre.call('GET', `/api/v1/cases/${id}`);
        assert.equal(seen.state, state);
        const asked = steps.at(-1) === 'ask_supplement' ? 'in_review' : 'forwarded';
        const allowed = Object.keys(bodies).filter((one) => after_(state, one, asked));
        assert.deepEqual([...seen.actions].sort(), allowed.sort());
        const past = await history(centre, id);
        const body = await bodyOf(type, id);
        if (!after_(state, type, asked)) {
          await unchanged(world, () => act(centre, id, type, body, { expect: ['transition', 'forbidden'] }));
          continue;
        }
        const key = randomUUID();
        const { body: now, headers: then } = await act(centre, id, type, body, { key, ifMatch: headers.etag });
        assert.equal(now.state, after_(state, type, asked));
        assert.equal(now.revision, seen.revision + 1);
        assert.notEqual(then.etag, headers.etag);
        assert.deepEqual(await read(centre, id), now);
        const events = await history(centre, id);
        assert.deepEqual(events.slice(0, -1), past);
        const { at, ...last } = events.at(-1);
        assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60000);
        assert.deepEqual(last, { id: key, seq: null, type, clock: last.clock, actor: 'zhongxin', device: null, origin: 'county', body, order: past.length + 1, verdict: 'settled', refusal: null });
        if (type === 'forward') assert.equal(now.holder, '民政局');
        if (type === 'send_back') assert.equal(now.holder, CLOSED);
        if (type === 'supplement_notice') assert.deepEqual(now.supplement, body);
        if (type === 'accept') {
          assert.ok(now.accepted_at);
          const [notice, decision] = now.terms;
          assert.deepEqual([notice.kind, notice.state, notice.days], ['notice', 'met', 5]);
          assert.deepEqual([decision.kind, decision.state, decision.days, decision.left], ['decision', 'running', 30, 30]); // the item's own days
          assert.ok(Date.parse(decision.due) > Date.now() + 30 * 86400000);
        }
        if (type === 'suspend') assert.equal(now.terms.find(({ kind }) => kind === 'decision').state, 'paused');
        if (type === 'deliver') assert.equal(now.terms.find(({ kind }) => kind === 'delivery').state, 'met');
        if (type === 'amend') assert.equal(now.applicant.address, body.new);
        const fact = { suspend: 'suspension', decide: 'decision', decide_now: 'decision', complete: 'completion', deliver: 'delivery' }[type];
        if (fact) assert.deepEqual([now[fact].body, now[fact].actor], [body, 'zhongxin']);
        if (['supplement_complete', 'add_material'].includes(type)) assert.ok(body.materials.every((one) => now.materials.some((m) => isDeepStrictEqual(m, one))));
        const ends = ['refuse', 'return', 'withdraw', 'send_back', 'not_required', 'supplement_lapse', 'terminate'].includes(type);
        if (ends) assert.deepEqual([now.outcome.type, now.outcome.reason], [type, body.reason]);
        if (type === 'refuse') assert.deepEqual([now.outcome.basis, now.outcome.competent_organ, now.outcome.remedies], [body.basis, body.competent_organ, body.remedies]);
      }
    });
  }

  test('an extension is a head’s, and once; a second notice has a superior’s reason', async () => {
    const id = closed.register(CIVIL, rng, { to: TOWNSHIP });
    await closed.exchange();
    await act(centre, id, 'supplement_notice', bodies.supplement_notice);
    await act(centre, id, 'supplement_complete', bodies.supplement_complete);
    await unchanged(world, () => act(centre, id, 'supplement_notice', bodies.supplement_notice, { expect: 'transition' }));
    await act(centre, id, 'supplement_notice', { ...bodies.supplement_notice, superior_reason: '材料遗漏，经负责人同意' });
    await act(centre, id, 'supplement_complete', bodies.supplement_complete);
    for (const type of ['accept', 'start_review']) await act(centre, id, type, bodies[type]);
    await unchanged(world, () => act(centre, id, 'extend', bodies.extend, { expect: 'forbidden' }));
    const head = await world.as('head');
    assert.ok((await read(head, id)).actions.includes('extend'));
    const { body: extended } = await act(head, id, 'extend', bodies.extend);
    assert.deepEqual(extended.extension.body, bodies.extend);
    await unchanged(world, () => act(head, id, 'extend', bodies.extend, { expect: 'transition' }));
  });

  test('by head and department as by centre', async () => {
    const [one, two] = [closed.register(CIVIL, rng, { to: TOWNSHIP }), closed.register(CIVIL, rng, { to: TOWNSHIP })];
    await closed.exchange();
    for (const [name, id] of [['head', one], ['minzheng', two]]) {
      const client = await world.as(name);
      assert.deepEqual((await read(client, id)).actions, (await read(centre, id)).actions);
      await act(client, id, 'accept', {});
    }
    // an item of another department is not there for it, whatever it asks
    const tuiyi = await world.as('tuiyi');
    await act(tuiyi, one, 'note', { text: 'x' }, { expect: 'not_found' });
    await tuiyi.call('GET', `/api/v1/cases/${one}`, { expect: 'not_found' });
    await tuiyi.call('GET', `/api/v1/cases/${one}/events`, { expect: 'not_found' });
    assert.ok((await world.all(tuiyi)).every(({ item }) => item >= '652323-051'));
  });
});

describe('bodies', () => {
  let id;
  before(async () => {
    id = closed.register(CIVIL, rng, { to: TOWNSHIP });
    await closed.exchange();
  });

  test('that are wrong are refused, with the place', async () => {
    const notice = bodies.supplement_notice;
    const wrong = [
      ['accept', { note: 7 }, '/body/note'], ['accept', { more: 1 }, '/body/more'], ['accept', { note: 'x'.repeat(1001) }, '/body/note'],
      ['forward', {}, '/body/to'], ['forward', { to: '' }, '/body/to'], ['forward', { to: 7 }, '/body/to'], ['forward', { to: '字'.repeat(51) }, '/body/to'],
      ['forward', { to: 'a\nb' }, '/body/to'], ['withdraw', {}, '/body/reason'], ['withdraw', { reason: '' }, '/body/reason'], ['withdraw', { reason: null }, '/body/reason'],
      ['note', {}, '/body/text'], ['note', { text: '' }, '/body/text'], ['note', { text: ['x'] }, '/body/text'], ['note', { text: '𠮷'.repeat(2001) }, '/body/text'],
      ['note', { text: 'a\u007fb' }, '/body/text'], ['note', { text: 'a\u0085b' }, '/body/text'], ['note', { text: 'a\rb' }, '/body/text'], ['note', { text: 'a\ufffeb' }, '/body/text'],
      ['amend', { field: '/state', old: 'x', new: 'y', reason: 'z' }, '/body/field'], ['amend', { field: '/applicant/phone', old: 'x', new: 'y' }, '/body/reason'],
      ['amend', { field: '/applicant/phone', old: 'x', reason: 'z' }, '/body/new'], ['amend', { field: '/applicant/phone', new: 'x', reason: 'z' }, '/body/old'],
      ['supplement_notice', { ...notice, materials: [] }, '/body/materials'], ['supplement_notice', { ...notice, materials: Array(31).fill(notice.materials[0]) }, '/body/materials'],
      ['supplement_notice', { ...notice, materials: [{ name: '户口簿' }] }, '/body/materials/0/standard'],
      ['supplement_notice', { ...notice, materials: [notice.materials[0], { name: '', standard: 'x' }] }, '/body/materials/1/name'],
      ['supplement_notice', { ...notice, materials: ['x'] }, '/body/materials/0'], ['supplement_notice', { ...notice, bring_by: '明天' }, '/body/bring_by'],
      ['supplement_notice', { ...notice, bring_by: '2027-02-30T00:00:00Z' }, '/body/bring_by'], ['supplement_notice', { materials: notice.materials }, '/body/basis'],
      ...['reason', 'basis', 'remedies'].map((name) => ['refuse', { ...bodies.refuse, [name]: undefined }, `/body/${name}`]),
      ['refuse', { ...bodies.refuse, competent_organ: 7 }, '/body/competent_organ'], ['return', { reason: 'x'.repeat(1001) }, '/body/reason'], ['send_back', { reason: 1 }, '/body/reason'],
      ['receive', { reason: 'x' }, '/type'], ['submit', {}, '/type'], ['decide', {}, '/body/result'], ['deem_accept', {}, '/type'], ['archive', {}, '/type'], ['fly', {}, '/type'], ['', {}, '/type'],
      ['note', null, '/body'], ['note', 'x', '/body'], ['note', [], '/body'],
    ];
    await unchanged(world, async () => {
      for (const [type, body, pointer] of wrong) {
        const { body: problem } = await act(centre, id, type, body, { invalid: true, expect: 'validation' });
        const said = `${type} ${JSON.stringify(body)?.slice(0, 80)}`;
        assert.deepEqual(problem.errors.map((one) => one.pointer), [pointer], said);
        // and the contract says the same, before anything is sent
        await assert.rejects(act(centre, id, type, body), /the request does not fit the contract/, said);
      }
    });
  });

  test('at their limits pass, letter for letter', async () => {
    const texts = ['𠮷'.repeat(2000), 'a\tb\nc "\\/ <script>&amp;', '\u2028\u2029', 'e\u0301 é 👩‍👩‍👧 ﷽', '阿依努尔·买买提', ' x ', '\u00ad\u200b\u202e', '０１２'];
    for (const text of texts) {
      await act(centre, id, 'note', { text });
      assert.equal((await history(centre, id)).at(-1).body.text, text);
    }
    await act(centre, id, 'forward', { to: '民政局', note: '字'.repeat(1000) });
    await act(centre, id, 'accept', { note: null });
  });

  test('and reach the box’s feed unchanged, in order, under its own mac', async () => {
    const own = box.register(CIVIL, rng, { to: TOWNSHIP });
    await box.settle();
    const sent = [['note', { text: '𠮷\t"\\\n\u2028é·\u00ad' }], ['forward', { to: '民政局' }], ['supplement_notice', bodies.supplement_notice]];
    for (const [type, body] of sent) await act(centre, own, type, body);
    await box.settle(); // each entry's hash holds the mac of the body as it came
    const came = box.entries.filter(({ kind, case_id: of }) => kind === 'event' && of === own);
    assert.deepEqual(came.map(({ type, body, origin, actor }) => [type, body, origin, actor]), sent.map(([type, body]) => [type, body, 'county', 'zhongxin']));
  });
});

describe('keys and revisions', () => {
  let id;
  before(async () => {
    id = closed.register(CIVIL, rng, { to: TOWNSHIP });
    await closed.exchange();
  });
  const withKey = (value, options) => act(centre, id, 'note', { text: '键' }, { key: undefined, headers: { 'idempotency-key': value }, ...options });

  test('a key in its forms is one key', async () => {
    const key = randomUUID();
    await withKey(`"${key}"`);
    const { headers } = await withKey(key);
    assert.equal(headers['idempotency-replayed'], 'true');
    assert.equal((await withKey(`"${key.toUpperCase()}"`)).headers['idempotency-replayed'], 'true');
    for (const bad of ['', '""', 'x', `"${key}`, `${key}x`, `{${key}}`, key.replaceAll('-', ''), `"${key}", "${key}"`])
      await withKey(bad, { invalid: true, expect: 'key_missing' });
    await act(centre, id, 'note', { text: 'x' }, { key: undefined, invalid: true, expect: 'key_missing' });
  });

  test('a replay shows the case as it is now, and asks for no revision', async () => {
    const key = randomUUID();
    const { headers: { etag } } = await centre.call('GET', `/api/v1/cases/${id}`);
    const first = await act(centre, id, 'note', { text: '一' }, { key, ifMatch: etag });
    const second = await act(centre, id, 'note', { text: '二' });
    const again = await act(centre, id, 'note', { text: '一' }, { key, ifMatch: etag });
    assert.equal(again.headers['idempotency-replayed'], 'true');
    assert.equal(again.body.revision, second.body.revision);
    assert.equal(again.body.revision, first.body.revision + 1);
  });

  test('a key stands for its call and no other', async () => {
    const key = randomUUID();
    const other = closed.register(CIVIL, rng, { to: TOWNSHIP });
    await closed.exchange();
    await act(centre, id, 'note', { text: '一' }, { key });
    await unchanged(world, async () => {
      await act(centre, id, 'note', { text: '二' }, { key, expect: 'key_reused' });
      await act(centre, id, 'withdraw', { reason: '一' }, { key, expect: 'key_reused' });
      await act(centre, other, 'note', { text: '一' }, { key, expect: 'key_reused' });
      await act(await world.as('head'), id, 'note', { text: '一' }, { key, expect: 'key_reused' });
    });
  });

  test('a refused call leaves its key free', async () => {
    const key = randomUUID();
    await act(centre, id, 'send_back', {}, { key, invalid: true, expect: 'validation' });
    await act(centre, id, 'note', { text: 'x' }, { key, ifMatch: '"1"', expect: 'stale' });
    await act(centre, randomUUID(), 'note', { text: 'x' }, { key, expect: 'not_found' });
    assert.equal((await act(centre, id, 'note', { text: 'x' }, { key })).headers['idempotency-replayed'], undefined);
  });

  test('If-Match that is stale or is no tag', async () => {
    const { headers: { etag }, body: { revision } } = await centre.call('GET', `/api/v1/cases/${id}`);
    assert.equal(etag, `"${revision}"`);
    await unchanged(world, async () => {
      for (const ifMatch of [`"${revision - 1}"`, `"${revision + 1}"`, '"99999999999999999999"']) await act(centre, id, 'note', { text: 'x' }, { ifMatch, expect: 'stale' });
      for (const ifMatch of [`W/${etag}`, String(revision), `${etag}x`, `x${etag}`, '"0"', '"-1"', '""', '"x"', `"${revision}`, `${etag}, "1"`, '"01"'])
        await act(centre, id, 'note', { text: 'x' }, { ifMatch, expect: 'malformed_request' });
    });
    await act(centre, id, 'note', { text: 'x' }, { ifMatch: etag });
    await act(centre, id, 'note', { text: 'x' }, { ifMatch: '*' });
  });
});

describe('who holds a case', () => {
  test('a township with a box: it gets the history, decides, and the county and the village do not', async () => {
    const township = await enrol(world, TOWNSHIP);
    await township.settle();
    const id = box.register(PENSION, rng, { to: TOWNSHIP });
    await box.settle();
    await township.settle();
    const told = () => township.entries.filter(({ kind, case_id: of }) => kind === 'event' && of === id).map(({ type, origin }) => [type, origin]);
    assert.deepEqual(told(), [['receive', VILLAGE], ['forward', VILLAGE]]);
    assert.deepEqual((await read(centre, id)).actions, []);
    for (const type of Object.keys(bodies)) await act(centre, id, type, await bodyOf(type, id), { expect: 'transition' });
    const { seq } = box.append('accept', {}, { caseId: id });
    await box.settle();
    assert.equal(box.verdict(seq).code, 'not_holder');
    const accepted = township.append('accept', { note: '乡镇受理' }, { caseId: id });
    await township.settle();
    assert.equal(township.verdict(accepted.seq), 'settled');
    await box.settle();
    assert.deepEqual(box.entries.filter(({ kind, case_id: of }) => kind === 'event' && of === id).map(({ type, origin }) => [type, origin]), [['accept', TOWNSHIP]]);
    assert.equal((await read(centre, id)).state, 'accepted');
    // with its box revoked nobody else could go on
    await (await world.as('operator')).call('POST', `/api/v1/boxes/${township.log}/revoke`, { body: { reason: '被盗' }, expect: 200 });
    assert.ok((await read(centre, id)).actions.includes('withdraw'));
    await act(centre, id, 'withdraw', bodies.withdraw);
    await box.settle();
    assert.equal(box.entries.at(-1).type, 'withdraw');
  });
});

describe('verdicts, by the codes of PROTOCOL.md', () => {
  const refused = (code, pointer) => (event, verdict) => assert.deepEqual([verdict?.code, verdict?.pointer], [code, pointer], `${event.type}: ${JSON.stringify(verdict)}`);
  const settled = (event, verdict) => assert.equal(verdict, 'settled', JSON.stringify(verdict));
  let checks;
  const expect = (event, check) => checks.push([event, check]);
  const receive = (changes, check, code = CIVIL) => {
    const id = rng.uuid();
    expect(box.append('receive', box.receiving(code, rng, changes), { caseId: id, id }), check);
    return id;
  };
  const also = (caseId, type, body, check, more) => expect(box.append(type, body, { caseId, ...more }), check);

  test('each refuses its event and no other of the batch', async () => {
    checks = [];
    const good = receive({}, settled);
    const badly = box.receiving(CIVIL, rng);
    const bad = receive({ applicant: { ...badly.applicant, id_type: 'citizen_id', id_number: '11010519491231002X'.replace('X', '1') } }, refused('body', '/applicant/id_number'));
    also(bad, 'note', { text: 'x' }, refused('after_refused', ''));
    also(good, 'accept', {}, refused('level', ''));
    also(good, 'note', { text: '' }, refused('body', '/text'));
    also(good, 'note', { text: 'x', more: 1 }, refused('body', '/more'));
    also(good, 'note', { text: '仍可' }, settled); // it fits, whatever was refused before
    also(good, 'accept', {}, refused('after_refused', ''));
    receive({ item: '652323-999' }, refused('item_unknown', '/item'));
    receive({}, refused('item_not_offered', '/item'), '652323-009');
    receive({ receipt_number: closed.receiving(CIVIL, rng).receipt_number }, refused('receipt_number', '/receipt_number'));
    receive({ receipt_number: `${badly.receipt_number.slice(0, -1)}${badly.receipt_number.endsWith('1') ? '2' : '1'}` }, refused('body', '/receipt_number'));
    const handled = receive({}, settled, SOCIAL);
    also(handled, 'accept', {}, settled);
    also(handled, 'accept', {}, refused('transition', ''));
    const again = receive({}, settled);
    also(again, 'receive', box.receiving(CIVIL, rng), refused('case_exists', ''));
    const amended = receive({}, settled);
    also(amended, 'amend', { field: '/note', old: '不是这样', new: '改', reason: '误' }, refused('stale_amend', ''));
    also(randomUUID(), 'note', { text: 'x' }, refused('no_such_case', ''));
    const first = receive({}, settled);
    const id = randomUUID();
    const at = Date.now();
    also(first, 'note', { text: '一' }, settled, { id, at });
    also(first, 'note', { text: '一' }, settled, { id, at });
    also(first, 'note', { text: '二' }, refused('id_reused', ''), { id, at });
    receive({}, settled);
    await box.settle();
    for (const [event, check] of checks) check(event, box.verdict(event.seq));
    assert.deepEqual((await history(centre, first)).map(({ type, verdict }) => [type, verdict]), [['receive', 'settled'], ['note', 'settled']]);
    assert.deepEqual((await history(centre, good)).map(({ refusal }) => refusal?.code), [undefined, 'level', 'body', 'body', undefined, 'after_refused']);
    await centre.call('GET', `/api/v1/cases/${bad}`, { expect: 404 });
  });

  test('an erased body', async () => {
    const id = box.register(CIVIL, rng);
    const event = box.append('note', { text: '被删去' }, { caseId: id });
    const { body: _, ...bare } = event;
    box.events[box.events.length - 1] = { ...bare, mac: macOf(box.stationKey, event.body) };
    await box.settle();
    assert.equal(box.verdict(event.seq).code, 'erased');
  });

  test('a type of a later release is kept without one, and stops nothing', async () => {
    const id = box.register(CIVIL, rng);
    const late = box.append('celebrate', { with: ['蛋糕'] }, { caseId: id });
    const next = box.append('note', { text: '照常' }, { caseId: id });
    const { received } = await box.settle();
    assert.equal(received.seq, next.seq);
    assert.equal(box.verdict(late.seq), undefined);
    assert.equal(box.verdict(next.seq), 'settled');
    assert.deepEqual((await history(centre, id)).map(({ type }) => type), ['receive', 'note']);
    assert.equal(sql(world, `SELECT code FROM events WHERE type = 'celebrate'`)[0].code, 'held');
  });
});

describe('lists', () => {
  let paged;
  let all;
  before(async () => {
    paged = await enrol(world, PAGED);
    const day = Date.now() - 86400000;
    // many at the same moment: only the id tells them apart
    for (let i = 0; i < 450; i++) paged.register([CIVIL, SOCIAL, '652323-051'][i % 3], rng, { changes: { received_at: day - Math.floor(i / 150) * 1000 } });
    await paged.settle();
    all = await world.all(centre);
  });
  const key = ({ received_at: at, id }) => `${String(Date.parse(at)).padStart(16, '0')} ${id}`;

  test('give every case once, newest first, whatever the page', async () => {
    assert.ok(all.length > 500);
    assert.deepEqual(all.map(key), [...new Set(all.map(key))].sort().reverse());
    const { body: plain } = await centre.call('GET', '/api/v1/cases');
    assert.deepEqual(plain.items, all.slice(0, 50));
    for (const limit of [1, 7, 149, 150, 151, 200]) {
      const { body: one } = await centre.call('GET', '/api/v1/cases', { query: { limit, station: PAGED } });
      const { body: two } = await centre.call('GET', '/api/v1/cases', { query: { limit, station: PAGED, cursor: one.next } });
      const expected = all.filter(({ station }) => station === PAGED);
      assert.deepEqual([...one.items, ...two.items], expected.slice(0, 2 * limit));
    }
    const last = (await centre.call('GET', '/api/v1/cases', { query: { limit: 200, station: PAGED, item: CIVIL } })).body;
    assert.deepEqual([last.items.length, last.next], [150, null]); // no empty page behind a full one
  });

  test('filters are what filtering would give', async () => {
    const values = (name) => [undefined, ...new Set(all.map((one) => one[name]))];
    for (const station of values('station')) for (const state of values('state')) for (const item of [undefined, CIVIL, '652323-051', '652323-066']) {
      const query = { station, state, item };
      const wanted = all.filter((one) => Object.entries(query).every(([name, value]) => value === undefined || one[name] === value));
      assert.deepEqual((await world.all(centre, query)).map(({ id }) => id), wanted.map(({ id }) => id), JSON.stringify(query));
    }
    const tuiyi = await world.as('tuiyi');
    assert.deepEqual((await world.all(tuiyi)).map(({ id }) => id), all.filter(({ item }) => item === '652323-051').map(({ id }) => id));
    assert.deepEqual(await world.all(tuiyi, { item: CIVIL }), []);
  });

  test('new cases do not move what is still to come', async () => {
    const seen = [];
    let cursor;
    do {
      const { body } = await centre.call('GET', '/api/v1/cases', { query: { limit: 100, station: PAGED, cursor } });
      seen.push(...body.items);
      cursor = body.next;
      paged.register(CIVIL, rng);
      await paged.exchange();
    } while (cursor);
    const expected = all.filter(({ station }) => station === PAGED).map(({ id }) => id);
    assert.deepEqual(seen.map(({ id }) => id), expected);
  });

  test('parameters that are wrong', async () => {
    const past = stored(world);
    const bad = async (query, ...pointers) => {
      const { body } = await centre.call('GET', '/api/v1/cases', { query, invalid: true, expect: 'validation' });
      assert.deepEqual(body.errors.map(({ pointer }) => pointer), pointers, JSON.stringify(query));
    };
    for (const limit of ['', '0', '-1', '201', '1.5', 'x', '1x', ' 1', '99999999999999999999']) await bad({ limit }, '/?limit');
    const { body: { next: foreign } } = await centre.call('GET', '/api/v1/alarms', { query: { limit: 1 } });
    const { body: { next } } = await centre.call('GET', '/api/v1/cases', { query: { limit: 1 } });
    for (const cursor of ['x', 'AAAA', '!', foreign, `${next}A`, next.slice(0, -1), next.slice(1), 'A'.repeat(512)]) await bad({ cursor }, '/?cursor');
    for (const station of ['x', '65232310120', '6523231012000', '65232310120x']) await bad({ station }, '/?station');
    for (const state of ['', 'x', 'Forwarded', 'forwarded ']) await bad({ state }, '/?state');
    for (const item of ['', 'x'.repeat(41)]) await bad({ item }, '/?item');
    await bad({ colour: 'x' }, '/?colour');
    await bad({ limit: 'x', state: 'x' }, '/?limit', '/?state');
    assert.deepEqual((await centre.call('GET', '/api/v1/cases', { query: { station: '999999999999' } })).body.items, []); // well formed, nobody there
    for (const path of ['/api/v1/stations', `/api/v1/cases/${randomUUID()}`, '/api/v1/sessions/current'])
      assert.equal((await centre.raw('GET', `${path}?x=1`)).body.code, 'validation');
    assert.equal((await centre.raw('GET', '/api/v1/cases?limit=1&limit=2')).body.code, 'malformed_request');
    assert.deepEqual(stored(world), past);
  });

  test('a long history comes whole', async () => {
    const id = paged.register(CIVIL, rng, { to: TOWNSHIP });
    for (let i = 0; i < 495; i++) paged.append('note', { text: `第${i}条` }, { caseId: id });
    await paged.settle();
    await act(centre, id, 'note', { text: '县里' });
    const events = await history(centre, id);
    assert.deepEqual(events.map(({ order }) => order), Array.from({ length: 498 }, (_, i) => i + 1));
    assert.equal(events.at(-2).body.text, '第494条');
  });

  test('alarms: pages, who and what', async () => {
    const operator = await world.as('operator');
    const seen = [];
    let cursor;
    do {
      const { body } = await operator.call('GET', '/api/v1/alarms', { query: { limit: 1, cursor } });
      seen.push(...body.items);
      cursor = body.next;
    } while (cursor);
    assert.deepEqual(seen.map(({ kind, station }) => [kind, station]), [['revoked', TOWNSHIP], ['retired', CLOSED]]);
    assert.match(seen[1].detail, /yunwei.*站点撤并/);
  });

  test('stations: eighty, the enrolled with their boxes', async () => {
    const { body } = await centre.call('GET', '/api/v1/stations');
    assert.equal(body.items.length, 80);
    const boxes = Object.fromEntries(body.items.filter(({ boxes: some }) => some.length).map(({ code, boxes: some }) => [code, some.map(({ box: n, state, head, backlog }) => [n, state, head, backlog])]));
    assert.deepEqual(Object.keys(boxes).sort(), [VILLAGE, CLOSED, PAGED, TOWNSHIP].sort());
    assert.deepEqual(boxes[VILLAGE], [[1, 'active', box.head.seq, 0]]);
    assert.deepEqual([boxes[CLOSED][0][1], boxes[TOWNSHIP][0][1]], ['retired', 'revoked']);
  });
});

test('an entry of a register is passed to the county and answered there; another office’s is not', async () => {
  const opened = { register: 'stuck', opened_at: Date.now() - 1000, stuck: { class: 'office', matter: '三次都说不归这里管' } };
  const [passed, kept] = [randomUUID(), randomUUID()];
  for (const caseId of [passed, kept]) box.append('entry_open', opened, { caseId });
  box.append('entry_pass', { to: 'county' }, { caseId: passed });
  box.append('entry_close', { result: '算了' }, { caseId: kept }); // before any answer
  await box.settle();
  const { body: list } = await centre.call('GET', '/api/v1/registers/stuck', { query: { station: VILLAGE, state: 'passed' } });
  assert.deepEqual(list.items.map(({ id, holder }) => [id, holder]), [[passed, 'county']]);
  const { body: seen } = await centre.call('GET', `/api/v1/registers/stuck/${passed}`);
  assert.deepEqual([...seen.actions].sort(), ['entry_answer', 'entry_pass', 'note']);
  const say = (id, type, body, options = {}) => centre.call('POST', `/api/v1/registers/stuck/${id}/events`, { key: randomUUID(), body: { type, body }, expect: 201, ...options });
  const { body: answered } = await say(passed, 'entry_answer', { text: '由民政局办理' });
  assert.deepEqual([answered.state, answered.answers.length], ['answered', 1]);
  await say(kept, 'entry_answer', { text: 'x' }, { expect: 'transition' }); // its holder has a box
  const seen2 = await centre.call('POST', `/api/v1/registers/stuck/${passed}/reveal`, { key: randomUUID(), body: { what: 'entry', reason: '回访' }, expect: 201 });
  assert.deepEqual(seen2.body.block, opened.stuck);
  await say(passed, 'entry_step', { step: 'own' }, { expect: ['transition', 'validation'] });
  const { body: history } = await centre.call('GET', `/api/v1/registers/stuck/${kept}/events`);
  assert.deepEqual(history.items.map(({ type, verdict, refusal }) => [type, verdict, refusal?.code]),
    [['entry_open', 'settled', undefined], ['entry_close', 'refused', 'step']]);
});

test('every operation of the contract was called', async () => {
  const [sync, pub, api] = ['sync', 'public', 'api'].map((face) => world.caller(face));
  const asJson = { headers: { accept: 'application/json' } };
  for (const path of ['/', '/healthz', '/metrics', '/problems/transition']) await api.call('GET', path);
  await sync.call('GET', '/sync/v1/root');
  const { headers } = await box.client.call('POST', '/sync/v1/exchange', { body: box.request(), expect: 200 });
  await sync.call('GET', `/sync/v1/keys/${headers['xinke-signature'].split(',')[0]}`);
  await sync.call('GET', '/sync/v1/now', { query: { nonce: '0123456789abcdef' } });
  await sync.call('POST', '/sync/v1/renew', { body: { station: VILLAGE, log: box.log, csr: 'x' }, expect: 'certificate_required' });
  await pub.call('GET', '/public/progress/0000000000000000', { ...asJson, expect: 404 });
  for (const path of ['/public', '/public/guides', `/public/guides/${CIVIL}`, '/public/progress']) await pub.call('GET', path);
  await pub.call('POST', '/public/progress', { ...asJson, body: { receipt_number: '1', id_last4: '0000' }, expect: 'validation' });
  await pub.call('GET', '/public/rate/0000000000000000', { ...asJson, expect: 404 });
  await pub.call('POST', '/public/rate/0000000000000000', { body: { grade: 1 }, expect: 404 });
  const taken = closed.register(CIVIL, rng);
  await closed.exchange();
  await centre.call('POST', `/api/v1/cases/${taken}/reveal`, { key: randomUUID(), body: { what: 'applicant', reason: '电话核实' }, expect: 201 });
  const auditor = await world.county('auditor');
  await auditor.call('GET', '/api/v1/sessions/current');
  await auditor.call('DELETE', '/api/v1/sessions/current', { expect: 204 });
  await auditor.call('GET', '/api/v1/sessions/current', { expect: 'unauthenticated' });
  const reader = await world.county('auditor');
  for (const path of ['/api/v1/reports/open', '/api/v1/selfchecks', '/api/v1/staff-orders']) await reader.call('GET', path, { expect: 200 });
  assert.deepEqual(countyApi.coverage().filter((name) => !/sync.v1.(uploads|blobs)|cases.{id}.blobs/.test(name)), []); // county_blobs.test.mjs calls those
  const verified = world.countyTool('verify');
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);
});
