// Personal numbers at a box and at the county: shown with their ends, whole only by a reveal with a reason, which is an event
// and a row of the audit; a person found again by the number; nothing of it in a log.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { start } from '../lib/run.mjs';

let world;
let clerk;
let lead;
let centre;
let items;
const rng = random(43);

before(async () => {
  world = await start({ name: 'privacy' });
  clerk = await world.box('clerk');
  lead = await world.box('lead');
  centre = await world.county('centre');
  items = (await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items;
});
after(() => world?.stop());

const PERSON = { kind: 'person', name: '阿依古丽·买买提', id_type: 'citizen_id', id_number: '652323198506151237', phone: '13899991234', address: '大丰镇红山村' };
const AGENT = { name: '王建设', id_type: 'citizen_id', id_number: '11010519491231002X', phone: '13999990000', relation: '代办员' };
const SECRETS = [PERSON.id_number, PERSON.phone, AGENT.id_number, AGENT.phone];
const item = (offer) => items.find((one) => one.offer === offer && one.record === 'application');
const take = async (of, more = {}) => (await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(),
  body: { ...registration(of, rng), applicant: PERSON, agent: AGENT, ...more }, expect: 201 })).body;
const reveal = (client, target, body, options = {}) =>
  client.call('POST', `/api/v1/${target}/reveal`, { key: rng.uuid(), body, expect: 201, ...options });
const shows = (what, where) => { for (const secret of SECRETS) assert.ok(!JSON.stringify(what).includes(secret), `${where} shows ${secret}`); };

test('lists, cases and histories show the ends of numbers, at the box and at the county, to every role', async () => {
  const taken = await take(item('accept'));
  assert.equal(taken.applicant.id_number, '652323********1237');
  assert.equal(taken.applicant.phone, '138****1234');
  assert.equal(taken.agent.id_number, '110105********002X');
  await world.until('settled', 30, async () => (await clerk.call('GET', `/api/v1/cases/${taken.id}`)).body.sync === 'settled');
  const clients = { clerk, lead, technician: await world.box('technician'), centre, auditor: await world.county('auditor'), department: await world.county('department') };
  for (const [role, client] of Object.entries(clients)) {
    for (const url of ['/api/v1/cases', `/api/v1/cases/${taken.id}`, `/api/v1/cases/${taken.id}/events`]) {
      const { body } = await client.call('GET', url, { expect: null });
      shows(body, `${role}: ${url}`);
    }
  }
});

test('a reveal gives the block once, for a reason that stands in history and audit', async () => {
  const taken = await take(item('handle'));
  const key = rng.uuid();
  const { body } = await reveal(clerk, `cases/${taken.id}`, { what: 'applicant', reason: '核对身份证' }, { key });
  assert.deepEqual(body, { what: 'applicant', block: PERSON });
  const again = await reveal(clerk, `cases/${taken.id}`, { what: 'applicant', reason: '核对身份证' }, { key });
  assert.deepEqual([again.body.block, again.headers['idempotency-replayed']], [null, 'true']);
  assert.deepEqual((await reveal(lead, `cases/${taken.id}`, { what: 'agent', reason: '联系代办人' })).body.block, AGENT);
  const { body: history } = await clerk.call('GET', `/api/v1/cases/${taken.id}/events`);
  assert.deepEqual(history.items.filter(({ type }) => type === 'reveal').map((one) => [one.actor, one.body]),
    [['clerk', { what: 'applicant', reason: '核对身份证' }], ['lead', { what: 'agent', reason: '联系代办人' }]]);
  const { body: audit } = await lead.call('GET', '/api/v1/audit', { query: { action: 'reveal' } });
  assert.deepEqual(audit.items.slice(0, 2).map((one) => [one.subject, one.reason]), [[taken.id, '联系代办人'], [taken.id, '核对身份证']]);
  for (const [wrong, expect] of [[{ what: 'applicant' }, 'validation'], [{ what: 'service', reason: '看看' }, 'validation'], [{ what: 'entry', reason: '看看' }, 'validation']])
    await reveal(clerk, `cases/${taken.id}`, wrong, { expect, invalid: true });
  await reveal(clerk, `cases/${rng.uuid()}`, { what: 'applicant', reason: '看看' }, { expect: 'not_found' });
  await reveal(await world.box('technician'), `cases/${taken.id}`, { what: 'applicant', reason: '看看' }, { expect: 'forbidden' });
});

test('the county’s reveal is an event that the station hears of; an auditor gets none', async () => {
  const taken = await take(item('accept'));
  await world.until('settled', 30, async () => (await clerk.call('GET', `/api/v1/cases/${taken.id}`)).body.sync === 'settled');
  const { body } = await reveal(centre, `cases/${taken.id}`, { what: 'applicant', reason: '电话核实' });
  assert.deepEqual(body.block, PERSON);
  await reveal(await world.county('auditor'), `cases/${taken.id}`, { what: 'applicant', reason: '看看' }, { expect: 'forbidden' });
  await reveal(centre, `cases/${taken.id}`, { what: 'guardian', reason: '看看' }, { expect: 'validation' });
  await world.until('the station hears', 30, async () =>
    (await clerk.call('GET', `/api/v1/cases/${taken.id}/events`)).body.items.some(({ type, origin }) => type === 'reveal' && origin === 'county'));
});

test('a number is amended by what is shown of it', async () => {
  const taken = await take(item('handle'));
  const amend = (old, now, options = {}) => clerk.call('POST', `/api/v1/cases/${taken.id}/events`, { key: rng.uuid(), expect: 201, ...options,
    body: { type: 'amend', body: { field: '/applicant/phone', old, new: now, reason: '换号' } } });
  const { body } = await amend('138****1234', '13899995678');
  assert.equal(body.applicant.phone, '138****5678');
  await amend('138****1234', '13899990009', { expect: 'validation' });
  assert.equal((await reveal(clerk, `cases/${taken.id}`, { what: 'applicant', reason: '核对电话' })).body.block.phone, '13899995678');
});

test('a person is found by the number; the same item within weeks is told and taken all the same', async () => {
  const of = item('accept');
  const first = await take(of);
  const second = await take(of);
  assert.ok(second.recent.some((one) => one.case === first.id && one.receipt_number === first.receipt_number));
  assert.ok(!('recent' in (await clerk.call('GET', `/api/v1/cases/${second.id}`)).body));
  const look = (body, options = {}) => clerk.call('POST', '/api/v1/people/lookup', { body, expect: 200, ...options });
  const { body } = await look({ id_type: 'citizen_id', id_number: PERSON.id_number, item: of.code });
  assert.deepEqual([body.birth_date, body.sex, body.needs_guardian], ['1985-06-15', 'male', false]);
  const { name, phone, address } = body.last;
  assert.deepEqual({ name, phone, address }, { name: PERSON.name, phone: PERSON.phone, address: PERSON.address });
  assert.ok(body.recent.length >= 2);
  const { body: nobody } = await look({ id_type: 'citizen_id', id_number: '11010519491231002X' });
  assert.deepEqual([nobody.last, nobody.recent, nobody.birth_date, nobody.sex], [null, [], '1949-12-31', 'female']); // an agent is no applicant
  await look({ id_type: 'citizen_id', id_number: '652323198506151238' }, { expect: 'validation' });
  await look({ id_type: 'none', id_number: '' }, { expect: 'validation', invalid: true });
  const { body: audit } = await lead.call('GET', '/api/v1/audit', { query: { action: 'person_look_up' } });
  assert.deepEqual(audit.items.slice(0, 2).map(({ subject }) => subject), ['', body.last.case]);
});

test('an entry of a register shows the ends of telephones, and reveals them', async () => {
  const { body: entry } = await clerk.call('POST', '/api/v1/registers/inquiry', { key: rng.uuid(), expect: 201,
    body: { entry: { channel: 'phone', matter: '问低保', name: '王建国', phone: PERSON.phone } } });
  assert.equal(entry.entry.phone, '138****1234');
  const { body } = await reveal(clerk, `registers/inquiry/${entry.id}`, { what: 'entry', reason: '回访' });
  assert.equal(body.block.phone, PERSON.phone);
  await reveal(clerk, `registers/stuck/${entry.id}`, { what: 'entry', reason: '回访' }, { expect: 'not_found' });
  await reveal(clerk, `cases/${entry.id}`, { what: 'entry', reason: '回访' }, { expect: 'not_found' });
});

test('a person gets what the station keeps about them: their cases whole, of others’ cases their own part', async () => {
  const ask = (client, body, options = {}) => client.call('POST', '/api/v1/people/export', { body, expect: 200, ...options });
  const mine = await take(item('accept'));
  const { body } = await ask(lead, { id_type: 'citizen_id', id_number: PERSON.id_number, phone: PERSON.phone, reason: '本人申请查阅' });
  const one = body.cases.find(({ id }) => id === mine.id);
  assert.deepEqual([one.as, one.applicant], ['applicant', PERSON]);
  assert.equal(one.agent.id_number, '110105********002X');
  assert.deepEqual(one.history.map(({ type }) => type), ['receive', 'forward']);
  assert.ok(body.entries.some(({ register, entry }) => register === 'inquiry' && entry.phone === PERSON.phone));
  assert.equal(body.more, false);
  const { body: agents } = await ask(lead, { id_type: 'citizen_id', id_number: AGENT.id_number, reason: '本人申请查阅' });
  const part = agents.cases.find(({ id }) => id === mine.id);
  assert.deepEqual([part.as, part.agent], ['agent', AGENT]);
  assert.ok(!('applicant' in part) && !JSON.stringify(agents).includes(PERSON.id_number));
  const { body: audit } = await lead.call('GET', '/api/v1/audit', { query: { action: 'export', limit: 200 } });
  for (const { id } of body.cases) assert.ok(audit.items.some((row) => row.subject === id && row.reason === '本人申请查阅'), id);
  await ask(clerk, { id_type: 'citizen_id', id_number: PERSON.id_number, reason: '看看' }, { expect: 'forbidden' });
  await ask(lead, { id_type: 'citizen_id', id_number: '652323198506151253', reason: '看看' }, { expect: 'not_found' });
  await ask(lead, { id_type: 'citizen_id', id_number: '652323198506151238', reason: '看看' }, { expect: 'validation' });
  await ask(lead, { id_type: 'citizen_id', id_number: PERSON.id_number }, { expect: 'validation', invalid: true });
});

test('the county exports by command, and erases no case that has not come to its end', async () => {
  const taken = await take(item('accept'));
  await world.until('settled', 30, async () => (await clerk.call('GET', `/api/v1/cases/${taken.id}`)).body.sync === 'settled');
  const person = (args, input = `${PERSON.id_number}\n`) =>
    spawnSync(path.join(process.env.XINKE_BIN ?? 'build', 'xinke-county'), ['-c', world.json.county.config, 'person', ...args], { encoding: 'utf8', input });
  const out = person(['export', 'citizen_id', '--by', '王主任', '--reason', '本人申请查阅']);
  assert.equal(out.status, 0, out.stderr);
  assert.deepEqual(JSON.parse(out.stdout).cases.find(({ id }) => id === taken.id).applicant, PERSON);
  await world.until('the station hears of the reveal', 30, async () => (await clerk.call('GET', `/api/v1/cases/${taken.id}/events`)).body.items
    .some((one) => one.type === 'reveal' && one.actor === '王主任' && one.body.reason === '本人申请查阅'));
  const kept = person(['erase', 'citizen_id', '--by', '王主任', '--reason', '本人申请删除']);
  assert.equal(kept.status, 0, kept.stderr);
  assert.deepEqual(JSON.parse(kept.stdout).erased, []);
  assert.match(JSON.parse(kept.stdout).kept.find(({ id }) => id === taken.id).why, /archive/);
  assert.equal(person(['export', 'citizen_id', '--reason', 'xx']).status, 1);
  assert.equal(person(['export', 'citizen_id', '--by', '王', '--reason', '本人申请'], '123\n').status, 1);
  assert.equal(person(['forget', 'citizen_id', '--by', '王', '--reason', '本人申请']).status, 1);
});

test('no log holds a number, a name or an address', async () => {
  const dir = path.dirname(path.dirname(world.json.county.config));
  const logs = readdirSync(path.dirname(world.json.county.config), { recursive: true }).map(String).filter((name) => name.endsWith('.log'));
  assert.ok(logs.length >= 3, `${logs} in ${dir}`);
  for (const name of logs) {
    const file = path.join(path.dirname(world.json.county.config), name);
    if (!statSync(file).isFile()) continue;
    const text = readFileSync(file, 'utf8');
    for (const secret of [...SECRETS, PERSON.name, PERSON.address, AGENT.name]) assert.ok(!text.includes(secret), `${name} holds ${secret}`);
  }
  assert.equal(world.xinke('verify').status, 0);
});
