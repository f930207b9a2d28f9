// A further station with a box of its own beside a world of run.mjs: gateway and courier as real processes, enrolled with
// a code of the world's county. For worlds of more than one tier.
//
//   const township = await startStation(world, '652323101000');
//   const clerk = await township.signIn('clerk');
//   await township.cut();  // the courier ends: the station is offline
//   await township.join();
//   await township.stop();

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { gatewayApi } from './run.mjs';

class Station {
  constructor(world, code) {
    Object.assign(this, { world, code, dir: path.join(world.dir, `station-${code}`), passwords: {}, clients: [], log: '' });
    this.config = path.join(this.dir, 'gateway.conf');
    this.syncConfig = path.join(this.dir, 'sync.conf');
  }

  tool(program, ...args) {
    const { status, stdout, stderr } = spawnSync(path.join(this.world.json.bin, program), args, { encoding: 'utf8' });
    assert.equal(status, 0, `${program} ${args.join(' ')}\n${stdout}${stderr}`);
    return stdout;
  }

  make() {
    mkdirSync(this.dir);
    writeFileSync(this.config, '[paths]\ndata = box\n[http]\nbind = 127.0.0.1\nport = 0\nnames = localhost,127.0.0.1\n[setup]\nport = 0\n');
    writeFileSync(this.syncConfig, '[paths]\ndata = box\nkeys = courier\n[sync]\npoll_s = 1\nbackoff_max_s = 2\n');
    this.tool('xinke-gateway', '-c', this.config, 'init');
    const code = this.world.countyTool('enrol-code', this.code);
    assert.equal(code.status, 0, code.stderr);
    this.tool('xinke', '-c', this.config, 'enroll', '--sync-config', this.syncConfig, /xinke-enrol:\S+/.exec(code.stdout)[0]);
    for (const role of ['clerk', 'lead']) {
      const said = this.tool('xinke', '-c', this.config, 'staff', 'add', role, '--role', role, '--keep');
      this.passwords[role] = said.trim().split(/\s+/).at(-1);
    }
  }

  /** Starts PROGRAM; resolves when its log says READY. */
  launch(program, config, ready) {
    const child = spawn(path.join(this.world.json.bin, program), ['-c', config, 'run'], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.ended = new Promise((resolve) => { child.on('exit', (code, signal) => resolve({ code, signal })); });
    child.stderr.setEncoding('utf8');
    return new Promise((resolve, reject) => {
      let seen = '';
      child.stderr.on('data', (text) => {
        this.log += text;
        seen += text;
        const found = ready.exec(seen);
        if (found) resolve({ child, found });
      });
      child.ended.then(({ code, signal }) => reject(new Error(`${program} ended with ${code ?? signal}\n${this.log}`)));
    });
  }

  async start() {
    const { child, found } = await this.launch('xinke-gateway', this.config, / ready .*port=(\d+)/);
    this.gateway = child;
    this.base = `https://127.0.0.1:${found[1]}`;
    await this.join();
  }

  /** The courier goes out, and on with it until `cut`. */
  async join() {
    this.courier = (await this.launch('xinke-sync', this.syncConfig, / started/)).child;
  }

  async end(child) {
    if (!child) return;
    child.kill('SIGTERM');
    const end = await child.ended;
    assert.equal(end.code, 0, this.log); // what a sanitizer found shows here
  }

  async cut() {
    await this.end(this.courier);
    this.courier = null;
  }

  async signIn(role) {
    const anonymous = gatewayApi.client({ base: this.base, ca: readFileSync(path.join(this.dir, 'box/root.crt')) });
    const { body } = await anonymous.call('POST', '/api/v1/sessions', { body: { name: role, password: this.passwords[role] }, expect: 201 });
    anonymous.token = body.token;
    this.clients.push(anonymous);
    return anonymous;
  }

  async stop() {
    this.clients.splice(0).forEach((client) => client.close());
    await this.cut();
    await this.end(this.gateway);
    assert.doesNotMatch(this.log, /Sanitizer|runtime error:/);
  }
}

/** A station of WORLD's county, enrolled and running, with a clerk and a lead. */
export async function startStation(world, code) {
  const station = new Station(world, code);
  station.make();
  await station.start();
  return station;
}
