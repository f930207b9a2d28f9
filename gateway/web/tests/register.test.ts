// A registration: numbers of people, what is missing, the body that goes out; correcting what the box found wrong.

import { describe, expect, it } from 'vitest';

import { needsGuardian, newDraft, personErrors, toRegistration } from '@/register/draft';
import { wrongFields, withField } from '@/register/mend';
import { ageAt, citizenId, creditCode, numberFault, phone } from '@/register/people';
import { pseudo } from '@/i18n';
import { lower } from '@/state/version';

const filled = () => {
  const draft = newDraft('652323-001', [{ name: '申请书', form: 'original', copies: 1, required: true, note: null }]);
  Object.assign(draft.applicant, { name: ' 阿依古丽·买买提 ', id_number: '11010519491231002x', phone: '13899991234', address: '红山村' });
  return draft;
};

describe('numbers', () => {
  it('knows GB 11643', () => {
    expect(citizenId('11010519491231002X')).toMatchObject({ sex: 'female' });
    expect(citizenId('652323198506151237')).toMatchObject({ sex: 'male' });
    for (const bad of ['652323198506151238', '652323198502301230', '65232319850615123', '', '999999999999999999']) expect(citizenId(bad)).toBeNull();
  });
  it('knows GB 32100', () => {
    expect(creditCode('91350100M000100Y43')).toBe(true);
    for (const bad of ['91350100M000100Y44', '91350100I000100Y43', '']) expect(creditCode(bad)).toBe(false);
  });
  it('knows telephones', () => {
    for (const good of ['13899991234', '0994-4501234', '01012345678']) expect(phone(good)).toBe(true);
    for (const bad of ['12899991234', '1389999123', '994-4501234']) expect(phone(bad)).toBe(false);
  });
  it('counts whole years', () => {
    expect(ageAt(new Date(2008, 5, 15), new Date(2026, 5, 14))).toBe(17);
    expect(ageAt(new Date(2008, 5, 15), new Date(2026, 5, 15))).toBe(18);
  });
  it('asks nothing of somebody without a document', () => expect(numberFault('none', '')).toBeNull());
});

describe('a registration', () => {
  it('goes out trimmed, with only what the contract knows', () => {
    expect(personErrors(filled())).toEqual([]);
    expect(toRegistration(filled())).toEqual({ item: '652323-001', channel: 'window', materials: [{ name: '申请书', form: 'original', copies: 1 }],
      applicant: { kind: 'person', name: '阿依古丽·买买提', id_type: 'citizen_id', id_number: '11010519491231002X', phone: '13899991234', address: '红山村' } });
  });

  it('asks why there is no document and no telephone', () => {
    const draft = filled();
    Object.assign(draft.applicant, { id_type: 'none', id_number: '', phone: '' });
    expect(personErrors(draft).map(({ pointer }) => pointer)).toEqual(['/applicant/id_reason', '/applicant/phone_reason']);
    Object.assign(draft.applicant, { id_reason: '遗失', phone_reason: '没有' });
    expect(toRegistration(draft).applicant).toMatchObject({ id_number: '', id_reason: '遗失', phone: '', phone_reason: '没有' });
  });

  it('asks a minor for a guardian', () => {
    const draft = filled();
    draft.applicant.id_number = '652323201506150018';
    const number = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'X'].map((c) => `65232320150615001${c}`).find((one) => citizenId(one)) as string;
    draft.applicant.id_number = number;
    expect(needsGuardian(draft.applicant)).toBe(true);
    expect(personErrors(draft).map(({ pointer }) => pointer)).toEqual(['/applicant/guardian/name', '/applicant/guardian/id_number', '/applicant/guardian/relation']);
  });

  it('wants a reason for a back-entry', () => {
    const draft = filled();
    draft.receivedAt = '2026-01-05T10:00';
    expect(personErrors(draft)).toEqual([{ pointer: '/received_reason', code: 'required' }]);
  });
});

describe('mending what waited', () => {
  const job = { path: '/api/v1/cases', captured: true, title: '', subtitle: '', body: { applicant: { name: 'a', phone: 'x' }, materials: [{ name: 'm' }] } };

  it('finds the texts that are wrong', () => {
    const errors = [{ pointer: '/applicant/phone', code: 'format' }, { pointer: '/materials/0/name', code: 'length' }, { pointer: '/materials', code: 'type' }, { pointer: '', code: 'other' }, { pointer: '/note', code: 'required' }];
    expect(wrongFields({ ...job, errors }).map(({ pointer, value }) => [pointer, value])).toEqual([['/applicant/phone', 'x'], ['/materials/0/name', 'm'], ['/note', '']]);
  });
  it('changes one text and nothing else, the original neither', () => {
    expect(withField(job.body, '/materials/0/name', 'n')).toEqual({ applicant: { name: 'a', phone: 'x' }, materials: [{ name: 'n' }] });
    expect(withField(job.body, '/agent/name', 'n')).toMatchObject({ agent: { name: 'n' } });
    expect(job.body.materials[0].name).toBe('m');
  });
});

describe('texts and versions', () => {
  it('makes Arabic letters and leaves names in braces', () => {
    const made = pseudo('Due {date} today');
    expect(made).toContain('{date}');
    expect(made.replace('{date}', '')).not.toMatch(/[a-z]/i);
  });
  it('orders versions', () => {
    expect(lower('1.9.0', '1.10.0')).toBe(true);
    expect(lower('1.10.0', '1.9.9')).toBe(false);
    expect(lower('1.0.0', '1.0.0')).toBe(false);
  });
});
