// The county's items as this station offers them, and the search over them, with and without the box.

import { reactive } from 'vue';

import { api, done, type Schemas } from '@/api/client';

import { readPublic } from './kept';

export type ItemSummary = Schemas['ItemSummary'];
export type Item = Schemas['Item'];
export type Catalog = Schemas['Catalog'];

export const catalog = reactive<{ items: ItemSummary[]; station: Catalog['station'] | null; fromPhone: boolean }>({
  items: [], station: null, fromPhone: false,
});

async function allItems(): Promise<ItemSummary[]> {
  const items: ItemSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await done(api.GET('/api/v1/catalog/items', { params: { query: { limit: 200, cursor } } }));
    items.push(...page.items as ItemSummary[]);
    cursor = page.next ?? undefined;
  } while (cursor);
  return items;
}

export async function loadCatalog(): Promise<void> {
  const [items, about] = await Promise.all([
    readPublic('items', allItems),
    readPublic('catalog', () => done(api.GET('/api/v1/catalog'))),
  ]);
  Object.assign(catalog, { items: items.value, station: about.value.station, fromPhone: items.fromPhone });
}

export async function loadItem(code: string) {
  return readPublic(`item:${code}`, () => done(api.GET('/api/v1/catalog/items/{code}', { params: { path: { code } } })) as Promise<Item>);
}

/** Fetches the guides that this station offers, for a visit without the box. */
export async function keepGuides(): Promise<void> {
  for (const { code } of catalog.items.filter(({ offer }) => offer)) await loadItem(code);
}

interface Sounds { full: string; initials: string }
let sounds: Map<string, Sounds> | null = null;

/** Loads pinyin (142 kB) when somebody types Latin letters for the first time. */
async function spell(items: ItemSummary[]): Promise<Map<string, Sounds>> {
  if (sounds && items.every(({ code }) => sounds?.has(code))) return sounds;
  const { pinyin } = await import('pinyin-pro');
  const made = new Map<string, Sounds>();
  for (const { code, name } of items) {
    const syllables = pinyin(name, { toneType: 'none', type: 'array', nonZh: 'consecutive' });
    made.set(code, { full: syllables.join('').toLowerCase(), initials: syllables.map((one) => one[0]).join('').toLowerCase() });
  }
  sounds = made;
  return made;
}

/** Items whose name, code, pinyin or initials hold `text`. */
export async function search(items: ItemSummary[], text: string): Promise<ItemSummary[]> {
  const wanted = text.trim().toLowerCase().replace(/\s+/g, '');
  if (!wanted) return items;
  const direct = items.filter(({ name, code }) => name.includes(wanted) || code.includes(wanted));
  if (!/^[a-z]+$/.test(wanted)) return direct;
  const by = await spell(items);
  return items.filter(({ code }) => by.get(code)?.initials.includes(wanted) || by.get(code)?.full.includes(wanted));
}
