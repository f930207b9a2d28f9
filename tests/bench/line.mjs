// A line between two network namespaces for the benches: tests/bench/relay.c carries the frames, the devices' own queues hold them to
// a rate. Root only; devices, namespaces and queues go with the processes that hold them.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

export const COUNTY = '10.77.0.1';
export const BOX = '10.77.0.2';

export const run = (...words) => execFileSync(words[0], words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 2 ** 30 });

/** Goes on in a network namespace of one's own, which is the county's. */
export function ownNamespace(name) {
  if (process.getuid() !== 0) {
    console.error(`${name} makes network devices: run it as root`);
    process.exit(1);
  }
  if (process.env.XINKE_INSIDE === 'yes') return;
  const { status } = spawnSync('unshare', ['--net', process.execPath, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, XINKE_INSIDE: 'yes' } });
  process.exit(status ?? 1);
}

/** The relay and its two devices. */
export class Line {
  /** BIN: the build folder; RATE: bit/s of both directions, for `rate`. */
  constructor(bin, rate) {
    this.bits = rate;
    this.child = spawn(path.join(bin, 'bench/relay'), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  async open() {
    if ((await this.lines.next()).value !== 'ready') throw new Error('the relay does not start');
    this.inBox = ['nsenter', `--net=/proc/${this.child.pid}/ns/net`];
    for (const [before, own, peer] of [[[], COUNTY, BOX], [this.inBox, BOX, COUNTY]]) {
      run(...before, 'ip', 'link', 'set', 'lo', 'up');
      run(...before, 'ip', 'addr', 'add', own, 'peer', peer, 'dev', 'line0');
      this.up(before, own, peer);
    }
  }

  /** Congestion control is what Debian's kernels begin with, whatever this one does. */
  up(before, own, peer) {
    run(...before, 'ip', 'link', 'set', 'line0', 'up');
    run(...before, 'ip', 'route', 'replace', peer, 'dev', 'line0', 'src', own, 'congctl', 'cubic');
  }

  /** The rate of both directions, in the devices' own queues. */
  rate() {
    for (const before of [[], this.inBox])
      run(...before, 'tc', 'qdisc', 'add', 'dev', 'line0', 'root', 'tbf', 'rate', `${this.bits}bit`, 'burst', '1600', 'latency', '500ms');
  }

  /** The box's device: its courier is told by the kernel, as of a modem that has found its network. */
  plug(up) {
    if (up) this.up(this.inBox, BOX, COUNTY);
    else run(...this.inBox, 'ip', 'link', 'set', 'line0', 'down');
  }

  async say(command) {
    this.child.stdin.write(`${command}\n`);
    return JSON.parse((await this.lines.next()).value);
  }

  /** From now on the line is ON seconds there and OFF seconds away, by turns; returns what ends that. */
  flap(on, off) {
    let there = true;
    let timer;
    const turn = () => {
      there = !there;
      this.say(there ? 'on' : 'off');
      timer = setTimeout(turn, (there ? on : off) * 1000);
    };
    timer = setTimeout(turn, on * 1000);
    return async () => {
      clearTimeout(timer);
      await this.say('on');
    };
  }

  async close() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    if (this.child.exitCode === null) await ended;
  }
}
