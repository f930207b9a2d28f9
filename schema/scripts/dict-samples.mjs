// What the exchange dictionary is made from: a first line {"core": text} that is known to matter, then exchanges in the
// form of tests/lib/records.mjs. schema/scripts/train_dict.c reads both; `make dict` runs the two.
//
// The core is the county's own reference data as it stands in bodies: names of stations, items, the papers that each
// asks for. The exchanges are those of made-up boxes, in the words of tests/lib/words/train.json; the township that is
// measured with (BENCH_STATION) is left out of them.

import { random, words } from '../../tests/lib/people.mjs';
import { BENCH_STATION, Box, catalog, exchanges, lively, settled, stations } from '../../tests/lib/records.mjs';

const SEED = 40000; // no other seed of the tree lies near
const SIZES = [2, 4, 8, 16, 40]; // events a batch: small batches gain most from a dictionary

/** RFC 8785 for what bodies hold: members in the order of their names. */
const canonical = (value) => JSON.stringify(value, (_, one) => (one && typeof one === 'object' && !Array.isArray(one)
  ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1))) : one));

function core() {
  const offered = catalog.items.filter(({ levels }) => levels.village || levels.community);
  const papers = ({ guide }) => (guide?.materials ?? []).map(({ name, form, copies }) => ({ name, form, copies: Math.max(copies, 1) }));
  return [
    ...stations.map(({ name }) => name),
    ...catalog.items.map(({ code, name }) => `${code}${name}`),
    ...offered.map((item) => `"item":"${item.code}","materials":${canonical(papers(item))},"note":"`),
  ].join('\n');
}

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const from = words('train');
const { township } = stations.find(({ code }) => code === BENCH_STATION);

print({ core: core() });
for (const [i, station] of stations.filter((one) => one.township !== township).entries()) {
  const box = new Box(random(SEED + i), station, from);
  const all = i % 2 === 0;
  if (all) box.openLog();
  for (let n = 0; n < 40; n++) all ? box.act() : box.takeIn();
  for (const line of exchanges(box, SIZES[i % SIZES.length], all ? lively : settled)) print(line);
}
