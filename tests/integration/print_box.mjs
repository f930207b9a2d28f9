// The printing of a box under test: xinke-print beside a gateway, a receipt printer of our own, and cases of which there
// is every paper.
//
//   const print = await startPrint(box, { device: `tcp:127.0.0.1:${printer.port}` });
//   const printer = await startPrinter();
//   await print.close(); await printer.close();

import { randomUUID } from 'node:crypto';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BIN } from './gateway_box.mjs';

export const PAPERS = fileURLToPath(new URL('../../schema/papers', import.meta.url));

/** xinke-print for BOX, ready to serve. */
export async function startPrint(box, { device = '', width = 80, cut = 'yes', papers = PAPERS } = {}) {
  const config = join(box.dir, 'print.conf');
  writeFileSync(config, `[paths]\nsocket = data/print.sock\npapers = ${papers}\n[printer]\ndevice = ${device}\nwidth = ${width}\ncut = ${cut}\n`);
  const print = { log: '' };
  let child;
  print.start = () => new Promise((resolve, reject) => {
    child = spawn(join(BIN, 'xinke-print'), ['-c', config, 'run'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let seen = '';
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text) => {
      print.log += text;
      seen += text;
      if (/ ready /.test(seen)) resolve(print);
    });
    child.on('error', reject);
    child.ended = new Promise((end) => child.on('exit', (code, signal) => {
      end({ code, signal });
      reject(new Error(`xinke-print ended with ${code ?? signal}\n${print.log}`));
    }));
  });
  print.pid = () => child.pid;
  print.stop = (signal = 'SIGTERM') => {
    child.kill(signal);
    return child.ended;
  };
  print.close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const { code, signal } = await print.stop();
      if (code !== 0) throw new Error(`xinke-print ended with ${code ?? signal}\n${print.log}`);
    }
    if (/(ERROR|WARNING): (Address|Thread)Sanitizer|runtime error:|LeakSanitizer/.test(print.log)) throw new Error(print.log);
  };
  return print.start();
}

// --- the printer ---

/** Reads an ESC/POS stream. Throws on a command that it does not know, so that no stray byte goes unseen. */
export function readEscpos(bytes) {
  const out = { lines: [], cuts: 0, feeds: 0, images: [], asked: [], inits: 0, centered: [] };
  let line = [];
  let state = { center: 0, size: 0, bold: 0, kanji: false };
  const end = () => {
    const text = new TextDecoder('gb18030', { fatal: true }).decode(Uint8Array.from(line));
    out.lines.push({ text, ...state });
    line = [];
  };
  for (let i = 0; i < bytes.length;) {
    const [a, b, c] = [bytes[i], bytes[i + 1], bytes[i + 2]];
    if (a === 0x1b && b === 0x40) { out.inits++; state = { center: 0, size: 0, bold: 0, kanji: false }; i += 2; }
    else if (a === 0x1c && b === 0x26) { state.kanji = true; i += 2; }
    else if (a === 0x1b && b === 0x61) { state = { ...state, center: c }; i += 3; }
    else if (a === 0x1b && b === 0x45) { state = { ...state, bold: c }; i += 3; }
    else if (a === 0x1b && b === 0x64) { out.feeds++; i += 3; }
    else if (a === 0x1d && b === 0x21) { state = { ...state, size: c }; i += 3; }
    else if (a === 0x1d && b === 0x56 && c === 0x42) { out.cuts++; i += 4; }
    else if (a === 0x1d && b === 0x72) { out.asked.push('GS r'); i += 3; }
    else if (a === 0x10 && b === 0x04) { out.asked.push(`DLE EOT ${c}`); i += 3; }
    else if (a === 0x1d && b === 0x76 && c === 0x30) {
      const width = bytes[i + 4] + 256 * bytes[i + 5], height = bytes[i + 6] + 256 * bytes[i + 7];
      out.images.push({ width: width * 8, height, center: state.center,
        dark: ((data) => (x, y) => Boolean(data[y * width + (x >> 3)] & (0x80 >> (x & 7))))(bytes.subarray(i + 8, i + 8 + width * height)) });
      i += 8 + width * height;
    } else if (a === 0x0a) { end(); i++; }
    else if (a < 0x20) throw new Error(`a stray byte ${a} at ${i}`);
    else { line.push(a); i++; }
  }
  if (line.length) throw new Error('text without an end of line');
  return out;
}

/** The module matrix of a printed QR symbol, read back from its dots; throws where it is none. */
export function readQr({ width, height, dark }) {
  let top = 0;
  while (top < height && !Array.from({ length: width }, (_, x) => dark(x, top)).some(Boolean)) top++;
  let left = 0;
  while (!dark(left, top)) left++;
  let run = 0;
  while (dark(left + run, top)) run++; // the upper edge of a finder pattern: seven modules
  const scale = run / 7, side = height / scale, size = side - 2 * (top / scale);
  if (!Number.isInteger(scale) || !Number.isInteger(size) || (size - 17) % 4 || top !== left || top !== 4 * scale) throw new Error('no QR symbol');
  const at = (x, y) => dark(left + x * scale + (scale >> 1), top + y * scale + (scale >> 1));
  for (const [fx, fy] of [[0, 0], [size - 7, 0], [0, size - 7]]) {
    for (let y = 0; y < 7; y++) {
      for (let x = 0; x < 7; x++) {
        const ring = Math.max(Math.abs(x - 3), Math.abs(y - 3));
        if (at(fx + x, fy + y) !== (ring !== 2)) throw new Error(`no finder pattern at ${fx},${fy}`);
      }
    }
  }
  for (let i = 8; i < size - 8; i++) if (at(i, 6) !== (i % 2 === 0) || at(6, i) !== (i % 2 === 0)) throw new Error('no timing pattern');
  return { size, scale, at };
}

/** A network printer. `mode`: answers (as most do), silent (takes, says nothing), hangs (reads nothing after the head),
 * breaks (closes in the middle), empty (no paper from the start), runs_out (none at the end), refuses (GS r unanswered). */
export async function startPrinter(mode = 'answers') {
  const printer = { mode, jobs: [] };
  const sockets = new Set();
  const server = net.createServer((socket) => {
    const chunks = [];
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => {
      chunks.push(data);
      const now = printer.mode;
      const total = chunks.reduce((sum, one) => sum + one.length, 0);
      if (now === 'silent') return;
      if (data.includes(Buffer.from([0x10, 4, 2]))) socket.write(Buffer.from([0x12]));
      if (data.includes(Buffer.from([0x10, 4, 4]))) socket.write(Buffer.from([now === 'empty' ? 0x72 : 0x12]));
      if (now === 'hangs' && total > 6) socket.pause();
      if (now === 'breaks' && total > 6) socket.resetAndDestroy();
      if (data.includes(Buffer.from([0x1d, 0x72, 1])) && now !== 'refuses') socket.write(Buffer.from([now === 'runs_out' ? 0x0c : 0]));
    });
    socket.on('close', () => { sockets.delete(socket); printer.jobs.push(Buffer.concat(chunks)); });
    socket.on('end', () => socket.end());
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  printer.port = server.address().port;
  printer.device = `tcp:127.0.0.1:${printer.port}`;
  printer.close = () => new Promise((resolve) => {
    server.close(resolve);
    sockets.forEach((socket) => socket.destroy()); // one that hangs does not see the end
  });
  return printer;
}

// --- cases ---

const PERSON = { kind: 'person', name: '阿依古丽·买买提', id_type: 'citizen_id', id_number: '652323198506151237', phone: '13899991234', address: '呼图壁县大丰镇红山村二组15号' };
const AGENT = { name: '王建设', id_type: 'citizen_id', id_number: '11010519491231002X', phone: '13999990000', relation: '村代办员' };
const PAPERS_BROUGHT = [{ name: '居民身份证', form: 'original_and_copy', copies: 1 }, { name: '居民户口簿', form: 'copy', copies: 1 }, { name: '申请表', form: 'original', copies: 2 }];
const MISSING = { basis: '《中华人民共和国行政许可法》第三十二条第一款第四项',
  materials: [{ name: '结婚证', standard: '原件，夫妻双方姓名与身份证一致', where: '婚姻登记机关可以补领' },
    { name: '诊断证明', standard: '县级以上医疗机构出具，加盖公章，三个月内有效' }],
  bring_by: '2026-12-31T18:00:00+08:00' };
const SOON = () => new Date(Date.now() - 5000).toISOString();

/** Makes the cases of which BOX has papers; ITEM is what its tier handles. By name: the case's id and the kinds expected. */
export async function paperCases(clerk, lead, item, { applicant = {}, upward = null } = {}) {
  const post = async (code, more = {}) => (await clerk.call('POST', '/api/v1/cases', { key: randomUUID(), expect: 201,
    body: { item: code, applicant: { ...PERSON, ...applicant }, agent: null, materials: PAPERS_BROUGHT, channel: 'window', note: '', ...more } })).body.id;
  const act = (who, id, type, body = {}) => who.call('POST', `/api/v1/cases/${id}/events`, { key: randomUUID(), body: { type, body }, expect: 201 });
  const cases = {};
  const receipt = await post(item, { agent: AGENT });
  cases.taken = { id: receipt, kinds: ['receipt', 'mandate'] };
  const supplement = await post(item);
  await act(clerk, supplement, 'supplement_notice', MISSING);
  cases.asked = { id: supplement, kinds: ['receipt', 'supplement_notice'] };
  const refused = await post(item);
  await act(clerk, refused, 'refuse', { reason: '申请人的户籍不在本辖区', basis: '《新疆维吾尔自治区人口与计划生育条例》', competent_organ: '昌吉市卫生健康委员会',
    remedies: '如不服，可以自收到本通知之日起六十日内向呼图壁县人民政府申请行政复议，或者自收到之日起六个月内向人民法院提起行政诉讼。' });
  cases.refused = { id: refused, kinds: ['receipt', 'refusal'] };
  const needless = await post(item);
  await act(clerk, needless, 'not_required', { reason: '本次申请的情形依法不需要取得许可', basis: '《中华人民共和国行政许可法》第三十二条第一款第一项' });
  cases.needless = { id: needless, kinds: ['receipt', 'refusal'] };
  const accepted = await post(item);
  await act(clerk, accepted, 'accept');
  cases.accepted = { id: accepted, kinds: ['receipt', 'acceptance'] };
  const extended = await post(item);
  await act(clerk, extended, 'accept');
  await act(clerk, extended, 'start_review');
  await act(lead, extended, 'extend', { days: 10, reason: '需要向户籍地核实有关情况', approver: '李局长' });
  await act(clerk, extended, 'suspend', { kind: 'expert_review', reason: '需要专家评审医学诊断', days: 15, told_at: SOON() });
  cases.extended = { id: extended, kinds: ['receipt', 'acceptance', 'extension'] };
  const granted = await post(item);
  await act(clerk, granted, 'accept');
  await act(clerk, granted, 'decide_now', { result: 'granted', document_number: '大丰卫证〔2026〕12号' });
  await act(clerk, granted, 'complete', { result_code: 0, document: '再生育审批表', document_number: '大丰卫证〔2026〕12号', fetch: '大丰镇便民服务中心3号窗口，凭身份证领取' });
  cases.granted = { id: granted, kinds: ['receipt', 'acceptance', 'completion', 'delivery'] };
  const denied = await post(item);
  await act(clerk, denied, 'accept');
  await act(clerk, denied, 'decide_now', { result: 'refused', reason: '不符合再生育条件', basis: '《新疆维吾尔自治区人口与计划生育条例》第十五条', remedies: '可以自收到之日起六十日内申请行政复议，或者六个月内提起行政诉讼。' });
  await act(clerk, denied, 'complete', { result_code: 6, document: '不予批准决定书', fetch: '原窗口' });
  await act(clerk, denied, 'deliver', { document: '不予批准决定书', way: 'direct', place: '大丰镇便民服务中心', receiver: '阿依古丽·买买提', relation: '本人', delivered_at: SOON() });
  cases.denied = { id: denied, kinds: ['receipt', 'acceptance', 'completion', 'delivery'] };
  if (upward) cases.passed_up = { id: await post(upward), kinds: ['receipt', 'handover'] };
  return cases;
}
