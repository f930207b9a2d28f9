// Times and sizes as people read them, in the language in force and China's time.

import { i18n } from './i18n';

const ZONE = 'Asia/Shanghai';
const tag = () => (i18n.global.locale.value === 'zh' ? 'zh-CN' : 'en-GB');

export const day = (at: string | number) => new Intl.DateTimeFormat(tag(), { timeZone: ZONE, month: 'numeric', day: 'numeric', weekday: 'short' }).format(new Date(at));
export const fullDay = (at: string | number) => new Intl.DateTimeFormat(tag(), { timeZone: ZONE, year: 'numeric', month: 'numeric', day: 'numeric' }).format(new Date(at));
export const moment = (at: string | number) => new Intl.DateTimeFormat(tag(), { timeZone: ZONE, month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false }).format(new Date(at));

export function bytes(n: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  let value = n;
  for (; value >= 1000 && i < units.length - 1; i += 1) value /= 1000;
  return `${value >= 100 || i === 0 ? Math.round(value) : value.toFixed(1)} ${units[i]}`;
}
