// Boxes' events and the exchanges that carry them, made up from a set of words and a seed: what the wire is measured with
// and the exchange dictionary is trained on. The same arguments give the same bytes.
//
//   node tests/lib/records.mjs --words bench --seed 1 --cases 10000 --batch 500     exchanges, one JSON object a line
//   node tests/lib/records.mjs --asked END                                          the registrations alone: tests/bench/fill.c
//   node tests/lib/records.mjs --entropy                                            bits of each part of a case
//
// A line is {"request": {...}} or {"answer": {...}} with the members of sync/engine/wire.h; tests/lib/exchanges.h reads
// it. Every case is a registration that the station takes in (受理): a `receive` and its `forward`, as the ledger appends
// them. With --life there is everything else that a station and the county do, too.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { note, personName, random, receiptNumber, registration, words } from './people.mjs';

const schema = (name) => JSON.parse(readFileSync(new URL(`../../schema/${name}`, import.meta.url), 'utf8'));
export const catalog = schema('catalog/hutubi-2022.json');
export const { stations } = schema('stations/hutubi.json');

const HOUR = 3600000;
const DAY = 24 * HOUR;
const CHINA = 8 * HOUR;
const START = Date.UTC(2026, 10, 24, 2, 30); // 10:30 in China
const PAUSE = 240000; // mean ms between two acts at a window
const CROCKFORD = [...'0123456789abcdefghjkmnpqrstvwxyz'];
const ZERO = '0'.repeat(64);

const hash = (rng) => Array.from({ length: 64 }, () => (rng.next() & 15).toString(16)).join('');

/** UUIDv5 (RFC 9562) of the decimal N in the name space ID: uuid_derive of shared/uuid.h. */
export function derived(id, n) {
  const raw = createHash('sha1').update(Buffer.from(id.replaceAll('-', ''), 'hex')).update(String(n)).digest().subarray(0, 16);
  raw[6] = (raw[6] & 0x0f) | 0x50;
  raw[8] = (raw[8] & 0x3f) | 0x80;
  return raw.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** A station's box. What it does is appended to `events`. */
export class Box {
  constructor(rng, station, from) {
    Object.assign(this, { rng, station, from, events: [], open: [], seq: 0, now: START, serial: 0, day: '', boots: 0 });
    rng.as('the box itself', () => {
      this.log = rng.uuid();
      this.clerks = [personName(rng, from), personName(rng, from), personName(rng, from)];
      this.restart();
    });
    [this.clerk] = this.clerks;
    this.items = catalog.items.filter(({ levels }) => levels[station.kind]);
    this.takenIn = this.items.filter(({ levels }) => levels[station.kind] === 'accept');
  }

  /** Power comes back: another boot id, the monotonic clock from its start. */
  restart() {
    this.boot = this.rng.uuid();
    this.booted = this.now - 20000 - this.rng.next() / 2 ** 26;
    this.boots++;
  }

  /** To the next act: some minutes on, over the night where the day is done, now and then after a power cut. */
  wait() {
    const { rng } = this;
    this.now -= Math.log((rng.next() + 1) / 2 ** 32) * PAUSE;
    rng.as('times', () => rng.spend(Math.log2(Math.E * PAUSE))); // of an exponential distribution, to the ms
    if ((this.now + CHINA) % DAY > 19 * HOUR) this.now = Math.floor((this.now + CHINA) / DAY) * DAY + DAY + 2 * HOUR + rng.next() / 2 ** 11;
    rng.as('power cuts', () => rng.chance(1) && this.restart());
    this.clerk = rng.as('clerks', () => rng.pick(this.clerks));
  }

  append(id, caseId, type, body) {
    this.events.push({ seq: ++this.seq, id, ...(caseId && { case_id: caseId }), type, at: Math.floor(this.now), clock: this.boots % 9 ? 'synced' : 'rtc',
      boot: this.boot, mono: Math.floor(this.now - this.booted), actor: this.clerk, body });
  }

  openLog() {
    this.append(this.rng.uuid(), null, 'log_opened', { parent: null, parent_seq: 0, parent_hash: ZERO, box: 1 });
  }

  receipt() {
    const day = new Date(this.now + CHINA).toISOString().slice(0, 10).replaceAll('-', '');
    this.serial = day === this.day ? this.serial + 1 : 1;
    this.day = day;
    return receiptNumber(this.station.code, day, 1, this.serial);
  }

  /** What shared/ledger/append.c makes of POST /cases. */
  register(item) {
    const { rng, station } = this;
    const id = rng.as('ids', () => rng.uuid());
    const token = rng.as('tokens', () => Array.from({ length: 16 }, () => rng.pick(CROCKFORD)).join(''));
    const at = Math.floor(this.now);
    this.append(id, id, 'receive', { ...rng.as('the rest', () => registration(item, rng, this.from, station)), catalog: catalog.catalog,
      catalog_version: catalog.version, receipt_number: this.receipt(), received_at: at, record: item.record, token });
    const takenIn = item.levels[station.kind] === 'accept';
    if (takenIn) this.append(derived(id, 1), id, 'forward', { to: station.township });
    this.open.push({ id, item, takenIn });
  }

  takeIn() {
    this.wait();
    this.register(this.rng.as('items', () => this.rng.pick(this.takenIn)));
  }

  /** Anything that a station does. */
  act() {
    const { rng, from } = this;
    this.wait();
    if (!this.open.length || rng.chance(60)) {
      this.register(rng.pick(this.items));
      return;
    }
    const one = rng.pick(this.open);
    const type = rng.pick(one.takenIn ? ['note', 'note', 'withdraw', 'amend'] : ['note', 'accept', 'accept', 'amend']);
    const bodies = {
      note: () => ({ text: note(rng, from) }),
      accept: () => (rng.chance(50) ? {} : { note: note(rng, from) }),
      withdraw: () => ({ reason: note(rng, from) }),
      amend: () => ({ field: '/applicant/phone', old: `1${rng.digits(10)}`, new: `1${rng.digits(10)}`, reason: '号码有误' }),
    };
    this.append(rng.uuid(), one.id, type, bodies[type]());
    if (type === 'withdraw' || type === 'accept') this.open.splice(this.open.indexOf(one), 1);
  }
}

/** Everything settles: a mark covers at most 200 events. */
export function settled(box, events) {
  const last = events.at(-1).seq;
  const marks = [];
  for (let from = events[0].seq; from <= last; from += 200) marks.push({ kind: 'settled', log: box.log, from, to: Math.min(from + 199, last) });
  return marks;
}

/** Marks, a refusal now and then, and what township and departments do to the cases. */
export function lively(box, events) {
  const { rng, from, station } = box;
  const entries = settled(box, events);
  if (rng.chance(30)) entries.push({ kind: 'refused', log: box.log, seq: rng.pick(events).seq, code: rng.pick(['transition', 'not_holder', 'after_refused']), pointer: '', message: '' });
  const bodies = {
    accept: () => ({}),
    start_review: () => ({}),
    decide: () => ({ result: 'granted', note: note(rng, from) }),
    complete: () => ({ note: note(rng, from) }),
    note: () => ({ text: note(rng, from) }),
    return: () => ({ reason: note(rng, from) }),
    supplement_notice: () => ({ basis: '行政许可法第三十二条', materials: [{ name: '居民户口簿', standard: '原件及复印件，字迹清楚', where: '户籍所在地派出所' }], bring_by: '2026-12-01T18:00:00+08:00' }),
  };
  for (const event of events) {
    if (event.type !== 'forward' || !rng.chance(60)) continue;
    const type = rng.pick(['accept', 'accept', ...Object.keys(bodies)]);
    entries.push({ kind: 'event', case_id: event.case_id, id: rng.uuid(), type, at: event.at + rng.int(100000, 9000000), actor: personName(rng, from),
      origin: rng.chance(60) ? station.township : 'county', body: bodies[type]() });
  }
  return entries;
}

/** The exchanges that carry BOX's events, SIZE a batch; ANSWERING gives the feed entries of each answer. */
export function* exchanges(box, size, answering = settled) {
  const { rng, station, log } = box;
  let have = { seq: 0, hash: ZERO };
  let feed = { seq: 0, hash: ZERO };
  for (let i = 0; i < box.events.length; i += size) {
    const events = box.events.slice(i, i + size);
    const head = { seq: events.at(-1).seq, hash: hash(rng) };
    const now = Math.floor(box.now) + i;
    yield { request: { station: station.code, log, software: 'xinke/0.1.0', now, quality: 'synced', have, events, head, feed,
      health: { cases: box.open.length, free_bytes: 2.4e10 + rng.next(), head: box.seq, refused: 0, total_bytes: 31268536320 } } };
    const entries = answering(box, events).map((entry, k) => ({ ...entry, hash: hash(rng), n: feed.seq + k + 1 }));
    feed = { seq: entries.at(-1).n, hash: entries.at(-1).hash };
    yield { answer: { received: head, feed: entries, feed_head: feed, more: false, now: now + 130, retry_after: 0 } };
    have = head;
  }
}

/** What the window asked BOX for, to be asked of a real ledger: a registration each, the last one made at END (ms). */
export function* asked(box, end) {
  const late = end - box.events.at(-1).at;
  for (const { type, at, mono, clock, actor, body } of box.events) {
    if (type !== 'receive') continue;
    const { catalog: _c, catalog_version: _v, receipt_number: _n, received_at: _r, record: _k, token: _t, ...request } = body;
    yield { at: at + late, mono, clock, actor, request };
  }
}

/** A village whose name no dictionary has seen in an address: none of its township's stations is trained on. */
export const BENCH_STATION = '652323105211';

function main() {
  const text = (value) => ({ type: 'string', default: value });
  const { values } = parseArgs({ options: { words: text('bench'), seed: text('1'), station: text(BENCH_STATION), cases: text('10000'), batch: text('500'),
    life: { type: 'boolean' }, entropy: { type: 'boolean' }, asked: { type: 'string' } } });
  const station = stations.find(({ code }) => code === values.station);
  if (!station) throw new Error(`no station ${values.station}`);
  const rng = random(Number(values.seed));
  const box = new Box(rng, station, words(values.words));
  const cases = Number(values.cases);
  if (values.life) box.openLog();
  for (let i = 0; i < cases; i++) values.life ? box.act() : box.takeIn();
  if (values.asked) {
    for (const line of asked(box, Number(values.asked))) process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  if (!values.entropy) {
    for (const line of exchanges(box, Number(values.batch), values.life ? lively : settled)) process.stdout.write(`${JSON.stringify(line)}\n`);
    return;
  }
  let sum = 0;
  for (const [part, bits] of Object.entries(rng.spent)) {
    sum += bits;
    console.log(`${part.padEnd(16)} ${(bits / cases).toFixed(1).padStart(6)} bits a case`);
  }
  console.log(`${'together'.padEnd(16)} ${(sum / cases).toFixed(1).padStart(6)} bits a case, ${(sum / cases / 8).toFixed(1)} bytes`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main();
