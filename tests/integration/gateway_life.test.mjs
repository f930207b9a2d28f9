// A gateway's start and end: what is made, what is refused, and that nothing acknowledged is lost whatever ends it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { random, registration } from '../lib/people.mjs';
import { BIN, items, makeBox, run, sleep, startBox, until } from './gateway_box.mjs';

const rng = random(99);
const item = items('village', 'accept').find(({ record }) => record === 'application');
const gateway = (...args) => spawnSync(join(BIN, 'xinke-gateway'), args, { encoding: 'utf8' });
const freePort = () => new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
});

test('says its version, its usage and a sample of its configuration', () => {
  assert.match(run('xinke-gateway', '--version'), /^xinke-gateway \d+\.\d+\.\d+\n$/);
  assert.match(run('xinke-gateway', '--help'), /usage: xinke-gateway -c CONF/);
  assert.match(run('xinke-gateway', '--sample-config'), /\[http\][^]*#port = 8443/);
  for (const args of [[], ['run'], ['-c', 'x', 'no-such'], ['--nonsense']]) assert.equal(gateway(...args).status, 2, args.join(' '));
  const missing = gateway('-c', '/nonexistent.conf');
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /nonexistent\.conf/);
});

test('init makes what is missing and leaves the rest', () => {
  const { dir, config } = makeBox();
  const data = (name) => join(dir, 'data', name);
  const key = readFileSync(data('field.key'));
  assert.equal(key.length, 32);
  rmSync(data('server.key')); // it is the CA's
  run('xinke-gateway', '-c', config, 'init');
  for (const [name, mode] of [['field.key', 0o640], ['server.key', 0o640], ['xinke.db', 0o660], ['', 0o2770]])
    assert.equal(statSync(data(name)).mode & 0o7777, mode, name);
  assert.match(readFileSync(data('server.csr'), 'utf8'), /BEGIN CERTIFICATE REQUEST/);
  run('xinke-gateway', '-c', config, 'init');
  assert.deepEqual(readFileSync(data('field.key')), key);
  rmSync(dir, { recursive: true });
});

test('never starts over old data: no key, another key, a newer schema, a damaged file', () => {
  const { dir, config } = makeBox();
  const data = (name) => join(dir, 'data', name);
  const refused = (pattern, ...command) => {
    const { status, stderr } = gateway('-c', config, ...command);
    assert.equal(status, 1, stderr);
    assert.match(stderr, pattern);
  };
  renameSync(data('field.key'), data('kept'));
  refused(/field key .* missing/);
  refused(/restore the key/, 'init');
  assert.throws(() => statSync(data('field.key')));
  writeFileSync(data('field.key'), Buffer.alloc(32, 7));
  refused(/not the one this database was made with/);
  renameSync(data('kept'), data('field.key'));
  renameSync(data('server.crt'), data('kept'));
  refused(/server\.crt is missing/);
  renameSync(data('kept'), data('server.crt'));
  const version = spawnSync('sqlite3', [data('xinke.db'), 'pragma user_version'], { encoding: 'utf8' }).stdout.trim();
  spawnSync('sqlite3', [data('xinke.db'), 'pragma user_version = 99']);
  refused(/version 99|newer/);
  spawnSync('sqlite3', [data('xinke.db'), `pragma user_version = ${version}`]);
  spawnSync('sqlite3', [data('xinke.db'), "update logs set head_hash = zeroblob(32)"]);
  refused(/head is not its last event/);
  rmSync(dir, { recursive: true });
});

test('takes no case before it is enrolled, and does from then on', async () => {
  const box = await startBox({ enrolled: false });
  try {
    const clerk = await box.signIn('clerk');
    const post = (expect) => clerk.call('POST', '/api/v1/cases', { key: randomUUID(), body: registration(item, rng), expect });
    await post('not_enrolled');
    await clerk.call('GET', '/api/v1/catalog', { expect: 'not_enrolled' });
    await clerk.call('GET', '/api/v1/catalog/items', { expect: 'not_enrolled' });
    assert.deepEqual((await clerk.call('GET', '/api/v1/cases')).body, { items: [], next: null });
    assert.equal((await clerk.call('GET', '/healthz')).body.enrolled, false);
    assert.equal((await clerk.call('GET', '/api/v1/sync')).body.enrolled, false);
    run('fixture-box', '--data', join(box.dir, 'data'), '--station', box.station, '--tier', 'village', '--township', box.township);
    await post('not_enrolled'); // no catalog yet
    run('fixture-box', '--data', join(box.dir, 'data'), '--catalog', new URL('../../schema/catalog/hutubi-2022.json', import.meta.url).pathname);
    await until(async () => (await clerk.call('GET', '/api/v1/catalog', { expect: null })).status === 200);
    await post(201);
    assert.equal((await clerk.call('GET', '/healthz')).body.enrolled, true);
  } finally {
    await box.close();
  }
});

test('hands out the root in plain, and nothing else', async () => {
  const port = await freePort();
  const box = await startBox({ conf: { setup: ['bind = 127.0.0.1', `port = ${port}`] } });
  const get = (path, method = 'GET') => new Promise((resolve, reject) => {
    http.request({ port, host: '127.0.0.1', path, method }, (response) => {
      let text = '';
      response.on('data', (data) => { text += data; });
      response.on('end', () => resolve({ status: response.statusCode, text, headers: response.headers }));
    }).on('error', reject).end();
  });
  try {
    const fingerprint = run('xinke-ca', 'fingerprint', join(box.dir, 'data', 'root.crt')).trim();
    const page = await get('/setup');
    assert.equal(page.status, 200);
    assert.ok(page.text.replaceAll(/\s/g, '').toLowerCase().includes(fingerprint));
    const root = await get('/setup/root.crt');
    assert.equal(root.text, box.root);
    for (const path of ['/', '/api/v1/cases', '/healthz', '/metrics', '/setup/server.key']) assert.equal((await get(path)).status, 404, path);
    assert.equal((await get('/setup', 'POST')).status, 405);
  } finally {
    await box.close();
  }
});

test('takes a renewed certificate into use', async () => {
  const box = await startBox();
  try {
    const serial = () => new Promise((resolve, reject) => {
      import('node:tls').then(({ connect }) => {
        const socket = connect({ port: box.port, host: '127.0.0.1', ca: box.root }, () => { resolve(socket.getPeerCertificate().serialNumber); socket.end(); });
        socket.on('error', reject);
      });
    });
    const before = await serial();
    run('xinke-ca', 'server', '--dir', join(box.dir, 'ca'), '--out', join(box.dir, 'fresh'), '--ip', '127.0.0.1');
    renameSync(join(box.dir, 'fresh.key'), join(box.dir, 'data', 'server.key'));
    renameSync(join(box.dir, 'fresh.crt'), join(box.dir, 'data', 'server.crt'));
    await until(async () => await serial() !== before);
  } finally {
    await box.close();
  }
});

/** Posts from N clients until told to stop; the keys that were acknowledged. Failures of the connection are none. */
function load(clients, acknowledged) {
  let going = true;
  const loop = async (client) => {
    while (going) {
      const key = randomUUID();
      try {
        const { status } = await client.call('POST', '/api/v1/cases', { key, body: registration(item, rng), expect: [201, 'stopping', 'busy'] });
        if (status === 201) acknowledged.push(key);
        else await sleep(5);
      } catch (error) {
        if (error.code === 'ERR_ASSERTION') throw error;
        return;
      }
    }
  };
  const done = Promise.all(clients.map(loop));
  return () => { going = false; return done; };
}

async function countAll(clerk) {
  const ids = new Set();
  let cursor;
  do {
    const { body } = await clerk.call('GET', '/api/v1/cases', { query: { limit: 200, cursor } });
    body.items.forEach(({ id }) => ids.add(id));
    cursor = body.next ?? undefined;
  } while (cursor);
  return ids;
}

test('an orderly end under load loses nothing and keeps nobody waiting', async () => {
  const box = await startBox();
  try {
    for (let round = 0; round < 3; round++) {
      const clients = await Promise.all(Array.from({ length: 8 }, () => box.signIn('clerk')));
      const phone = await box.signIn('lead');
      const { body: { next } } = await phone.call('GET', '/api/v1/changes');
      const acknowledged = [];
      const stopLoad = load(clients, acknowledged);
      await sleep(300);
      const head = (await phone.call('GET', '/api/v1/changes')).body.next;
      assert.notEqual(head, next);
      await stopLoad();
      // one that waits is answered at the end
      const { body: { next: last } } = await phone.call('GET', '/api/v1/changes');
      const waiting = phone.call('GET', '/api/v1/changes', { query: { after: last, wait: 25 } });
      const again = load(clients, acknowledged);
      const began = Date.now();
      await sleep(100 + 60 * round);
      box.kill('SIGTERM');
      const end = await box.ended();
      await again();
      assert.deepEqual(end, { code: 0, signal: null });
      assert.ok(Date.now() - began < 6000);
      assert.equal((await waiting).status, 200);
      box.clients.splice(0).forEach((client) => client.close());
      await box.start();
      const there = await countAll(await box.signIn('lead'));
      const lost = acknowledged.filter((key) => !there.has(key));
      assert.ok(acknowledged.length > 20);
      assert.deepEqual(lost, []);
    }
  } finally {
    await box.close();
  }
});

test('a sudden end keeps every case that was acknowledged', async () => {
  const box = await startBox();
  const acknowledged = [];
  try {
    for (let round = 0; round < 6; round++) {
      const clients = await Promise.all(Array.from({ length: 8 }, () => box.signIn('clerk')));
      const stopLoad = load(clients, acknowledged);
      await sleep(50 + rng.int(0, 300));
      box.kill('SIGKILL');
      await box.ended();
      await stopLoad();
      box.clients.splice(0).forEach((client) => client.close());
      await box.start();
    }
    const lead = await box.signIn('lead');
    const there = await countAll(lead);
    assert.deepEqual(acknowledged.filter((key) => !there.has(key)), []);
    assert.ok(acknowledged.length > 20);
    // numbers were given once each
    const numbers = [];
    for (const id of [...there].slice(0, 300)) numbers.push((await lead.call('GET', `/api/v1/cases/${id}`)).body.receipt_number);
    assert.equal(new Set(numbers).size, numbers.length);
  } finally {
    await box.close();
  }
});

test('the days of registers are settings, and a figure out of bounds stops the start', async () => {
  const days = (lines) => makeBox({ conf: { registers: lines } });
  for (const [line, key] of [['call_back_days = 0', 'call_back_days'], ['put_right_days = 61', 'put_right_days'], ['pass_up_days = three', 'pass_up_days'],
    ['call_back_days = 20', 'put_right_days']]) {
    let said = '';
    try { days([line]); } catch (error) { said = error.message; }
    assert.match(said, new RegExp(`registers\\.${key}`), line);
  }
  const box = await startBox({ calendar: 'xinjiang', conf: { registers: ['pass_up_days = 1'] } });
  try {
    const clerk = await box.signIn('clerk');
    const entry = { principal: '王建国', agent: '李代办', matter: '代办社保卡', scope: '递交材料' };
    const { body } = await clerk.call('POST', '/api/v1/registers/agency', { key: randomUUID(), body: { entry }, expect: 201 });
    const days_ = (Date.parse(body.dues[0].due) - Date.now()) / 86400e3;
    assert.equal(body.dues[0].what, 'pass_up');
    assert.ok(days_ < 12 && (await clerk.call('GET', '/api/v1/calendar')).body.version === 1); // one working day, over any holiday
    const three = await startBox({ calendar: 'xinjiang' });
    try {
      const other = await three.signIn('clerk');
      const { body: later } = await other.call('POST', '/api/v1/registers/agency', { key: randomUUID(), body: { entry }, expect: 201 });
      assert.ok(Date.parse(later.dues[0].due) > Date.parse(body.dues[0].due));
    } finally {
      await three.close();
    }
  } finally {
    await box.close();
  }
});
