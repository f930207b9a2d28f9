// The citizens' pages at the county: guides, progress by what is typed, large type; and that nothing tells a stranger which
// receipt numbers there are.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import { random, receiptNumber, registration } from '../lib/people.mjs';
import { api, catalog, itemOf, startCounty, VILLAGE } from './county_world.mjs';

const JSON_ONLY = { accept: 'application/json' };
const HTML = { accept: 'text/html' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' };
const rng = random(4104);
const today = () => new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10).replaceAll('-', '');

let county, box;
before(async () => {
  county = await startCounty();
  box = await county.enrol(VILLAGE);
});
after(() => county?.close());

const page = async (path, options = {}) => (await county.public.call('GET', path, { headers: HTML, ...options }));

/** What every page keeps to: one style by its hash, no script, a language, nothing to load, no cookie. */
function sound({ body, headers }, { large }) {
  const style = /<style>([^<]*)<\/style>/.exec(body)[1];
  const csp = headers['content-security-policy'];
  assert.match(csp, /^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; base-uri 'none'; form-action '(none|self)'; frame-ancestors 'none'$/);
  assert.ok(csp.includes(`'sha256-${createHash('sha256').update(style).digest('base64')}'`));
  assert.equal(csp.includes("form-action 'self'"), body.includes('<form'));
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['set-cookie'], undefined);
  assert.match(body, /^<!doctype html>\n<html lang="zh-CN">/);
  assert.ok(!/<script|\sstyle=|\son\w+=|<img|<link/i.test(body));
  assert.equal(/<body class="large">/.test(body), large);
  // every field has its label, every link of ours keeps the type
  for (const [, id] of body.matchAll(/<(?:input|textarea)[^>]* id="([^"]+)"/g)) assert.ok(body.includes(`<label for="${id}">`), id);
  for (const [, href, text] of body.matchAll(/<a class="go" href="([^"]+)"><bdi>([^<]*)/g))
    assert.equal(/[?;]large=1/.test(href), text === '大字版' ? true : text === '普通字号' ? false : large, `${href} ${text}`);
}

describe('guides', () => {
  test('the list holds every item once, by category, in both types', async () => {
    for (const large of [false, true]) {
      const answer = await page('/public/guides', { query: large ? { large: 1 } : {} });
      sound(answer, { large });
      for (const { code } of catalog.items) assert.equal(answer.body.split(`/public/guides/${code}`).length, 2, code);
      const headings = [...answer.body.matchAll(/<h2><bdi>([^<]*)/g)].map(([, text]) => text);
      assert.deepEqual(headings, [...new Set(catalog.items.map(({ category }) => category))]);
    }
    const { body } = await county.public.call('GET', '/public/guides', { headers: JSON_ONLY });
    assert.deepEqual(body.items.map(({ code }) => code), catalog.items.map(({ code }) => code));
    assert.equal(body.version, catalog.version);
  });

  test('are found by name, pinyin and initials; what is searched for is shown escaped', async () => {
    const item = itemOf('652323-001');
    for (const q of ['最低生活', item.pinyin.slice(0, 12), item.initials]) {
      const { body } = await county.public.call('GET', '/public/guides', { query: { q }, headers: JSON_ONLY });
      assert.ok(body.items.some(({ code }) => code === item.code), q);
      assert.ok(body.items.length < catalog.items.length, q);
    }
    const odd = '"><b>x</b>\u202e&\u{20bb7}';
    const answer = await page('/public/guides', { query: { q: odd, large: 1 } });
    sound(answer, { large: true });
    assert.ok(answer.body.includes('value="&quot;&gt;&lt;b&gt;x&lt;/b&gt;\u202e&amp;\u{20bb7}"'));
    assert.match(answer.body, /没有找到/);
    assert.ok(answer.body.includes('/public/guides?q=%22%3E%3Cb%3Ex%3C%2Fb%3E%E2%80%AE%26%F0%A0%AE%B7"')); // the switch keeps the search
    assert.match(answer.body, /<input type="hidden" name="large" value="1">/);
    for (const query of [{ q: 'x'.repeat(51) }, { q: 'x'.repeat(10000) }, { q: '\u0001' }, { large: '2' }, { large: '' }, { more: '1' }]) {
      const { status } = await county.public.raw('GET', '/public/guides', { query, headers: HTML });
      assert.ok([400, 414, 422, 431].includes(status), `${Object.keys(query)} ${status}`);
    }
  });

  test('one shows the eight disclosures and invents none', async () => {
    for (const code of ['652323-001', '652323-044', catalog.items.find(({ guide }) => guide.status === 'none').code]) {
      const item = itemOf(code);
      const { body } = await county.public.call('GET', `/public/guides/${code}`, { headers: JSON_ONLY });
      for (const [name, value] of Object.entries(body.guide)) {
        const known = item.guide[name]?.text ?? (Array.isArray(item.guide[name]) ? item.guide[name] : null);
        assert.deepEqual(value?.text ?? value, known, `${code} ${name}`);
      }
      assert.deepEqual(body.levels, item.levels);
      for (const large of [false, true]) {
        const answer = await page(`/public/guides/${code}`, { query: large ? { large: 1 } : {} });
        sound(answer, { large });
        const eight = [...answer.body.matchAll(/<h2><bdi>[一二三四五六七八]、([^<]*)<\/bdi><\/h2>\n(<p>|<ol>)(<bdi>待县级发布)?/g)];
        assert.deepEqual(eight.map(([, title]) => title), ['法定依据', '申请条件', '申请材料', '办理流程', '办理时限', '收费依据和标准', '联系方式', '办理地点']);
        assert.deepEqual(eight.map(([, , , pending]) => pending !== undefined), Object.values(body.guide).map((value) => value === null), code);
        if (item.guide.status !== 'published') assert.match(answer.body, /class="mark"/);
        for (const { name } of item.guide.materials ?? []) assert.ok(answer.body.includes(name), name);
      }
    }
    await county.public.call('GET', '/public/guides/652323-999', { headers: JSON_ONLY, expect: 404 });
    assert.match((await page('/public/guides/652323-999', { expect: 404 })).body, /没有这个事项/);
    assert.equal((await county.public.raw('GET', `/public/guides/${'9'.repeat(3000)}`, { headers: JSON_ONLY })).status, 404);
  });

  test('are kept by their ETag, each form under its own', async () => {
    const { headers } = await page('/public/guides/652323-001');
    const tags = new Set([headers.etag]);
    tags.add((await page('/public/guides/652323-001', { query: { large: 1 } })).headers.etag);
    tags.add((await county.public.call('GET', '/public/guides/652323-001', { headers: JSON_ONLY })).headers.etag);
    assert.equal(tags.size, 3);
    assert.equal(headers.vary, 'Accept');
    const again = await page('/public/guides/652323-001', { headers: { ...HTML, 'if-none-match': headers.etag }, expect: 304 });
    assert.equal(again.raw.length, 0);
    await page('/public/guides/652323-001', { headers: { ...HTML, 'if-none-match': '"0000000000000000"' }, expect: 200 });
  });
});

describe('progress by what is typed', () => {
  const say = (receipt_number, id_last4, options = {}) =>
    county.public.call('POST', '/public/progress', { headers: JSON_ONLY, body: { receipt_number, id_last4 }, ...options });
  const sayForm = (receipt, last4, options = {}) =>
    county.public.call('POST', '/public/progress', { headers: FORM, body: new URLSearchParams({ receipt_number: receipt, id_last4: last4 }).toString(), ...options });
  const nobody = (serial) => receiptNumber(VILLAGE, today(), 7, serial);
  let serial = 100;

  /** A case that the county has, its registration with CHANGES. */
  async function fresh(changes = {}) {
    const taken = box.register('652323-001', rng, { changes });
    await box.exchange();
    return taken;
  }
  /** The tries of an address are few: another one for each test. */
  async function restart() {
    await county.stop();
    await county.start();
  }

  test('the right four show the same as the token, in any case of letter; the form keeps the type', async () => {
    const taken = await fresh();
    const last4 = taken.applicant.id_number.slice(-4);
    const byToken = (await county.public.call('GET', `/public/progress/${taken.token}`, { headers: JSON_ONLY })).body;
    assert.deepEqual((await say(taken.receipt_number, last4.toLowerCase())).body, byToken);
    assert.deepEqual((await say(` ${taken.receipt_number.toLowerCase()} `, ` ${last4} `)).body, byToken);
    assert.deepEqual((await say(taken.receipt_number.replaceAll('-', ''), last4)).body, byToken);
    const answer = await sayForm(taken.receipt_number, last4, { query: { large: 1 } });
    sound(answer, { large: true });
    assert.equal(answer.headers['cache-control'], 'no-store');
    for (const secret of [taken.applicant.name, taken.applicant.id_number, taken.applicant.phone, taken.applicant.address])
      assert.ok(!answer.body.includes(secret));
    for (const large of [false, true]) {
      const form = await page('/public/progress', { query: large ? { large: 1 } : {} });
      sound(form, { large });
      assert.ok(form.body.includes(`action="/public/progress${large ? '?large=1' : ''}"`));
    }
  });

  test('unknown and wrong: the same words, to the last header; what cannot be right is told', async () => {
    const taken = await fresh();
    const answers = [];
    for (const [number, last4] of [[taken.receipt_number, taken.applicant.id_number.slice(-4) === '0000' ? '0001' : '0000'], [nobody(++serial), '0000'], [nobody(++serial), '123X']]) {
      const { raw, headers, status } = await sayForm(number, last4, { expect: 404 });
      const { date: _date, 'x-request-id': _id, 'content-length': _length, ...rest } = headers;
      answers.push({ status, rest, text: raw.toString().replace(`value="${number}"`, 'value') });
    }
    for (const one of answers) assert.deepEqual(one, answers[0]);
    for (const number of ['', '1', `${taken.receipt_number}1`, taken.receipt_number.replace(/.$/, (c) => (c === '0' ? '1' : '0'))])
      assert.match((await sayForm(number, '1234', { expect: 422, invalid: true })).body, /没有输对/);
    assert.match((await sayForm('"><b>\u202e', '1234', { expect: 422, invalid: true })).body, /value="&quot;&gt;&lt;B&gt;/);
    for (const last4 of ['', '123', '12345', '中国中国', 'x'.repeat(3000)])
      await sayForm(taken.receipt_number, last4, { expect: 422, invalid: true });
    await say(taken.receipt_number, '1', { expect: 'validation' });
    await say(taken.receipt_number, '1234', { body: '[]', expect: [400, 422], invalid: true });
    await say(taken.receipt_number, '1234', { body: 'x'.repeat(5000), expect: 413, invalid: true });
  });

  test('five wrong tries lock a number, known or not, over a restart; the right four do not help then', async () => {
    await restart();
    const taken = await fresh();
    const last4 = taken.applicant.id_number.slice(-4);
    const wrong = last4 === '0000' ? '0001' : '0000';
    const unknown = nobody(++serial);
    for (let i = 0; i < 4; i++) await say(taken.receipt_number, wrong, { expect: 404 });
    await say(taken.receipt_number, last4); // forgives
    for (const number of [taken.receipt_number, unknown]) {
      for (let i = 0; i < 5; i++) await say(number, wrong, { expect: 404 });
      const { body } = await say(number, wrong, { expect: 'locked' });
      assert.ok(body.retry_after_s > 50 && body.retry_after_s <= 60, String(body.retry_after_s));
    }
    await restart();
    await say(taken.receipt_number, last4, { expect: 'locked' });
    assert.match((await sayForm(unknown, wrong, { expect: 429 })).body, /60秒|5[0-9]秒/);
    assert.equal((await county.public.call('GET', `/public/progress/${taken.token}`, { headers: JSON_ONLY })).body.receipt_number, taken.receipt_number);
  });

  test('an address may try so often and no more, whatever the numbers', async () => {
    await restart();
    let limited;
    for (let i = 0; i < 25 && !limited; i++) {
      const { status, body } = await say(nobody(++serial), '0000', { expect: null });
      if (status === 429) limited = { i, body };
    }
    assert.equal(limited?.i, 20);
    assert.equal(limited.body.code, 'rate_limited');
    await page('/public/guides'); // the other pages go on
  });

  test('the number on the paper finds the case after the county gave it another one', async () => {
    await restart();
    const first = await fresh();
    const second = await fresh({ receipt_number: first.receipt_number }); // an undeclared copy of the box gave it once more
    const ask = async ({ applicant }) => (await say(first.receipt_number, applicant.id_number.slice(-4))).body.receipt_number;
    assert.equal(await ask(first), first.receipt_number);
    const renumbered = await ask(second);
    assert.notEqual(renumbered, first.receipt_number);
    assert.equal((await say(renumbered, second.applicant.id_number.slice(-4))).body.receipt_number, renumbered);
  });

  test('a case whose applicant has no document number is seen by its token alone', async () => {
    await restart();
    const { applicant: { id_number: number, ...rest } } = registration(itemOf('652323-001'), rng);
    const taken = await fresh({ applicant: { ...rest, id_type: 'none', id_number: '', id_reason: '证件遗失补办中' } });
    assert.equal((await county.public.call('GET', `/public/progress/${taken.token}`, { headers: JSON_ONLY })).body.receipt_number, taken.receipt_number);
    for (const last4 of ['none', 'NULL', '????', number.slice(-4)]) await say(taken.receipt_number, last4, { expect: 404 });
  });
});

test('a session that the browser holds is neither read nor shown', async () => {
  const { body: { token } } = await county.anonymous.call('POST', '/api/v1/sessions', { body: { name: 'operator', password: county.passwords.operator }, expect: 201 });
  const plain = await page('/public');
  const held = await page('/public', { headers: { ...HTML, cookie: `__Host-xinke=${token}` } });
  sound(held, { large: false });
  assert.equal(held.body, plain.body);
  assert.ok(!held.body.includes('operator'));
  sound(await page('/public', { query: { large: 1 } }), { large: true });
  assert.equal((await county.public.call('GET', '/public', { headers: JSON_ONLY })).body.station_title, null);
});

test('the county is sound', () => {
  assert.equal(county.tool(['verify']).status, 0);
});

test('every public operation of the county was called', () => {
  assert.deepEqual(api.coverage().filter((name) => / \/public/.test(name) && !/rate/.test(name)), []); // rating.test.mjs rates
});
