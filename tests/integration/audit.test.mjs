// Every action of the audit (shared/ledger/audit.def) has a row that a real call has made, with its subject: an action that
// nothing writes, or one that this file does not know how to make, fails here.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { gatewayApi, start } from '../lib/run.mjs';

const ACTIONS = [...readFileSync(new URL('../../shared/ledger/audit.def', import.meta.url), 'utf8').matchAll(/^AUDIT\(\w+, "(\w+)"\)/gm)].map(([, name]) => name);
const PIN = '135246';
const rng = random(61);
const phone = {}; // of the account that has one
let world;
let lead;
let base;
let ca;

before(async () => {
  world = await start({ name: 'audit' });
  lead = await world.box('lead');
  base = world.json.gateway.url;
  ca = readFileSync(world.json.gateway.ca);
});
after(() => world?.stop());

const enter = async (body, { token = null, expect = 201 } = {}) => {
  const client = gatewayApi.client({ base, ca });
  const answer = await client.call('POST', '/api/v1/sessions', { body, headers: token ? { 'xinke-device': token } : {}, expect });
  client.token = answer.body.token;
  return client;
};
/** A clerk with a password of his own, signed in. */
async function clerk(name) {
  const { body: account } = await lead.call('POST', '/api/v1/staff', { body: { name, role: 'clerk' }, expect: 201 });
  const client = await enter({ name, password: account.password });
  const password = `own ${name} 7391 word`;
  await client.call('POST', '/api/v1/staff/current/password', { body: { password: account.password, new_password: password }, expect: 204 });
  return { ...account, client, password };
}
async function take(client) {
  const { body } = await client.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } });
  const item = body.items.find(({ offer, record }) => offer === 'handle' && record === 'application');
  const asked = { ...registration(item, rng), channel: 'window' };
  return { ...(await client.call('POST', '/api/v1/cases', { key: rng.uuid(), body: asked, expect: 201 })).body, asked };
}

/** What makes each action; it gives the row's subject, undefined where any will do. */
const MAKERS = {
  sign_in: async () => { await clerk('登录'); },
  sign_in_failed: async () => { await enter({ name: '登录', password: 'wrong' }, { expect: 'bad_credentials' }); return '登录'; },
  locked: async () => {
    await clerk('锁定');
    for (let i = 0; i < 5; i++) await enter({ name: '锁定', password: 'wrong' }, { expect: null });
    await enter({ name: '锁定', password: 'wrong' }, { expect: 'locked' });
    return '锁定';
  },
  device_add: async () => {
    Object.assign(phone, { name: '王芳的手机', staff: await clerk('王芳') });
    const { body } = await phone.staff.client.call('POST', '/api/v1/devices', { body: { name: phone.name }, expect: 201 });
    Object.assign(phone, { id: body.id, token: body.token });
    return phone.name;
  },
  device_approve: async () => { await lead.call('POST', `/api/v1/devices/${phone.id}/approve`, { expect: 200 }); return phone.name; },
  pin_set: async () => {
    await phone.staff.client.call('PUT', '/api/v1/devices/current/pin', { body: { pin: PIN, password: phone.staff.password }, expect: 204 });
    return phone.name;
  },
  pin_locked: async () => {
    for (let i = 0; i < 6; i++) await enter({ name: '王芳', pin: '999999' }, { token: phone.token, expect: null });
    return '王芳';
  },
  device_revoke: async () => { await lead.call('POST', `/api/v1/devices/${phone.id}/revoke`, { expect: 200 }); return phone.name; },
  sign_out: async () => { await (await clerk('退出')).client.call('DELETE', '/api/v1/sessions/current', { expect: 204 }); },
  session_end: async () => {
    await clerk('另一处');
    const { body: { items } } = await lead.call('GET', '/api/v1/sessions', { query: { staff: 'all' } });
    await lead.call('DELETE', `/api/v1/sessions/${items.find(({ staff }) => staff.name === '另一处').id}`, { expect: 204 });
    return '另一处';
  },
  forbidden: async () => { await (await clerk('越权')).client.call('GET', '/api/v1/audit', { expect: 'forbidden' }); return 'GET /api/v1/audit'; },
  staff_add: async () => { await lead.call('POST', '/api/v1/staff', { body: { name: '新人', role: 'clerk' }, expect: 201 }); return '新人'; },
  staff_change: () => change('改名', { display: '改过的名' }),
  staff_disable: () => change('停用', { disabled: true }),
  staff_enable: async () => { await change('启用', { disabled: true }); return change('启用', { disabled: false }, false); },
  staff_reset: async () => {
    const { id } = await clerk('重置');
    await lead.call('POST', `/api/v1/staff/${id}/password`, { expect: 200 });
    return '重置';
  },
  county_order: async () => {
    assert.equal(world.countyTool('staff', 'add', world.json.gateway.station, '县派', '--role', 'clerk', '--by', '政务服务中心').status, 0);
    await lead.call('POST', '/api/v1/sync', { expect: 202 });
    return '县派';
  },
  password_change: async () => { await clerk('改密'); },
  person_look_up: async () => {
    const { client } = await clerk('查人');
    const { id, asked } = await take(client);
    await client.call('POST', '/api/v1/people/lookup', { body: { id_type: asked.applicant.id_type, id_number: asked.applicant.id_number }, expect: 200 });
    return id;
  },
  reveal: async () => {
    const { client } = await clerk('看号');
    const { id } = await take(client);
    await client.call('POST', `/api/v1/cases/${id}/reveal`, { key: rng.uuid(), body: { what: 'applicant', reason: '核对身份证' }, expect: 201 });
    return id;
  },
  export: async () => {
    await lead.call('GET', '/api/v1/reports/open', { query: { format: 'csv' }, expect: 200 });
    await lead.call('GET', '/api/v1/reports/open', { expect: 200 }); // nothing leaves as a file
    return 'report open';
  },
  print: async () => {
    const { client } = await clerk('打印');
    const { id } = await take(client);
    await client.call('GET', `/api/v1/cases/${id}/documents/receipt`, { expect: 200 });
    return `${id} receipt`;
  },
};

const accounts = new Map();
async function change(name, body, fresh = true) {
  if (fresh) accounts.set(name, (await clerk(name)).id);
  await lead.call('PATCH', `/api/v1/staff/${accounts.get(name)}`, { body, expect: 200 });
  return name;
}
const rows = async (action) => (await lead.call('GET', '/api/v1/audit', { query: { action, limit: 200 } })).body.items;

test('this file makes every action that there is', () => {
  assert.ok(ACTIONS.length >= 22);
  assert.deepEqual(Object.keys(MAKERS).sort(), [...ACTIONS].sort());
});

for (const [action, make] of Object.entries(MAKERS)) {
  test(`${action} leaves a row`, async () => {
    const had = (await rows(action)).length;
    const subject = await make();
    // some are written behind the answer, an order of the county comes by the feed
    await world.until(`a row of ${action}`, 30, async () => (await rows(action)).length > had);
    const fresh = (await rows(action)).slice(0, -had || undefined);
    assert.ok(fresh.every((row) => row.action === action));
    if (subject !== undefined) assert.ok(fresh.some((row) => row.subject === subject), `${action}: ${JSON.stringify(fresh)}`);
    if (action === 'export') assert.equal(fresh.length, 1);
  });
}
