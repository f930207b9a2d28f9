// The phone app as the gateway serves it: the files of its list and no others, compressed, kept by browsers, and replaced while the
// gateway runs. The app here is a small folder of the test's own.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';

import { parse } from 'yaml';

import { policyOf } from '../lib/guards.mjs';
import { api, startBox, until } from './gateway_box.mjs';

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const SCRIPT = { accept: '*/*' };
const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml', webmanifest: 'application/manifest+json' };
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Writes FILES (path to text) and their list into DIR, as `make web` does: the list last. */
function build(dir, files, change = (list) => list) {
  const list = Object.entries(files).map(([path, text]) => {
    const name = path.slice(1);
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
    const encodings = { identity: name };
    if (text.length > 100) {
      writeFileSync(join(dir, `${name}.gz`), gzipSync(text));
      writeFileSync(join(dir, `${name}.br`), brotliCompressSync(text));
      Object.assign(encodings, { gzip: `${name}.gz`, br: `${name}.br` });
    }
    return { path, type: TYPES[path.split('.').at(-1)], etag: hash(text), immutable: path.startsWith('/assets/'), encodings };
  });
  writeFileSync(join(dir, 'files.json'), JSON.stringify(change(list), null, 1));
}

const INDEX = `<!doctype html><html lang="zh-CN"><title>信客</title><script type="module" src="/assets/app-1.js"></script>${' '.repeat(200)}</html>\n`;
const APP = { '/index.html': INDEX, '/assets/app-1.js': `export const words = '${'受理'.repeat(4000)}';\n`, '/icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  '/sw.js': `self.skip = ${JSON.stringify('x'.repeat(200))};`, '/app.webmanifest': '{"name":"信客"}' };

describe('the phone app', () => {
  let dir, box, client;
  const web = (name) => join(dir, 'web', name);
  /** The status of a GET of PATH as it stands: a URL would be put in order first. */
  const plain = (path) => new Promise((resolve, reject) => {
    https.get({ host: '127.0.0.1', port: box.port, path, ca: box.root, agent: false }, (answer) => { answer.resume(); resolve(answer.statusCode); }).on('error', reject);
  });
  const get = (path, headers = SCRIPT, method = 'GET') => client.raw(method, path, { headers });
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'xinke-web-'));
    mkdirSync(join(dir, 'web'));
    build(join(dir, 'web'), APP);
    writeFileSync(web('secret.txt'), 'not in the list');
    writeFileSync(join(dir, 'outside.txt'), 'not in the folder');
    box = await startBox({ conf: { paths: [`web = ${join(dir, 'web')}`] } });
    client = box.client();
  });
  after(async () => { await box.close(); rmSync(dir, { recursive: true }); });

  test('every file of the list, in each form, as itself', async () => {
    for (const [path, text] of Object.entries(APP)) {
      const big = text.length > 100;
      for (const [accept, form, open] of [[undefined, undefined, (b) => b], ['gzip, deflate', 'gzip', gunzipSync], ['gzip, deflate, br', 'br', brotliDecompressSync]]) {
        const answer = await get(path, { ...SCRIPT, ...(accept ? { 'accept-encoding': accept } : {}) });
        assert.equal(answer.status, 200, path);
        assert.equal(answer.headers['content-encoding'], big ? form : undefined);
        assert.equal((big ? open(answer.raw) : answer.raw).toString(), text);
        assert.equal(answer.headers['content-type'], TYPES[path.split('.').at(-1)]);
        assert.equal(answer.headers['content-length'], String(answer.raw.length));
        assert.match(answer.headers.vary, /Accept-Encoding/);
        assert.equal(answer.headers.etag, `"${hash(text)}${big && form ? `-${form}` : ''}"`);
        assert.equal(answer.headers['cache-control'], path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
        const head = await get(path, { ...SCRIPT, ...(accept ? { 'accept-encoding': accept } : {}) }, 'HEAD');
        assert.deepEqual([head.status, head.raw.length, head.headers['content-length'], head.headers.etag],
          [200, 0, answer.headers['content-length'], answer.headers.etag]);
      }
    }
  });

  test('what a browser has is not sent again', async () => {
    const first = await get('/index.html', { ...HTML, 'accept-encoding': 'br' });
    const again = (tag) => get('/index.html', { ...HTML, 'accept-encoding': 'br', 'if-none-match': tag });
    for (const tag of [first.headers.etag, `W/${first.headers.etag}`, `"x", ${first.headers.etag}`]) {
      const answer = await again(tag);
      assert.deepEqual([answer.status, answer.raw.length, answer.headers.etag], [304, 0, first.headers.etag]);
      assert.equal(answer.headers['cache-control'], 'no-cache');
    }
    // the same bytes in another form have another tag
    for (const tag of [`"${hash(INDEX)}"`, '"x"', first.headers.etag.slice(1, -1)]) assert.equal((await again(tag)).status, 200, tag);
  });

  test('pages of the app get its first page, everything else is what it was', async () => {
    for (const path of ['/', '/?source=pwa', '/cases', '/cases/123?tab=papers', '/sign-in', '/a/b/c/d', '/%E5%8A%9E%E4%BB%B6']) {
      const answer = await get(path, HTML);
      assert.deepEqual([answer.status, answer.raw.toString()], [200, INDEX], path);
      assert.match(answer.headers.vary, /Accept, Accept-Encoding/);
      assert.equal(answer.headers['cache-control'], 'no-cache');
    }
    for (const [path, headers] of [['/cases', SCRIPT], ['/cases', { accept: 'application/json' }], ['/cases', {}], ['/assets/app-0.js', SCRIPT],
      ['/api', HTML], ['/api/v1/nothing', HTML], ['/api/v1/cases/1/nothing', HTML], ['/public/nothing', HTML], ['/problems/nothing', HTML],
      ['/problems/a/b', HTML], ['/screen/1', HTML], ['/healthz/x', HTML]]) {
      const answer = await get(path, headers);
      assert.deepEqual([answer.status, answer.body.code], [404, 'not_found'], path);
    }
    assert.equal((await get('/', { accept: 'application/json' })).body.name, 'xinke-gateway');
    assert.equal((await get('/api/v1/cases', HTML)).body.code, 'unauthenticated');
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      for (const path of ['/index.html', '/cases', '/assets/app-1.js']) assert.equal((await get(path, HTML, method)).status, 404, `${method} ${path}`);
  });

  test('no path reaches what the list does not name', async () => {
    for (const path of ['/files.json', '/secret.txt', '/index.html.gz', '/assets/', '/assets/app-1.js/', '/assets/../secret.txt', '/../outside.txt',
      '/assets/%2e%2e/secret.txt', '/..%2foutside.txt', '/%2e%2e/outside.txt', '//index.html', '/./index.html', '/index.html%00', '/INDEX.HTML', '/index.html/..'])
      assert.ok([400, 404].includes(await plain(path)), path);
  });

  test('a policy without inline script, and no wider than the app needs', async () => {
    for (const path of ['/', '/assets/app-1.js', '/sw.js']) {
      const { headers } = await get(path, HTML);
      assert.deepEqual(policyOf(headers['content-security-policy']), { 'default-src': ["'self'"], 'script-src': ["'self'"], 'style-src': ["'self'"],
        'img-src': ["'self'", 'blob:', 'data:'], 'font-src': ["'self'"], 'connect-src': ["'self'"], 'worker-src': ["'self'"], 'manifest-src': ["'self'"],
        'object-src': ["'none'"], 'base-uri': ["'none'"], 'form-action': ["'none'"], 'frame-ancestors': ["'none'"] });
      assert.equal(headers['referrer-policy'], 'same-origin');
    }
  });

  test('every route answers a stranger with the headers for browsers', async () => {
    const { routes } = (await get('/', { accept: 'application/json' })).body;
    assert.ok(routes.length > 60);
    for (const { method, path } of routes) {
      const answer = await get(path.replaceAll(/\{[^}]+\}/g, 'x'), SCRIPT, method);
      assert.ok(answer.guarded && answer.status >= 200, path); // raw() has held it to them
    }
  });

  test('says which app it still understands', async () => {
    const { body } = await client.call('GET', '/api/v1/version');
    const document = parse(readFileSync(new URL('../../schema/openapi/gateway.yaml', import.meta.url), 'utf8'));
    assert.equal(body.api, document.info.version);
    assert.equal(body.version, (await client.call('GET', '/healthz')).body.version);
    await client.call('GET', '/api/v1/version', { query: { x: 1 }, invalid: true, expect: 'validation' });
    assert.deepEqual(api.coverage().filter((name) => /version/.test(name)), []);
  });

  test('a new build counts without a restart; a faulty list leaves the last one', async () => {
    const words = (n) => `export const words = ${n};`;
    const next = { ...APP, '/assets/app-2.js': words(2), '/index.html': INDEX.replace('app-1', 'app-2') };
    build(join(dir, 'web'), next);
    await until(async () => (await get('/assets/app-2.js')).raw.toString() === words(2));
    assert.equal((await get('/', HTML)).raw.toString(), next['/index.html']);
    const faults = () => box.log().match(/error \S+ web .*/g)?.length ?? 0;
    const faulty = async (pattern, change) => {
      const seen = faults();
      build(join(dir, 'web'), { ...next, '/assets/app-3.js': words(3) }, change);
      await until(() => faults() > seen);
      assert.match(box.log().match(/error \S+ web .*/g).at(-1), pattern);
      assert.equal((await get('/assets/app-3.js')).status, 404);
      assert.equal((await get('/assets/app-2.js')).raw.toString(), words(2));
    };
    const row = (list, more) => [...list, { path: '/x', type: 'text/plain', etag: 'x'.repeat(8), immutable: false, encodings: { identity: 'x' }, ...more }];
    await faulty(/identity is missing or wrong/, (list) => row(list, { encodings: { identity: '../outside.txt' } }));
    await faulty(/path is missing or wrong/, (list) => row(list, { path: '/../x' }));
    await faulty(/not-there: No such file/, (list) => row(list, { encodings: { identity: 'not-there' } }));
    symlinkSync(join(dir, 'outside.txt'), web('link.txt'));
    symlinkSync(dir, web('up'));
    await faulty(/link\.txt does not stay under its folder/, (list) => row(list, { encodings: { identity: 'link.txt' } }));
    await faulty(/up\/outside\.txt does not stay under its folder/, (list) => row(list, { encodings: { identity: 'up/outside.txt' } }));
    await faulty(/assets does not stay under its folder/, (list) => row(list, { encodings: { identity: 'assets' } }));
    await faulty(/an array of 1 to/, () => ({}));
    // a list that is written while it is read mends itself
    const text = readFileSync(web('files.json'));
    build(join(dir, 'web'), { ...next, '/assets/app-3.js': words(3) });
    const whole = readFileSync(web('files.json'));
    assert.ok(whole.length > text.length);
    await until(async () => (await get('/assets/app-3.js')).raw.toString() === words(3));
    const seen = faults();
    writeFileSync(web('files.json'), whole.subarray(0, 100));
    await until(() => faults() > seen);
    writeFileSync(web('files.json'), whole);
    build(join(dir, 'web'), { ...next, '/assets/app-4.js': words(4) });
    await until(async () => (await get('/assets/app-4.js')).status === 200);
  });

  test('a file that is gone or cut short is told, and the rest goes on', async () => {
    rmSync(web('icon.svg'));
    const gone = await get('/icon.svg');
    assert.deepEqual([gone.status, gone.body.code, gone.body.retry_after_s], [503, 'busy', 2]);
    truncateSync(web('assets/app-1.js'), 100);
    assert.equal((await get('/assets/app-1.js')).raw.length, 100); // its size is asked for when it is opened
    assert.equal((await get('/sw.js')).status, 200);
  });

  test('without the folder there is the API alone, and with it the app again', async () => {
    renameSync(join(dir, 'web'), join(dir, 'away'));
    await until(async () => /xinke-gateway/.test((await get('/', HTML)).raw.toString()));
    assert.equal((await get('/cases', HTML)).status, 404);
    await client.call('GET', '/healthz');
    renameSync(join(dir, 'away'), join(dir, 'web'));
    build(join(dir, 'web'), APP);
    await until(async () => (await get('/', HTML)).raw.toString() === INDEX);
  });

  test('many phones at once leave no file open', async () => {
    const open = () => readdirSync(`/proc/${box.pid()}/fd`).length;
    await Promise.all(Array.from({ length: 20 }, () => get('/assets/app-1.js')));
    const before_ = open();
    for (let i = 0; i < 20; i++) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => get('/assets/app-1.js', { ...SCRIPT, ...(n % 2 ? { 'accept-encoding': 'br' } : {}) })));
      assert.ok(answers.every(({ status }) => status === 200));
    }
    await until(() => open() <= before_);
  });
});
