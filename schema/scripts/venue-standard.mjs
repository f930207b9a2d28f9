#!/usr/bin/env node
// Makes schema/venue/standard.json, the venue standard (服务场所标准) that a station's self-check (自查) asks by:
//
//   node schema/scripts/venue-standard.mjs REFERENCE_DIR [--check]
//
// Reads county-plan-2022.txt from REFERENCE_DIR. Every point names the words of the plan that it comes from, and the
// figures are read out of those words: a point that the plan does not hold stops the script. With --check nothing is
// written and the exit code is 1 when the committed file differs. A self-check names the edition that it answered, so an
// edition is never changed once it was released; a new plan adds one.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const TARGET = fileURLToPath(new URL('../venue/standard.json', import.meta.url));
const TIERS = ['village', 'community', 'township'];

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true });
if (positionals.length !== 1) {
  console.error('usage: venue-standard.mjs REFERENCE_DIR [--check]');
  process.exit(2);
}
const plan = readFileSync(path.join(positionals[0], 'county-plan-2022.txt'), 'utf8');

/** The plan's words around the figure marked <>; the figure. */
function figure(words) {
  const [before, after] = words.split('<>');
  const at = plan.indexOf(before);
  const found = at < 0 ? null : /^\d+/.exec(plan.slice(at + before.length));
  assert.ok(found && plan.startsWith(after, at + before.length + found[0].length), `not in the plan: ${words}`);
  return Number(found[0]);
}

const everywhere = (wanted) => Object.fromEntries(TIERS.map((tier) => [tier, wanted]));
const only = (tiers, wanted) => Object.fromEntries(TIERS.map((tier) => [tier, tiers.includes(tier) ? wanted : null]));

/** A point that is there or not; the plan must hold WORDS, each of them. */
function there(section, point, name, words = [name], tiers = TIERS) {
  for (const one of words) assert.ok(plan.includes(one), `not in the plan: ${one}`);
  return { point, section, name, kind: 'yes', unit: null, wanted: only(tiers, true) };
}

const AREA = {
  township: figure('乡镇办事大厅场地面积原则不少于<>平方米'),
  community: figure('社区便民服务大厅场地面积原则不少于<>平方米'),
  village: figure('村便民服务大厅场地面积原则不少于<>平方米'),
};
// A township sets its windows by its circumstances, but for the ones that the plan names.
const WINDOWS = {
  township: null,
  community: figure('平方米，窗口设置不少于<>个，村便民服务大厅'),
  village: figure('场地面积原则不少于50平方米，窗口设置不少于<>个。'),
};
const NAMED_WINDOWS = [['civil_affairs', '民政'], ['disabled_elderly', '残联老龄'], ['veterans', '退役军人事务'], ['health', '卫生和健康'],
  ['natural_resources', '自然资源和规划'], ['agriculture', '农业农村'], ['justice', '司法'], ['social_security', '社会保障'],
  ['medical_insurance', '医疗保障'], ['water', '水利']];
assert.ok(plan.includes(`应设置包括但不限于：${NAMED_WINDOWS.map(([, name]) => name).join('、')}等窗口`), 'the named windows');

const number = (point, name, unit, wanted) => ({ point, section: 'place', name, kind: 'number', unit, wanted: { ...everywhere(null), ...wanted } });

const edition = {
  version: 1,
  issued: '2022-05-24',
  sections: [
    { section: 'place', name: '服务场地' },
    { section: 'signs', name: '标识标牌' },
    { section: 'areas', name: '功能布局' },
    { section: 'equipment', name: '设施设备' },
    { section: 'networks', name: '信息网络' },
  ],
  points: [
    there('place', 'hall', '便民服务大厅', ['各乡镇、村（社区）均应设立便民服务大厅']),
    number('area', '大厅面积', '平方米', AREA),
    number('windows', '窗口数量', '个', WINDOWS),
    ...NAMED_WINDOWS.map(([point, name]) => there('place', `window_${point}`, `${name}窗口`, [name], ['township'])),
    there('signs', 'name_board', '名称标识悬挂于建筑正面显要位置', ['便民服务场所名称标识应悬挂于所在主体建筑正面显要位置']),
    there('signs', 'window_signs', '窗口吊牌'),
    there('signs', 'direction_signs', '导向标志'),
    there('signs', 'floor_plan', '平面示意图'),
    there('signs', 'information_sign', '信息公示牌'),
    there('areas', 'one_window_area', '“一窗受理”办事服务区'),
    there('areas', 'inquiry_area', '咨询引导区'),
    there('areas', 'waiting_area', '等候休息区'),
    there('equipment', 'open_counter', '开放式业务办理柜台'),
    there('equipment', 'furniture', '办公桌椅'),
    there('equipment', 'computer', '计算机'),
    there('equipment', 'printer', '打印机'),
    there('equipment', 'copier', '复印机'),
    there('equipment', 'telephone', '固定电话'),
    there('equipment', 'notice_board', '信息公示栏'),
    there('equipment', 'opinion_box', '意见箱（簿）'),
    there('networks', 'internet', '互联网', ['必须安装互联网、电子政务外网、专网']),
    there('networks', 'government_extranet', '电子政务外网'),
    there('networks', 'private_network', '专网', ['电子政务外网、专网等']),
  ],
};

const document = { standard: 'hutubi-venue', source: plan.trim().split('\n')[0].trim(), editions: [edition] };
const text = `${JSON.stringify(document, null, 1)}\n`;
if (!values.check) {
  mkdirSync(path.dirname(TARGET), { recursive: true });
  writeFileSync(TARGET, text);
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error(`${TARGET} differs from what the plan gives`);
  process.exit(1);
}
