// A bad road between the courier and the county: one port that the box takes for the county's, and behind it whatever a
// test wants. Bytes may be passed, cut, delayed or swallowed; or a forger answers, who holds a certificate that the box may
// even believe, reads what comes, asks the county in the box's name and changes what goes back.
//
//   const wire = await Wire.open(countyPort);
//   wire.road = cutting(rng);                   // for each connection: { to, up, down, delay } (see Wire)
//   wire.road = () => forger(tlsOptions, async (request, ask) => ...);
//   wire.break();                               // ends what is connected: the next call takes the new road
//   await wire.close();

import https from 'node:https';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Passes up to BYTES from A to B, later by DELAY ms; false when it stopped before the end. */
async function pass(from, to, bytes, delay) {
  let left = bytes;
  for await (const chunk of from) {
    if (delay) await sleep(delay);
    if (to.destroyed) return false;
    to.write(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) return false;
  }
  to.end();
  return true;
}

/**
 * `road` tells for each connection what becomes of it: { up, down } bytes that are passed before both ends are cut
 * (default: all), `delay` ms for each piece, or { hole: true }, or { server } that speaks with the box itself.
 */
export class Wire {
  static async open(target) {
    const wire = new Wire();
    Object.assign(wire, { target, road: () => ({}), sockets: new Set(), connections: 0, cuts: 0 });
    wire.server = net.createServer((socket) => wire.#serve(socket));
    await new Promise((resolve) => wire.server.listen(0, '127.0.0.1', resolve));
    wire.port = wire.server.address().port;
    return wire;
  }

  #keep(socket) {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => {}); // roads end
    return socket;
  }

  #serve(box) {
    this.connections++;
    this.#keep(box);
    const { up = Infinity, down = Infinity, delay = 0, hole, server } = this.road();
    if (hole) return void box.resume();
    if (server) return void server.emit('connection', box);
    const county = this.#keep(net.connect(this.target, '127.0.0.1'));
    const cut = (whole) => {
      if (!whole) this.cuts++;
      if (!whole) [box, county].forEach((socket) => socket.destroy());
    };
    for (const [from, to, bytes] of [[box, county, up], [county, box, down]])
      pass(from, to, bytes, delay).then(cut, () => [box, county].forEach((socket) => socket.destroy()));
    return undefined;
  }

  break() {
    this.sockets.forEach((socket) => socket.destroy());
  }

  async close() {
    this.break();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

/** Roads that break after some bytes, few more often than many, one way or the other; some are slow besides. */
export function cutting(rng) {
  const some = () => Math.floor(2 ** (rng.int(0, 1300) / 100));
  return () => ({ ...(rng.chance(50) ? { up: some() } : { down: some() }), delay: rng.chance(30) ? rng.int(1, 200) : 0 });
}

const read = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

/**
 * An HTTPS server behind no port for `road`: { server }. ANSWER is called with { method, url, headers, body } and gives
 * { status, headers, body }, or null for an end without an answer. It throws or rejects: the same.
 */
export function forger(options, answer) {
  const server = https.createServer({ requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.3', ...options });
  server.on('tlsClientError', () => {});
  server.on('request', async (request, response) => {
    try {
      const made = await answer({ method: request.method, url: request.url, headers: request.headers, body: await read(request) });
      if (!made) return void request.socket.destroy();
      response.writeHead(made.status, { ...made.headers, 'content-length': made.body.length });
      response.end(made.body);
    } catch {
      request.socket.destroy();
    }
    return undefined;
  });
  return { server };
}

/** Asks the county at BASE with IDENTITY what the box asked; as `forger` wants an answer. */
export function honestly(base, identity) {
  return ({ method, url, headers, body }) => new Promise((resolve, reject) => {
    const passed = Object.fromEntries(Object.entries(headers).filter(([name]) => name === 'content-type'));
    const request = https.request(`${base}${url}`, { ...identity, agent: false, method, headers: { ...passed, ...(body.length ? { 'content-length': body.length } : {}) } });
    request.on('error', reject);
    request.on('response', async (response) => {
      try {
        const kept = Object.entries(response.headers).filter(([name]) => ['content-type', 'xinke-signature'].includes(name));
        resolve({ status: response.statusCode, headers: Object.fromEntries(kept), body: await read(response) });
      } catch (error) {
        reject(error);
      }
    });
    request.end(body);
  });
}
