// 好差评 over real processes: the citizen rates by the token of the receipt, once, after the end; a bad one becomes a task of
// the station, whose lead reads it and puts it right; nobody who handles cases sees a grade or a word.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { countyApi, start } from '../lib/run.mjs';

let world;
let clerk;
let lead;
let centre;
let citizen;
let item;
const rng = random(47);
const WORDS = '跑了三趟<b>都</b>说材料不齐‮；买买提·艾山𠮷';

before(async () => {
  world = await start({ name: 'rating' });
  clerk = await world.box('clerk');
  lead = await world.box('lead');
  centre = await world.county('centre');
  citizen = countyApi.client({ base: world.json.county.public_url, ca: readFileSync(world.json.county.ca, 'utf8') });
  item = (await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items
    .find((one) => one.offer === 'handle' && one.record === 'application');
});
after(() => { citizen?.close(); return world?.stop(); });

const read = async (client, id) => (await client.call('GET', `/api/v1/cases/${id}`)).body;
const settled = (id) => world.until('settled', 30, async () => (await read(clerk, id)).sync === 'settled');
const ended = async () => {
  const spot = { decision: { result: 'granted' }, completion: { result_code: 6 } };
  const { body } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: { ...registration(item, rng), on_the_spot: spot }, expect: 201 });
  await settled(body.id);
  return body;
};
const ask = async (token) => (await citizen.call('GET', `/public/rate/${token}`, { headers: { accept: 'application/json' } })).body;
const say = (token, body, options = {}) => citizen.call('POST', `/public/rate/${token}`, { body, expect: 201, ...options });
const corrections = async (client) => (await client.call('GET', '/api/v1/registers/correction')).body.items;

test('nothing is rated before the end, and nothing without its token', async () => {
  const { body: open } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(item, rng), expect: 201 });
  await settled(open.id);
  assert.deepEqual(await ask(open.progress_token), { item_name: item.name, may_rate: false, may_rate_again: false });
  await say(open.progress_token, { grade: 1 }, { expect: 'transition' });
  await say('0'.repeat(16), { grade: 1 }, { expect: 'not_found' });
  const done = await ended();
  for (const body of [{}, { grade: 0 }, { grade: 6 }, { grade: '1' }, { grade: 1, text: 'x'.repeat(1001) }, { grade: 1, more: 1 }])
    await say(done.progress_token, body, { expect: 'validation', invalid: true });
  assert.deepEqual(await ask(done.progress_token), { item_name: item.name, may_rate: true, may_rate_again: false });
});

test('a good one is taken once; the station learns that there is one and no more', async () => {
  const { id, progress_token: token } = await ended();
  const { updated_at: at } = await read(clerk, id);
  const answers = await Promise.all([1, 2, 3].map(() => say(token, { grade: 1, text: WORDS }, { expect: [201, 'transition'] })));
  assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  await say(token, { grade: 5 }, { expect: 'transition' });
  await say(token, { grade: 5, again: true }, { expect: 'transition' }); // only after a bad one
  await world.until('the station hears', 30, async () => (await read(clerk, id)).rated);
  assert.deepEqual(await corrections(lead), []);
  for (const client of [clerk, centre]) assert.equal((await read(client, id)).updated_at, at); // no list tells when the citizen spoke
  const { body: history } = await lead.call('GET', `/api/v1/cases/${id}/events`);
  assert.deepEqual(history.items.filter(({ type }) => type === 'rate').map(({ actor, body }) => [actor, body]), [['applicant', null]]);
});

test('a bad one becomes a task: called back, put right, rated once more', async () => {
  const { id, progress_token: token } = await ended();
  await say(token, { grade: 5, text: WORDS });
  await world.until('the task', 30, async () => (await corrections(lead)).length === 1);
  const [{ id: task, dues, title }] = await corrections(lead);
  assert.deepEqual([dues.map(({ what, met }) => [what, met]), title], [[['call_back', false], ['put_right', false]], '']);
  const url = `/api/v1/registers/correction/${task}`;
  const { body: forLead } = await lead.call('GET', url);
  assert.deepEqual([forLead.entry.case, forLead.entry.grade, forLead.entry.text], [id, 5, WORDS]);
  const { body: forClerk } = await clerk.call('GET', url);
  assert.deepEqual(Object.keys(forClerk.entry).sort(), ['case', 'rating']);
  const step = (body, options = {}) => lead.call('POST', `${url}/events`, { key: rng.uuid(), body, expect: 201, ...options });
  await step({ type: 'entry_close', body: { result: '算了' } }, { expect: 'transition' });
  for (const name of ['own', 'cause', 'correct', 'call_back']) await step({ type: 'entry_step', body: { step: name, person: '站长', text: '已处理' } });
  const { body: closed } = await step({ type: 'entry_close', body: { result: '已整改', satisfied: true } });
  assert.deepEqual([closed.state, closed.dues.every(({ met }) => met)], ['closed', true]);
  await world.until('the county has it', 30, async () => (await centre.call('GET', url)).body.state === 'closed');
  assert.equal((await centre.call('GET', url)).body.entry.grade, 5);
  assert.deepEqual(await ask(token), { item_name: item.name, may_rate: false, may_rate_again: true });
  await say(token, { grade: 2, again: true });
  assert.deepEqual(await ask(token), { item_name: item.name, may_rate: false, may_rate_again: false });
});

test('a browser’s form does the same, escaped, with no default', async () => {
  const { progress_token: token } = await ended();
  const url = `${world.json.county.public_url}/public/rate/${token}`;
  const form = (body) => citizen.call('POST', `/public/rate/${token}`, { body, expect: null, invalid: true,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' } });
  const { body: page, headers } = await citizen.call('GET', `/public/rate/${token}`, { headers: { accept: 'text/html' } });
  assert.equal((page.match(/type="radio"/g) ?? []).length, 5);
  assert.doesNotMatch(page, /checked|<script/);
  assert.match(headers['content-security-policy'], /form-action 'self'/);
  assert.equal(headers['cache-control'], 'no-store');
  assert.match((await form('text=x')).body, /没有提交/);
  assert.match((await form('grade=4&text=%ff%fe')).body, /没有提交/); // no text: not taken without it
  assert.match((await form(`grade=4&text=${encodeURIComponent(WORDS)}`)).body, /已经收到/);
  assert.match((await citizen.call('GET', `/public/rate/${token}`, { headers: { accept: 'text/html' } })).body, /<form/, url); // 追评
  await world.until('the task', 30, async () => (await corrections(lead)).some(({ state }) => state === 'open'));
  const [{ id: task }] = await corrections(lead);
  assert.equal((await lead.call('GET', `/api/v1/registers/correction/${task}`)).body.entry.text, WORDS);
});

test('no call of a clerk, a technician or a department shows a grade or a word of it', async () => {
  const clients = { clerk, technician: await world.box('technician'), department: await world.county('department') };
  for (const [role, client] of Object.entries(clients)) {
    for (const url of ['/api/v1/cases', '/api/v1/registers/correction', ...(role === 'department' ? [] : ['/api/v1/changes?after=0.0'])]) {
      const { body } = await client.call('GET', url.split('?')[0], { expect: null, query: Object.fromEntries(new URLSearchParams(url.split('?')[1] ?? '')) });
      for (const { id } of body.items ?? []) {
        for (const more of url === '/api/v1/cases' ? ['', '/events'] : url === '/api/v1/registers/correction' ? ['', '/events'] : []) {
          const { body: one } = await client.call('GET', `${url}/${id}${more}`, { expect: null });
          assert.ok(!JSON.stringify(one).includes('跑了三趟') && !/"grade"/.test(JSON.stringify(one)), `${role}: ${url}/${id}${more}`);
        }
      }
      assert.ok(!JSON.stringify(body).includes('跑了三趟') && !/"grade"/.test(JSON.stringify(body)), `${role}: ${url}`);
    }
  }
  assert.equal(world.xinke('verify').status, 0);
  assert.equal(world.countyTool('verify').status, 0);
});
