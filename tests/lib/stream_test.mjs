// tests/vectors/stream.json is what its script makes; the C test reads the same file.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { make } from './stream.mjs';

test('the committed vectors of sealed files', () => {
  assert.deepEqual(JSON.parse(readFileSync(new URL('../vectors/stream.json', import.meta.url), 'utf8')), make());
});
