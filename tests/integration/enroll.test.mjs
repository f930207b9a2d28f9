// `xinke enroll` where the county's answer is lost on the way: the same code again brings the same box, and an enrolled
// box that asks in vain keeps what it has.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { start } from '../lib/run.mjs';

const STATION = '652323105001';
let world;
let home;

before(async () => {
  world = await start({ name: 'enroll', command: 'start-county' });
  home = path.join(world.dir, 'second');
  mkdirSync(home);
  writeFileSync(path.join(home, 'gateway.conf'), '[paths]\ndata = box\n[http]\nport = 1\nnames = localhost\n[setup]\nport = 2\n');
  writeFileSync(path.join(home, 'sync.conf'), '[paths]\ndata = box\nkeys = courier\n');
  const made = spawnSync(path.join(world.json.bin, 'xinke-gateway'), ['-c', path.join(home, 'gateway.conf'), 'init'], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
});
after(() => world?.stop());

const uriOf = () => /xinke-enrol:\S+/.exec(world.countyTool('enrol-code', STATION).stdout)[0];
const through = (uri, url) => uri.replace(/url=[^&]+/, `url=${encodeURIComponent(url)}`);
const enroll = (uri) =>
  spawnSync(path.join(world.json.bin, 'xinke'), ['-c', path.join(home, 'gateway.conf'), 'enroll', '--sync-config', path.join(home, 'sync.conf'), uri],
    { encoding: 'utf8', timeout: 60_000 });
const courier = (name) => path.join(home, 'courier', name);

/* Carries connections to the county; of the one whose client says more than a handshake, nothing comes back once it has said it. */
function lossy(target) {
  const code = `
    const net = require('node:net');
    const { parentPort, workerData } = require('node:worker_threads');
    let cut = 0;
    const server = net.createServer((client) => {
      const county = net.connect(workerData.port, '127.0.0.1');
      let said = 0;
      client.on('data', (data) => { said += data.length; county.write(data); });
      county.on('data', (data) => {
        if (said > 1200) { cut++; client.destroy(); county.destroy(); parentPort.postMessage({ cut }); } else client.write(data);
      });
      for (const one of [client, county]) one.on('error', () => { client.destroy(); county.destroy(); }).on('close', () => { client.destroy(); county.destroy(); });
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage({ port: server.address().port }));`;
  const worker = new Worker(code, { eval: true, workerData: { port: target } });
  const seen = { cut: 0 };
  return new Promise((resolve) => {
    worker.on('message', (message) => {
      if (message.port) resolve({ port: message.port, seen, end: () => worker.terminate() });
      else seen.cut = message.cut;
    });
  });
}

test('an answer that is lost is asked for again with the same code', async () => {
  const uri = uriOf();
  const port = Number(new URL(world.json.county.sync_url).port);
  const road = await lossy(port);
  let lost;
  try {
    lost = enroll(through(uri, `https://127.0.0.1:${road.port}`));
    await world.until('the cut is told', 5, async () => road.seen.cut === 1);
  } finally {
    await road.end();
  }
  assert.notEqual(lost.status, 0);
  assert.ok(existsSync(courier('enrol.json')), 'the request waits');
  assert.ok(!existsSync(courier('client.crt')));
  const again = enroll(uri);
  assert.equal(again.status, 0, again.stderr);
  assert.ok(!existsSync(courier('enrol.json')) && !existsSync(courier('enrol.key')), 'nothing of the code is left');
  const { logs } = JSON.parse(spawnSync(path.join(world.json.bin, 'xinke'), ['-c', path.join(home, 'gateway.conf'), 'log', '--json'], { encoding: 'utf8' }).stdout);
  assert.deepEqual(logs.map(({ box, state, head }) => [box, state, head]), [[1, 'open', 1]]);
});

test('a code that is refused leaves an enrolled box as it was', () => {
  const before = [readFileSync(courier('client.key')), readFileSync(courier('client.crt'))];
  const uri = uriOf();
  const refused = enroll(uri.replace(/code=[^&]+/, 'code=ABCD-EFGH-JKMN-PQRS'));
  assert.notEqual(refused.status, 0);
  assert.deepEqual([readFileSync(courier('client.key')), readFileSync(courier('client.crt'))], before);
  const good = enroll(uri); // another code is another request
  assert.equal(good.status, 0, good.stderr);
  assert.notDeepEqual(readFileSync(courier('client.key')), before[0]);
  const { logs } = JSON.parse(spawnSync(path.join(world.json.bin, 'xinke'), ['-c', path.join(home, 'gateway.conf'), 'log', '--json'], { encoding: 'utf8' }).stdout);
  assert.deepEqual(logs.map(({ box, state }) => [box, state]), [[1, 'left'], [2, 'open']]);
  assert.equal(logs[1].parent, logs[0].log);
});
