// A photo of an act: sent before the act, which names it. (Photos of a registration wait in the outbox instead.)

import { upload } from './tus';
import type { Taken } from './shrink';

export interface FileRef { sha256: string; size: number; media: string; thumb: string }

export async function shortBlob({ photo, thumb }: Taken, caseId: string, material: string): Promise<FileRef> {
  for (const one of [thumb, photo]) {
    await upload({ bytes: one.bytes, url: null, onUrl: () => undefined,
      metadata: { filename: `${one.sha256.slice(0, 12)}.jpg`, filetype: one.media, sha256: one.sha256, case_id: caseId, material } });
  }
  return { sha256: photo.sha256, size: photo.size, media: photo.media, thumb: thumb.sha256 };
}
