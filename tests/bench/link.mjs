// A backlog of 受理 records over a poor line (design section 9): bytes on the wire, drain time, calls and CPU at 256 kbit/s
// without delay, with 300 ms of round trip, and with a line that is on 20 s and off 20 s; then the same records as gzip -9
// batches of JSON. Figures go to build/bench/link.json, a table to the terminal. Never part of the tests.
//
// Root only: the bench runs in a network namespace of its own, which is the county's; the courier runs in that of
// tests/bench/relay.c, which carries the frames. Devices, namespaces and queues go with the processes that hold them.
//
//   XINKE_CASES (10000) records; XINKE_LEGS (flat,delay,flap,gzip) what to measure

import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { BENCH_STATION } from '../lib/records.mjs';
import { start } from '../lib/run.mjs';
import { COUNTY, Line, ownNamespace, run } from './line.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = path.join(here, '../..');
const bin = process.env.XINKE_BIN ?? path.join(root, 'build');
const out = path.join(root, 'build/bench');
const dir = path.join(out, 'link');
const cases = Number(process.env.XINKE_CASES ?? 10000);
const legs = (process.env.XINKE_LEGS ?? 'flat,delay,flap,gzip').split(',');
const BASE = 8700;
const RATE = 256000; // bit/s, both ways
const PERIOD = 20; // s on, then as long off
const LEG_MAX = 120; // s: a leg that has not ended by then has failed
const GZIP_BATCH = 500;

const round = (x, digits = 1) => Number(x.toFixed(digits));

ownNamespace('bench-link');

const cpuOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100; // utime, stime in ticks of 10 ms
};

const FOLDERS = ['county', 'box', 'courier'];
const noSocket = (file) => !file.endsWith('.sock');
const copy = (from, to) => {
  for (const folder of FOLDERS) {
    rmSync(path.join(to, folder), { recursive: true, force: true });
    cpSync(path.join(from, folder), path.join(to, folder), { recursive: true, filter: noSocket, preserveTimestamps: true });
  }
};

/** Enrols a box, takes the records in while nothing runs, and keeps the folders. */
async function prepare(world, line) {
  world.script('stop');
  const records = run(process.execPath, path.join(here, '../lib/records.mjs'), '--words', 'bench', '--cases', String(cases), '--asked', String(Date.now() - 60000));
  execFileSync(path.join(bin, 'bench/fill'), [path.join(dir, 'box'), path.join(root, 'schema/catalog/hutubi-2022.json')], { input: records, stdio: ['pipe', 'inherit', 'inherit'] });
  mkdirSync(path.join(dir, 'kept'));
  copy(dir, path.join(dir, 'kept'));
  world.wrap('xinke-sync', ...line.inBox);
  line.rate();
}

const backlog = () => {
  const text = run('sqlite3', '-readonly', path.join(dir, 'box/xinke.db'), 'SELECT received_seq, head_seq FROM logs WHERE kept IS NULL');
  const [received, head] = text.trim().split('|').map(Number);
  return { received, head };
};
const status = () => JSON.parse(run('sqlite3', '-readonly', path.join(dir, 'box/xinke.db'), "SELECT value FROM meta WHERE key = 'sync_status'"));

/** One drain: from the moment that the box's line comes up until the box has the county's signed word for all. */
async function drain(world, line, name, delay, flaps) {
  world.script('stop');
  copy(path.join(dir, 'kept'), dir);
  await line.say(`delay ${delay}`);
  world.script('start-county');
  line.plug(false);
  world.script('start-gateway');
  await sleep(3000); // the first calls have failed, nothing starts any more
  const before = [world.json.pids.sync, world.json.pids.county].map(cpuOf);
  const calls = status().calls;
  await line.say('count');
  const began = process.hrtime.bigint();
  line.plug(true);
  const still = flaps ? line.flap(PERIOD, PERIOD) : async () => {};
  const seconds = () => Number(process.hrtime.bigint() - began) / 1e9;
  let at;
  do {
    await sleep(100);
    at = backlog();
  } while (at.received < at.head && seconds() < LEG_MAX);
  const took = seconds();
  await still();
  const wire = await line.say('count');
  const after = [world.json.pids.sync, world.json.pids.county].map(cpuOf);
  const last = status();
  world.script('stop');
  if (at.received < at.head) throw new Error(`${name}: ${at.received} of ${at.head} events within ${LEG_MAX} s; ${last.last_error}`);
  return { name, seconds: round(took), events: at.head, calls: last.calls - calls, failures: last.failures,
    payload: { up: wire.there.payload, down: wire.here.payload }, ip: { up: wire.there.bytes, down: wire.here.bytes }, lost: wire.there.lost + wire.here.lost,
    busy: round((wire.there.bytes * 8) / RATE / took, 2), cpu: { courier: round(after[0] - before[0], 2), county: round(after[1] - before[1], 2) } };
}

/** The same records as JSON rows in gzip, a POST each over one connection to a server that only says yes. */
async function plain(line) {
  const lines = run(process.execPath, path.join(here, '../lib/records.mjs'), '--words', 'bench', '--cases', String(cases), '--batch', String(GZIP_BATCH));
  const texts = execFileSync(path.join(bin, 'bench/wire'), ['rows', 'text'], { input: lines, encoding: 'utf8', maxBuffer: 2 ** 30 }).trim().split('\n');
  const [key, cert] = ['sink.key', 'sink.crt'].map((file) => path.join(dir, file));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=sink', '-addext', `subjectAltName=IP:${COUNTY}`], { stdio: 'ignore' });
  const sink = https.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => request.resume().on('end', () => response.end('{}')));
  await new Promise((resolve) => sink.listen(BASE, COUNTY, resolve));
  const config = texts.map((text, i) => {
    const file = path.join(dir, `${i}.gz`);
    writeFileSync(file, gzipSync(text, { level: 9 }));
    return `url = "https://${COUNTY}:${BASE}/"\ndata-binary = "@${file}"\nheader = "Content-Encoding: gzip"\nheader = "Expect:"\ncacert = "${cert}"\noutput = "/dev/null"\nfail\n`;
  });
  await line.say('delay 0');
  await line.say('count');
  const began = process.hrtime.bigint();
  const [program, ...words] = [...line.inBox, 'curl', '-sS', '-K', '-'];
  const client = spawn(program, words, { stdio: ['pipe', 'ignore', 'inherit'] });
  client.stdin.end(config.join('next\n'));
  const code = await new Promise((resolve) => client.once('exit', resolve));
  const took = Number(process.hrtime.bigint() - began) / 1e9;
  sink.close();
  sink.closeAllConnections();
  if (code) throw new Error(`curl ended with ${code}`);
  const wire = await line.say('count');
  return { name: 'gzip -9', seconds: round(took), events: cases * 2, calls: texts.length, failures: 0, payload: { up: wire.there.payload, down: wire.here.payload },
    ip: { up: wire.there.bytes, down: wire.here.bytes }, lost: wire.there.lost + wire.here.lost, busy: round((wire.there.bytes * 8) / RATE / took, 2), cpu: { courier: 0, county: 0 } };
}

function show(rows) {
  const table = [['', 's', 'calls', 'failed', 'TCP payload B/record, up', 'down', 'IP B/record, up', 'down', 'line busy', 'CPU s, courier', 'county']];
  for (const r of rows)
    table.push([r.name, r.seconds, r.calls, r.failures, ...[r.payload, r.ip].flatMap(({ up, down }) => [(up / cases).toFixed(1), (down / cases).toFixed(1)]), r.busy, r.cpu.courier, r.cpu.county].map(String));
  const widths = table[0].map((_, i) => Math.max(...table.map((line) => line[i].length)));
  for (const line of table) console.log(line.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  '));
}

function judge(rows) {
  const of = (name) => rows.find((r) => r.name === name);
  const [flat, delay, flaps] = ['256 kbit/s', '300 ms', 'flapping'].map(of);
  const checks = [
    flat && ['bytes a record on the wire, TLS included, both ways', '<= 95', (flat.payload.up + flat.payload.down) / cases, 95],
    flat && ['drain at 256 kbit/s, s', '<= 35', flat.seconds, 35],
    delay && ['drain with 300 ms of round trip, s', '<= 45', delay.seconds, 45],
    flat && flaps && ['flapping / unbroken', '<= 2.5', flaps.seconds / flat.seconds, 2.5],
  ];
  return checks.filter(Boolean).map(([what, budget, value, most]) => {
    console.log(`${value <= most ? '  ok  ' : ' MISS '} ${what}: ${round(value, 2)}   (budget ${budget})`);
    return { what, budget, value: round(value, 2), met: value <= most };
  });
}

const LEGS = {
  flat: (world, line) => drain(world, line, '256 kbit/s', 0, false),
  delay: (world, line) => drain(world, line, '300 ms', 150, false),
  flap: (world, line) => drain(world, line, 'flapping', 0, true),
  gzip: (world, line) => plain(line),
};

rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
process.env.XINKE_COUNTY_HOST = COUNTY;
process.env.XINKE_STATION = BENCH_STATION;
const line = new Line(bin, RATE);
let world;
const rows = [];
try {
  await line.open();
  world = await start({ name: 'link', dir, bin, base: BASE, keep: true });
  await prepare(world, line);
  for (const leg of legs) {
    rows.push(await LEGS[leg](world, line));
    console.log(`${rows.at(-1).name}: ${rows.at(-1).seconds} s`);
  }
  console.log(`\n${os.cpus().length} x ${os.cpus()[0]?.model}; ${cases} records, ${rows[0].events} events\n`);
  show(rows);
  console.log();
  const checks = judge(rows);
  writeFileSync(path.join(out, 'link.json'), `${JSON.stringify({ cases, rows, checks }, null, 1)}\n`);
} finally {
  await world?.stop();
  await line.close();
}
