// Compares two folders as diff -r does, and more: names, kinds, permissions, link targets and every byte. Only what is
// different is told. A file that cannot be read is a difference, with the reason.

import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { join } from 'node:path'

export interface Comparison {
  readonly files: number
  readonly bytes: number
  /** Sentences that begin with the path. */
  readonly differences: readonly string[]
}

const pieceBytes = 1024 * 1024

export function compareFolders(original: string, copy: string): Comparison {
  const state = { files: 0, bytes: 0, differences: [] as string[] }
  const tell = (path: string, what: string): void => {
    state.differences.push(`${path === '' ? '.' : path}: ${what}`)
  }
  const compare = (path: string): void => {
    const [one, other] = [join(original, path), join(copy, path)]
    try {
      const [a, b] = [lstatSync(one), lstatSync(other)]
      if ((a.mode & 0o170000) !== (b.mode & 0o170000)) return tell(path, 'is of another kind')
      if (!a.isSymbolicLink() && a.mode !== b.mode) tell(path, `has mode ${b.mode.toString(8)}, not ${a.mode.toString(8)}`)
      if (a.isSymbolicLink() && readlinkSync(one) !== readlinkSync(other)) tell(path, 'links elsewhere')
      if (a.isDirectory()) compareNames(path, readdirSync(one), readdirSync(other))
      if (!a.isFile()) return
      state.files++
      state.bytes += a.size
      if (a.size !== b.size) return tell(path, `has ${b.size} bytes, not ${a.size}`)
      const at = firstDifference(one, other)
      if (at >= 0) tell(path, `differs at byte ${at}`)
    } catch (error) {
      tell(path, error instanceof Error ? error.message : String(error))
    }
  }
  const compareNames = (path: string, names: readonly string[], others: readonly string[]): void => {
    for (const name of others) if (!names.includes(name)) tell(join(path, name), 'is not in the original')
    for (const name of names)
      if (others.includes(name)) compare(join(path, name))
      else tell(join(path, name), 'is missing')
  }
  compare('')
  return state
}

/** Of two files of one size; -1: none. */
function firstDifference(one: string, other: string): number {
  const [a, b] = [openSync(one, 'r'), openSync(other, 'r')]
  const [left, right] = [Buffer.alloc(pieceBytes), Buffer.alloc(pieceBytes)]
  try {
    for (let offset = 0; ; ) {
      const length = readSync(a, left, 0, pieceBytes, offset)
      if (length === 0) return -1
      for (let got = 0; got < length; ) {
        const more = readSync(b, right, got, length - got, offset + got)
        if (more === 0) return offset + got
        got += more
      }
      if (left.compare(right, 0, length, 0, length) !== 0) return offset + left.subarray(0, length).findIndex((byte, at) => byte !== right[at])
      offset += length
    }
  } finally {
    closeSync(a)
    closeSync(b)
  }
}
