// A turned screen of the box: guides, progress and rating with the county away and no account; what was said there travels
// to the county when it is back, is put right by the lead, and shown to no clerk.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { gatewayApi, start } from '../lib/run.mjs';
import { api, catalog, items, startBox } from './gateway_box.mjs';

const JSON_ONLY = { accept: 'application/json' };
const HTML = { accept: 'text/html' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' };
const SPOT = { decision: { result: 'granted' }, completion: { result_code: 6 } };
const WORDS = '等了两个小时<i>';
const rng = random(20261);

const typed = (client, { receipt_number, applicant }, options = {}) => client.call('POST', '/public/progress',
  { headers: JSON_ONLY, body: { receipt_number, id_last4: applicant.id_number.slice(-4) }, ...options });

describe('a box by itself', () => {
  let box, clerk, lead, citizen;
  const item = items('village', 'handle').find(({ record }) => record === 'application');
  const take = async (more = {}) => {
    const body = { ...registration(item, rng), ...more };
    const { body: made } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body, expect: 201 });
    return { ...made, applicant: body.applicant };
  };
  before(async () => {
    box = await startBox({ conf: { station: ['phone = 0994-0000000'] } });
    clerk = await box.signIn('clerk');
    lead = await box.signIn('lead');
    citizen = box.client();
  });
  after(() => box?.close());

  test('begins in large type and leads on; a signed-in browser sees the same', async () => {
    const { body, headers } = await citizen.call('GET', '/screen', { headers: HTML });
    assert.match(body, /<body class="large">/);
    assert.match(body, /试验便民服务站/);
    for (const path of ['/public/guides', '/public/progress']) assert.ok(body.includes(`href="${path}?large=1"`), path);
    assert.equal(headers['set-cookie'], undefined);
    assert.equal((await clerk.call('GET', '/screen', { headers: HTML })).body, body);
    assert.doesNotMatch((await citizen.call('GET', '/public', { headers: HTML })).body, /class="large"/);
  });

  test('guides say what this station does, and its telephone', async () => {
    const { body: list } = await citizen.call('GET', '/public/guides', { headers: JSON_ONLY });
    assert.equal(list.items.length, catalog.items.length);
    const none = items('village', null)[0];
    const { body: here } = await citizen.call('GET', `/public/guides/${item.code}`, { headers: HTML });
    assert.match(here, /本站：<bdi>直接办理/);
    assert.match(here, /本站电话：<bdi>0994-0000000/);
    assert.match((await citizen.call('GET', `/public/guides/${none.code}`, { headers: HTML })).body, /本站不办理，请到：<bdi>/);
    await citizen.call('GET', '/public/guides/652323-999', { headers: JSON_ONLY, expect: 404 });
  });

  test('progress by token and by what is typed is the same, and holds no person', async () => {
    const made = await take({ on_the_spot: SPOT });
    const byToken = (await citizen.call('GET', `/public/progress/${made.progress_token}`, { headers: JSON_ONLY })).body;
    assert.deepEqual((await typed(citizen, made)).body, byToken);
    assert.equal(byToken.station_title, '试验便民服务站');
    assert.deepEqual(byToken.timeline.map(({ type }) => type), ['receive', 'accept', 'decide_now', 'complete']);
    assert.match((await citizen.call('GET', '/public/progress', { headers: HTML })).body, /name="id_last4"/);
    const page = (await citizen.call('GET', `/public/progress/${made.progress_token}`, { headers: HTML, query: { large: 1 } })).body;
    assert.ok(page.includes(`/public/rate/${made.progress_token}?large=1`));
    for (const secret of [made.applicant.name, made.applicant.id_number, made.applicant.phone, 'clerk'])
      assert.ok(!page.includes(secret) && !JSON.stringify(byToken).includes(secret), secret);
    await citizen.call('GET', '/public/progress/0000000000000000', { headers: JSON_ONLY, expect: 404 });
    await citizen.call('GET', `/public/progress/${made.progress_token.slice(0, -1)}`, { headers: JSON_ONLY, expect: 404 });
  });

  test('a scanner types what the QR code holds', async () => {
    const { id_number: _number, ...rest } = registration(item, rng).applicant;
    const made = await take({ on_the_spot: SPOT, applicant: { ...rest, id_type: 'none', id_number: '', id_reason: '证件遗失补办中' } });
    const { body: form } = await citizen.call('GET', '/public/progress', { headers: HTML });
    assert.match(form, /action="\/public\/scanned"/);
    const byToken = (await citizen.call('GET', `/public/progress/${made.progress_token}`, { headers: JSON_ONLY })).body;
    const scan = (code, options = {}) => citizen.call('POST', '/public/scanned', { headers: JSON_ONLY, body: { code }, ...options });
    for (const code of [made.progress_token, `https://county.example/public/progress/${made.progress_token}`, ` ${made.progress_token} `, `https://county.example:8443/public/progress/${made.progress_token}?large=1`])
      assert.deepEqual((await scan(code)).body, byToken, code);
    await scan('0'.repeat(16), { expect: 404 });
    for (const code of ['', '/', '<b>', 'https://county.example/', `${made.progress_token}<`, 'x'.repeat(65), '长'.repeat(255), 'x'.repeat(256)])
      await scan(code, { expect: 'validation', invalid: true });
    const send = (body, options = {}) => citizen.call('POST', '/public/scanned', { body, headers: FORM, ...options });
    const page = (await send(new URLSearchParams({ code: `https://c/public/progress/${made.progress_token}` }).toString(), { query: { large: 1 } })).body;
    assert.ok(page.includes(made.receipt_number) && page.includes(`/public/rate/${made.progress_token}?large=1`));
    assert.match((await send('code=%ff', { expect: 422, invalid: true })).body, /不是收件凭证上的二维码/);
    assert.match((await send(`code=${'x'.repeat(3000)}`, { expect: 422, invalid: true })).body, /不是收件凭证上的二维码/);
  });

  test('five wrong tries lock a number, over a restart', async () => {
    const made = await take();
    const wrong = { ...made, applicant: { id_number: made.applicant.id_number.endsWith('0000') ? '0001' : '0000' } };
    for (let i = 0; i < 5; i++) await typed(citizen, wrong, { expect: 404 });
    const { body } = await typed(citizen, made, { expect: 'locked' });
    assert.ok(body.retry_after_s > 50 && body.retry_after_s <= 60);
    await box.stop();
    await box.start();
    citizen = box.client();
    clerk = await box.signIn('clerk');
    lead = await box.signIn('lead');
    await typed(citizen, made, { expect: 'locked' });
    assert.equal((await citizen.call('GET', `/public/progress/${made.progress_token}`, { headers: JSON_ONLY })).body.state, 'received');
  });

  test('a rating is taken once, after the end; a bad one opens the correction; the clerk sees neither', async () => {
    const open = await take();
    const rate = (made, body, options = {}) => citizen.call('POST', `/public/rate/${made.progress_token}`, { body, expect: 201, ...options });
    await rate(open, { grade: 1 }, { expect: 'transition' });
    const made = await take({ on_the_spot: SPOT });
    for (const body of [{}, { grade: 0 }, { grade: 6 }, { grade: 1, more: 1 }, { grade: 1, text: '长'.repeat(1001) }, { grade: 1, amends: rng.uuid() }])
      await rate(made, body, { expect: 'validation', invalid: true });
    await citizen.call('POST', `/public/rate/${'0'.repeat(16)}`, { body: { grade: 1 }, expect: 'not_found' });
    const { headers: { etag: before } } = await clerk.call('GET', `/api/v1/cases/${made.id}`);
    const answers = await Promise.all([1, 2, 3].map(() => rate(made, { grade: 5, text: WORDS }, { expect: [201, 'transition'] })));
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    const { body: after, headers: { etag } } = await clerk.call('GET', `/api/v1/cases/${made.id}`);
    assert.equal(after.updated_at, made.updated_at); // no list tells when the citizen spoke
    assert.notEqual(etag, before); // but who reads it anew gets it anew
    const tasks = (await lead.call('GET', '/api/v1/registers/correction')).body.items;
    assert.equal(tasks.length, 1);
    const { body: task } = await lead.call('GET', `/api/v1/registers/correction/${tasks[0].id}`);
    assert.deepEqual([task.entry.case, task.entry.grade, task.entry.text], [made.id, 5, WORDS]);
    const seen = await Promise.all([`/api/v1/cases/${made.id}`, `/api/v1/cases/${made.id}/events`, '/api/v1/registers/correction',
      `/api/v1/registers/correction/${tasks[0].id}`, `/api/v1/registers/correction/${tasks[0].id}/events`].map(async (url) => (await clerk.call('GET', url)).raw.toString()));
    for (const text of seen) assert.ok(!text.includes('等了两个小时') && !/"grade"/.test(text), text);
    const rated = (await clerk.call('GET', `/api/v1/cases/${made.id}/events`)).body.items.find(({ type }) => type === 'rate');
    assert.deepEqual([rated.actor, rated.device, rated.body], ['applicant', null, null]);
  });

  test('a browser’s form does the same, with nothing chosen beforehand', async () => {
    const made = await take({ on_the_spot: SPOT });
    const path = `/public/rate/${made.progress_token}`;
    const { body: form } = await citizen.call('GET', path, { headers: HTML, query: { large: 1 } });
    assert.equal((form.match(/type="radio"/g) ?? []).length, 5);
    assert.doesNotMatch(form, /checked/);
    assert.ok(form.includes(`action="${path}?large=1"`));
    const send = (body) => citizen.call('POST', path, { body, headers: FORM, query: { large: 1 }, expect: null });
    assert.match((await send('text=x')).body, /没有提交/);
    assert.match((await send('grade=4&text=%ff%fe')).body, /没有提交/);
    assert.match((await send(`grade=4&text=${encodeURIComponent(WORDS)}`)).body, /class="large"[^]*已经收到/);
    assert.match((await citizen.call('GET', path, { headers: HTML })).body, /追加评价/);
  });

  test('no account may have the name of the citizen', async () => {
    await lead.call('POST', '/api/v1/staff', { body: { name: 'applicant', display: '甲', role: 'clerk' }, expect: 'validation' });
  });

  test('every public operation was called', () => {
    assert.deepEqual(api.coverage().filter((name) => / \/(public|screen)/.test(name)), []);
  });
});

test('whatever a catalog holds is shown as text: markup, marks of direction, 10,000 characters; what is published, too', async () => {
  const long = '长'.repeat(10000);
  const odd = `<script>alert(1)</script>"'&\u202e\u2066买买提·艾山\u{20bb7}`;
  const base = catalog.items[0];
  const guide = { ...base.guide, basis: [{ title: odd, article: odd, text: odd }], conditions: [odd, long], process: [long],
    materials: [{ name: odd, form: 'copy', copies: 2, required: false, note: odd }], time_limit: { text: odd }, fee: { text: long }, contact: { text: odd }, place: { text: odd } };
  const published = { ...guide, status: 'published', mark: null, pending: [], materials: [] };
  const box = await startBox({ items: [
    { ...base, code: 'odd "<1>', name: odd, category: odd, window: odd, department: odd, guide },
    { ...base, code: 'published', guide: published }] });
  try {
    const citizen = box.client();
    const get = async (path, headers) => (await citizen.call('GET', path, { headers })).body;
    const list = await get('/public/guides', HTML);
    assert.ok(list.includes('href="/public/guides/odd%20%22%3C1%3E"'));
    const page = await get('/public/guides/odd%20%22%3C1%3E', HTML);
    for (const text of [list, page]) {
      assert.ok(!/<script|alert\(1\)<\/|<b>/.test(text.replaceAll('&lt;', '')));
      assert.equal((text.match(/<bdi>/g) ?? []).length, (text.match(/<\/bdi>/g) ?? []).length);
      // each mark of direction stands within an element that ends its effect
      for (const [, before] of text.matchAll(/([^]{0,400})\u202e/g)) assert.ok(/<bdi>[^<]*$|<title>[^<]*$/.test(before), before);
    }
    assert.ok(page.includes(long));
    assert.ok(page.includes('（复印件2份，有此情形时提交）'));
    assert.match(page, /class="mark"/);
    const { guide: shown } = await get('/public/guides/odd%20%22%3C1%3E', JSON_ONLY);
    assert.deepEqual([shown.fee.text, shown.place.text, shown.basis], [long, odd, guide.basis]);
    const whole = await get('/public/guides/published', HTML);
    assert.doesNotMatch(whole, /class="mark"|待县级发布/);
    assert.match(whole, /三、申请材料<\/bdi><\/h2>\n<p><bdi>无/);
    assert.deepEqual((await get('/public/guides/published', JSON_ONLY)).guide.materials, []);
  } finally {
    await box.close();
  }
});

test('a box that no county has enrolled yet says so', async () => {
  const box = await startBox({ enrolled: false });
  try {
    const citizen = box.client();
    assert.equal((await citizen.call('GET', '/screen', { headers: JSON_ONLY })).body.station_title, null);
    assert.match((await citizen.call('GET', '/public/guides', { headers: HTML, expect: 404 })).body, /尚未发布/);
    await citizen.call('GET', '/public/progress/0000000000000000', { headers: JSON_ONLY, expect: 404 });
    await citizen.call('POST', '/public/rate/0000000000000000', { body: { grade: 1 }, expect: 404 });
  } finally {
    await box.close();
  }
});

test('rated with the county away: it has rating and correction when it is back, once', async () => {
  const world = await start({ name: 'screen' });
  let citizen;
  try {
    const clerk = await world.box('clerk');
    const lead = await world.box('lead');
    citizen = gatewayApi.client({ base: world.json.gateway.url, ca: readFileSync(world.json.gateway.ca) });
    const item = (await clerk.call('GET', '/api/v1/catalog/items', { query: { offered: true, limit: 200 } })).body.items
      .find((one) => one.offer === 'handle' && one.record === 'application');
    world.script('stop-county');
    const body = { ...registration(item, rng), on_the_spot: SPOT };
    const { body: made } = await clerk.call('POST', '/api/v1/cases', { key: rng.uuid(), body, expect: 201 });
    assert.equal((await typed(citizen, { ...made, applicant: body.applicant })).body.state, 'completed');
    await citizen.call('POST', `/public/rate/${made.progress_token}`, { body: { grade: 4, text: WORDS }, expect: 201 });
    world.script('start-county');
    const settled = async () => (await clerk.call('GET', `/api/v1/cases/${made.id}`)).body.sync === 'settled';
    await world.until('settled', 60, settled);
    const [{ id }] = (await lead.call('GET', '/api/v1/registers/correction')).body.items;
    const centre = await world.county('centre');
    await world.until('the correction', 30, async () => (await centre.call('GET', `/api/v1/registers/correction/${id}`, { expect: null })).status === 200);
    const { body: task } = await centre.call('GET', `/api/v1/registers/correction/${id}`);
    assert.deepEqual([task.entry.case, task.entry.grade, task.entry.text], [made.id, 4, WORDS]);
    const { body: history } = await centre.call('GET', `/api/v1/cases/${made.id}/events`);
    const rated = history.items.filter(({ type }) => type === 'rate');
    assert.deepEqual(rated.map(({ actor, verdict, origin }) => [actor, verdict, origin]), [['applicant', 'settled', made.station]]);
    assert.equal(world.xinke('verify').status, 0);
    assert.equal(world.countyTool('verify').status, 0);
  } finally {
    citizen?.close();
    await world.stop();
  }
});
