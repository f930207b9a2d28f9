// Reports at a box over a real process: the figures agree with one another and with the CSV, and who may read what.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startBox } from './gateway_box.mjs';

const CASES = 300;
let box;
let lead;
const report = (client, name, query = {}, expect = 200) => client.call('GET', `/api/v1/reports/${name}`, { query, expect });

before(async () => {
  box = await startBox({ cases: CASES, backDays: 60, calendar: 'xinjiang' });
  lead = await box.signIn('lead');
});
after(() => box?.close());

test('the open cases are all there, and the ages add up', async () => {
  const { body: { rows, totals } } = await report(lead, 'open');
  assert.equal(totals.cases, CASES);
  for (const row of rows) assert.equal(row.cases, row.days_0_5 + row.days_6_20 + row.days_21_60 + row.days_over_60);
});

test('overdue terms come by their day and say that no reason was given', async () => {
  const { body: { rows, totals } } = await report(lead, 'overdue');
  assert.ok(rows.length > 0);
  assert.equal(totals.without_reason, rows.filter((row) => row.overtime_reason === null).length);
  assert.deepEqual(rows.map(({ due }) => due), rows.map(({ due }) => due).sort());
});

test('a clerk reads what is to be done, a technician nothing', async () => {
  const clerk = await box.signIn('clerk');
  await report(clerk, 'open');
  await report(clerk, 'ratings', {}, 'forbidden');
  await report(await box.signIn('tech'), 'open', {}, 'forbidden');
});

test('as CSV a report has its columns, and a file’s name; what is wrong is told at its place', async () => {
  const { body, headers } = await lead.call('GET', '/api/v1/reports/overdue', { query: { format: 'csv' } });
  const text = typeof body === 'string' ? body : body.toString();
  assert.match(headers['content-type'], /^text\/csv/);
  assert.match(headers['content-disposition'], /attachment; filename="xinke-overdue-\d{8}-\d{8}\.csv"/);
  const { body: json } = await report(lead, 'overdue');
  assert.equal(text.trimEnd().split('\r\n').length, json.rows.length + 1);
  for (const [query, pointer] of [[{ from: '2026-13-01' }, '/?from'], [{ from: '2026-11-02', to: '2026-11-01' }, '/?from'], [{ item: 'x'.repeat(41) }, '/?item']]) {
    const { body: problem } = await lead.call('GET', '/api/v1/reports/overdue', { query, expect: 'validation', invalid: true });
    assert.equal(problem.errors[0].pointer, pointer, JSON.stringify(query));
  }
  await lead.call('GET', '/api/v1/reports/ranking', { expect: 'not_found', invalid: true });
});

test('no member names a member of the staff', async () => {
  for (const name of ['open', 'due_soon', 'overdue', 'second_notices', 'deemed', 'ratings', 'tasks', 'registers', 'terms']) {
    const { body } = await report(lead, name);
    assert.doesNotMatch(JSON.stringify(body), /actor|clerk|staff|applicant/, name);
  }
});
