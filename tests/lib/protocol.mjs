// What sync/PROTOCOL.md, section 2.1, says of hashes, macs and signatures, written down a second time: the programs have
// theirs in C, and tests/vectors holds both to the same bytes.

import assert from 'node:assert/strict';
import { createHash, createHmac, createPublicKey, verify, X509Certificate } from 'node:crypto';

export const ZERO = { seq: 0, hash: '0'.repeat(64) };

/** RFC 8785 for what the protocol allows: ASCII keys, integers, no other numbers. */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') {
    assert.ok(typeof value !== 'number' || Number.isSafeInteger(value), `${value} is no integer`);
    return JSON.stringify(value);
  }
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
export const macOf = (stationKey, body) => createHmac('sha256', stationKey).update(canonical(body)).digest('hex');
const linked = (previous, value) => sha256(Buffer.from(previous, 'hex'), canonical(value)).toString('hex');

/** The hash of an event as it is sent, in LOG of STATION. */
export function eventHash(previous, { event, mac, station, log }) {
  const { actor, at, boot, clock, device = '', id, mono, seq, type } = event;
  const whole = { actor, at, boot, clock, device, id, log, mac, mono, origin: station, seq, station, type };
  if (event.case_id) whole.case_id = event.case_id;
  return linked(previous, whole);
}

/** The hash of a feed entry as it came. */
export function entryHash(previous, entry, stationKey) {
  const { hash: _, events: _events, body, ...rest } = entry; // a mark's events are no part of it
  if (body !== undefined) rest.mac = macOf(stationKey, body);
  return linked(previous, rest);
}

/** Is HEADER the signature, by the key of CERTIFICATE, of this answer to this request? */
export function signed(header, request, answer, certificate) {
  const [id, signature] = header.split(',');
  const message = Buffer.concat([Buffer.from('xinke-answer-1'), sha256(request), answer]);
  const known = createHash('sha256').update(new X509Certificate(certificate).raw).digest('hex').slice(0, 32);
  return id === known && verify('sha256', message, createPublicKey(certificate), Buffer.from(signature, 'base64'));
}
