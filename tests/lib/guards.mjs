// The headers that every answer carries (the table `guards` of shared/http/reply.c), checked on each answer that any suite gets
// from a real server, by contract.mjs.

const EXACT = {
  'x-content-type-options': 'nosniff',
  'permissions-policy': 'camera=(self), geolocation=(), microphone=(), payment=(), usb=()',
  'cross-origin-opener-policy': 'same-origin',
  'strict-transport-security': 'max-age=31536000',
};

/** "default-src 'self'; img-src ..." as { 'default-src': ["'self'"], ... }. */
export const policyOf = (csp) => Object.fromEntries((csp ?? '').split(';').map((one) => one.trim().split(/\s+/)).map(([name, ...values]) => [name, values]));

/** What is wrong with a policy; '' when nothing is. */
function policyFaults(csp) {
  const policy = policyOf(csp);
  const problems = [];
  const allowed = { 'default-src': ["'none'", "'self'"], 'script-src': ["'none'", "'self'"], 'object-src': ["'none'"], 'base-uri': ["'none'"],
    'form-action': ["'none'", "'self'"], 'frame-ancestors': ["'none'", "'self'"] };
  for (const name of ['default-src', 'frame-ancestors']) if (!policy[name]) problems.push(`  Content-Security-Policy: no ${name}`);
  // a sandbox (of files that people brought) has no base and no forms
  for (const name of policy.sandbox ? [] : ['base-uri', 'form-action']) if (!policy[name]) problems.push(`  Content-Security-Policy: no ${name}`);
  for (const [name, values] of Object.entries(policy)) {
    if (allowed[name] && !values.every((value) => allowed[name].includes(value))) problems.push(`  Content-Security-Policy: ${name} ${values.join(' ')}`);
    if (values.some((value) => /^(\*|https?:.*|'unsafe-eval'|'wasm-unsafe-eval')$/.test(value))) problems.push(`  Content-Security-Policy: ${name} ${values.join(' ')}`);
  }
  return problems.join('\n');
}

/** What is wrong with the headers of an answer over HTTPS; '' when nothing is. `terse`: of the server that boxes alone call. */
export function guardFaults(headers, { terse = false } = {}) {
  const problems = [];
  for (const [name, value] of Object.entries(EXACT)) {
    const wanted = terse && name !== 'x-content-type-options' ? undefined : value;
    if (headers[name] !== wanted) problems.push(`  header ${name} = ${headers[name]}, not ${wanted}`);
  }
  if (!headers['cache-control']) problems.push('  header cache-control: is missing');
  if (terse) return problems.join('\n');
  if (!/^(no-referrer|same-origin)$/.test(headers['referrer-policy'])) problems.push(`  header referrer-policy = ${headers['referrer-policy']}`);
  if (!/^(same|cross)-origin$/.test(headers['cross-origin-resource-policy']))
    problems.push(`  header cross-origin-resource-policy = ${headers['cross-origin-resource-policy']}`);
  return [...problems, policyFaults(headers['content-security-policy'])].filter(Boolean).join('\n');
}
