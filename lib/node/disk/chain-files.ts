// The chains of all vaults as files: entries back to back, and what counts of them is what the database says. Written by
// one thread; what a crash left behind the head is cut off before the next entry goes there.
import { closeSync, existsSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { decodeEntry, entryClearBytes, entryHash, entryLengthAt, noPrevious } from '../../format/manifest-entry.js'
import { equalBytes } from '../../terms/bytes.js'
import { fromErrno, VaultError } from '../../terms/errors.js'
import { nodeLimits } from '../node-limits.js'
import type { ChainEntry } from '../node-storage.js'
import type { HeadRow, NodeDatabase } from './node-database.js'
import { chainPath, makeVaultFolder, syncFolder, vaultFolder } from './vault-folder.js'

interface OpenChain {
  readonly fd: number
  readonly path: string
}

export interface WrittenEntries {
  readonly vault: string
  readonly device: string
  readonly head: HeadRow
  /** Where some of the entries begin. */
  readonly places: readonly { readonly sequence: number; readonly offset: number }[]
}

/** The file is shorter than what was acknowledged: a disk lost its end, or it was put back from a copy. */
export class ShortChain extends Error {
  /** Where the whole entries end that are there. */
  readonly head: HeadRow

  constructor(head: HeadRow) {
    super('the file of a chain is shorter than it was')
    this.head = head
  }
}

export const noHead: HeadRow = { sequence: 0, hash: noPrevious, bytes: 0 }

export class ChainFiles {
  readonly #directory: string
  readonly #database: NodeDatabase
  /** Those that were written to and not synced. */
  readonly #dirty = new Map<string, OpenChain>()
  /** After a failed sync nothing is known of a file's end. */
  readonly #lost = new Set<string>()

  constructor(directory: string, database: NodeDatabase) {
    this.#directory = directory
    this.#database = database
  }

  /** Writes entries behind `head`; they count when the file is synced and the database says so. Throws `ShortChain` when the file does not reach to it. */
  write(vault: string, device: string, head: HeadRow, entries: readonly ChainEntry[]): WrittenEntries {
    const folder = vaultFolder(this.#directory, vault)
    const path = chainPath(folder, device)
    if (this.#lost.has(path)) throw new VaultError('io', `${path}: an earlier write to it failed`, { subject: path, next: 'Look at the disk, then start the node again.' })
    try {
      makeVaultFolder(this.#directory, folder)
      const { fd } = this.#opened(path, folder.manifest, head)
      const places: { sequence: number; offset: number }[] = []
      let at = head.bytes
      for (const { sequence, bytes } of entries) {
        if (sequence % nodeLimits.chainPlacesEvery === 0) places.push({ sequence, offset: at })
        for (let done = 0; done < bytes.byteLength;) done += writeSync(fd, bytes, done, bytes.byteLength - done, at + done)
        at += bytes.byteLength
      }
      const last = entries.at(-1)
      return { vault, device, places, head: last === undefined ? head : { sequence: last.sequence, hash: last.hash, bytes: at } }
    } catch (error) {
      throw error instanceof ShortChain ? error : fromErrno(error, path)
    }
  }

  /** Of all that were written to since; the paths of those that failed are written to no more. */
  sync(): void {
    let failure: VaultError | undefined
    for (const [path, { fd }] of this.#dirty) {
      try {
        fdatasyncSync(fd)
      } catch (error) {
        this.#lost.add(path)
        failure ??= fromErrno(error, path)
      }
      closeSync(fd)
    }
    this.#dirty.clear()
    if (failure !== undefined) throw failure
  }

  /** In a transaction. */
  acknowledge({ vault, device, head, places }: WrittenEntries): void {
    this.#database.saveHead.run(vault, device, head.sequence, head.hash, head.bytes)
    for (const { sequence, offset } of places) this.#database.savePlace.run(vault, device, sequence, offset)
  }

  /** In a transaction: less counts than did. */
  cut(vault: string, device: string, { sequence, hash, bytes }: HeadRow): void {
    this.#database.cutPlaces.run(vault, device, sequence)
    if (sequence === 0) this.#database.removeHead.run(vault, device)
    else this.#database.saveHead.run(vault, device, sequence, hash, bytes)
  }

  /** `end`: what counts in it. */
  #opened(path: string, folder: string, { bytes: end }: HeadRow): OpenChain {
    const known = this.#dirty.get(path)
    if (known !== undefined) return known
    const isNew = !existsSync(path)
    // As a whole it is perhaps on a disk that is not mounted.
    if (isNew && end > 0) throw new VaultError('corrupt', `${path} is gone, with ${end} bytes that were written`, { subject: path, next: 'Mount its disk, or put it back from a copy.' })
    const chain = { fd: openSync(path, isNew ? 'wx+' : 'r+', 0o600), path }
    const { size } = fstatSync(chain.fd)
    if (size < end) {
      try {
        throw new ShortChain(beginningOf(chain.fd, size, path))
      } finally {
        closeSync(chain.fd)
      }
    }
    if (size > end) ftruncateSync(chain.fd, end)
    if (isNew) syncFolder(folder)
    this.#dirty.set(path, chain)
    return chain
  }
}

/** Cuts what a crash left behind the heads of a vault, so that who reads the files sees what was acknowledged. */
export function cutTails(directory: string, database: NodeDatabase, vault: string): void {
  const folder = vaultFolder(directory, vault)
  for (const { device, bytes } of database.heads.all(vault)) {
    const path = chainPath(folder, device)
    try {
      const fd = openSync(path, 'r+')
      try {
        if (fstatSync(fd).size > bytes) ftruncateSync(fd, bytes)
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      // A chain that is gone is told of when somebody reads it.
      if (fromErrno(error, path).code !== 'not-found') throw fromErrno(error, path)
    }
  }
}

/** Whole entries behind `after`: one at least if there is one, else about `bytesMax`. */
export function readEntries(path: string, head: HeadRow, start: { readonly sequence: number; readonly offset: number }, after: number, bytesMax: number): Uint8Array {
  if (after >= head.sequence) return new Uint8Array(0)
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    throw damaged(path, error)
  }
  try {
    let { sequence, offset } = start
    for (; sequence <= after; sequence++) offset += lengthAt(fd, offset, path)
    let end = offset + lengthAt(fd, offset, path)
    while (end < head.bytes) {
      const next = end + lengthAt(fd, end, path)
      if (next - offset > bytesMax) break
      end = next
    }
    return readAll(fd, offset, end - offset, path)
  } finally {
    closeSync(fd)
  }
}

/** Of the entries that are whole in the file. Throws 'corrupt' for one that is none, or not in its place. */
function beginningOf(fd: number, size: number, path: string): HeadRow {
  let head = noHead
  while (head.bytes + entryClearBytes <= size) {
    const length = lengthAt(fd, head.bytes, path)
    if (head.bytes + length > size) break
    const { clear, signed } = decodeEntry(readAll(fd, head.bytes, length, path))
    if (clear.sequence !== head.sequence + 1 || !equalBytes(clear.previous, head.hash)) throw damaged(path, `entry ${clear.sequence} does not follow entry ${head.sequence}`)
    head = { sequence: clear.sequence, hash: entryHash(signed), bytes: head.bytes + length }
  }
  return head
}

function lengthAt(fd: number, offset: number, path: string): number {
  const length = entryLengthAt(readAll(fd, offset, entryClearBytes, path))
  if (length === undefined) throw damaged(path, `no entry at byte ${offset}`)
  return length
}

function readAll(fd: number, offset: number, length: number, path: string): Uint8Array {
  const into = new Uint8Array(length)
  for (let done = 0; done < length;) {
    const count = readSync(fd, into, done, length - done, offset + done)
    if (count === 0) throw damaged(path, `it ends before byte ${offset + length}`)
    done += count
  }
  return into
}

function damaged(path: string, cause: unknown): VaultError {
  return new VaultError('corrupt', `${path} is damaged: ${cause instanceof Error ? cause.message : String(cause)}`, { subject: path, cause })
}
