// A client that holds every call to its OpenAPI document: what is sent (unless it is wrong on purpose) and, always,
// what comes back. Integration tests go through it, so an answer that drifts from schema/openapi fails at once.
//
//   const api = contract('../schema/openapi/gateway.yaml');
//   const box = api.client({ base: 'https://127.0.0.1:8443', ca, token });
//   const { body } = await box.call('POST', '/api/v1/cases', { key: randomUUID(), body: registration, expect: 201 });
//   assert.deepEqual(api.coverage(), []);   // operations that nobody called
//
// A fault in the contract is an AssertionError that says where; a connection that fails is Node's own error, because
// tests that kill the server tell the two apart.

import { AssertionError } from 'node:assert';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { pathToFileURL } from 'node:url';

import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';

import { guardFaults } from './guards.mjs';

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'patch', 'head'];
const SHOWN_ERRORS = 12;
const SHOWN_BODY = 1500;
const PROBLEM = 'application/problem+json';
const FORM = 'application/x-www-form-urlencoded';

// --- documents ---

/** The document at URL and all that it refers to, by URL; each becomes known to AJV under its URL. */
function loadDocuments(url, ajv) {
  const docs = new Map();
  const load = (href) => {
    if (docs.has(href)) return;
    const doc = parse(readFileSync(new URL(href), 'utf8'));
    docs.set(href, doc);
    ajv.addSchema(doc, href, undefined, false); // an OpenAPI document is no schema, but holds them
    const walk = (value) => {
      if (typeof value !== 'object' || value === null) return;
      if (typeof value.$ref === 'string') load(new URL(value.$ref, href).href.split('#')[0]);
      Object.values(value).forEach(walk);
    };
    walk(doc);
  };
  load(url);
  return docs;
}

const unescapePointer = (part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
const escapePointer = (part) => encodeURIComponent(String(part).replaceAll('~', '~0').replaceAll('/', '~1'));

/** A place in a document. get() follows $ref, so that one walks the contract as if it were one file. */
class Place {
  constructor(docs, href, path) {
    this.docs = docs;
    this.href = href;
    this.path = path;
    this.value = path.reduce((value, key) => value?.[key], docs.get(href));
  }

  follow() {
    if (typeof this.value?.$ref !== 'string') return this;
    const target = new URL(this.value.$ref, this.href);
    const path = target.hash.slice(1).split('/').slice(1).map(unescapePointer);
    const place = new Place(this.docs, target.href.split('#')[0], path);
    if (place.value === undefined) throw new Error(`${this.href}: nothing at ${this.value.$ref}`);
    return place.follow();
  }

  get(...keys) {
    let place = this;
    for (const key of keys) {
      if (place.value?.[key] === undefined) return undefined;
      place = new Place(this.docs, place.href, [...place.path, key]).follow();
    }
    return place;
  }

  entries() {
    return Object.keys(this.value ?? {}).map((key) => [key, this.get(key)]);
  }

  get uri() {
    return `${this.href}#${this.path.map((part) => `/${escapePointer(part)}`).join('')}`;
  }
}

// --- operations ---

function templateToRegExp(template) {
  const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const source = template.split(/(\{[^}]+\})/).map((part) =>
    (part.startsWith('{') ? `(?<${part.slice(1, -1)}>[^/]+)` : literal(part))).join('');
  return new RegExp(`^${source}$`);
}

function readOperations(root) {
  const operations = [];
  for (const [template, item] of root.get('paths')?.entries() ?? []) {
    const regexp = templateToRegExp(template);
    for (const method of METHODS.filter((name) => item.value[name])) {
      const place = item.get(method);
      const parameters = [item, place].flatMap((owner) =>
        (owner.get('parameters')?.entries() ?? []).map(([, parameter]) => parameter));
      operations.push({ name: `${method.toUpperCase()} ${template}`, method, template, regexp, place, parameters, calls: 0 });
    }
  }
  // where several templates fit a path, the one with the fewest {names} is meant
  const names = (operation) => operation.template.split('{').length;
  return operations.sort((a, b) => names(a) - names(b));
}

// --- validation ---

/** Errors that a reader can act on: those of alternatives that were never meant only hide the fault. */
function readable(errors) {
  const deeper = (error) => errors.some((other) => other !== error
    && !['unevaluatedProperties', 'oneOf', 'anyOf', 'if'].includes(other.keyword)
    && !(other.keyword === 'type' && other.params.type === 'null')
    && other.instancePath.startsWith(error.instancePath));
  const kept = errors.filter((error) => {
    const vague = ['unevaluatedProperties', 'oneOf', 'anyOf', 'if'].includes(error.keyword)
      || (error.keyword === 'type' && error.params.type === 'null');
    return !vague || !deeper(error);
  });
  const lines = new Set(kept.map((error) => {
    const { allowedValues, allowedValue, additionalProperty, unevaluatedProperty } = error.params;
    const extra = additionalProperty ?? unevaluatedProperty
      ?? allowedValues?.join(', ') ?? (allowedValue === undefined ? undefined : JSON.stringify(allowedValue));
    return `  ${error.instancePath || '/'}: ${error.message}${extra === undefined ? '' : ` (${extra})`}`;
  }));
  const all = [...lines];
  if (all.length > SHOWN_ERRORS) all.splice(SHOWN_ERRORS, all.length, `  and ${all.length - SHOWN_ERRORS} more`);
  return all.join('\n');
}

/** Query, header and path values are text; a schema may want a number or a truth value. */
function fromText(text, schema) {
  const types = [schema?.value?.type].flat();
  if (types.includes('integer') && /^-?\d+$/.test(text)) return Number(text);
  if (types.includes('number') && text !== '' && Number.isFinite(Number(text))) return Number(text);
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

const mediaOf = (headers) => (headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
const isJson = (media) => media === 'application/json' || media.endsWith('+json');
const shorten = (text) => (text.length > SHOWN_BODY ? `${text.slice(0, SHOWN_BODY)}... (${text.length} characters)` : text);

// --- the wire ---

function send(agent, url, method, headers, payload, { timeout, signal }) {
  const attempt = (again) => new Promise((resolve, reject) => {
    const transport = url.protocol === 'https:' ? https : http;
    const request = transport.request(url, { agent, method, headers, signal, timeout });
    request.on('response', (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, raw: Buffer.concat(chunks) }));
    });
    request.on('timeout', () => request.destroy(new Error(`no answer to ${method} ${url.pathname} within ${timeout} ms`)));
    request.on('error', (error) => {
      // a kept-alive connection that the server closed while it was idle says nothing about this call
      if (again && request.reusedSocket && error.code === 'ECONNRESET') attempt(false).then(resolve, reject);
      else reject(error);
    });
    request.end(payload);
  });
  return attempt(true);
}

/** Loads an OpenAPI 3.1 document (a path or a file: URL). */
export function contract(document) {
  const href = document instanceof URL ? document.href : pathToFileURL(String(document)).href;
  // strict, so that a keyword that is misspelt in the contract is an error and not a check that never happens
  const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false });
  addFormats(ajv);
  ajv.addVocabulary(['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components']); // AJV takes documents for schemas
  const docs = loadDocuments(href, ajv);
  const root = new Place(docs, href, []);
  const operations = readOperations(root);
  const compiled = new Map();

  const validator = (schema) => {
    if (!compiled.has(schema.uri)) compiled.set(schema.uri, ajv.compile({ $ref: schema.uri }));
    return compiled.get(schema.uri);
  };
  const faults = (schema, value) => {
    const check = validator(schema);
    return check(value) ? '' : readable(check.errors);
  };

  function find(method, path) {
    const by = (wanted) => operations.find((one) => one.method === wanted && one.regexp.test(path));
    const operation = by(method.toLowerCase()) ?? (method === 'HEAD' ? by('get') : undefined); // HEAD follows GET
    if (!operation) throw new AssertionError({ message: `${method} ${path} is not in ${href.split('/').at(-1)}` });
    return operation;
  }

  /** What is wrong with the call itself; '' when nothing is. */
  function requestFaults(operation, path, { query, headers, payload, media }) {
    const problems = [];
    const given = { query, header: headers, path: operation.regexp.exec(path).groups ?? {} };
    for (const parameter of operation.parameters) {
      const { name, in: where, required } = parameter.value;
      if (!given[where]) continue; // cookies are the session's business
      const text = given[where][where === 'header' ? name.toLowerCase() : name];
      if (text === undefined) {
        if (required) problems.push(`  ${where} ${name}: is missing`);
        continue;
      }
      const schema = parameter.get('schema');
      const decoded = where === 'path' ? decodeURIComponent(text) : text;
      const wrong = faults(schema, fromText(decoded, schema));
      if (wrong) problems.push(`  ${where} ${name}:\n${wrong}`);
    }
    const known = new Set(operation.parameters.filter((one) => one.value.in === 'query').map((one) => one.value.name));
    for (const name of Object.keys(query)) if (!known.has(name)) problems.push(`  query ${name}: is not documented`);
    const body = operation.place.get('requestBody');
    if (!body && payload !== undefined) problems.push('  body: none is documented');
    if (body?.value.required && payload === undefined) problems.push('  body: is missing');
    if (body && payload !== undefined) {
      const schema = body.get('content', media, 'schema');
      if (!schema) problems.push(`  body: ${media || 'no media type'} is not documented`);
      else problems.push(bodyFaults(schema, media, payload));
    }
    return problems.filter(Boolean).join('\n');
  }

  function bodyFaults(schema, media, payload) {
    if (media === FORM) return faults(schema, Object.fromEntries(new URLSearchParams(payload.toString())));
    if (!isJson(media)) return faults(schema, payload.toString());
    let value;
    try {
      value = JSON.parse(payload.toString());
    } catch (error) {
      return `  body: ${error.message}`;
    }
    return faults(schema, value);
  }

  /** What is wrong with the answer; fills in answer.body. */
  function responseFaults(operation, method, answer) {
    const range = `${String(answer.status)[0]}XX`;
    const documented = operation.place.get('responses', String(answer.status))
      ?? operation.place.get('responses', range) ?? operation.place.get('responses', 'default');
    if (!documented) return '  this status is not documented';
    const problems = [];
    for (const [name, header] of documented.get('headers')?.entries() ?? []) {
      const value = answer.headers[name.toLowerCase()];
      if (value === undefined) {
        if (header.value.required) problems.push(`  header ${name}: is missing`);
        continue;
      }
      for (const text of [value].flat()) {
        const wrong = faults(header.get('schema'), fromText(text, header.get('schema')));
        if (wrong) problems.push(`  header ${name} = ${text}:\n${wrong}`);
      }
    }
    const content = documented.get('content');
    if (answer.guarded) problems.push(guardFaults(answer.headers, answer.guarded));
    if (method === 'HEAD') {
      if (answer.raw.length) problems.push('  body: HEAD has none');
    } else if (!content) {
      if (answer.raw.length) problems.push('  body: none is documented');
    } else if (!content.value[answer.media]) {
      problems.push(`  content type ${answer.media || '(none)'} is not documented, only ${Object.keys(content.value).join(', ')}`);
    } else {
      problems.push(contentFaults(content.get(answer.media, 'schema'), answer));
    }
    return problems.filter(Boolean).join('\n');
  }

  function contentFaults(schema, answer) {
    if (isJson(answer.media) && answer.body === undefined) return '  body: is not JSON';
    return [schema && faults(schema, answer.body), answer.media === PROBLEM && problemFaults(answer)].filter(Boolean).join('\n');
  }

  /** A problem says again what the status line and headers say; the two must agree. */
  function problemFaults({ status, headers, body }) {
    const problems = [];
    if (body.status !== status) problems.push(`  /status: ${body.status} in an answer of ${status}`);
    if (body.type !== `/problems/${body.code}`) problems.push(`  /type: ${body.type} does not end in the code ${body.code}`);
    const id = headers['x-request-id'];
    if (id && body.request_id && id !== body.request_id) problems.push('  /request_id: is not that of X-Request-Id');
    if (body.retry_after_s !== undefined && headers['retry-after'] !== String(body.retry_after_s))
      problems.push(`  /retry_after_s: ${body.retry_after_s}, but Retry-After is ${headers['retry-after']}`);
    return problems.join('\n');
  }

  function expected(answer, expect) {
    if (expect === null) return true; // whatever is documented
    if (expect === undefined) return answer.status >= 200 && answer.status < 300;
    return [expect].flat().some((one) => one === answer.status || (typeof one === 'string' && one === answer.body?.code));
  }

  function fail(operation, answer, what, actual, wanted) {
    const text = answer ? `\nanswer: ${shorten(answer.raw.toString())}` : '';
    throw new AssertionError({ message: `${operation.name}${answer ? ` -> ${answer.status}` : ''}: ${what}${text}`, actual, expected: wanted, operator: 'contract' });
  }

  function decode(answer) {
    answer.media = mediaOf(answer.headers);
    answer.body = answer.raw.toString();
    if (!isJson(answer.media)) return answer;
    try {
      answer.body = JSON.parse(answer.body);
    } catch {
      answer.body = undefined;
    }
    return answer;
  }

  /**
   * A caller of the documented server. `base` is scheme, host and port; `ca`, `cert` and `key` are PEM; `token` goes
   * into Authorization. `terse`: the server that boxes alone call, whose answers lack what is for browsers.
   */
  function client({ base, ca, cert, key, token, timeout = 40000, servername, terse = false }) {
    const secure = new URL(base).protocol === 'https:';
    const agent = secure
      ? new https.Agent({ keepAlive: true, ca, cert, key, ...(servername === undefined ? {} : { servername }) })
      : new http.Agent({ keepAlive: true });
    const self = { base, token };

    function prepare(path, options) {
      const query = Object.fromEntries(Object.entries(options.query ?? {})
        .filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]));
      const headers = {};
      const bearer = options.token === undefined ? self.token : options.token;
      if (bearer) headers.authorization = `Bearer ${bearer}`;
      if (options.key) headers['idempotency-key'] = `"${options.key}"`;
      if (options.ifMatch) headers['if-match'] = options.ifMatch;
      let payload = options.body;
      if (payload !== undefined) {
        headers['content-type'] = 'application/json';
        if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) payload = JSON.stringify(payload);
      }
      for (const [name, value] of Object.entries(options.headers ?? {})) {
        if (value === undefined) delete headers[name.toLowerCase()]; // takes a header away
        else headers[name.toLowerCase()] = value;
      }
      if (payload !== undefined) headers['content-length'] = Buffer.byteLength(payload);
      const url = new URL(path, self.base);
      for (const [name, value] of Object.entries(query)) url.searchParams.append(name, value);
      return { url, query, headers, payload, media: mediaOf(headers) };
    }

    const go = async (method, path, options) => {
      const prepared = prepare(path, options);
      const answer = await send(agent, prepared.url, method, prepared.headers, prepared.payload,
        { timeout: options.timeout ?? timeout, signal: options.signal });
      // what the library below answers by itself has no id, and none of our headers
      if (secure && answer.headers['x-request-id']) answer.guarded = { terse };
      return decode(answer);
    };

    /**
     * One call. Options: `query`, `headers` (undefined takes one away), `body` (an object becomes JSON; text and bytes
     * go as they are), `key` (Idempotency-Key), `ifMatch`, `token` (null for none), `invalid` (the call is wrong on
     * purpose: do not check it), `expect` (a status, a problem's code, a list of either; null for anything documented;
     * left out: any 2xx), `timeout`, `signal`. Answers {status, headers, media, body, raw}.
     */
    async function call(method, path, options = {}) {
      const operation = find(method, path);
      if (!options.invalid) {
        const prepared = prepare(path, options);
        const wrong = requestFaults(operation, path, prepared);
        if (wrong) fail(operation, null, `the request does not fit the contract\n${wrong}`);
      }
      const answer = await go(method, path, options);
      operation.calls++;
      const wrong = responseFaults(operation, method, answer);
      if (wrong) fail(operation, answer, `the answer does not fit the contract\n${wrong}`);
      if (!expected(answer, options.expect))
        fail(operation, answer, `expected ${JSON.stringify(options.expect ?? '2xx')}`, answer.status, options.expect);
      return answer;
    }

    /** A call that the contract need not know (another method, no such path). A problem is still checked. */
    async function raw(method, path, options = {}) {
      const answer = await go(method, path, options);
      const unguarded = answer.guarded ? guardFaults(answer.headers, answer.guarded) : '';
      if (unguarded) fail({ name: `${method} ${path}` }, answer, `headers are wrong\n${unguarded}`);
      if (answer.media !== PROBLEM || method === 'HEAD') return answer;
      const schema = problemSchema();
      const wrong = schema ? contentFaults(schema, answer) : '';
      if (wrong) fail({ name: `${method} ${path}` }, answer, `the problem does not fit the contract\n${wrong}`);
      return answer;
    }

    return Object.assign(self, { call, raw, close: () => agent.destroy() });
  }

  function problemSchema() {
    for (const url of docs.keys()) {
      const place = new Place(docs, url, []).get('components', 'schemas', 'Problem');
      if (place) return place;
    }
    return undefined;
  }

  /** Compiles every schema of the document, so that a broken one is found without a call that meets it. */
  function compileAll() {
    for (const { place, parameters } of operations) {
      parameters.forEach((parameter) => validator(parameter.get('schema')));
      for (const [, content] of place.get('requestBody', 'content')?.entries() ?? []) validator(content.get('schema'));
      for (const [, response] of place.get('responses').entries()) {
        for (const [, header] of response.get('headers')?.entries() ?? []) validator(header.get('schema'));
        for (const [, content] of response.get('content')?.entries() ?? [])
          if (content.get('schema')) validator(content.get('schema'));
      }
    }
    return compiled.size;
  }

  return {
    client,
    compileAll,
    /** Faults of VALUE by the schema NAME of the document's components, '' for none. */
    check: (name, value) => faults(root.get('components', 'schemas', name), value),
    /** "METHOD /template" of all operations. */
    operations: () => operations.map(({ name }) => name),
    /** Those never called. */
    coverage: () => operations.filter(({ calls }) => calls === 0).map(({ name }) => name),
    /** Calls by operation. */
    counts: () => new Map(operations.map(({ name, calls }) => [name, calls])),
  };
}
