// What bad input gets: a defined refusal with the pointer where there is one, and no row written.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';

import { random, registration } from '../lib/people.mjs';
import { items, startBox } from './gateway_box.mjs';

const rng = random(4242);

describe('bad input', () => {
  let box, clerk, rows;
  const count = () => execFileSync('sqlite3', [join(box.dir, 'data', 'xinke.db'),
    'select (select count(*) from events), (select count(*) from cases), (select ifnull(max(change), 0) from cases), (select ifnull(sum(last),0) from serials)'],
  { encoding: 'utf8' }).trim();
  before(async () => {
    box = await startBox();
    clerk = await box.signIn('clerk');
    rows = count();
  });
  after(async () => {
    assert.equal(count(), rows, 'something was written');
    await box.close();
  });

  const application = items('village', 'accept').find(({ record }) => record === 'application');
  const valid = () => ({ ...registration(application, rng), agent: null });
  const post = (body, expect, options = {}) =>
    clerk.call('POST', '/api/v1/cases', { key: randomUUID(), body, invalid: true, expect, ...options });
  const pointers = ({ body }) => body.errors.map(({ pointer }) => pointer);
  const person = (change) => { const body = valid(); Object.assign(body.applicant, change); return body; };

  test('JSON that is none', async () => {
    const text = JSON.stringify(valid());
    for (const body of ['', '{', text.slice(0, -1), `${text}x`, `${text}{}`, '[]', '"x"', 'null', '1', '{"item":NaN}', "{'a':1}", `\ufeff${text}`, '{"a":01}'])
      await post(body, 'malformed_json');
    await post(Buffer.concat([Buffer.from('{"item":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), 'malformed_json');
    await post(Buffer.concat([Buffer.from('{"item":"'), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from('"}')]), 'malformed_json');
    await post('{"item":"a\u0001"}', 'malformed_json'); // a raw control
    await post('{"item":"\\u0000"}', 'malformed_json');
    await post('{"item":"\\ud800"}', 'malformed_json');
    await post('{"item":"x","item":"y"}', 'malformed_json');
    await post(`{"note":${'['.repeat(16)}${']'.repeat(16)}}`, 'malformed_json');
    await post('{"item":9007199254740993}', 'malformed_json');
    await post('{"item":1e999}', 'malformed_json');
  });

  test('members unknown, missing, of a wrong type', async () => {
    assert.deepEqual(pointers(await post({ ...valid(), extra: 1 }, 'validation')), ['/extra']);
    assert.deepEqual(pointers(await post(person({ hobby: 'x' }), 'validation')), ['/applicant/hobby']);
    assert.ok(pointers(await post({}, 'validation')).includes('/item'));
    const { channel, ...rest } = valid();
    assert.ok(channel);
    assert.deepEqual(pointers(await post(rest, 'validation')), ['/channel']);
    assert.deepEqual(pointers(await post({ ...valid(), item: 7 }, 'validation')), ['/item']);
    assert.deepEqual(pointers(await post({ ...valid(), applicant: 'x' }, 'validation')), ['/applicant']);
    assert.deepEqual(pointers(await post({ ...valid(), materials: {} }, 'validation')), ['/materials']);
    assert.deepEqual(pointers(await post({ ...valid(), note: ['x'] }, 'validation')), ['/note']);
    assert.deepEqual(pointers(await post({ ...valid(), channel: 'pigeon' }, 'validation')), ['/channel']);
    assert.deepEqual(pointers(await post({ ...valid(), applicant: null }, 'validation')), ['/applicant']);
    assert.deepEqual(pointers(await post({ ...valid(), service: { topic: 'x', advice: 'y' } }, 'validation')), ['/service']);
  });

  test('numbers and lengths out of range', async () => {
    const form = (copies) => ({ ...valid(), materials: [{ name: '申请表', form: 'original', copies }] });
    for (const copies of [-1, 100, 1.5, '1', null, true])
      assert.deepEqual(pointers(await post(form(copies), 'validation')), ['/materials/0/copies'], String(copies));
    assert.deepEqual(pointers(await post({ ...valid(), note: '字'.repeat(2001) }, 'validation')), ['/note']);
    assert.deepEqual(pointers(await post({ ...valid(), materials: Array.from({ length: 41 }, () => ({ name: 'x', form: 'copy', copies: 1 })) }, 'validation')), ['/materials']);
    assert.deepEqual(pointers(await post(person({ name: '名'.repeat(51) }), 'validation')), ['/applicant/name']);
  });

  test('control characters', async () => {
    assert.deepEqual(pointers(await post(person({ name: '张\u0007三' }), 'validation')), ['/applicant/name']);
    assert.deepEqual(pointers(await post(person({ address: 'a\u0085b' }), 'validation')), ['/applicant/address']);
    assert.deepEqual(pointers(await post({ ...valid(), note: 'a\u001bb' }, 'validation')), ['/note']);
    assert.deepEqual(pointers(await post(person({ address: 'line\nline' }), 'validation')), ['/applicant/address']);
  });

  test('numbers of people', async () => {
    for (const id of ['110105194912310021', '11010519491231002', '11010519491331002X', '110105204912310027', 'x', ''])
      assert.deepEqual(pointers(await post(person({ id_type: 'citizen_id', id_number: id }), 'validation')), ['/applicant/id_number'], id);
    assert.deepEqual(pointers(await post(person({ phone: '12345' }), 'validation')), ['/applicant/phone']);
    assert.deepEqual(pointers(await post(person({ kind: 'organisation' }), 'validation')), ['/applicant/id_type']);
    assert.deepEqual(pointers(await post(person({ id_type: 'none', id_number: '' }), 'validation')), ['/applicant/id_reason']);
  });

  test('times', async () => {
    const at = (ms) => new Date(Date.now() + ms).toISOString();
    assert.deepEqual(pointers(await post({ ...valid(), received_at: at(3600000), received_reason: 'x' }, 'validation')), ['/received_at']);
    assert.deepEqual(pointers(await post({ ...valid(), received_at: at(-400 * 86400000), received_reason: 'x' }, 'validation')), ['/received_at']);
    assert.deepEqual(pointers(await post({ ...valid(), received_at: at(-1000) }, 'validation')), ['/received_reason']);
    assert.deepEqual(pointers(await post({ ...valid(), received_at: '2026-02-30T00:00:00Z', received_reason: 'x' }, 'validation')), ['/received_at']);
    assert.deepEqual(pointers(await post({ ...valid(), captured: { at: at(0), now: at(-5000) } }, 'validation')), ['/captured/at']);
  });

  test('bodies too large, of another media type, where none belongs', async () => {
    await post({ ...valid(), note: 'x'.repeat(65536) }, 'too_large');
    await post(Buffer.alloc(300000, 0x20), 'too_large');
    await post(valid(), 'unsupported_media', { headers: { 'content-type': 'text/plain' } });
    await post(valid(), 'unsupported_media', { headers: { 'content-type': 'application/json; charset=gbk' } });
    await post(valid(), 'unsupported_media', { headers: { 'content-type': undefined } });
    await clerk.call('GET', '/api/v1/cases', { body: '{}', invalid: true, expect: 'too_large' });
    await clerk.call('POST', '/api/v1/sync', { body: '{}', invalid: true, expect: 'too_large' });
  });

  test('paths, methods, queries', async () => {
    assert.equal((await clerk.raw('GET', '/nowhere')).body.code, 'not_found');
    assert.equal((await clerk.raw('GET', '/api/v1/cases/')).body.code, 'not_found');
    const wrong = await clerk.raw('PATCH', '/api/v1/cases');
    assert.equal(wrong.body.code, 'method_not_allowed');
    assert.equal(wrong.headers.allow.split(', ').sort().join(), 'GET,HEAD,POST');
    for (const query of [{ wait: 26 }, { wait: 'x' }, { after: 'x' }, { after: '1' }, { after: '1.-1' }, { after: '1.99999999999999999999' }, { until: '1' }])
      await clerk.call('GET', '/api/v1/changes', { query, invalid: true, expect: 'validation' });
    for (const path of ['/', '/healthz', '/metrics', '/problems/stale', '/api/v1/sync', '/api/v1/catalog', '/api/v1/sessions/current'])
      assert.equal((await clerk.raw('GET', `${path}?x=1`)).body.code, 'validation', path);
  });

  /** Sends TEXT as it is; the status line, headers and body that come. */
  const rawly = (text) => new Promise((resolve) => {
    const socket = tls.connect({ port: box.port, host: '127.0.0.1', ca: box.root }, () => socket.write(text));
    let seen = '';
    const end = () => {
      const [head, body = ''] = seen.split('\r\n\r\n');
      let code;
      try { code = JSON.parse(body).code; } catch { /* the library's own page */ }
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, code });
    };
    socket.setTimeout(4000, () => { socket.destroy(); end(); });
    socket.on('data', (data) => { seen += data; if (/\r\n\r\n[^]/.test(seen)) socket.end(); });
    socket.on('close', end);
    socket.on('error', end); // a reset after the answer is the library's way to end some of these
  });
  const head = (line, ...more) => `${line} HTTP/1.1\r\nHost: xinke.internal\r\nAuthorization: Bearer ${clerk.token}\r\n${more.map((one) => `${one}\r\n`).join('')}\r\n`;

  test('framing that could hide a second request', async () => {
    const body = JSON.stringify(valid());
    const key = () => `Idempotency-Key: "${randomUUID()}"`;
    const json = 'Content-Type: application/json';
    const length = `Content-Length: ${Buffer.byteLength(body)}`;
    const cases = {
      'two lengths': head('POST /api/v1/cases', key(), json, length, length) + body,
      'two different lengths': head('POST /api/v1/cases', key(), json, length, 'Content-Length: 5') + body,
      'chunked with a length': head('POST /api/v1/cases', key(), json, length, 'Transfer-Encoding: chunked') + body,
      'another coding': head('POST /api/v1/cases', key(), json, 'Transfer-Encoding: gzip') + body,
      'a coding that only looks so': head('POST /api/v1/cases', key(), json, 'Transfer-Encoding: xchunked') + body,
      'two keys': head('POST /api/v1/cases', key(), key(), json, length) + body,
      'a NUL in the path': head('GET /api/v1/cases%00zzz'),
      'a NUL escaped in a value': head('GET /api/v1/cases?q=a%00b'),
      'a slash escaped in the path': head('GET /api/v1%2fcases'),
      'a broken escape': head('GET /api/v1/cases?q=%zz'),
      'no UTF-8': head('GET /api/v1/cases?q=%ff'),
      'a dot segment': head('GET /api/v1/../v1/cases'),
      'a NUL in a header': head('GET /api/v1/cases', 'X-A: a\0b'),
      'a bare line feed': head('GET /api/v1/cases', 'X-A: b').replace('X-A: b\r\n', 'X-A: b\nX-B: c\r\n'),
      'a folded line': head('GET /api/v1/cases', 'X-A: b\r\n c'),
      'two hosts': head('GET /api/v1/cases', 'Host: other'),
      'a parameter twice': head('GET /api/v1/cases?limit=1&limit=2'),
    };
    for (const [name, text] of Object.entries(cases)) {
      const answer = await rawly(text);
      assert.equal(answer.status, 400, `${name}: ${answer.head}`);
      assert.equal(answer.code, 'malformed_request', name);
    }
    // what the library answers before any of ours runs is a refusal too, if in its own words
    for (const text of ['GET /healthz HTTP/1.1\r\n\r\n', `GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(20000)}\r\n\r\n`,
      head('POST /api/v1/cases', key(), json, 'Content-Length: -1') + body])
      assert.ok((await rawly(text)).status >= 400, text.slice(0, 80));
  });

  test('acts that are none', async () => {
    const id = randomUUID();
    for (const body of [{}, { type: 'note' }, { type: 7, body: {} }, { type: 'note', body: { text: 'x' }, more: 1 }, { type: 'note', body: [] }])
      await clerk.call('POST', `/api/v1/cases/${id}/events`, { key: randomUUID(), body, invalid: true, expect: ['validation', 'not_found'] });
    await clerk.call('POST', `/api/v1/cases/${id}/events`, { key: randomUUID(), body: { type: 'note', body: { text: 'x' } }, expect: 'not_found' });
  });

  test('every problem has its page', async () => {
    for (const code of ['validation', 'stale', 'busy', 'item_not_offered', 'key_reused']) {
      const page = await clerk.call('GET', `/problems/${code}`);
      assert.match(page.body, new RegExp(`<code>${code}</code>`));
    }
    await clerk.call('GET', '/problems/no_such', { expect: 'not_found' });
  });
});
