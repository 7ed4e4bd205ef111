// The chains of all vaults as files: entries back to back, and what counts of them is what the database says. Written by
// one thread; what a crash left behind the head is cut off before the next entry goes there.
import { closeSync, existsSync, fdatasyncSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { entryClearBytes, entryLengthAt, noPrevious } from '../../format/manifest-entry.js'
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

  /** Writes entries behind `head`; they count when the file is synced and the database says so. */
  write(vault: string, device: string, head: HeadRow, entries: readonly ChainEntry[]): WrittenEntries {
    const folder = vaultFolder(this.#directory, vault)
    const path = chainPath(folder, device)
    if (this.#lost.has(path)) throw new VaultError('io', `${path}: an earlier write to it failed`, { subject: path, next: 'Look at the disk, then start the node again.' })
    try {
      makeVaultFolder(this.#directory, folder)
      const { fd } = this.#opened(path, folder.manifest, head.bytes)
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
      throw fromErrno(error, path)
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

  /** `end`: of what counts in it. */
  #opened(path: string, folder: string, end: number): OpenChain {
    const known = this.#dirty.get(path)
    if (known !== undefined) return known
    const isNew = !existsSync(path)
    const chain = { fd: openSync(path, isNew ? 'wx+' : 'r+', 0o600), path }
    const { size } = fstatSync(chain.fd)
    if (size < end) {
      closeSync(chain.fd)
      throw new VaultError('corrupt', `${path} has ${size} bytes where ${end} were written`, { subject: path, next: 'Put it back from a copy.' })
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
