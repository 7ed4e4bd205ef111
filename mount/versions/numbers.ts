// Inode numbers of the past: from 2^52 on, so that none is one of the present's. A file's is that of its version, so that
// one content has one place in the kernel's cache from wherever it is reached, and no two versions are taken for one
// file. Directories get a number for as long as the kernel holds them (places.ts).
import { invariant } from '../../lib/terms/errors.js'
import { passingInoMin } from '../../native-deps/fuse/handler.js'

const pastInoMin = 2 ** 52

export function isPast(ino: number): boolean {
  return ino >= pastInoMin
}

export function fileIno(version: number): number {
  invariant(version > 0 && pastInoMin + version < passingInoMin, 'the number of a version is out of its range')
  return pastInoMin + version
}

/** Undefined: it is a directory's. */
export function versionOf(ino: number): number | undefined {
  return ino < passingInoMin ? ino - pastInoMin : undefined
}
