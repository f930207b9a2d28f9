// tests/vectors/protocol.json against the protocol's text as protocol.mjs has it; the programs read the same file.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { canonical, entryHash, eventHash, macOf, sha256, signed } from './protocol.mjs';
import { answer, chain, feed, LOG, receipts, request, STATION } from './vectors.mjs';

const stored = JSON.parse(readFileSync(new URL('../vectors/protocol.json', import.meta.url), 'utf8'));
const key = Buffer.from(stored.station_key, 'hex');

test('events: canonical body, mac, chain', () => {
  assert.ok(stored.events.length >= 4);
  let hash = '0'.repeat(64);
  for (const one of stored.events) {
    assert.equal(canonical(one.event.body), one.body);
    assert.equal(macOf(key, one.event.body), one.mac);
    assert.equal(one.previous, hash);
    hash = eventHash(hash, { event: one.event, mac: one.mac, station: STATION, log: LOG });
    assert.equal(one.hash, hash);
  }
});

test('feed entries: chain', () => {
  let hash = '0'.repeat(64);
  for (const { previous, entry } of stored.feed) {
    assert.equal(previous, hash);
    hash = entryHash(hash, entry, key);
    assert.equal(entry.hash, hash);
  }
});

test('request, answer and its signature', () => {
  const message = Buffer.concat([Buffer.from('xinke-answer-1'), sha256(stored.request), Buffer.from(stored.answer)]);
  assert.equal(sha256(message).toString('hex'), stored.digest);
  assert.ok(signed(stored.signature, stored.request, Buffer.from(stored.answer), stored.answer_certificate));
  assert.ok(!signed(stored.signature, `${stored.request} `, Buffer.from(stored.answer), stored.answer_certificate));
});

test('the file is what its generator makes, but for the key and the signature', () => {
  const events = chain(key);
  const entries = feed(key, events);
  assert.deepEqual(stored.events, events.map(({ event, ...rest }) => ({ ...rest, event })));
  assert.deepEqual(stored.feed, entries);
  assert.equal(stored.request, request(events));
  assert.equal(stored.answer, answer(events, entries));
  assert.deepEqual(stored.receipts, receipts);
});
