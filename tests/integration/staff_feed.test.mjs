// The county's orders on a station's accounts, by command, over real processes and the feed: add, disable, enable, reset; with
// the box away, over a rebuild, and in the box's audit.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { gatewayApi, start } from '../lib/run.mjs';

const NAME = '阿依古丽·买买提';
let world;
let lead;
let anonymous;

before(async () => {
  world = await start({ name: 'staff' });
  lead = await world.box('lead');
  anonymous = gatewayApi.client({ base: world.json.gateway.url, ca: readFileSync(world.json.gateway.ca) });
});
after(() => world?.stop());

const station = () => world.json.gateway.station;
const tool = (...args) => world.countyTool('staff', ...args);
function must(act, name, ...more) {
  const { status, stdout, stderr } = tool(act, station(), name, '--by', '县政务服务中心', '--json', ...more);
  assert.equal(status, 0, `staff ${act}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}
const signIn = async (name, password, expect = 201) =>
  (await anonymous.call('POST', '/api/v1/sessions', { body: { name, password }, expect })).body;
const client = ({ token }) => gatewayApi.client({ base: world.json.gateway.url, ca: readFileSync(world.json.gateway.ca), token });
const account = async (name = NAME) => (await lead.call('GET', '/api/v1/staff')).body.items.find((one) => one.name === name);
const audit = async (action) => (await lead.call('GET', '/api/v1/audit', { query: { action } })).body.items;
/** Waits until the box has applied N orders. */
const arrived = async (n) => {
  await lead.call('POST', '/api/v1/sync', { expect: 202 });
  await world.until(`order ${n} at the box`, 30, async () => (await audit('county_order')).length === n);
};

test('bad orders are refused at the county, and none leaves it', () => {
  const refused = (pattern, ...args) => {
    const { status, stderr } = tool(...args);
    assert.notEqual(status, 0);
    assert.match(stderr, pattern);
  };
  refused(/--by/, 'disable', station(), 'x');
  refused(/add, disable, enable or reset/, 'remove', station(), 'x', '--by', 'a');
  refused(/--role/, 'add', station(), 'x', '--by', 'a');
  refused(/--role/, 'add', station(), 'x', '--by', 'a', '--role', 'centre');
  refused(/for `staff add`/, 'reset', station(), 'x', '--by', 'a', '--role', 'clerk');
  refused(/NAME/, 'disable', station(), ' x', '--by', 'a');
  refused(/NAME/, 'add', station(), 'county', '--by', 'a', '--role', 'clerk');
  refused(/NAME/, 'add', station(), '字'.repeat(51), '--by', 'a', '--role', 'clerk');
  refused(/no such station/, 'disable', '652323999999', 'x', '--by', 'a');
  refused(/enrolled/, 'disable', '652323100001', 'x', '--by', 'a');
  refused(/operands/, 'disable', station());
  assert.deepEqual(JSON.parse(tool('orders', '--json').stdout), []);
});

let once;

test('an account of the county arrives, and its password is good for the choice of another', async () => {
  const said = must('add', NAME, '--role', 'clerk', '--display', '阿依古丽');
  once = said.password;
  assert.match(once, /^[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){3}$/);
  await arrived(1);
  const made = await account();
  assert.deepEqual([made.display, made.role, made.disabled, made.must_change_password], ['阿依古丽', 'clerk', false, true]);
  const session = await signIn(NAME, once);
  assert.equal(session.must_change_password, true);
  const own = client(session);
  await own.call('GET', '/api/v1/cases', { expect: 'password_change' });
  await own.call('POST', '/api/v1/staff/current/password', { body: { password: once, new_password: '县里给的不再用了啊1' }, expect: 204 });
  await own.call('GET', '/api/v1/cases');
  // the password itself is nowhere: the county's database and the box's hold its hash alone
  for (const file of readdirSync(world.dir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()))
    assert.ok(!readFileSync(path.join(file.parentPath ?? file.path, file.name)).includes(once), file.name);
  const rows = await audit('county_order');
  assert.deepEqual([rows[0].staff, rows[0].name, rows[0].subject, rows[0].reason, rows[0].outcome], [null, 'county', NAME, '县政务服务中心', 'done']);
  assert.equal((await audit('staff_add'))[0].name, 'county');
});

test('disabled by the county, at once; enabled again with the password as it was', async () => {
  const own = client(await signIn(NAME, '县里给的不再用了啊1'));
  assert.equal(must('disable', NAME).password, null);
  await arrived(2);
  await own.call('GET', '/api/v1/cases', { expect: 'unauthenticated' });
  await signIn(NAME, '县里给的不再用了啊1', 'bad_credentials');
  must('enable', NAME);
  await arrived(3);
  assert.equal((await signIn(NAME, '县里给的不再用了啊1')).must_change_password, false);
});

test('reset by the county while the road is down: it comes when the road is back, and ends the sessions', async () => {
  const own = client(await signIn(NAME, '县里给的不再用了啊1'));
  world.script('stop-county');
  once = must('reset', NAME).password; // the command works on the database by itself
  await own.call('GET', '/api/v1/cases');
  world.script('start-county');
  await arrived(4);
  await own.call('GET', '/api/v1/cases', { expect: 'unauthenticated' });
  await signIn(NAME, '县里给的不再用了啊1', 'bad_credentials');
  assert.equal((await signIn(NAME, once)).must_change_password, true);
});

test('an order that fits nothing is noted, and what comes after it is not held up', async () => {
  must('disable', '没有这个人');
  must('add', '第二人', '--role', 'lead');
  await arrived(6);
  const [second, first] = await audit('county_order');
  assert.deepEqual([first.subject, first.outcome, first.reason], ['没有这个人', 'refused', 'not_found']);
  assert.deepEqual([second.subject, second.outcome], ['第二人', 'done']);
  assert.equal((await account('第二人')).role, 'lead');
  assert.equal(await account('没有这个人'), undefined);
});

test('a rebuild brings no old password back', async () => {
  const own = client(await signIn(NAME, once));
  await own.call('POST', '/api/v1/staff/current/password', { body: { password: once, new_password: 'chosen at the box 5' }, expect: 204 });
  world.script('stop-gateway');
  assert.equal(world.xinke('rebuild').status, 0);
  assert.match(world.xinke('verify').stdout, /0 faults/);
  world.script('start-gateway');
  lead = await world.box('lead');
  await signIn(NAME, once, 'bad_credentials');
  await signIn(NAME, 'chosen at the box 5');
  assert.equal((await audit('county_order')).length, 6);
  assert.equal(world.countyTool('verify').status, 0);
});

test('the county keeps a list of its orders: who ordered what and when', async () => {
  const { status, stdout } = tool('orders', station(), '--json');
  assert.equal(status, 0);
  const list = JSON.parse(stdout);
  const applied = (await audit('county_order')).filter(({ outcome }) => outcome === 'done');
  assert.ok(list.length >= applied.length && list.length >= 3);
  assert.deepEqual(list.map(({ at }) => at), list.map(({ at }) => at).sort().reverse());
  for (const one of list) {
    assert.deepEqual([one.station, one.by], [station(), '县政务服务中心']);
    assert.equal(one.role === null, one.act !== 'add', JSON.stringify(one));
  }
  assert.deepEqual(JSON.parse(tool('orders', '652323100001', '--json').stdout), []);
  assert.match(tool('orders').stdout, /disable +阿依古丽·买买提 \(县政务服务中心\)/);
  const operator = await world.county('operator');
  const pages = [];
  for (let cursor; ;) {
    const { body } = await operator.call('GET', '/api/v1/staff-orders', { query: { station: station(), limit: 2, ...(cursor ? { cursor } : {}) } });
    pages.push(...body.items);
    if (!body.next) break;
    cursor = body.next;
  }
  assert.deepEqual(pages, list);
  for (const text of [stdout, JSON.stringify(pages)]) assert.doesNotMatch(text, /argon2|password/);
  await operator.call('GET', '/api/v1/staff-orders', { query: { station: '1' }, expect: 'validation', invalid: true });
  await (await world.county('department')).call('GET', '/api/v1/staff-orders', { expect: 'forbidden' });
});
