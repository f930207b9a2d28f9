// Papers of cases over REST: which there are, each as a page, each on a receipt printer of our own that is well, has no
// paper, hangs or goes away; templates that a county breaks; xinke-print killed and started again.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { sleep, startBox, until } from './gateway_box.mjs';
import { PAPERS, paperCases, readEscpos, readQr, startPrint, startPrinter } from './print_box.mjs';

const CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
const conf = { public: ['url = https://county.example/'], station: ['phone = 0994-0000000'] };

/** The words of a page, without its style sheet. */
const textOf = (html) => html.replace(/<style>[^]*?<\/style>/, '').replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');

for (const { tier, item, draft } of [{ tier: 'township', item: '652323-010', draft: false }, { tier: 'village', item: '652323-019', draft: true }]) {
  describe(`the papers of a ${tier}`, () => {
    let box, print, clerk, cases;
    const page = async (id, kind, format = 'a4', options = {}) =>
      (await clerk.call('GET', `/api/v1/cases/${id}/documents/${kind}`, { query: { format }, ...options }));
    before(async () => {
      box = await startBox({ tier, calendar: 'xinjiang', conf });
      print = await startPrint(box);
      const lead = await box.signIn('lead');
      clerk = await box.signIn('clerk');
      cases = await paperCases(clerk, lead, item, { upward: '652323-001' });
    });
    after(async () => { await print.close(); await box.close(); });

    test('are those that the state allows', async () => {
      for (const [name, { id, kinds }] of Object.entries(cases)) {
        const { body } = await clerk.call('GET', `/api/v1/cases/${id}/documents`);
        assert.deepEqual(body.items.map(({ kind }) => kind).sort(), [...kinds].sort(), name);
      }
    });

    test('are pages that stand alone, in both formats', async () => {
      for (const { id, kinds } of Object.values(cases)) {
        const { body: { receipt_number: number } } = await clerk.call('GET', `/api/v1/cases/${id}`);
        for (const kind of kinds) {
          for (const format of ['a4', 'roll']) {
            const { raw, headers } = await page(id, kind, format);
            const html = raw.toString('utf8');
            assert.equal(headers['content-security-policy'], CSP);
            assert.match(headers['content-type'], /^text\/html; charset=utf-8/);
            assert.ok(html.startsWith('<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8">'));
            assert.ok(html.includes(number), kind);
            assert.match(html, /<svg viewBox="0 0 \d+ \d+"[^>]*><path d="M4 4h7v1h-7z/, 'the symbol begins with a finder pattern');
            assert.doesNotMatch(html, /<script|src=|href=|@import|url\(/);
            assert.equal(/@page \{ size: A4/.test(html), format === 'a4');
            assert.equal(/@page \{ size: 80mm/.test(html), format === 'roll');
          }
        }
      }
    });

    test('say what they may and no more', async () => {
      const receipt = textOf((await page(cases.taken.id, 'receipt')).raw.toString());
      assert.match(receipt, /不是受理通知书/);
      assert.match(receipt, /个人信息/);
      const mandate = (await page(cases.taken.id, 'mandate')).raw.toString();
      assert.match(mandate, /652323\*{8}1237/);
      assert.doesNotMatch(mandate, /652323198506151237|11010519491231002X/);
      for (const [name, kind] of [['asked', 'supplement_notice'], ['refused', 'refusal'], ['accepted', 'acceptance'], ['extended', 'extension']]) {
        const text = textOf((await page(cases[name].id, kind)).raw.toString());
        assert.equal(/草稿（底稿）/.test(text), draft, kind);
        assert.equal(/（盖章）/.test(text), !draft, kind);
      }
      const accepted = textOf((await page(cases.accepted.id, 'acceptance')).raw.toString());
      const { body } = await clerk.call('GET', `/api/v1/cases/${cases.accepted.id}`);
      const [year, month, day] = body.terms.find(({ kind }) => kind === 'decision').due.split(/[-T]/);
      assert.ok(accepted.includes(`法定办结日期 ${year}年${month}月${day}日`), accepted);
      const notice = (await page(cases.asked.id, 'supplement_notice')).raw.toString();
      assert.equal(notice.match(/<section/g).length, 2);
      assert.match(textOf(notice), /第一联.*第二联/);
    });

    test('are refused where the state does not allow them, with what there is', async () => {
      const { body } = await page(cases.taken.id, 'acceptance', 'a4', { expect: 'paper_not_now' });
      assert.equal(body.state, 'received');
      assert.deepEqual(body.documents.map(({ kind }) => kind), ['receipt', 'mandate']);
      await page(cases.taken.id, 'diploma', 'a4', { expect: 'not_found', invalid: true });
      await page(cases.taken.id, 'common', 'a4', { expect: 'not_found', invalid: true });
      await page(randomUUID(), 'receipt', 'a4', { expect: 'not_found' });
      await page(cases.taken.id, 'receipt', 'a5', { expect: 'validation', invalid: true });
      await box.client().call('GET', `/api/v1/cases/${cases.taken.id}/documents/receipt`, { expect: 'unauthenticated' });
      const url = `/api/v1/cases/${cases.taken.id}/documents/receipt/print`;
      await clerk.call('POST', url, { body: { copies: 2 }, expect: 'validation', invalid: true });
      await (await box.signIn('tech')).call('POST', url, { body: {}, expect: 'forbidden' });
      await clerk.call('POST', url, { body: {}, expect: 'printer_absent' }); // none is set
    });
  });
}

describe('a receipt printer', () => {
  let box, printer, print, clerk, lead, cases;
  const printOf = (kind, id, options = {}) => clerk.call('POST', `/api/v1/cases/${id}/documents/${kind}/print`, { body: {}, ...options });
  const lastJob = async (n) => {
    await until(() => printer.jobs.length > n);
    return readEscpos(printer.jobs[n]);
  };
  before(async () => {
    box = await startBox({ tier: 'township', calendar: 'xinjiang', conf });
    printer = await startPrinter();
    print = await startPrint(box, { device: printer.device });
    clerk = await box.signIn('clerk');
    lead = await box.signIn('lead');
    cases = await paperCases(clerk, lead, '652323-010', { applicant: { name: '䶮·𠮷㐂·<b>' } });
  });
  after(async () => { await print.close(); await printer.close(); await box.close(); });

  test('prints each paper, with its words, cuts and symbol', async () => {
    for (const { id, kinds } of Object.values(cases)) {
      const { body: one } = await clerk.call('GET', `/api/v1/cases/${id}`);
      for (const kind of kinds) {
        const n = printer.jobs.length;
        const { status, body } = await printOf(kind, id);
        assert.equal(status, 200);
        assert.deepEqual(body, { confirmed: true });
        const seen = await lastJob(n);
        const copies = kind === 'supplement_notice' ? 2 : 1;
        assert.equal(seen.inits, 1);
        assert.equal(seen.cuts, copies);
        assert.deepEqual(seen.asked, ['DLE EOT 2', 'DLE EOT 4', 'GS r']);
        const text = seen.lines.map((line) => line.text).join('');
        assert.ok(text.includes(one.receipt_number), `${kind}: ${text}`);
        assert.ok(text.includes('䶮·𠮷㐂·<b>'), kind);
        assert.ok(seen.lines.every((line) => line.kanji));
        assert.ok(seen.lines.every(({ text: t, size }) => [...t].reduce((w, c) => w + (c < '\x7f' ? 1 : 2), 0) * (size ? 2 : 1) <= 48), 'within 48 columns');
        const title = seen.lines.find((line) => line.size === 0x11);
        assert.equal(title.center, 1);
        assert.equal(seen.images.length, copies);
        const { size, scale, at } = readQr(seen.images[0]);
        assert.ok(seen.images[0].width <= 576 && scale >= 4, 'large enough for a telephone');
        // the same symbol as on the page
        const html = (await clerk.call('GET', `/api/v1/cases/${id}/documents/${kind}`)).raw.toString();
        const rows = new Set([...html.match(/<path d="([^"]+)"/)[1].matchAll(/M(\d+) (\d+)h(\d+)/g)].flatMap(([, x, y, run]) =>
          Array.from({ length: Number(run) }, (_, i) => `${Number(x) + i - 4},${Number(y) - 4}`)));
        for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) assert.equal(at(x, y), rows.has(`${x},${y}`));
      }
    }
  });

  test('that has no paper, hangs, breaks or runs out is told apart, and no window waits', async () => {
    const { id } = cases.taken;
    const told = { empty: /no paper/, breaks: /went away/, runs_out: /ran out of paper/ };
    for (const [mode, detail] of Object.entries(told)) {
      printer.mode = mode;
      const { body } = await printOf('receipt', id, { expect: 'printer_failed' });
      assert.match(body.detail, detail, mode);
    }
    printer.mode = 'silent';
    const silent = await printOf('receipt', id);
    assert.equal(silent.status, 202);
    assert.deepEqual(silent.body, { confirmed: false });
    printer.mode = 'hangs';
    const begin = Date.now();
    const stuck = printOf('receipt', id, { expect: 'printer_failed', timeout: 30000 });
    for (let i = 0; i < 5; i++) { // meanwhile: cases are read and pages made
      const since = Date.now();
      await clerk.call('GET', `/api/v1/cases/${id}`);
      await clerk.call('GET', `/api/v1/cases/${id}/documents/receipt`);
      assert.ok(Date.now() - since < 3000);
      await sleep(100);
    }
    const { body } = await stuck;
    assert.ok(Date.now() - begin < 20000, 'it is given up in time');
    assert.match(body.detail, /confirm|stopped taking/);
    printer.mode = 'answers';
    assert.equal((await printOf('receipt', id)).status, 200);
  });

  test('that is switched off is absent', async () => {
    await print.close();
    const port = await new Promise((resolve) => {
      const free = net.createServer().listen(0, '127.0.0.1', () => { const { port: p } = free.address(); free.close(() => resolve(p)); });
    });
    print = await startPrint(box, { device: `tcp:127.0.0.1:${port}` });
    const { body } = await printOf('receipt', cases.taken.id, { expect: 'printer_absent' });
    assert.match(body.detail, /cannot be reached/);
  });

  test('of 58 mm without a cutter gets narrower lines and is fed', async () => {
    await print.close();
    print = await startPrint(box, { device: printer.device, width: 58, cut: 'no' });
    const n = printer.jobs.length;
    await printOf('acceptance', cases.accepted.id);
    const seen = await lastJob(n);
    assert.equal(seen.cuts, 0);
    assert.equal(seen.feeds, 1);
    assert.ok(seen.lines.every(({ text, size }) => [...text].reduce((w, c) => w + (c < '\x7f' ? 1 : 2), 0) * (size ? 2 : 1) <= 32));
    assert.ok(readQr(seen.images[0]) && seen.images[0].width <= 384);
  });
});

describe('xinke-print', () => {
  let box, print, clerk, id, papers;
  const receipt = (options = {}) => clerk.call('GET', `/api/v1/cases/${id}/documents/receipt`, options);
  before(async () => {
    papers = mkdtempSync(join(tmpdir(), 'xinke-papers-'));
    cpSync(PAPERS, papers, { recursive: true });
    box = await startBox({ tier: 'township', calendar: 'xinjiang', conf });
    clerk = await box.signIn('clerk');
    id = (await paperCases(clerk, await box.signIn('lead'), '652323-010')).taken.id;
  });
  after(async () => { await print?.close(); await box.close(); rmSync(papers, { recursive: true }); });

  test('that does not run is told as such, and the rest goes on', async () => {
    await receipt({ expect: 'print_absent' });
    await clerk.call('GET', `/api/v1/cases/${id}/documents`);
    await clerk.call('GET', `/api/v1/cases/${id}`);
  });

  test('comes back after a kill', async () => {
    print = await startPrint(box, { papers });
    await receipt({ expect: 200 });
    await print.stop('SIGKILL');
    await receipt({ expect: 'print_absent' });
    await print.start();
    await receipt({ expect: 200 });
  });

  test('names file and line of a template that a county broke, and only that paper is missing', async () => {
    const file = join(papers, 'receipt.xsl');
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, whole.replace('<xsl:call-template name="words"/>', '<xsl:call-template name="words">'));
    await receipt({ expect: 'paper_template' });
    assert.match(print.log, /receipt\.xsl:\d+/);
    await clerk.call('GET', `/api/v1/cases/${id}/documents/mandate`, { expect: 200 });
    await print.close();
    print = await startPrint(box, { papers });
    assert.match(print.log, /template kind=receipt .*receipt\.xsl:\d+/);
    writeFileSync(file, whole.replace('收到的材料', '已收材料'));
    assert.match((await receipt({ expect: 200 })).raw.toString(), /已收材料/);
    rmSync(file);
    await receipt({ expect: 'paper_template' });
    writeFileSync(file, whole);
  });

  test('shrugs off what is no request', async () => {
    const path = join(box.dir, 'data', 'print.sock');
    const send = (bytes) => new Promise((resolve) => {
      const socket = net.connect(path, () => { socket.end(bytes); });
      const got = [];
      socket.on('data', (data) => got.push(data));
      socket.on('error', () => {});
      socket.on('close', () => resolve(Buffer.concat(got)));
    });
    const frame = (text) => { const head = Buffer.alloc(4); head.writeUInt32BE(Buffer.byteLength(text)); return Buffer.concat([head, Buffer.from(text)]); };
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 0]), Buffer.from([255, 255, 255, 255]), frame('x'), frame('{}'), frame('['.repeat(1000)),
      frame(JSON.stringify({ job: 'page', kind: 'receipt', data: { a: 'x'.repeat(400000) } })), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      const answer = await send(bytes);
      if (answer.length) assert.equal(answer.readUInt32BE(0), answer.length - 4);
    }
    // callers that say nothing hold nobody up for long
    const silent = Array.from({ length: 6 }, () => net.connect(path).on('error', () => {}));
    await sleep(200);
    await receipt({ expect: 200, timeout: 15000 });
    silent.forEach((socket) => socket.destroy());
    const kib = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${print.pid()}/status`, 'utf8'))[1]);
    assert.ok(process.env.XINKE_BIN?.endsWith('san') || !process.env.XINKE_BIN || kib < 16384, `${kib} KiB`);
  });
});

describe('the hand-over list of a village', () => {
  let box, printer, print, clerk;
  const to = '652323105000';
  const query = { to, state: 'waiting' };
  const numbers = [];
  before(async () => {
    box = await startBox({ calendar: 'xinjiang', conf });
    printer = await startPrinter();
    print = await startPrint(box, { device: printer.device });
    clerk = await box.signIn('clerk');
    for (let i = 0; i < 3; i++) {
      const { passed_up: { id } } = await paperCases(clerk, await box.signIn('lead'), '652323-019', { upward: '652323-001', applicant: { name: `阿依·<i>${i}` } });
      numbers.push((await clerk.call('GET', `/api/v1/cases/${id}`)).body.receipt_number);
    }
  });
  after(async () => { await print.close(); await printer.close(); await box.close(); });

  test('is a page with every case, twice, and without a script', async () => {
    for (const format of ['a4', 'roll']) {
      const { raw, headers } = await clerk.call('GET', '/api/v1/handovers/document', { query: { ...query, format } });
      const html = raw.toString('utf8');
      assert.equal(headers['content-security-policy'], CSP);
      assert.equal(html.match(/<section/g).length, 2);
      for (const number of numbers) assert.equal(html.split(number).length, 3, number);
      const text = textOf(html);
      assert.match(text, /移交清单.*接收单位 652323105000.*共 ?3 ?件.*居民身份证（原件和复印件）1份；居民户口簿（复印件）1份.*不表示已经受理.*移交人签名.*接收人签名/);
      assert.ok(html.includes('阿依·&lt;i&gt;0') && !html.includes('<i>'));
      assert.doesNotMatch(text, /未列全|收件编号：/);
      assert.equal(/@page \{ size: A4/.test(html), format === 'a4');
    }
    const { raw } = await clerk.call('GET', '/api/v1/handovers/document', { query: { ...query, limit: 2 } });
    assert.match(textOf(raw.toString('utf8')), /共 ?2 ?件.*未列全/);
  });

  test('is printed, one copy for each side', async () => {
    const { status } = await clerk.call('POST', '/api/v1/handovers/document/print', { query, body: {} });
    assert.equal(status, 200);
    await until(() => printer.jobs.length > 0);
    const seen = readEscpos(printer.jobs[0]);
    assert.deepEqual([seen.cuts, seen.images.length], [2, 0]);
    const text = seen.lines.map((line) => line.text).join('');
    for (const number of numbers) assert.equal(text.split(number).length, 3, number);
  });

  test('is for one receiver, and of something', async () => {
    const get = (more, expect) => clerk.call('GET', '/api/v1/handovers/document', { query: more, expect, invalid: true });
    const { body } = await get({ state: 'waiting' }, 'validation');
    assert.equal(body.errors[0].pointer, '/?to');
    await get({ to: '民政局' }, 'not_found');
    await get({ ...query, format: 'a5' }, 'validation');
    await get({ ...query, direction: 'in' }, 'validation');
    const post = (more, options) => clerk.call('POST', '/api/v1/handovers/document/print', { query: more, body: {}, invalid: true, ...options });
    await post(query, { body: { copies: 2 }, expect: 'validation' });
    await post({ to: '民政局' }, { expect: 'not_found' });
    await (await box.signIn('tech')).call('POST', '/api/v1/handovers/document/print', { query, body: {}, expect: 'forbidden' });
  });
});
