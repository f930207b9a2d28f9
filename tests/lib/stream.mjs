// Sealed files as shared/crypto/stream.h describes them, by node:crypto and not by the project's code; printed as the
// vectors of tests/vectors/stream.json: node tests/lib/stream.mjs > tests/vectors/stream.json

import { createCipheriv, createHash, hkdfSync } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const SEGMENT = 65536;
const MAGIC = Buffer.from([...Buffer.from('xkstrea'), 1]);

/** Plain text that the test can make again: byte i is 31 i + 7 + floor(i / 256), modulo 256. */
export const plain = (size) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => (31 * i + 7 + Math.floor(i / 256)) & 255));

export function seal(master, info, salt, content) {
  const header = Buffer.concat([MAGIC, salt]);
  const key = Buffer.from(hkdfSync('sha256', master, salt, info, 32));
  const parts = [header];
  const segments = Math.max(1, Math.ceil(content.length / SEGMENT));
  for (let i = 0; i < segments; i += 1) {
    const nonce = Buffer.alloc(12);
    nonce.writeBigUInt64BE(BigInt(i), 3);
    nonce[11] = i === segments - 1 ? 1 : 0;
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    cipher.setAAD(header);
    parts.push(cipher.update(content.subarray(i * SEGMENT, (i + 1) * SEGMENT)), cipher.final(), cipher.getAuthTag());
  }
  return Buffer.concat(parts);
}

export function make() {
  const master = createHash('sha256').update('a master key for examples').digest();
  return [0, 1, 1000, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT, 200000].map((size) => {
    const salt = createHash('sha256').update(`salt of ${size}`).digest();
    const sealed = seal(master, 'xinke blob', salt, plain(size));
    return { master: master.toString('hex'), info: 'xinke blob', salt: salt.toString('hex'), size, sealed_size: sealed.length,
      first: sealed.subarray(0, 80).toString('hex'), last: sealed.subarray(-32).toString('hex'), sha256: createHash('sha256').update(sealed).digest('hex') };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.stdout.write(`${JSON.stringify(make(), null, 1)}\n`);
