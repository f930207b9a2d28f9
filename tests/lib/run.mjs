// A county and a box of one's own, through packaging/run.sh: real processes, real TLS, a folder and ports that nobody
// else uses.
//
//   const world = await start({ name: 'road' });
//   const clerk = await world.box('clerk');
//   await clerk.call('POST', '/api/v1/cases', ...);
//   world.script('stop-county');
//   await world.stop();

import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { contract } from './contract.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

export const gatewayApi = contract(path.join(root, 'schema/openapi/gateway.yaml'));
export const countyApi = contract(path.join(root, 'schema/openapi/county.yaml'));

const bound = (port) =>
  new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** A base of five free ports. */
export async function freeBase() {
  for (let tries = 0; tries < 200; tries++) {
    const base = 10000 + Math.floor(Math.random() * 4000) * 5;
    const free = await Promise.all([0, 1, 2, 3, 4].map((n) => bound(base + n)));
    if (free.every(Boolean)) return base;
  }
  throw new Error('no five free ports in a row');
}

/** Has the process ended with all its threads? It may still lie about as a zombie: setsid gave it to init, which takes its
 * time. */
function dead(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).length <= 1 && /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

class World {
  constructor(dir, base, bin, keep) {
    this.dir = dir;
    this.keep = keep;
    this.env = { ...process.env, XINKE_RUN_DIR: dir, XINKE_PORT_BASE: String(base), XINKE_BIN: bin };
  }

  /** Runs a command of run.sh; what it prints is kept back unless it fails. */
  script(command) {
    execFileSync(path.join(root, 'packaging/run.sh'), [command], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.json = JSON.parse(readFileSync(path.join(this.dir, 'run.json'), 'utf8'));
    return this.json;
  }

  /** The same while this process goes on: phones post, a proxy carries. */
  async run(command) {
    await promisify(execFile)(path.join(root, 'packaging/run.sh'), [command], { env: this.env });
    this.json = JSON.parse(readFileSync(path.join(this.dir, 'run.json'), 'utf8'));
    return this.json;
  }

  /** From its next start on, the daemon NAME runs behind the words PREFIX (`fiu-run ...`, `env A=b`); none: bare again. */
  wrap(name, ...prefix) {
    const dir = path.join(this.dir, 'bin');
    if (this.env.XINKE_BIN !== dir) {
      this.bare = this.env.XINKE_BIN;
      mkdirSync(dir);
      for (const program of readdirSync(this.bare).filter((file) => /^xinke(-\w+)?$/.test(file)))
        symlinkSync(path.join(this.bare, program), path.join(dir, program));
      this.env.XINKE_BIN = dir;
    }
    const [file, program] = [dir, this.bare].map((folder) => path.join(folder, name));
    rmSync(file);
    if (!prefix.length) return symlinkSync(program, file);
    const quoted = [...prefix, program].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    writeFileSync(file, `#!/bin/sh\nexec ${quoted.join(' ')} "$@"\n`);
    return chmodSync(file, 0o755);
  }

  /** Ends a daemon as a power cut would: the pid that run.sh noted last, if it is still one of ours. */
  async kill(name) {
    const pid = this.json.pids[name];
    try {
      if (!pid || !readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(this.dir)) return;
    } catch {
      return;
    }
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    while (!dead(pid)) await sleep(5);
  }

  /** One of the programs; returns { status, stdout }. */
  program(name, args) {
    try {
      return { status: 0, stdout: execFileSync(path.join(this.json.bin, name), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }) };
    } catch (error) {
      if (error.status === null) throw error;
      return { status: error.status, stdout: error.stdout, stderr: error.stderr };
    }
  }

  xinke(...args) {
    return this.program('xinke', ['-c', this.json.gateway.config, ...args]);
  }

  countyTool(...args) {
    return this.program('xinke-county', ['-c', this.json.county.config, ...args]);
  }

  async client(api, base, ca, accounts, role) {
    const account = accounts.find((a) => a.role === role || a.name === role);
    const anonymous = api.client({ base, ca: readFileSync(ca) });
    const { body } = await anonymous.call('POST', '/api/v1/sessions', { body: { name: account.name, password: account.password } });
    return api.client({ base, ca: readFileSync(ca), token: body.token });
  }

  /** A signed-in client of the box, or of the county, by role or name of the account. */
  box(role) {
    const { url, ca, accounts } = this.json.gateway;
    return this.client(gatewayApi, url, ca, accounts, role);
  }

  county(role) {
    const { api_url: url, ca, accounts } = this.json.county;
    return this.client(countyApi, url, ca, accounts, role);
  }

  /** All cases that a list call gives, page by page. */
  async all(client, query = {}) {
    const items = [];
    let cursor;
    do {
      const { body } = await client.call('GET', '/api/v1/cases', { query: { ...query, limit: 200, ...(cursor ? { cursor } : {}) } });
      items.push(...body.items);
      cursor = body.next;
    } while (cursor);
    return items;
  }

  /** Polls until CHECK gives something true; fails after SECONDS with WHAT. */
  async until(what, seconds, check) {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const value = await check();
      if (value) return value;
      if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
      await sleep(100);
    }
  }

  async stop() {
    this.script('stop');
    if (!this.keep) rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The programs without sanitizers, for what comes by LD_PRELOAD: AddressSanitizer wants to be the first there. */
export const plain = process.env.XINKE_PLAIN ?? path.join(root, 'build');

/** Starts both (or what COMMAND says) in a new folder. */
export async function start({ name = 'test', command = 'start', dir, base, bin, keep = false } = {}) {
  const folder = dir ?? mkdtempSync(path.join(tmpdir(), `xinke-${name}-`));
  const programs = bin ?? process.env.XINKE_BIN ?? path.join(root, 'build/san');
  const world = new World(folder, base ?? (await freeBase()), path.resolve(programs), keep);
  try {
    world.script(command);
  } catch (error) {
    process.stderr.write(`${error.stderr ?? error}\n`);
    world.script('stop'); // what had started; the folder stays, with the logs
    throw error;
  }
  return world;
}
