// A folder on a small ext4 of its own, mounted through a loop device; root alone may.

import { execFileSync } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Why a test of a full disk is left out here, or false. */
export const noMounting = process.getuid() !== 0 ? 'only root can mount' : false;

/** Puts DIR/NAME, with what it holds, onto a file system of BYTES; what undoes it, as a function. Throws where nothing can be mounted. */
export function ownDisk(dir, name, bytes) {
  const [image, aside, folder] = ['disk.img', 'disk', name].map((one) => join(dir, one));
  writeFileSync(image, '');
  truncateSync(image, bytes);
  mkdirSync(aside);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', image]);
  execFileSync('mount', ['-o', 'loop', image, aside]);
  try {
    execFileSync('cp', ['-a', `${folder}/.`, aside]);
    execFileSync('chmod', [`--reference=${folder}`, aside]);
  } finally {
    execFileSync('umount', [aside]);
  }
  execFileSync('mount', ['-o', 'loop', image, folder]);
  return () => {
    try {
      execFileSync('umount', [folder]);
    } catch {
      execFileSync('umount', ['-l', folder]); // somebody looks at it: it goes when they do
    }
  };
}
