// A village box without a county, for the gateway's tests: a temporary folder with an enrolled ledger and a catalog, a
// certificate of a CA of its own, and a gateway on a free port that is stopped by its process id.
//
//   const box = await startBox();
//   const clerk = await box.signIn('clerk');
//   await clerk.call('POST', '/api/v1/cases', { key, body, expect: 201 });
//   await box.close();

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, copyFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { contract } from '../lib/contract.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
export const BIN = process.env.XINKE_BIN ?? here('../../build/san');
export const catalog = JSON.parse(readFileSync(here('../../schema/catalog/hutubi-2022.json'), 'utf8'));
export const api = contract(here('../../schema/openapi/gateway.yaml'));

export const STATIONS = {
  village: { station: '652323105001', township: '652323105000' },
  community: { station: '652323100001', township: '652323100000' },
  township: { station: '652323105000', township: '' },
};
export const password = (name) => `pw-${name}`;
const STAFF = ['clerk:clerk', 'lead:lead', 'tech:technician'];

/** Items that TIER offers as OFFER ("handle", "accept", null). */
export const items = (tier, offer) => catalog.items.filter(({ levels }) => levels[tier] === offer);

/** Runs a program to its end; its standard output. */
export function run(program, ...args) {
  const { status, stdout, stderr, error } = spawnSync(join(BIN, program), args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} -> ${status}\n${stderr}`);
  return stdout;
}

/** Makes the folder of a box; nothing runs yet. `conf` holds further lines by section, `items` another catalog's items. */
export function makeBox({ tier = 'village', enrolled = true, cases = 0, backDays = 0, calendar = null, items: wanted = null, conf = {} } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'xinke-gw-'));
  const config = join(dir, 'gateway.conf');
  const sections = { paths: ['data = data'], http: ['bind = 127.0.0.1', 'port = 0', 'names = xinke.internal,127.0.0.1'] };
  for (const [name, lines] of Object.entries(conf)) sections[name] = [...(sections[name] ?? []), ...lines];
  writeFileSync(config, Object.entries(sections).map(([name, lines]) => `[${name}]\n${lines.join('\n')}\n`).join('\n'));
  run('xinke-gateway', '-c', config, 'init');
  const ca = join(dir, 'ca');
  run('xinke-ca', 'init', '--dir', ca, '--county-name', '呼图壁县', '--host', 'county.test');
  run('xinke-ca', 'server', '--dir', ca, '--out', join(dir, 'server'), '--dns', 'xinke.internal', '--ip', '127.0.0.1');
  for (const name of ['server.crt', 'server.key']) copyFileSync(join(dir, name), join(dir, 'data', name));
  copyFileSync(join(ca, 'root.crt'), join(dir, 'data', 'root.crt'));
  const { station, township } = STATIONS[tier];
  const catalogFile = wanted ? join(dir, 'catalog.json') : here('../../schema/catalog/hutubi-2022.json');
  if (wanted) writeFileSync(catalogFile, JSON.stringify({ ...catalog, items: wanted }));
  const enrol = enrolled ? ['--station', station, '--tier', tier, '--township', township, '--name', '试验便民服务站',
    '--catalog', catalogFile, ...(calendar ? ['--calendar', here(`../../schema/calendars/${calendar}.json`)] : [])] : [];
  run('fixture-box', '--data', join(dir, 'data'), ...enrol, ...(cases ? ['--cases', String(cases), '--back-days', String(backDays)] : []),
    ...STAFF.map((one) => `${one}:${password(one.split(':')[0])}`));
  return { dir, config, station, township, tier, root: readFileSync(join(ca, 'root.crt'), 'utf8') };
}

/** A box whose gateway runs; `bin` is the folder of another build's. */
export async function startBox(options = {}) {
  const box = makeBox(options);
  let child;
  let log = '';
  box.clients = [];

  box.start = () => new Promise((resolve, reject) => {
    child = spawn(join(options.bin ?? BIN, 'xinke-gateway'), ['-c', box.config, 'run'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let seen = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text) => {
      log += text;
      if (child.ready) return;
      seen += text;
      const port = / ready .*port=(\d+)/.exec(seen)?.[1];
      if (!port) return;
      child.ready = true;
      box.port = Number(port);
      box.base = `https://127.0.0.1:${port}`;
      resolve(box);
    });
    child.ended = new Promise((end) => child.on('exit', (code, signal) => {
      end({ code, signal });
      if (!child.ready) reject(new Error(`the gateway ended with ${code ?? signal}\n${log}`));
    }));
    child.on('error', reject);
  });
  /** Sends SIGNAL and waits for the end. */
  box.stop = async (signal = 'SIGTERM') => {
    box.clients.splice(0).forEach((client) => client.close());
    child.kill(signal);
    return child.ended;
  };
  box.kill = (signal) => child.kill(signal);
  box.ended = () => child.ended;
  box.pid = () => child.pid;
  box.log = () => log;
  box.close = async () => {
    if (child && child.exitCode === null && child.signalCode === null) {
      const end = await box.stop();
      if (end.code !== 0) throw new Error(`the gateway ended with ${end.code ?? end.signal}\n${log}`);
    }
    if (/(ERROR|WARNING): (Address|Thread)Sanitizer|runtime error:|LeakSanitizer/.test(log)) throw new Error(log);
    rmSync(box.dir, { recursive: true, force: true });
  };
  box.client = (more = {}) => {
    const client = api.client({ base: box.base, ca: box.root, ...more });
    box.clients.push(client);
    return client;
  };
  box.signIn = async (name) => {
    const client = box.client();
    const { body } = await client.call('POST', '/api/v1/sessions', { body: { name, password: password(name) }, expect: 201 });
    client.token = body.token;
    return client;
  };
  return box.start();
}

export const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Waits until FN gives something true. */
export async function until(fn, ms = 5000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await fn();
    if (value) return value;
    if (Date.now() > end) throw new Error('it did not come true in time');
    await sleep(20);
  }
}
