// The generator of exchanges: its words are disjoint, what it makes is valid and of the entropy that words/README.md says.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { contract } from './contract.mjs';
import { note, random, registration, words } from './people.mjs';
import { BENCH_STATION, Box, catalog, derived, exchanges, lively, stations } from './records.mjs';

const train = words('train');
const bench = words('bench');
const station = stations.find(({ code }) => code === BENCH_STATION);
const wire = contract(new URL('../../schema/openapi/common.yaml', import.meta.url));

const made = (seed, from, cases, act = 'takeIn') => {
  const box = new Box(random(seed), station, from);
  for (let i = 0; i < cases; i++) box[act]();
  return box;
};

test('no word is in both sets', () => {
  const lists = Object.keys(train).filter((name) => Array.isArray(train[name]));
  assert.deepEqual(lists, Object.keys(bench).filter((name) => Array.isArray(bench[name])));
  for (const name of lists) {
    assert.equal(new Set(train[name]).size, train[name].length, name);
    assert.equal(new Set(bench[name]).size, bench[name].length, name);
    assert.equal(train[name].length, bench[name].length, name);
    assert.deepEqual(train[name].filter((word) => bench[name].includes(word)), [], name);
  }
});

test('no four characters of a phrase are in both sets', () => {
  const fours = (phrases) => new Set(phrases.flatMap((phrase) => phrase.split(/\{\w+\}/)).flatMap((text) => {
    const letters = [...text];
    return letters.slice(3).map((_, i) => letters.slice(i, i + 4).join(''));
  }));
  const known = fours(train.phrases);
  assert.deepEqual([...fours(bench.phrases)].filter((four) => known.has(four)), []);
});

test('notes have 20 to 60 characters and no gap left in them', () => {
  for (const from of [train, bench]) {
    const rng = random(3);
    for (let i = 0; i < 3000; i++) {
      const text = note(rng, from);
      assert.ok([...text].length >= 20 && [...text].length <= 60, text);
      assert.doesNotMatch(text, /[{}]|undefined/);
    }
  }
});

test('registrations in either set are valid', () => {
  for (const from of [train, bench]) {
    const rng = random(4);
    for (let i = 0; i < 20; i++)
      for (const item of catalog.items) assert.equal(wire.check('Registration', registration(item, rng, from, station)), '', item.code);
  }
});

test('a case is a receive and its forward, as the ledger appends them', () => {
  const { events } = made(5, bench, 50);
  assert.equal(events.length, 100);
  events.forEach(({ seq }, i) => assert.equal(seq, i + 1));
  for (let i = 0; i < events.length; i += 2) {
    const [receive, forward] = events.slice(i, i + 2);
    assert.equal(receive.type, 'receive');
    assert.equal(receive.case_id, receive.id);
    assert.equal(receive.body.received_at, receive.at);
    assert.match(receive.body.receipt_number, new RegExp(`^${BENCH_STATION}-\\d{8}-01\\d{4}-[\\dX]$`));
    assert.equal(forward.type, 'forward');
    assert.equal(forward.id, derived(receive.id, 1));
    assert.equal(forward.case_id, receive.id);
    assert.equal(forward.at, receive.at);
    assert.deepEqual(forward.body, { to: station.township });
  }
});

test('UUIDv5 of a number', () => {
  // as uuid_derive of shared/uuid.c has it, on a value from Python's uuid.uuid5
  assert.equal(derived('00000000-0000-0000-0000-000000000000', 1), '11116e73-1c03-5de6-9130-5f9925ae8ab4');
});

test('the same seed gives the same exchanges', () => {
  const lines = (seed) => JSON.stringify([...exchanges(made(seed, train, 60, 'act'), 20, lively)]);
  assert.equal(lines(6), lines(6));
  assert.notEqual(lines(6), lines(7));
});

test('exchanges carry every event once, in order', () => {
  const box = made(8, bench, 70, 'act');
  const lines = [...exchanges(box, 30, lively)];
  assert.deepEqual(lines.flatMap(({ request }) => request?.events ?? []), box.events);
  let head = 0;
  for (const { request } of lines.filter((line) => line.request)) {
    assert.equal(request.have.seq, head);
    head = request.head.seq;
    assert.equal(head, request.events.at(-1).seq);
  }
  const entries = lines.flatMap(({ answer }) => answer?.feed ?? []);
  entries.forEach(({ n }, i) => assert.equal(n, i + 1));
});

test('the entropy is what the words say of themselves', () => {
  const told = Number(/is (\d+) bits = [\d.]+ bytes/.exec(readFileSync(new URL('words/README.md', import.meta.url), 'utf8'))[1]);
  const cases = 3000;
  const { rng } = made(1, bench, cases);
  const sum = Object.values(rng.spent).reduce((a, b) => a + b) / cases;
  assert.ok(Math.abs(sum - told) < 2, `${sum} bits, ${told} are written down`);
});
