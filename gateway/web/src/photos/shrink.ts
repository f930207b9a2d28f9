// A photo made small on the phone: long edge 2,000 px and about 300 kB as JPEG, and a thumbnail. It is drawn anew, upright, so
// that nothing of the camera's file (place, time, serial number) is left.

import { sha256 } from '@/offline/vault';
import type { NewPhoto } from '@/offline/outbox';

export const LONG_EDGE = 2000;
export const THUMB_EDGE = 320;
export const WANTED_BYTES = 300_000;
/** Tried in turn until the file is small enough; text on paper stays legible down to the last. */
export const QUALITIES = [0.85, 0.75, 0.65, 0.55, 0.45];

/** The size that fits into `edge`, never larger than the source and never thinner than one pixel. */
export function fit(width: number, height: number, edge: number): { width: number; height: number } {
  const scale = Math.min(1, edge / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** The first that is small enough, else the last. `encode` gives the file at a quality. */
export async function smallEnough<T extends { size: number }>(encode: (quality: number) => Promise<T>, wanted = WANTED_BYTES): Promise<T> {
  let last: T | null = null;
  for (const quality of QUALITIES) {
    last = await encode(quality);
    if (last.size <= wanted) break;
  }
  return last as T;
}

function draw(image: ImageBitmap, edge: number): HTMLCanvasElement {
  const size = fit(image.width, image.height, edge);
  const canvas = document.createElement('canvas');
  Object.assign(canvas, size);
  const ctx = canvas.getContext('2d');
  if (!ctx) throw new Error('no canvas');
  ctx.fillStyle = '#fff'; // what was transparent becomes paper
  ctx.fillRect(0, 0, size.width, size.height);
  ctx.drawImage(image, 0, 0, size.width, size.height);
  return canvas;
}

const encoded = (canvas: HTMLCanvasElement, quality: number) => new Promise<Blob>((give, fail) => {
  canvas.toBlob((blob) => (blob ? give(blob) : fail(new Error('no JPEG'))), 'image/jpeg', quality);
});

async function named(blob: Blob, material: string, thumb: boolean): Promise<NewPhoto> {
  const bytes = await blob.arrayBuffer();
  return { bytes, sha256: await sha256(bytes), size: bytes.byteLength, media: 'image/jpeg', material, thumb };
}

export interface Taken { photo: NewPhoto; thumb: NewPhoto; preview: string }

/** Throws where the browser cannot read the file as a picture. */
export async function shrink(file: Blob, material: string): Promise<Taken> {
  const image = await createImageBitmap(file, { imageOrientation: 'from-image' });
  try {
    const large = draw(image, LONG_EDGE);
    const small = draw(image, THUMB_EDGE);
    const photo = await named(await smallEnough((quality) => encoded(large, quality)), material, false);
    const thumbFile = await encoded(small, 0.7);
    return { photo, thumb: await named(thumbFile, material, true), preview: URL.createObjectURL(thumbFile) };
  } finally {
    image.close();
  }
}
