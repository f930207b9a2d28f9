// Uploads by the public client tus-js-client over a line that breaks: a relay that cuts connections after random numbers of
// bytes, and now and then has the server killed. The same script runs against the gateway and against @tus/server.

import { createCipheriv, createHash } from 'node:crypto';
import net from 'node:net';

import * as tus from 'tus-js-client';

import { random } from './people.mjs';

/** Random numbers of a seed: below N. */
export function below(seed) {
  const rng = random(seed);
  return (n) => rng.int(0, n - 1);
}

/** A PDF of SIZE bytes whose middle is noise. */
export function pdf(size, next) {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(next(2 ** 31));
  const file = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(size));
  file.write('%PDF-1.7\n');
  file.write('%%EOF\n', size - 6);
  return file;
}

export const sha256 = (data) => createHash('sha256').update(data).digest('hex');

/** A relay on 127.0.0.1 to the port that TARGET() gives. `cut()` is asked after each piece how many more bytes may pass. */
export async function relay(target) {
  const sockets = new Set();
  const self = { budget: () => Infinity, onCut: () => {}, cuts: 0 };
  const server = net.createServer((near) => {
    const far = net.connect(target(), '127.0.0.1');
    let left = self.budget();
    const end = () => { near.destroy(); far.destroy(); };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => { sockets.delete(socket); end(); });
    }
    far.on('data', (data) => near.write(data));
    near.on('data', (data) => {
      if (data.length <= left) {
        left -= data.length;
        if (!far.write(data)) { near.pause(); far.once('drain', () => near.resume()); }
        return;
      }
      near.removeAllListeners('data');
      near.pause();
      far.write(data.subarray(0, left), () => { // the far end has those, and no more
        self.cuts += 1;
        self.onCut(self.cuts);
        end();
      });
    });
  });
  await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
  self.port = server.address().port;
  self.close = () => { sockets.forEach((socket) => socket.destroy()); server.close(); };
  return self;
}

/** Sends FILE to ENDPOINT to its end, however often it breaks; how many requests it took. */
export function send(file, { endpoint, headers = {}, ca, identity = {}, metadata = {}, ...options }) {
  let requests = 0;
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(file, {
      endpoint, headers, metadata, uploadSize: file.length, ...options,
      retryDelays: Array.from({ length: 400 }, (_, i) => Math.min(20 * i, 200)),
      httpStack: new tus.DefaultHttpStack(ca ? { ca, ...identity, agent: false } : { agent: false }),
      onBeforeRequest: () => { requests += 1; },
      onError: reject,
      onSuccess: () => resolve({ requests, url: upload.url }),
    });
    upload.start();
  });
}

/**
 * Uploads files until CUTS connections were cut in their middle, every KILL-th with the server killed. `server` has
 * port(), kill() (an abrupt end and a new start), endpoint(port), read(sha256 of a file, url): its bytes as stored.
 */
export async function storm(server, { cuts, kill, seed, log = () => {}, headers, ca, identity }) {
  const next = below(seed);
  const line = await relay(() => server.port());
  let restart = Promise.resolve();
  const seen = { cuts: 0, kills: 0, files: 0, bytes: 0, requests: 0 };
  line.budget = () => (line.cuts < cuts ? 2000 + next(next(3) ? 300000 : 3000) : Infinity);
  line.onCut = (n) => {
    if (n % kill) return;
    seen.kills += 1;
    restart = restart.then(() => server.kill());
  };
  try {
    while (line.cuts < cuts || seen.files === 0) {
      const file = pdf(1 + 200000 + next(1500000), next);
      // a creation whose answer was lost begins anew: its first bytes must be few enough to come through some time
      const pieces = next(3) === 0 ? { chunkSize: 30000 + next(100000), uploadDataDuringCreation: true } : {};
      const { requests, url } = await send(file, { endpoint: server.endpoint(line.port), headers, ca, identity, ...pieces,
        metadata: { filename: 'a.pdf', sha256: sha256(file) } });
      await restart;
      const stored = await server.read(sha256(file), url);
      if (!stored.equals(file)) throw new Error(`file ${seen.files}: other bytes than were sent (seed ${seed})`);
      seen.files += 1;
      seen.bytes += file.length;
      seen.requests += requests;
    }
    seen.cuts = line.cuts;
    log(`seed ${seed}: ${seen.files} files, ${seen.bytes} bytes, ${seen.cuts} cuts, ${seen.kills} kills, ${seen.requests} requests`);
    return seen;
  } finally {
    await restart;
    line.close();
  }
}
