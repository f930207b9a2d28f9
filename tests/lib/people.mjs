// Made-up people and registrations that pass every check, the same ones for the same seed.
//
//   const rng = random(7);
//   await box.call('POST', '/api/v1/cases', { key: rng.uuid(), body: registration(item, rng) });
//
// Birth dates are fixed ranges and not counted back from today, so that a seed gives the same people next year: adults
// are born 1950-2000, minors 2019-2023 (of age in 2037 at the earliest).
//
// Names, places and notes come from a set of words: a small one of this file, or those of tests/lib/words. The choices are
// counted: rng.spent tells the bits of entropy that each part has cost so far, at most (lists that name a word twice).

import { readFileSync } from 'node:fs';

const { stations } = JSON.parse(readFileSync(new URL('../../schema/stations/hutubi.json', import.meta.url), 'utf8'));

/** A small generator of our own (mulberry32): 32 bits of state, good enough for data and equal everywhere. */
export function random(seed) {
  let state = seed >>> 0;
  let part = 'other';
  const spent = {};
  const spend = (bits) => { spent[part] = (spent[part] ?? 0) + bits; };
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const under = (n) => next() % n; // the bias of % is of no matter here
  const int = (min, max) => {
    spend(Math.log2(max - min + 1));
    return min + under(max - min + 1);
  };
  const pick = (values) => values[int(0, values.length - 1)];
  const digits = (n) => Array.from({ length: n }, () => int(0, 9)).join('');
  const chance = (percent) => {
    const p = percent / 100;
    if (p > 0 && p < 1) spend(-p * Math.log2(p) - (1 - p) * Math.log2(1 - p));
    return under(100) < percent;
  };
  const uuid = () => {
    const hex = Array.from({ length: 32 }, (_, i) => (i === 12 || i === 16 ? under(16) : int(0, 15)).toString(16));
    hex[12] = '4';
    hex[16] = pick(['8', '9', 'a', 'b']);
    return hex.join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  };
  /** What MAKE chooses is counted as PART. */
  const as = (name, make) => {
    const before = part;
    part = name;
    try {
      return make();
    } finally {
      part = before;
    }
  };
  return { next, int, pick, digits, chance, uuid, as, spend, spent };
}

// --- numbers ---

const ID_WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** The 18-digit citizen number (GB 11643-1999) that begins with these 17 digits. */
export function citizenId(digits17) {
  const sum = [...digits17].reduce((total, digit, i) => total + Number(digit) * ID_WEIGHTS[i], 0);
  return digits17 + '10X98765432'[sum % 11];
}

const CREDIT_ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY';

/** The unified social credit code (GB 32100-2015) that begins with these 17 characters. */
export function creditCode(first17) {
  let weight = 1;
  let sum = 0;
  for (const letter of first17) {
    sum += CREDIT_ALPHABET.indexOf(letter) * weight;
    weight = (weight * 3) % 31;
  }
  return first17 + CREDIT_ALPHABET[(31 - (sum % 31)) % 31];
}

/** A receipt number with its check, ISO 7064 MOD 11-2 over the digits. */
export function receiptNumber(station, day, box, serial) {
  const text = `${station}-${day}-${String(box).padStart(2, '0')}${String(serial).padStart(4, '0')}`;
  const p = [...text.replaceAll('-', '')].reduce((sum, digit) => ((sum + Number(digit)) * 2) % 11, 0);
  return `${text}-${'0123456789X'[(12 - p) % 11]}`;
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function birthDate(rng, from, to) {
  const year = rng.int(from, to);
  const month = rng.int(1, 12);
  const leap = month === 2 && (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)) ? 1 : 0;
  const day = rng.int(1, DAYS[month - 1] + leap);
  return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`;
}

// Hutubi above all, its neighbours, and places that people come from; 652321 has been dissolved and still stands in
// the numbers of those born there.
const DIVISIONS = ['652323', '652323', '652323', '652323', '652301', '652324', '652321', '650102', '411381', '620422', '510722'];

const idNumber = (rng, from, to) => rng.as('ID numbers', () => citizenId(rng.pick(DIVISIONS) + birthDate(rng, from, to) + rng.digits(3)));

const mobile = (rng) => rng.as('phones', () => `1${rng.int(3, 9)}${rng.digits(9)}`);

// --- names ---

/** The words of this file: few, so that a test's people look familiar. */
const FEW = {
  surnames: [...'王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林罗', '欧阳', '上官'],
  given: [...'建国秀英志强玉兰文斌春梅海燕永军桂芳新民丽华德福雪莲宏伟'],
  uyghur_men: ['买买提', '阿卜杜拉', '艾合买提', '吐尔逊', '玉素甫', '努尔艾力', '阿迪力', '依明'],
  uyghur_women: ['阿依努尔', '古丽娜尔', '帕提古丽', '热孜万', '米热古丽', '祖丽菲亚'],
  kazakh_men: ['叶尔肯', '巴合提', '努尔兰', '哈力木拉提', '赛力克', '阿斯哈尔', '木拉提'],
  kazakh_women: ['阿依古丽', '巴哈尔古丽', '古丽扎达', '阿勒腾', '沙吾列'],
  relations: ['村干部代办', '子女', '邻居'],
  notes: ['材料齐全。', '本人到场。', '行动不便，上门收件。', '家属陪同，已说明办理时限。', '复印件由本站代印。'],
};

/** The set NAME of tests/lib/words: `train` or `bench`. */
export function words(name) {
  const set = JSON.parse(readFileSync(new URL(`words/${name}.json`, import.meta.url), 'utf8'));
  return { ...set, given: [...set.given] };
}

/** A full name: Han, or Uyghur or Kazakh as given name, U+00B7, father's name. */
export function personName(rng, from = FEW) {
  return rng.as('names', () => {
    const kind = rng.int(1, 10);
    if (kind <= 5) return rng.pick(from.surnames) + Array.from({ length: rng.int(1, 2) }, () => rng.pick(from.given)).join('');
    const [men, women] = kind <= 7 ? [from.uyghur_men, from.uyghur_women] : [from.kazakh_men, from.kazakh_women];
    return `${rng.pick(rng.chance(50) ? men : women)}·${rng.pick(men)}`;
  });
}

/** An address in the county; where the words have roads and groups, mostly in HOME, a station. */
function address(rng, from, home) {
  return rng.as('addresses', () => {
    const { name, kind } = home && rng.chance(85) ? home : rng.pick(stations);
    const flat = () => `${rng.int(1, 30)}号楼${rng.int(1, 4)}单元${rng.int(1, 6)}0${rng.int(1, 4)}室`;
    if (!from.roads) return kind === 'community' ? `呼图壁县${name}${flat()}` : `呼图壁县${name}${rng.int(1, 8)}组${rng.int(1, 120)}号`;
    if (kind === 'community') return `呼图壁县${name}${rng.pick(from.roads)}${flat()}`;
    return `呼图壁县${name}${rng.pick(rng.chance(70) ? from.groups : from.roads)}${rng.int(1, 120)}号`;
  });
}

const SLOTS = {
  n: (rng) => rng.int(1, 9),
  age: (rng) => rng.int(80, 99),
  year: (rng) => rng.int(2015, 2029),
  month: (rng) => rng.int(1, 12),
  day: (rng) => `${rng.int(1, 12)}月${rng.int(1, 28)}日`,
  time: (rng, from) => rng.pick(from.times),
  relation: (rng, from) => rng.pick(from.relations),
};

/** A note of 20-60 characters made of the words' phrases, or one of the few where they have none. */
export function note(rng, from = FEW) {
  return rng.as('notes', () => {
    if (!from.phrases) return rng.chance(60) ? rng.pick(from.notes) : '';
    const least = rng.int(20, 48);
    let text = '';
    while ([...text].length < least) {
      const phrase = rng.pick(from.phrases).replace(/\{(\w+)\}/g, (_, slot) => SLOTS[slot](rng, from));
      if (text && [...text].length + [...phrase].length > 58) break;
      text += (text && '，') + phrase;
    }
    return `${text}。`;
  });
}

// --- people ---

/** An adult as an `applicant`. */
export function adult(rng, from = FEW, home = null) {
  const person = { kind: 'person', name: personName(rng, from), id_type: 'citizen_id', id_number: idNumber(rng, 1950, 2000), phone: mobile(rng), address: address(rng, from, home) };
  if (rng.chance(4)) Object.assign(person, { phone: '', phone_reason: rng.pick(['没有电话', '老人不用手机']) });
  return person;
}

/** A minor with a guardian. */
export function minor(rng, from = FEW, home = null) {
  const guardian = { name: personName(rng, from), id_type: 'citizen_id', id_number: idNumber(rng, 1950, 2000), phone: mobile(rng),
    relation: rng.pick(['祖父', '祖母', '外祖母', '叔父', '姑母']) };
  return { kind: 'person', name: personName(rng, from), id_type: 'citizen_id', id_number: idNumber(rng, 2019, 2023), phone: guardian.phone, address: address(rng, from, home), guardian };
}

/** An organisation. */
export function organisation(rng) {
  const body = Array.from({ length: 9 }, () => rng.pick([...CREDIT_ALPHABET])).join('');
  return { kind: 'organisation', name: `呼图壁县${rng.pick(['丰收', '雪莲', '绿洲', '金穗', '天山'])}${rng.pick(['农民专业合作社', '养殖专业合作社', '商贸有限公司'])}`,
    id_type: 'credit_code', id_number: creditCode(`9${rng.int(1, 3)}652323${body}`), phone: `0994-45${rng.digits(5)}`, address: address(rng, FEW, null) };
}

function agent(rng, from) {
  return { name: personName(rng, from), id_type: 'citizen_id', id_number: idNumber(rng, 1960, 2000), phone: mobile(rng), relation: rng.pick(from.relations) };
}

// --- registrations ---

const ORPHAN_ITEM = '652323-002'; // 对孤儿基本生活保障金的给付

/** The papers that the item's guide wants, or two common ones where no guide is at hand. None is missing. */
function materials(item, rng) {
  const wanted = item.guide?.materials ?? [];
  if (!wanted.length) return [{ name: '申请表', form: 'original', copies: 1 }, { name: '居民身份证', form: 'original_and_copy', copies: rng.int(1, 2) }];
  return rng.as('materials', () => wanted.filter(({ required }) => required || rng.chance(50)))
    .map(({ name, form, copies }) => ({ name, form, copies: Math.max(copies, 1) }));
}

function block(item, rng, from, home) {
  switch (item.record) {
    case 'service':
      return { service: { topic: item.name, person: rng.chance(70) ? personName(rng, from) : null, phone: rng.chance(50) ? mobile(rng) : null,
        advice: rng.pick(['介绍到县人力资源市场登记。', '发给岗位信息一份，约定下周回访。', '讲解了报名条件和所需材料。']) } };
    case 'activity':
      return { activity: { topic: item.name, place: `${rng.pick(stations).name}村（居）民会议室`, headcount: rng.int(5, 200), summary: rng.chance(60) ? '发放资料，现场解答。' : null } };
    case 'mediation':
      return { mediation: { parties: [{ name: personName(rng, from), phone: mobile(rng) }, { name: personName(rng, from) }],
        matter: rng.pick(['灌溉用水先后', '宅基地边界', '牲畜踩踏庄稼', '邻里噪声']), outcome: rng.pick(['达成协议，双方签字。', '约定下月再议。']) } };
    default: {
      const applicant = (item.code === ORPHAN_ITEM ? minor : adult)(rng, from, home);
      return { applicant, agent: rng.chance(15) ? agent(rng, from) : null, materials: materials(item, rng) };
    }
  }
}

/** A valid body of POST /api/v1/cases for ITEM, a catalog item (code, name, record, guide where known), in the words FROM,
 * of people who mostly live in HOME, a station. */
export function registration(item, rng, from = FEW, home = null) {
  return { item: item.code, ...block(item, rng, from, home), channel: rng.pick(['window', 'window', 'window', 'visit', 'kiosk']), note: note(rng, from) };
}

const ends = (text, head, tail) => `${text.slice(0, head)}${'*'.repeat(Math.max(0, text.length - head - tail))}${tail ? text.slice(-tail) : ''}`;

/** A person as everybody sees them: the ends of the numbers. Those of 18 characters and telephones, as this file makes them. */
export function shown(who) {
  const number = who.id_type === 'credit_code' || !who.id_number ? who.id_number : ends(who.id_number, who.id_number.length === 18 ? 6 : 0, 4);
  return { ...who, id_number: number, phone: who.phone && ends(who.phone, 3, 4), ...(who.guardian ? { guardian: shown(who.guardian) } : {}) };
}
