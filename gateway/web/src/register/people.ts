// What a number says by itself, so that a slip of the finger is seen at once and on a visit too. The box checks again.

export type IdType = 'citizen_id' | 'hmt_residence' | 'foreign_residence' | 'passport' | 'credit_code' | 'none';
export const PERSON_IDS: IdType[] = ['citizen_id', 'hmt_residence', 'foreign_residence', 'passport', 'none'];
export const ORGANISATION_IDS: IdType[] = ['credit_code', 'none'];

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CREDIT = '0123456789ABCDEFGHJKLMNPQRTUWXY';

function birthOf(text: string): Date | null {
  const [y, m, d] = [Number(text.slice(0, 4)), Number(text.slice(4, 6)), Number(text.slice(6, 8))];
  const date = new Date(y, m - 1, d);
  return y >= 1900 && date.getMonth() === m - 1 && date.getDate() === d && date.getTime() <= Date.now() ? date : null;
}

/** GB 11643-1999: weights, check character, a birth date that is one. */
export function citizenId(text: string): { birth: Date; sex: 'male' | 'female' } | null {
  const upper = text.trim().toUpperCase();
  if (!/^\d{17}[\dX]$/.test(upper)) return null;
  const sum = WEIGHTS.reduce((of, weight, i) => of + weight * Number(upper[i]), 0);
  const birth = birthOf(upper.slice(6, 14));
  if ('10X98765432'[sum % 11] !== upper[17] || !birth) return null;
  return { birth, sex: Number(upper[16]) % 2 ? 'male' : 'female' };
}

/** GB 32100-2015: weights 3^i mod 31. */
export function creditCode(text: string): boolean {
  const upper = text.trim().toUpperCase();
  if (upper.length !== 18 || [...upper].some((one) => !CREDIT.includes(one))) return false;
  let weight = 1;
  let sum = 0;
  for (const one of upper.slice(0, 17)) {
    sum += weight * CREDIT.indexOf(one);
    weight = (weight * 3) % 31;
  }
  return CREDIT[(31 - (sum % 31)) % 31] === upper[17];
}

export const phone = (text: string) => /^(?:1[3-9]\d{9}|0(?:[12]\d|[03-9]\d{2})-?\d{7,8})$/.test(text.trim());

/** null: nothing is wrong that can be seen here. */
export function numberFault(type: IdType, text: string): 'required' | 'format' | null {
  if (type === 'none') return null;
  if (text.trim() === '') return 'required';
  if (type === 'citizen_id' || type === 'hmt_residence') return citizenId(text) ? null : 'format';
  if (type === 'credit_code') return creditCode(text) ? null : 'format';
  return text.trim().length >= 5 ? null : 'format';
}

/** Whole years at `now`. */
export function ageAt(birth: Date, now = new Date()): number {
  const before = now.getMonth() < birth.getMonth() || (now.getMonth() === birth.getMonth() && now.getDate() < birth.getDate());
  return now.getFullYear() - birth.getFullYear() - (before ? 1 : 0);
}
