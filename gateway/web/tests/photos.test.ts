// Photos: the arithmetic of making them small, and tus against a played box that loses answers.

import { describe, expect, it } from 'vitest';

import { Problem } from '@/api/client';
import { fit, LONG_EDGE, QUALITIES, smallEnough, WANTED_BYTES } from '@/photos/shrink';
import { metadataHeader, upload } from '@/photos/tus';

describe('making small', () => {
  it.each([[4000, 3000, 2000, 1500], [3000, 4000, 1500, 2000], [1200, 900, 1200, 900], [10000, 1, 2000, 1], [2000, 2000, 2000, 2000]])('%i x %i becomes %i x %i', (w, h, width, height) => {
    expect(fit(w, h, LONG_EDGE)).toEqual({ width, height });
  });

  it('takes the best quality that is small enough, else the smallest', async () => {
    const tried: number[] = [];
    const encode = (size: (q: number) => number) => async (quality: number) => { tried.push(quality); return { size: size(quality), quality }; };
    expect((await smallEnough(encode((q) => q * 400_000))).quality).toBe(0.75);
    expect(tried).toEqual([0.85, 0.75]);
    expect((await smallEnough(encode(() => WANTED_BYTES + 1))).quality).toBe(QUALITIES.at(-1));
    expect((await smallEnough(encode(() => WANTED_BYTES))).quality).toBe(0.85);
  });
});

/** A box that keeps bytes; `cut` says after how many bytes of a PATCH the answer is lost. */
function played({ cut = [] as number[], forget = false, refuse = null as null | { status: number; code: string } } = {}) {
  let stored = new Uint8Array(0);
  let total = -1;
  const calls: string[] = [];
  const answer = (status: number, headers: Record<string, string> = {}, body: unknown = null) => new Response(body ? JSON.stringify(body) : null, { status, headers });
  const fetch = async (_url: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const headers = init.headers as Record<string, string>;
    calls.push(`${init.method} ${headers['Upload-Offset'] ?? ''}`.trim());
    if (headers['Tus-Resumable'] !== '1.0.0') return answer(412);
    if (init.method === 'POST') {
      if (refuse) return answer(refuse.status, {}, { code: refuse.code });
      total = Number(headers['Upload-Length']);
      return answer(201, { Location: '/api/v1/uploads/1' });
    }
    if (init.method === 'HEAD') return forget && total < 0 ? answer(404) : answer(200, { 'Upload-Offset': String(stored.length) });
    if (Number(headers['Upload-Offset']) !== stored.length) return answer(409, {}, { code: 'upload_offset' });
    let piece = new Uint8Array(init.body as ArrayBuffer);
    const lost = cut.shift();
    if (lost !== undefined) piece = piece.slice(0, lost);
    stored = new Uint8Array([...stored, ...piece]);
    if (lost !== undefined) throw new Problem('unreachable');
    return answer(204, { 'Upload-Offset': String(stored.length) });
  };
  return { fetch: fetch as never, calls, stored: () => stored };
}

describe('tus', () => {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000)).buffer;
  const large = new Uint8Array(600_000).map((_one, i) => i * 7).buffer;

  it('begins, sends in pieces, tells how much has arrived', async () => {
    const box = played();
    const seen: number[] = [];
    await upload({ bytes: large, metadata: { sha256: 'x' }, url: null, onUrl: () => undefined, onProgress: (sent) => seen.push(sent), fetch: box.fetch });
    expect(box.calls).toEqual(['POST', 'PATCH 0', 'PATCH 262144', 'PATCH 524288']);
    expect(seen).toEqual([0, 262144, 524288, 600000]);
    expect(box.stored()).toEqual(new Uint8Array(large));
  });

  it('goes on at the byte that the box has', async () => {
    const box = played({ cut: [12345] });
    let url: string | null = null;
    const go = () => upload({ bytes, metadata: {}, url, onUrl: (it) => { url = it; }, fetch: box.fetch });
    await expect(go()).rejects.toMatchObject({ code: 'unreachable' });
    await go();
    expect(box.calls).toEqual(['POST', 'PATCH 0', 'HEAD', 'PATCH 12345']);
    expect(box.stored()).toEqual(new Uint8Array(bytes));
  });

  it('begins anew where the box has forgotten', async () => {
    const box = played({ forget: true });
    await upload({ bytes, metadata: {}, url: '/api/v1/uploads/gone', onUrl: () => undefined, fetch: box.fetch });
    expect(box.calls).toEqual(['HEAD', 'POST', 'PATCH 0']);
  });

  it('tells why the box refuses', async () => {
    const box = played({ refuse: { status: 507, code: 'upload_space' } });
    await expect(upload({ bytes, metadata: {}, url: null, onUrl: () => undefined, fetch: box.fetch })).rejects.toMatchObject({ code: 'upload_space', status: 507, passing: true });
  });

  it('writes metadata in base64 of UTF-8', () => expect(metadataHeader({ material: '身份证', a: 'b' })).toBe('material 6Lqr5Lu96K+B,a Yg=='));
});
