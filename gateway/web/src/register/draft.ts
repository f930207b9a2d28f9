// A registration while it is typed, and the body that it becomes. What a guide asks for is the list of materials; what was brought is
// counted; photos hang on a material.

import type { FieldError } from '@/api/client';
import type { NewPhoto } from '@/offline/outbox';
import type { Taken } from '@/photos/shrink';

import { ageAt, citizenId, numberFault, phone, type IdType } from './people';

export interface Guardian { name: string; id_type: IdType; id_number: string; phone: string; relation: string }
export interface Applicant {
  kind: 'person' | 'organisation';
  name: string;
  id_type: IdType;
  id_number: string;
  id_reason: string;
  phone: string;
  phone_reason: string;
  address: string;
}
export interface DraftMaterial { name: string; form: string; copies: number; required: boolean; note: string | null; photos: Taken[] }
export interface Draft {
  item: string;
  applicant: Applicant;
  guardian: Guardian;
  agent: Guardian | null;
  materials: DraftMaterial[];
  channel: 'window' | 'visit';
  note: string;
  receivedAt: string;
  receivedReason: string;
}

interface GuideMaterial { name: string; form: string; copies: number; required: boolean; note: string | null }

export const newGuardian = (): Guardian => ({ name: '', id_type: 'citizen_id', id_number: '', phone: '', relation: '' });

export function newDraft(item: string, guide: GuideMaterial[] | null): Draft {
  return {
    item,
    applicant: { kind: 'person', name: '', id_type: 'citizen_id', id_number: '', id_reason: '', phone: '', phone_reason: '', address: '' },
    guardian: newGuardian(),
    agent: null,
    materials: (guide ?? []).map(({ name, form, copies, required, note }) => ({ name, form, copies: required ? Math.max(1, copies) : 0, required, note, photos: [] })),
    channel: 'window',
    note: '',
    receivedAt: '',
    receivedReason: '',
  };
}

/** A minor by the number itself. */
export function needsGuardian({ kind, id_type, id_number }: Applicant): boolean {
  const known = kind === 'person' && (id_type === 'citizen_id' || id_type === 'hmt_residence') ? citizenId(id_number) : null;
  return known !== null && ageAt(known.birth) < 18;
}

const trimmed = (it: Guardian): Guardian => ({ name: it.name.trim(), id_type: it.id_type, id_number: it.id_type === 'none' ? '' : it.id_number.trim().toUpperCase(),
  phone: it.phone.trim(), relation: it.relation.trim() });

function applicantBody(draft: Draft): Record<string, unknown> {
  const { kind, name, id_type, id_number, id_reason, phone: tel, phone_reason, address } = draft.applicant;
  const body: Record<string, unknown> = { kind, name: name.trim(), id_type, id_number: id_type === 'none' ? '' : id_number.trim().toUpperCase(),
    phone: tel.trim(), address: address.trim() };
  if (id_type === 'none') body.id_reason = id_reason.trim();
  if (!tel.trim()) body.phone_reason = phone_reason.trim();
  if (needsGuardian(draft.applicant)) body.guardian = trimmed(draft.guardian);
  return body;
}

function materialBody({ name, form, copies, photos }: DraftMaterial): Record<string, unknown> {
  const made: Record<string, unknown> = { name, form, copies };
  if (photos.length > 0) {
    made.trust = form === 'copy' ? 'C' : 'B'; // B: checked against the original at the window
    made.files = photos.map(({ photo, thumb }) => ({ sha256: photo.sha256, size: photo.size, media: photo.media, thumb: thumb.sha256 }));
  }
  return made;
}

export function toRegistration(draft: Draft, more: Record<string, unknown> = {}): Record<string, unknown> {
  const body: Record<string, unknown> = { item: draft.item, applicant: applicantBody(draft), materials: draft.materials.map(materialBody), channel: draft.channel, ...more };
  if (draft.agent) body.agent = trimmed(draft.agent);
  if (draft.note.trim()) body.note = draft.note.trim();
  if (draft.receivedAt) {
    body.received_at = new Date(draft.receivedAt).toISOString();
    body.received_reason = draft.receivedReason.trim();
  }
  return body;
}

export const photosOf = (draft: Draft): NewPhoto[] => draft.materials.flatMap(({ photos }) => photos.flatMap(({ photo, thumb }) => [photo, thumb]));

function personFaults(it: Guardian, at: string): FieldError[] {
  const found: FieldError[] = [];
  const number = numberFault(it.id_type, it.id_number);
  if (!it.name.trim()) found.push({ pointer: `${at}/name`, code: 'required' });
  if (number) found.push({ pointer: `${at}/id_number`, code: number });
  if (it.phone.trim() && !phone(it.phone)) found.push({ pointer: `${at}/phone`, code: 'format' });
  if (!it.relation.trim()) found.push({ pointer: `${at}/relation`, code: 'required' });
  return found;
}

/** What can be seen to be wrong with the person, as the box would point at it. */
export function personErrors(draft: Draft): FieldError[] {
  const { applicant } = draft;
  const found: FieldError[] = [];
  const number = numberFault(applicant.id_type, applicant.id_number);
  if (!applicant.name.trim()) found.push({ pointer: '/applicant/name', code: 'required' });
  if (number) found.push({ pointer: '/applicant/id_number', code: number });
  if (applicant.id_type === 'none' && !applicant.id_reason.trim()) found.push({ pointer: '/applicant/id_reason', code: 'required' });
  if (applicant.phone.trim() && !phone(applicant.phone)) found.push({ pointer: '/applicant/phone', code: 'format' });
  if (!applicant.phone.trim() && !applicant.phone_reason.trim()) found.push({ pointer: '/applicant/phone_reason', code: 'required' });
  if (needsGuardian(applicant)) found.push(...personFaults(draft.guardian, '/applicant/guardian'));
  if (draft.agent) found.push(...personFaults(draft.agent, '/agent'));
  if (draft.receivedAt && !draft.receivedReason.trim()) found.push({ pointer: '/received_reason', code: 'required' });
  return found;
}
