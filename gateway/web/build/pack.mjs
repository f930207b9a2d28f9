// Makes what Vite built ready to be served: beside each file a .br and a .gz where they are smaller, and files.json, the
// list that the gateway serves by (and nothing else of the folder). Fails when the first load is over its budget.
//
//   node build/pack.mjs DIR
//
// files.json: [{"path":"/","type","etag","immutable","encodings":{"identity":FILE,"gzip":FILE,"br":FILE}}], FILE relative to DIR. The
// etag is the SHA-256 of the plain bytes, in hex, without quotation marks.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

/** First load: index.html and all that it names, as gzip (design.md section 9). */
export const FIRST_LOAD_MAX = 200 * 1000;

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.json': 'application/json', '.webmanifest': 'application/manifest+json', '.svg': 'image/svg+xml', '.png': 'image/png',
};

function* walk(dir) {
  for (const name of readdirSync(dir).sort()) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) yield* walk(path);
    else yield path;
  }
}

function pack(dir, file) {
  const bytes = readFileSync(file);
  const name = relative(dir, file).split(sep).join('/');
  const type = TYPES[extname(name)];
  if (!type) throw new Error(`${name}: no media type is known for it`);
  const encodings = { identity: name };
  const compressed = { gzip: gzipSync(bytes, { level: 9 }), br: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }) };
  for (const [encoding, ending] of [['gzip', '.gz'], ['br', '.br']]) {
    if (compressed[encoding].length >= bytes.length) continue;
    writeFileSync(file + ending, compressed[encoding]);
    encodings[encoding] = name + ending;
  }
  return { path: `/${name}`, type, etag: createHash('sha256').update(bytes).digest('hex'), immutable: name.startsWith('assets/'),
    encodings, gzip: Math.min(bytes.length, compressed.gzip.length) };
}

/** Bytes that a phone fetches before the app shows something. */
function firstLoad(dir, files) {
  const html = readFileSync(join(dir, 'index.html'), 'utf8');
  const named = new Set([...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path));
  // what the entry imports at once is loaded at once
  for (const path of [...named].filter((one) => one.endsWith('.js'))) {
    const text = readFileSync(join(dir, path), 'utf8');
    for (const [, name] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) named.add(`/assets/${name}`);
  }
  return files.filter(({ path }) => path === '/index.html' || named.has(path)).reduce((sum, { gzip }) => sum + gzip, 0);
}

const dir = process.argv[2];
if (!dir) {
  console.error('usage: pack.mjs DIR');
  process.exit(2);
}
const sources = [...walk(dir)].filter((file) => !/\.(gz|br)$/.test(file) && relative(dir, file) !== 'files.json');
const files = sources.map((file) => pack(dir, file));
const size = firstLoad(dir, files);
console.log(`web: ${files.length} files, first load ${(size / 1000).toFixed(1)} kB gzip of ${FIRST_LOAD_MAX / 1000}`);
if (size > FIRST_LOAD_MAX) {
  console.error('web: the first load is over its budget');
  process.exit(1);
}
writeFileSync(join(dir, 'files.json'), JSON.stringify(files.map(({ gzip, ...one }) => one), null, 1));
