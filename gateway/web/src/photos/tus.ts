// tus 1.0.0 as the box speaks it: begin, go on at the byte that the box has on its disk, in pieces, so that the progress is
// what arrived and not what was handed to the radio.

import { boxFetch, Problem, problemOf } from '@/api/client';

const VERSION = { 'Tus-Resumable': '1.0.0' };
/** Bytes of a piece: a second of a poor Wi-Fi. */
const PIECE = 256 * 1024;

export interface Upload {
  bytes: ArrayBuffer;
  /** Of creation: values are written in base64. */
  metadata: Record<string, string>;
  /** Where an earlier try had begun. */
  url: string | null;
  signal?: AbortSignal;
  onUrl(url: string): Promise<void> | void;
  onProgress?(sent: number, total: number): void;
  fetch?: typeof boxFetch;
}

const base64 = (text: string) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));
export const metadataHeader = (of: Record<string, string>) => Object.entries(of).map(([k, v]) => `${k} ${base64(v)}`).join(',');

async function refuse(response: Response): Promise<never> {
  throw problemOf(response, await response.json().catch(() => null));
}

function offsetOf(response: Response, total: number): number {
  const offset = Number(response.headers.get('Upload-Offset') ?? NaN);
  if (!Number.isInteger(offset) || offset < 0 || offset > total) throw new Problem('portal');
  return offset;
}

async function begin(it: Upload, send: typeof boxFetch): Promise<string> {
  const response = await send('/api/v1/uploads', { method: 'POST', signal: it.signal,
    headers: { ...VERSION, 'Upload-Length': String(it.bytes.byteLength), 'Upload-Metadata': metadataHeader(it.metadata) } });
  if (response.status !== 201) await refuse(response);
  const url = response.headers.get('Location');
  if (!url) throw new Problem('portal');
  await it.onUrl(url);
  return url;
}

/** Where the box stands, or null where it does not know the upload any more. */
async function standing(url: string, it: Upload, send: typeof boxFetch): Promise<number | null> {
  const response = await send(url, { method: 'HEAD', signal: it.signal, headers: VERSION });
  if (response.status === 404 || response.status === 410 || response.status === 403) return null;
  if (response.status === 401) throw new Problem('unauthenticated', 401);
  if (!response.ok) throw new Problem('portal', response.status);
  return offsetOf(response, it.bytes.byteLength);
}

/** Sends all of it; throws a Problem, after which the same url goes on. */
export async function upload(it: Upload): Promise<void> {
  const send = it.fetch ?? boxFetch;
  const total = it.bytes.byteLength;
  let offset = it.url ? await standing(it.url, it, send) : null;
  const url = offset === null ? await begin(it, send) : it.url as string;
  offset ??= 0;
  it.onProgress?.(offset, total);
  while (offset < total) {
    const piece = it.bytes.slice(offset, Math.min(offset + PIECE, total));
    const response = await send(url, { method: 'PATCH', signal: it.signal, body: piece,
      headers: { ...VERSION, 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' } });
    if (response.status === 409) {
      const now = await standing(url, it, send);
      if (now === null || now === offset) await refuse(response);
      offset = now as number;
    } else if (response.status === 204) {
      offset = offsetOf(response, total);
    } else {
      await refuse(response);
    }
    it.onProgress?.(offset, total);
  }
}

/** Gives an upload up; one that is gone already is as good. */
export async function terminate(url: string): Promise<void> {
  const response = await boxFetch(url, { method: 'DELETE', headers: VERSION });
  if (!response.ok && response.status !== 404 && response.status !== 410) await refuse(response);
}
