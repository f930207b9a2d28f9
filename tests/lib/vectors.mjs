// Makes tests/vectors/protocol.json: byte-exact examples of what sync/PROTOCOL.md names, from nothing but the text of the
// protocol (protocol.mjs). The tests of both ends read it (tests/unit/vectors_test.c, tests/lib/vectors_test.mjs).
//
//   node tests/lib/vectors.mjs > tests/vectors/protocol.json
//
// Only when the protocol itself changes: a signature is another at every run, everything else is the same.

import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { receiptNumber } from './people.mjs';
import { canonical, entryHash, eventHash, macOf, sha256, ZERO } from './protocol.mjs';

export const STATION = '652323101200';
export const LOG = '0b0f1bfe-29c5-4c1d-9d3e-2f6f5f1f9c11';
const BOOT = '6d1f0b52-3b0c-4a86-9d10-0f6a1e7c2d3e';
const CASE = '4f7d1c1e-8a51-4be2-a2b5-9d1f0c6b7a89';
const AT = 1795478400000; // 2026-11-24T11:20:00+08:00

const line = (n, type, body, more = {}) => ({ seq: n, id: `00000000-0000-4000-8000-00000000000${n}`, type, at: AT + n * 61001, clock: 'synced', boot: BOOT,
  mono: 1000 + n * 61001, actor: '古丽·买买提', device: n % 2 ? '' : 'phone-1', body, ...more });

/** The events of one log, each with what the chain needs. */
export function chain(stationKey) {
  const events = [
    line(1, 'log_opened', { parent: null, parent_seq: 0, parent_hash: null, box: 1 }, { actor: 'system', clock: 'floor' }),
    line(2, 'receive', { item: '652323-001', record: 'application', catalog: 'hutubi-2022', catalog_version: 1, receipt_number: receiptNumber(STATION, '20261124', 1, 1),
      received_at: AT + 2 * 61001, token: '0123456789abcdef', channel: 'window', applicant: { kind: 'person', name: '阿不都热合曼·艾山', id_type: 'citizen_id',
        id_number: '652323198506151237', phone: '13899990001', address: '大丰镇一村\t"三"组\\5号' }, materials: [{ name: '申请书', form: 'original', copies: 1 }], note: '' }, { case_id: CASE, id: CASE }),
    line(3, 'note', { text: 'ascii, 汉字, ئۇيغۇر, қазақ, \u{1F600}, \u0001 and \u007f' }, { case_id: CASE, clock: 'rtc' }),
    line(4, 'amend', { field: '/applicant/phone', old: '13899990001', new: '', reason: '停机' }, { case_id: CASE }),
  ];
  let hash = ZERO.hash;
  return events.map((event) => {
    const mac = macOf(stationKey, event.body);
    const previous = hash;
    hash = eventHash(previous, { event, mac, station: STATION, log: LOG });
    return { event, body: canonical(event.body), mac, previous, hash };
  });
}

/** Feed entries of each shape that the hash treats differently. */
export function feed(stationKey, events) {
  const entries = [
    { n: 1, kind: 'catalog', version: 1, body: { catalog: 'x', items: [] } },
    { n: 2, kind: 'settled', log: LOG, from: 1, to: 2, head: events[1].hash },
    { n: 3, kind: 'refused', log: LOG, seq: 3, head: events[2].hash, code: 'transition', pointer: '', message: 'does not fit' },
    { n: 4, kind: 'event', case_id: CASE, id: '00000000-0000-4000-8000-00000000000a', type: 'accept', at: AT + 1e6, actor: '民政局', origin: 'county', body: { note: '予以受理' } },
    { n: 5, kind: 'event', case_id: CASE, id: '00000000-0000-4000-8000-00000000000b', type: 'note', at: AT + 2e6, actor: '民政局', origin: 'county', mac: macOf(stationKey, { text: 'erased' }) },
  ];
  let hash = ZERO.hash;
  return entries.map((entry) => {
    const previous = hash;
    hash = entryHash(previous, entry, stationKey);
    return { previous, entry: { ...entry, hash } };
  });
}

/** The request that carries EVENTS, as text: members in the order that the box writes. */
export function request(events) {
  const last = events.at(-1);
  return JSON.stringify({ protocol: 1, station: STATION, log: LOG, software: 'vectors/1', clock: { now: AT + 3e6, quality: 'synced' }, have: ZERO,
    events: events.map(({ event }) => event), head: { seq: last.event.seq, hash: last.hash }, feed: ZERO });
}

export function answer(events, entries) {
  const last = events.at(-1);
  const tip = entries.at(-1).entry;
  return JSON.stringify({ protocol: 1, received: { seq: last.event.seq, hash: last.hash }, detail: false, box: null, feed: entries.map(({ entry }) => entry),
    feed_head: { seq: tip.n, hash: tip.hash }, more: false, now: AT + 3e6 + 200, retry_after: 0 });
}

export const receipts = [[STATION, '20261124', 1, 1], [STATION, '20261124', 99, 9999], [STATION, '20240229', 7, 10000], ['652323106202', '20261231', 10, 42], [STATION, '20261124', 0, 3]]
  .map(([station, day, box, serial]) => ({ station, day, box, serial, number: receiptNumber(station, day, box, serial) }));

/* A certificate of its own making: what vouches for it is not the vectors' business. */
function keyWithCertificate() {
  const dir = mkdtempSync(path.join(tmpdir(), 'xinke-vectors-'));
  try {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(path.join(dir, 'key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    const certificate = execFileSync('openssl', ['req', '-new', '-x509', '-key', path.join(dir, 'key'), '-subj', '/CN=answers', '-days', '3650'], { encoding: 'utf8' });
    return { certificate, privateKey };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function make() {
  const stationKey = createHash('sha256').update('a station key for examples').digest();
  const events = chain(stationKey);
  const entries = feed(stationKey, events);
  const text = request(events);
  const said = answer(events, entries);
  const { certificate, privateKey } = keyWithCertificate();
  const id = createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex').slice(0, 32);
  const message = Buffer.concat([Buffer.from('xinke-answer-1'), sha256(text), Buffer.from(said)]);
  return { station: STATION, log: LOG, station_key: stationKey.toString('hex'), events: events.map(({ event, ...rest }) => ({ ...rest, event })), feed: entries, receipts,
    request: text, answer: said, digest: sha256(message).toString('hex'), answer_certificate: certificate,
    signature: `${id},${sign('sha256', message, privateKey).toString('base64')}` };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${JSON.stringify(make(), null, 1)}\n`);
