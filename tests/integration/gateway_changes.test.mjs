// The long poll, the road's state, health and metrics.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { BIN, items, sleep, startBox, until } from './gateway_box.mjs';

const rng = random(77);

describe('changes', () => {
  let box, clerk;
  before(async () => {
    box = await startBox({ conf: { limits: ['polls = 6'] } });
    clerk = await box.signIn('clerk');
  });
  after(() => box.close());
  const item = items('village', 'accept').find(({ record }) => record === 'application');
  const post = () => clerk.call('POST', '/api/v1/cases', { key: randomUUID(), body: registration(item, rng), expect: 201 });
  const changes = (query, more) => clerk.call('GET', '/api/v1/changes', { query, ...more });
  const metric = async (name) => {
    const { body } = await clerk.call('GET', '/metrics');
    return Number(new RegExp(`^xinke_${name} (\\d+)$`, 'm').exec(body)[1]);
  };

  test('a call without a cursor says where to start', async () => {
    const { body } = await changes();
    assert.deepEqual(body.items, []);
    const { body: again } = await changes({ after: body.next });
    assert.deepEqual(again, body);
    const { body: one } = await post();
    const { body: seen } = await changes({ after: body.next });
    assert.deepEqual(seen.items.map(({ id }) => id), [one.id]);
    assert.notEqual(seen.next, body.next);
  });

  test('a waiting call is woken by a commit, each one once', async () => {
    const { body: { next } } = await changes();
    const waiting = Array.from({ length: 5 }, () => changes({ after: next, wait: 20 }));
    await until(async () => await metric('changes_parked') === 5);
    const began = Date.now();
    const { body: one } = await post();
    const answers = await Promise.all(waiting);
    assert.ok(Date.now() - began < 2000);
    for (const { body } of answers) assert.deepEqual(body.items.map(({ id }) => id), [one.id]);
    assert.equal(await metric('changes_parked'), 0);
    // an act wakes as well
    const again = changes({ after: answers[0].body.next, wait: 20 });
    await until(async () => await metric('changes_parked') === 1);
    await clerk.call('POST', `/api/v1/cases/${one.id}/events`, { key: randomUUID(), body: { type: 'note', body: { text: 'x' } }, expect: 201 });
    assert.equal((await again).body.items[0].revision, one.revision + 1);
  });

  test('the wait ends, with nothing', async () => {
    const { body: { next } } = await changes();
    const began = Date.now();
    const { body } = await changes({ after: next, wait: 1 });
    assert.deepEqual(body, { items: [], entries: [], next });
    assert.ok(Date.now() - began >= 950 && Date.now() - began < 3500, `${Date.now() - began} ms`);
  });

  test('more than a bounded number may not wait', async () => {
    const { body: { next } } = await changes();
    const answers = Array.from({ length: 8 }, () => changes({ after: next, wait: 20 }, { expect: [200, 'busy'] }));
    await until(async () => await metric('changes_parked') === 6);
    await sleep(100);
    await post();
    const done = await Promise.all(answers);
    assert.equal(done.filter(({ status }) => status === 503).length, 2);
    assert.ok(done.every(({ status, headers }) => status !== 503 || headers['retry-after']));
  });

  test('a client that vanishes does no harm', async () => {
    const { body: { next } } = await changes();
    for (let i = 0; i < 4; i++) {
      const abort = new AbortController();
      const gone = assert.rejects(changes({ after: next, wait: 20 }, { signal: abort.signal }));
      await until(async () => await metric('changes_parked') === i + 1);
      abort.abort();
      await gone;
    }
    await post();
    await until(async () => await metric('changes_parked') === 0);
    await changes({ after: next });
  });

  test('cursors of another epoch, or of the future, have expired', async () => {
    const { body: { next } } = await changes();
    const [epoch, change] = next.split('.').map(Number);
    await changes({ after: `${epoch + 1}.${change}` }, { expect: 'cursor_expired' });
    await changes({ after: `${epoch}.${change + 1}` }, { expect: 'cursor_expired' });
  });

  test('many changes come in pages, each case once', async () => {
    const { body: { next } } = await changes();
    const ids = new Set();
    for (let i = 0; i < 230; i++) ids.add((await post()).body.id);
    const seen = [];
    let after_ = next;
    for (let page = 0; page < 2; page++) {
      const { body } = await changes({ after: after_ });
      assert.ok(body.items.length > 0 && body.items.length <= 200);
      seen.push(...body.items.map(({ id }) => id));
      after_ = body.next;
    }
    assert.deepEqual(new Set(seen), ids);
    assert.equal(seen.length, ids.size);
  });

  test('a rebuild starts another epoch: waiting calls are told, the search list starts anew', async () => {
    const { body: { next } } = await changes();
    const waiting = changes({ after: next, wait: 20 }, { expect: 'cursor_expired' });
    await until(async () => await metric('changes_parked') === 1);
    execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(box.dir, 'data', 'xinke.db'), "update meta set value = value + 1 where key = 'epoch'"]);
    await waiting;
    const name = (await clerk.call('GET', '/api/v1/cases', { query: { limit: 1 } })).body.items[0];
    await until(async () => {
      const { body } = await clerk.call('GET', '/api/v1/cases', { query: { q: name.title, limit: 200 }, expect: [200, 'busy'] });
      return body.items?.some(({ id }) => id === name.id);
    });
  });

  test('the courier is told of commits, and asked to run', async () => {
    const child = spawn(join(BIN, 'fixture-box'), ['--listen', join(box.dir, 'data', 'sync.sock')]); // in the courier's place
    let out = '';
    child.stdout.on('data', (data) => { out += data; });
    await until(() => out.includes('ready'));
    await post();
    const { body } = await clerk.call('POST', '/api/v1/sync', { expect: 202 });
    assert.ok(body.backlog > 0);
    await until(() => out.includes('e\n') && out.includes('r\n'));
    child.kill();
  });

  test('the road is shown as the courier left it', async () => {
    const { body } = await clerk.call('GET', '/api/v1/sync');
    assert.equal(body.link, 'unknown');
    assert.equal(body.station, box.station);
    assert.equal(body.received, 0);
    const status = JSON.stringify({ link: 'down', last_success_at: 1795493769657, last_attempt_at: 1795493799657, last_error: 'no route', next_attempt_at: null,
      calls: 7, failures: 3, bytes_sent: 12345, bytes_received: 678, rate: 9000, batch: 40 });
    execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(box.dir, 'data', 'xinke.db'), `insert or replace into meta values ('sync_status', '${status}')`]);
    const { body: down } = await clerk.call('GET', '/api/v1/sync');
    assert.equal(down.link, 'down');
    assert.equal(down.last_error, 'no route');
    assert.equal(Date.parse(down.last_success_at), 1795493769657);
    assert.equal(down.next_attempt_at, null);
    assert.deepEqual(down.traffic, { calls: 7, failures: 3, bytes_sent: 12345, bytes_received: 678, rate: 9000, batch: 40 });
    const { body: text } = await clerk.call('GET', '/metrics', { token: null });
    assert.match(text, /^xinke_sync_sent_bytes_total 12345$/m);
    assert.match(text, /^xinke_sync_last_success_seconds 1795493769$/m);
    assert.match(text, /^xinke_sync_link_up 0$/m);
  });

  test('health, metrics and the address itself', async () => {
    const { body } = await clerk.call('GET', '/healthz', { token: null });
    assert.equal(body.enrolled, true);
    const { body: text, headers } = await clerk.call('GET', '/metrics', { token: null });
    assert.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
    for (const line of text.trim().split('\n'))
      assert.match(line, /^(# (HELP|TYPE) xinke_[a-z_]+ .+|xinke_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.]+)$/);
    const json = await clerk.call('GET', '/', { token: null, headers: { accept: 'application/json' } });
    assert.equal(json.body.name, 'xinke-gateway');
    assert.ok(json.body.routes.some(({ method, path }) => method === 'POST' && path === '/api/v1/cases'));
    const html = await clerk.call('GET', '/', { token: null, headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    assert.match(html.media, /html/);
    await clerk.call('GET', '/', { token: null, headers: { accept: 'image/png' }, expect: 'not_acceptable' });
    const top = await clerk.call('HEAD', '/healthz', { token: null });
    assert.equal(top.raw.length, 0);
  });
});
