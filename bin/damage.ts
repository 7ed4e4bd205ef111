// Does to a store what a dying disk does, for the tour: flips bits in the largest file that holds blobs.

import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from 'node:fs'
import { join, relative } from 'node:path'
import { VaultError } from '../lib/terms/errors.js'
import { bytesText } from './report.js'

const stepBytes = 32 * 1024
/** Neither keys nor the log, nor what is written anew from blobs. */
const spared = /^(header|device|lock|log|catalog|manifest|daemon)/

/** Answers what was damaged. */
export function damageStore(store: string): string {
  const largest = filesBelow(store)
    .filter((path) => !spared.test(relative(store, path)))
    .map((path) => ({ path, size: statSync(path).size }))
    .sort((a, b) => b.size - a.size)[0]
  if (largest === undefined) throw new VaultError('not-found', 'the store holds no blobs to damage', { subject: store })
  const { path, size } = largest
  const fd = openSync(path, 'r+')
  let damaged = 0
  try {
    for (let at = stepBytes / 2; at < size; at += stepBytes) {
      const byte = Buffer.alloc(1)
      readSync(fd, byte, 0, 1, at)
      byte[0] = (byte[0] ?? 0) ^ 0x10
      writeSync(fd, byte, 0, 1, at)
      damaged++
    }
  } finally {
    closeSync(fd)
  }
  return `${damaged} bits of ${relative(store, path)} (${bytesText(size)})`
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))
}
