// Every problem code of the registry has its text in every language, every language has every text, and each screen names
// only texts that there are.

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { FORMS, readBodies } from '../build/bodies';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const load = (name: string) => JSON.parse(readFileSync(at(`../src/locales/${name}`), 'utf8')) as Record<string, Record<string, unknown>>;
const languages = readdirSync(at('../src/locales')).filter((name) => name.endsWith('.json'));
const keys = (of: object, path = ''): string[] => Object.entries(of).flatMap(([key, value]) => (typeof value === 'string' ? [path + key] : keys(value as object, `${path}${key}.`)));
const zh = load('zh.json');
const has = new Set(keys(zh));
const codes = [...readFileSync(at('../../../shared/problems.def'), 'utf8').matchAll(/^PROBLEM\([A-Z_]+, "([a-z_]+)"/gm)].map(([, code]) => code);
const states = (name: string) => readFileSync(at(`../../../schema/states/${name}`), 'utf8').split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(','));

describe('texts', () => {
  it('reads the registry of problems', () => expect(codes.length).toBeGreaterThan(50));
  for (const name of languages) {
    const texts = load(name);
    it(`${name} has a text for every problem code`, () => expect(codes.filter((code) => typeof texts.problem[code] !== 'string')).toEqual([]));
    it(`${name} has the same texts as zh.json, with the same names in them`, () => {
      expect(keys(texts).sort()).toEqual([...has].sort());
      const names = (of: object): Record<string, string> => Object.fromEntries(keys(of).map((key) => [key, [...String(key.split('.').reduce<unknown>((o, k) => (o as Record<string, unknown>)[k], of)).matchAll(/\{(\w+)\}/g)].map(([, one]) => one).sort().join()]));
      expect(names(texts)).toEqual(names(zh));
    });
  }

  it('names every state and every act of the tables', () => {
    expect(states('states.csv').map(([state]) => state).filter((one) => !has.has(`state.${one}`))).toEqual([]);
    expect(states('registers.csv').map(([state]) => state).filter((one) => !has.has(`state.${one}`))).toEqual([]);
    for (const file of ['transitions.csv', 'register-transitions.csv']) expect(states(file).map(([, act]) => act).filter((one) => !has.has(`act.${one}`))).toEqual([]);
  });

  it('names every field and every choice of every form', () => {
    const bodies = readBodies(at('../../../schema/events'));
    expect(Object.keys(bodies)).toEqual(expect.arrayContaining(FORMS));
    for (const { fields } of Object.values(bodies)) {
      for (const { name, values } of fields) {
        expect(has, `field.${name}`).toContain(`field.${name}`);
        for (const one of values ?? []) expect(has, `choice.${name}.${one}`).toContain(`choice.${name}.${one.replaceAll('/', '_')}`);
      }
    }
  });

  it('has every text that a screen names', () => {
    const files = ['App.vue', ...['views', 'parts'].flatMap((dir) => readdirSync(at(`../src/${dir}`)).map((name) => `${dir}/${name}`))];
    const missing: string[] = [];
    for (const file of files) {
      const text = readFileSync(at(`../src/${file}`), 'utf8');
      for (const [, key] of text.matchAll(/\bt\('([a-z_]+\.[a-z_]+)'/g)) if (!has.has(key)) missing.push(`${file}: ${key}`);
    }
    expect(missing).toEqual([]);
  });
});
