// What a registration costs on its way to the county: requests and answers of a backlog, by form, batch size, level and
// dictionary, against gzip. What is written is read again and must be the same events. HTTP and TLS are not in these
// figures. For `make bench-wire`.
//
//   XINKE_CASES (10000) registrations

import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = fileURLToPath(new URL('.', import.meta.url));
const bin = process.env.XINKE_BIN ?? path.join(here, '../../build');
const cases = process.env.XINKE_CASES ?? '10000';
const big = { maxBuffer: 2 ** 30 };

const records = (...args) => execFileSync(process.execPath, [path.join(here, '../lib/records.mjs'), '--words', 'bench', '--cases', cases, ...args], big);
const wire = (input, ...args) => execFileSync(path.join(bin, 'bench/wire'), args, { ...big, input }).toString();

console.log(`${records('--entropy').toString().trim().split('\n').at(-1).replace('together', 'entropy:')}\n`);
console.log('form     batch  level  dictionary  bytes up  bytes down  us to write  us to read  us to close  us to open  KiB held      (bytes a registration, us an event)');
for (const form of ['rows', 'columns']) {
  for (const batch of [100, 250, 500]) {
    const lines = records('--batch', String(batch));
    for (const line of wire(lines, form, '3', '9', '15').trim().split('\n')) {
      const r = JSON.parse(line);
      console.log([form.padEnd(7), String(batch).padStart(6), String(r.level).padStart(6), (r.dict ? 'yes' : 'no').padStart(11), (r.up / r.records).toFixed(1).padStart(9),
        (r.down / r.records).toFixed(1).padStart(11), r.write_us.toFixed(1).padStart(12), r.read_us.toFixed(1).padStart(11), r.close_us.toFixed(1).padStart(12),
        r.open_us.toFixed(1).padStart(11), (r.held / 1024).toFixed(0).padStart(9)].join(' '));
    }
    const texts = wire(lines, form, 'text').trim().split('\n');
    const sum = texts.reduce((total, text) => total + gzipSync(text, { level: 6 }).length, 0);
    console.log(`${form.padEnd(7)} ${String(batch).padStart(6)} gzip -6         no ${(sum / Number(cases)).toFixed(1).padStart(9)}`);
  }
}
