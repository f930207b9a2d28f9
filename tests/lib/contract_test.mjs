// The validating client against a small server in this process: what it lets pass and, above all, what it does not.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { pathToFileURL } from 'node:url';

import { contract } from './contract.mjs';
import { guardFaults } from './guards.mjs';
import { random, receiptNumber, registration, shown } from './people.mjs';

const DOCUMENT = `
openapi: 3.1.0
info: { title: pets, version: 1.0.0 }
paths:
  /pets:
    get:
      parameters:
        - { name: limit, in: query, schema: { type: integer, minimum: 1, maximum: 9 } }
        - { name: fed, in: query, schema: { type: boolean } }
      responses:
        '200': { description: all, content: { application/json: { schema: { type: array, items: { $ref: '#/components/schemas/Pet' } } } } }
        '422': { $ref: 'parts.yaml#/components/responses/Wrong' }
    post:
      parameters: [{ $ref: 'parts.yaml#/components/parameters/Key' }]
      requestBody: { required: true, content: { application/json: { schema: { $ref: '#/components/schemas/Pet' } } } }
      responses:
        '201':
          description: made
          headers: { Location: { required: true, schema: { type: string, pattern: '^/pets/' } } }
          content: { application/json: { schema: { $ref: '#/components/schemas/Pet' } } }
        '422': { $ref: 'parts.yaml#/components/responses/Wrong' }
  /pets/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: integer } }]
    get:
      responses:
        '200': { description: one, content: { application/json: { schema: { $ref: '#/components/schemas/Pet' } } } }
    delete:
      responses: { '204': { description: gone } }
  /pets/first:
    get:
      responses:
        '200': { description: a page, content: { text/html: { schema: { type: string } } } }
components:
  schemas:
    Pet:
      type: object
      additionalProperties: false
      required: [name, born]
      properties:
        name: { type: string, minLength: 1 }
        born: { type: [string, 'null'], format: date-time }
        owner: { oneOf: [{ $ref: 'parts.yaml#/components/schemas/Owner' }, { type: 'null' }] }
`;

const PARTS = `
components:
  parameters:
    Key: { name: Idempotency-Key, in: header, required: true, schema: { type: string, pattern: '^"[0-9a-f-]{36}"$' } }
  responses:
    Wrong:
      description: wrong
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
  schemas:
    Owner: { type: object, additionalProperties: false, required: [name], properties: { name: { type: string } } }
    Problem:
      type: object
      additionalProperties: false
      required: [type, title, status, code]
      properties:
        type: { type: string }
        title: { type: string }
        status: { type: integer }
        code: { type: string }
        request_id: { type: string }
        retry_after_s: { type: integer }
`;

const KEY = '5b7c3a1e-6f0f-4a53-9f5e-1f7f6f1a2b3c';
const PET = { name: '黑子', born: null };
const PROBLEM = { type: '/problems/validation', title: 'Some fields are wrong', status: 422, code: 'validation' };
let folder;
let server;
let base;
let answer; // what the server says next: (request, body) => [status, headers, body]

const json = (status, body, headers = {}) => [status, { 'content-type': 'application/json; charset=utf-8', ...headers }, JSON.stringify(body)];
const problem = (status, body, headers = {}) => [status, { 'content-type': 'application/problem+json', ...headers }, JSON.stringify(body)];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'xinke-contract-'));
  writeFileSync(join(folder, 'pets.yaml'), DOCUMENT);
  writeFileSync(join(folder, 'parts.yaml'), PARTS);
  server = createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const [status, headers, body] = answer(request, Buffer.concat(chunks).toString());
      response.writeHead(status, headers).end(body);
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  base = `http://127.0.0.1:${server.address().port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

/** Runs FN with a fresh contract and client. */
async function using(fn, document = join(folder, 'pets.yaml')) {
  const api = contract(document);
  const client = api.client({ base, token: 'secret' });
  try {
    await fn(client, api);
  } finally {
    client.close();
  }
}

const drift = (promise, pattern) => assert.rejects(promise, (error) => {
  assert.equal(error.name, 'AssertionError', error.stack);
  assert.match(error.message, pattern);
  return true;
});

test('a call that fits passes, and is counted', () => using(async (client, api) => {
  assert.deepEqual(api.coverage(), api.operations());
  answer = (request, body) => {
    assert.equal(request.headers.authorization, 'Bearer secret');
    assert.equal(request.headers['idempotency-key'], `"${KEY}"`);
    return json(201, JSON.parse(body), { location: '/pets/1' });
  };
  const made = await client.call('POST', '/pets', { key: KEY, body: PET, expect: 201 });
  assert.deepEqual(made.body, PET);
  assert.equal(made.headers.location, '/pets/1');

  answer = (request) => json(200, request.url === '/pets?limit=3&fed=true' ? [{ ...PET, owner: { name: '古丽' } }] : []);
  assert.equal((await client.call('GET', '/pets', { query: { limit: 3, fed: true, skip: undefined } })).body.length, 1);

  answer = () => [204, {}, undefined];
  await client.call('DELETE', '/pets/7');
  assert.deepEqual(api.coverage().sort(), ['GET /pets/first', 'GET /pets/{id}']);
  assert.equal(api.counts().get('POST /pets'), 1);
}));

test('the path with the fewest names is meant', () => using(async (client, api) => {
  answer = () => [200, { 'content-type': 'text/html; charset=utf-8' }, '<p>'];
  assert.equal((await client.call('GET', '/pets/first')).body, '<p>');
  assert.equal(api.counts().get('GET /pets/first'), 1);
}));

test('HEAD is held to its GET, without a body', () => using(async (client) => {
  answer = () => [200, { 'content-type': 'application/json' }, undefined];
  await client.call('HEAD', '/pets/1');
}));

test('a drifted answer is caught', () => using(async (client) => {
  const get = (options) => client.call('GET', '/pets/1', options);
  const post = () => client.call('POST', '/pets', { key: KEY, body: PET });
  answer = () => json(200, { ...PET, colour: 'black' });
  await drift(get(), /additional properties \(colour\)[^]*answer: \{"name"/);
  answer = () => json(200, { name: '黑子' });
  await drift(get(), /required property 'born'/);
  answer = () => json(200, { ...PET, born: 'yesterday' });
  await drift(get(), /\/born: must match format "date-time"/);
  answer = () => json(200, { ...PET, owner: { name: 7 } });
  await drift(get(), /\/owner\/name: must be string/);
  answer = () => json(418, PET);
  await drift(get({ expect: 418 }), /this status is not documented/);
  answer = () => [200, { 'content-type': 'text/plain' }, 'x'];
  await drift(get(), /content type text\/plain is not documented, only application\/json/);
  answer = () => [200, {}, JSON.stringify(PET)];
  await drift(get(), /content type \(none\) is not documented/);
  answer = () => [200, { 'content-type': 'application/json' }, '{"name":'];
  await drift(get(), /is not JSON/);
  answer = () => json(201, PET);
  await drift(post(), /header Location: is missing/);
  answer = () => json(201, PET, { location: 'http://elsewhere/' });
  await drift(post(), /header Location = http/);
}));

test('a body where none is documented is caught', () => using(async (client) => {
  answer = () => json(200, PET);
  await drift(client.call('DELETE', '/pets/1', { expect: null }), /status is not documented/);
}));

test('a wrong request is caught before it is sent', () => using(async (client) => {
  answer = () => assert.fail('was sent');
  await drift(client.call('POST', '/pets', { body: PET }), /header Idempotency-Key: is missing/);
  await drift(client.call('POST', '/pets', { key: 'x', body: PET }), /header Idempotency-Key/);
  await drift(client.call('POST', '/pets', { key: KEY }), /body: is missing/);
  await drift(client.call('POST', '/pets', { key: KEY, body: { ...PET, x: 1 } }), /additional properties \(x\)/);
  await drift(client.call('POST', '/pets', { key: KEY, body: '{' }), /body: /);
  await drift(client.call('POST', '/pets', { key: KEY, body: 'a=b', headers: { 'content-type': 'text/plain' } }), /text\/plain is not documented/);
  await drift(client.call('GET', '/pets', { body: {} }), /body: none is documented/);
  await drift(client.call('GET', '/pets', { query: { limit: 10 } }), /query limit/);
  await drift(client.call('GET', '/pets', { query: { colour: 'black' } }), /query colour: is not documented/);
  await drift(client.call('GET', '/pets/seven'), /path id/);
  await drift(client.call('GET', '/birds'), /GET \/birds is not in pets\.yaml/);
}));

test('a call that is wrong on purpose is sent, and its answer still checked', () => using(async (client) => {
  answer = () => problem(422, PROBLEM);
  const refused = await client.call('POST', '/pets', { invalid: true, body: '{"name":1,"name":2}', expect: 422 });
  assert.equal(refused.body.code, 'validation');
  await client.call('POST', '/pets', { invalid: true, expect: 'validation' });
  answer = () => problem(422, { ...PROBLEM, hint: 'x' });
  await drift(client.call('POST', '/pets', { invalid: true, expect: 422 }), /additional properties \(hint\)/);
}));

test('a problem agrees with the status line and the headers', () => using(async (client) => {
  const get = () => client.call('GET', '/pets', { expect: 422 });
  answer = () => problem(422, { ...PROBLEM, status: 400 });
  await drift(get(), /\/status: 400 in an answer of 422/);
  answer = () => problem(422, { ...PROBLEM, type: '/problems/other' });
  await drift(get(), /\/type/);
  answer = () => problem(422, { ...PROBLEM, request_id: 'a' }, { 'x-request-id': 'b' });
  await drift(get(), /request_id/);
  answer = () => problem(422, { ...PROBLEM, retry_after_s: 5 }, { 'retry-after': '6' });
  await drift(get(), /retry_after_s: 5, but Retry-After is 6/);
}));

test('an answer that is not the expected one', () => using(async (client) => {
  answer = () => problem(422, PROBLEM);
  await drift(client.call('GET', '/pets'), /GET \/pets -> 422: expected "2xx"/);
  await drift(client.call('GET', '/pets', { expect: 'stale' }), /expected "stale"/);
  await drift(client.call('GET', '/pets', { expect: [200, 'stale'] }), /expected/);
  assert.equal((await client.call('GET', '/pets', { expect: null })).status, 422);
  assert.equal((await client.call('GET', '/pets', { expect: [200, 'validation'] })).status, 422);
}));

test('token, headers and raw calls', () => using(async (client) => {
  answer = (request) => json(200, { name: String(request.headers.authorization), born: null });
  assert.equal((await client.call('GET', '/pets/1', { token: null })).body.name, 'undefined');
  assert.equal((await client.call('GET', '/pets/1', { token: 'other' })).body.name, 'Bearer other');
  assert.equal((await client.call('GET', '/pets/1', { headers: { Authorization: 'Basic x' } })).body.name, 'Basic x');
  answer = (request) => problem(405, { ...PROBLEM, type: '/problems/method_not_allowed', code: 'method_not_allowed', status: 405 }, { allow: request.method });
  assert.equal((await client.raw('PATCH', '/nowhere')).status, 405);
  answer = () => problem(405, { code: 'method_not_allowed' });
  await drift(client.raw('PATCH', '/nowhere'), /the problem does not fit/);
}));

test('a connection that fails is no fault of the contract', () => using(async (client) => {
  const closed = contract(join(folder, 'pets.yaml')).client({ base: 'http://127.0.0.1:1' });
  await assert.rejects(closed.call('GET', '/pets/1'), { code: 'ECONNREFUSED' });
  closed.close();
  answer = () => { throw new Error('never reached'); };
  const stuck = createServer(() => {});
  await new Promise((resolve) => { stuck.listen(0, '127.0.0.1', resolve); });
  client.base = `http://127.0.0.1:${stuck.address().port}`;
  await assert.rejects(client.call('GET', '/pets/1', { timeout: 50 }), /no answer to GET \/pets\/1 within 50 ms/);
  await assert.rejects(client.call('GET', '/pets/1', { signal: AbortSignal.timeout(20) }), { name: 'AbortError' });
  stuck.closeAllConnections();
  stuck.close();
}));

// --- the real documents, with answers as the programs shall give them ---

const gatewayDocument = new URL('../../schema/openapi/gateway.yaml', import.meta.url);
const countyDocument = new URL('../../schema/openapi/county.yaml', import.meta.url);
const item = { code: '652323-001', name: '城乡最低生活保障对象认定', record: 'application' };
const request = registration(item, random(1));
const NOW = '2026-11-24T08:00:00.000+08:00';
const CASE = {
  id: KEY, receipt_number: receiptNumber('652323101201', '20261124', 1, 1), receipt_aliases: [], station: '652323101201', item: item.code, item_name: item.name,
  record: 'application', state: 'forwarded', holder: '652323101000', sync: 'local', channel: request.channel, received_at: NOW,
  accepted_at: null, updated_at: NOW, revision: 2, applicant: shown(request.applicant), service: null, activity: null, mediation: null,
  agent: request.agent && shown(request.agent), materials: request.materials, note: request.note, received_reason: null, captured: null, supplement: null,
  outcome: null, deemed: false, rated: false, suspension: null, extension: null, decision: null, completion: null, delivery: null, terms: [], actions: ['withdraw', 'amend', 'note'], refused: [], progress_token: 'K7QZ3M2PXW4T6R5B',
};
const EVENT = { id: KEY, seq: 2, type: 'note', at: NOW, clock: 'rtc', actor: '古丽', device: null, origin: '652323101201', body: { text: '好' },
  corrected_at: null, sync: 'local', fits: true, refusal: null };

test('gateway.yaml takes a case', () => using(async (client) => {
  answer = () => json(201, CASE, { location: `/api/v1/cases/${KEY}`, etag: '"2"' });
  await client.call('POST', '/api/v1/cases', { key: KEY, body: request, expect: 201 });
  const wrong = [{ sync: 'done' }, { holder: null }, { state: 'open' }, { password: 'x' }, { revision: 0 }, { applicant: { ...shown(request.applicant), name: '' } }, { applicant: request.applicant },
    { receipt_number: '1' }, { actions: ['fly'] }, { sync: 'refused' }, { received_at: 1795478400000 }, { progress_token: undefined }];
  for (const member of wrong) {
    answer = () => json(201, { ...CASE, ...member }, { location: `/api/v1/cases/${KEY}`, etag: '"2"' });
    await drift(client.call('POST', '/api/v1/cases', { key: KEY, body: request }), /does not fit the contract/);
  }
  answer = () => json(201, CASE, { location: `/api/v1/cases/${KEY}` });
  await drift(client.call('POST', '/api/v1/cases', { key: KEY, body: request }), /header ETag: is missing/);
}, gatewayDocument));

test('gateway.yaml knows an event by its type', () => using(async (client) => {
  const path = `/api/v1/cases/${KEY}/events`;
  const show = (event) => { answer = () => json(200, { items: [{ ...EVENT, ...event }], next: null }); };
  show({});
  await client.call('GET', path);
  show({ type: 'consult', body: { plan: 'of a later release' } });
  await client.call('GET', path);
  show({ body: null });
  await client.call('GET', path);
  show({ sync: 'refused', body: { txet: '好' }, refusal: { code: 'validation', pointer: '/body', message: 'x' } });
  await client.call('GET', path);
  show({ body: { txet: '好' } });
  await drift(client.call('GET', path), /\/items\/0\/body: .*txet/);
  show({ verdict: 'settled' });
  await drift(client.call('GET', path), /unevaluated properties \(verdict\)/);
}, gatewayDocument));

test('gateway.yaml: an act has the body of its type', () => using(async (client) => {
  const path = `/api/v1/cases/${KEY}/events`;
  answer = () => json(201, CASE, { etag: '"3"' });
  await client.call('POST', path, { key: KEY, ifMatch: '"2"', body: { type: 'forward', body: { to: 'county' } } });
  await drift(client.call('POST', path, { key: KEY, body: { type: 'forward', body: { reason: 'x' } } }), /the request does not fit/);
  await drift(client.call('POST', path, { key: KEY, body: { type: 'receive', body: { reason: 'x' } } }), /the request does not fit/);
}, gatewayDocument));

test('county.yaml: a history has order and verdict, and no mark of the road', () => using(async (client) => {
  const path = `/api/v1/cases/${KEY}/events`;
  const { sync, fits, corrected_at: corrected, ...event } = EVENT;
  const show = (members) => { answer = () => json(200, { items: [{ ...event, order: 1, verdict: 'settled', ...members }], next: null }); };
  show({});
  await client.call('GET', path);
  show({ verdict: 'refused', refusal: { code: 'transition', pointer: '', message: 'x' } });
  await client.call('GET', path);
  show({ verdict: 'refused' });
  await drift(client.call('GET', path), /\/items\/0\/refusal: must be object/);
  show({ sync });
  await drift(client.call('GET', path), /unevaluated properties \(sync\)/);
  const { refused, progress_token, ...one } = { ...CASE, files: [] };
  answer = () => json(200, one, { etag: '"2"' });
  await drift(client.call('GET', `/api/v1/cases/${KEY}`), /unevaluated properties \(sync\)/);
  delete one.sync;
  answer = () => json(200, one, { etag: '"2"' });
  await client.call('GET', `/api/v1/cases/${KEY}`);
}, countyDocument));

test('the document may be a path or an address', () => {
  assert.deepEqual(contract(pathToFileURL(join(folder, 'pets.yaml'))).operations(), contract(join(folder, 'pets.yaml')).operations());
});

test('a header for browsers that is missing, or wider than it may be, is a fault', () => {
  const good = {
    'x-content-type-options': 'nosniff', 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin', 'strict-transport-security': 'max-age=31536000',
    'permissions-policy': 'camera=(self), geolocation=(), microphone=(), payment=(), usb=()',
    'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  };
  assert.equal(guardFaults(good), '');
  for (const name of Object.keys(good)) assert.notEqual(guardFaults({ ...good, [name]: undefined }), '', name);
  const csp = (text) => guardFaults({ ...good, 'content-security-policy': text });
  const rest = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  assert.equal(csp(`default-src 'self'; img-src 'self' data: blob:; ${rest}`), '');
  for (const wide of [`default-src *; ${rest}`, `default-src 'self'; script-src 'self' 'unsafe-inline'; ${rest}`, `default-src 'self'; img-src https://x.example; ${rest}`,
    `default-src 'self'; style-src 'unsafe-eval'; ${rest}`, "default-src 'self'; base-uri 'none'; form-action 'none'", `img-src 'self'; ${rest}`])
    assert.notEqual(csp(wide), '', wide);
  assert.equal(guardFaults({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }, { terse: true }), '');
  assert.notEqual(guardFaults(good, { terse: true }), '');
});
