// Texts. Chinese is part of the first load; other languages come when they are chosen. A translation is one more file in
// locales/ (`meta.name`, `meta.dir`, `meta.reviewed`: a person has approved its strings) and stands in the list by itself. `pseudo` is
// no language: it is made from English for tests, in Arabic letters and from right to left.

import { createI18n } from 'vue-i18n';

import zh from './locales/zh.json';

export type Messages = typeof zh;
export const i18n = createI18n({ legacy: false, locale: 'zh', fallbackLocale: 'zh', messages: { zh } as Record<string, Messages> });
export const t = i18n.global.t;

const files = import.meta.glob<{ default: Messages }>(['./locales/*.json', '!./locales/zh.json']);
const code = (path: string) => path.slice(path.lastIndexOf('/') + 1, -'.json'.length);
export const LANGUAGES = ['zh', ...Object.keys(files).map(code)];

const LETTERS: Record<string, string> = Object.fromEntries([...'abcdefghijklmnopqrstuvwxyz'].map((one, i) => [one, 'ابتثجحخدذرزسشصضطظعغفقكلمنه'[i]]));

/** A text in Arabic letters; {names} in braces and linked messages stay. */
export function pseudo(text: string): string {
  return text.split(/(\{[^}]*\}|@:[\w.]+)/).map((part, i) => (i % 2 ? part : part.replace(/[a-z]/gi, (one) => LETTERS[one.toLowerCase()]))).join('');
}

function mapped<T>(value: T, fn: (text: string) => string): T {
  if (typeof value === 'string') return fn(value) as T;
  return Object.fromEntries(Object.entries(value as object).map(([key, one]) => [key, mapped(one, fn)])) as T;
}

async function load(language: string): Promise<Messages> {
  if (language === 'pseudo') {
    const made = mapped(await load('en'), pseudo);
    return { ...made, meta: { ...made.meta, dir: 'rtl' } };
  }
  const file = files[`./locales/${language}.json`];
  return file ? (await file()).default : zh;
}

/** Puts a language in force for the whole page, its direction too. */
export async function setLanguage(language: string): Promise<void> {
  const known = language === 'pseudo' || LANGUAGES.includes(language) ? language : 'zh';
  if (!i18n.global.availableLocales.includes(known)) i18n.global.setLocaleMessage(known, await load(known));
  i18n.global.locale.value = known;
  document.documentElement.lang = known === 'zh' ? 'zh-CN' : known === 'pseudo' ? 'ug' : known;
  document.documentElement.dir = i18n.global.t('meta.dir');
}

/** The text of a problem, or a general one: a newer box may know codes that this app does not. */
export const problemText = (of: string) => (i18n.global.te(`problem.${of}`, 'zh') ? t(`problem.${of}`) : t('problem.unknown', { code: of }));
/** What is wrong with a field, by the error's code. */
export const fieldText = (of: string) => (i18n.global.te(`wrong.${of}`, 'zh') ? t(`wrong.${of}`) : t('wrong.other'));
/** A text of a table (`state.accepted`), or the bare value where a newer box knows more than this app. */
export const named = (table: string, value: string | number) => (i18n.global.te(`${table}.${value}`, 'zh') ? t(`${table}.${value}`) : String(value));
