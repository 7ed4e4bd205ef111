// Reads a device's chain behind whoever writes it, entry by entry, each verified as it comes: its link, its place, its
// signature. Reads synchronously: for a thread of its own. Never writes.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { verifyTagged } from '../crypto/signature.js'
import { decodeEntry, entryBytesMax, entryClearBytes, entryHash, entryLengthAt, noPrevious, type ManifestEntry } from '../format/manifest-entry.js'
import { equalBytes, hex, type ManifestHash } from '../terms/bytes.js'
import { VaultError, fromErrno } from '../terms/errors.js'
import type { ChainIdentity } from './chain.js'

const windowBytes = 1024 * 1024

export interface ReadBefore {
  readonly sequence: number
  readonly start: number
  readonly end: number
  readonly hash: Uint8Array
}

export class ChainFollower {
  readonly #path: string
  readonly #identity: ChainIdentity
  readonly #fd: number
  #window = { start: 0, bytes: new Uint8Array(0) }
  /** Of the newest entry that was read. */
  sequence = 0
  hash: ManifestHash = noPrevious
  #start = 0
  #end = 0

  constructor(path: string, identity: ChainIdentity) {
    this.#path = path
    this.#identity = identity
    try {
      this.#fd = openSync(path, 'r')
    } catch (error) {
      throw fromErrno(error, path)
    }
  }

  /** Bytes of the chain's file, and how many of them were read. */
  get progress(): { readonly read: number; readonly size: number } {
    return { read: this.#end, size: fstatSync(this.#fd).size }
  }

  /** The next entry; undefined: not written whole yet. Throws 'chain-broken' for one that does not follow. */
  next(): ManifestEntry | undefined {
    const bytes = this.#entryBytes(this.#end)
    if (bytes === undefined) return undefined
    const entry = this.#decode(bytes)
    const { vaultId, deviceId } = this.#identity
    const { clear } = entry
    const follows = equalBytes(clear.vaultId, vaultId) && equalBytes(clear.deviceId, deviceId) &&
      clear.sequence === this.sequence + 1 && equalBytes(clear.previous, this.hash)
    if (!follows) throw this.#broken('it does not follow the one before it')
    if (!this.#isSigned(entry)) throw this.#broken("its signature is not this device's")
    this.#move(clear.sequence, entryHash(entry.signed), this.#end, this.#end + bytes.byteLength)
    return entry
  }

  /** The newest entry that was read or gone to, once more; undefined: none was. Throws 'chain-broken' when it is not signed. */
  newest(): ManifestEntry | undefined {
    const bytes = this.sequence === 0 ? undefined : this.#entryBytes(this.#start)
    if (bytes === undefined) return undefined
    const entry = this.#decode(bytes)
    if (!this.#isSigned(entry)) throw this.#broken("its signature is not this device's")
    return entry
  }

  /** Where the newest entry that was read lies in the file. */
  get place(): { readonly start: number; readonly end: number } {
    return { start: this.#start, end: this.#end }
  }

  /**
   * Goes to behind an entry that was read before, without reading those before it. Answers false when the chain has
   * another one there, or none: then nothing has moved.
   */
  skipTo({ sequence, start, end, hash }: ReadBefore): boolean {
    if (sequence === 0) {
      this.#move(0, noPrevious, 0, 0)
      return true
    }
    const bytes = end <= this.progress.size ? this.#entryBytes(start) : undefined
    if (bytes?.byteLength !== end - start) return false
    const entry = this.#decode(bytes)
    const found = entryHash(entry.signed)
    if (entry.clear.sequence !== sequence || !equalBytes(found, hash)) return false
    this.#move(sequence, found, start, end)
    return true
  }

  #isSigned(entry: ManifestEntry): boolean {
    return verifyTagged('entry/v1', entry.signed, { signature: entry.signature, publicKey: this.#identity.signPublicKey })
  }

  #move(sequence: number, hash: ManifestHash, start: number, end: number): void {
    this.sequence = sequence
    this.hash = hash
    this.#start = start
    this.#end = end
  }

  close(): void {
    closeSync(this.#fd)
  }

  #entryBytes(start: number): Uint8Array | undefined {
    const head = this.#bytes(start, entryClearBytes)
    if (head.byteLength < entryClearBytes) return undefined
    const length = entryLengthAt(head)
    if (length === undefined || length > entryBytesMax) throw this.#broken('it is damaged')
    // No room for a length that lies.
    if (length > windowBytes && start + length > this.progress.size) return undefined
    const bytes = this.#bytes(start, length)
    // A copy: the window moves on.
    return bytes.byteLength < length ? undefined : bytes.slice()
  }

  /** Fewer at the end of the file. */
  #bytes(start: number, length: number): Uint8Array {
    const { start: from, bytes } = this.#window
    if (start >= from && start + length <= from + bytes.byteLength) return bytes.subarray(start - from, start - from + length)
    const room = new Uint8Array(Math.max(length, windowBytes))
    let done = 0
    try {
      for (let read = -1; done < room.byteLength && read !== 0; done += read) read = readSync(this.#fd, room, done, room.byteLength - done, start + done)
    } catch (error) {
      throw fromErrno(error, this.#path)
    }
    this.#window = { start, bytes: room.subarray(0, done) }
    return room.subarray(0, Math.min(done, length))
  }

  #decode(bytes: Uint8Array): ManifestEntry {
    try {
      return decodeEntry(bytes)
    } catch (error) {
      if (error instanceof VaultError && error.code === 'corrupt') throw this.#broken(error.message)
      throw error
    }
  }

  #broken(what: string): VaultError {
    const number = this.sequence + 1
    return new VaultError('chain-broken', `manifest entry ${number} of device ${hex(this.#identity.deviceId)}: ${what}`, {
      subject: `${hex(this.#identity.deviceId)} entry ${number}`, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
    })
  }
}

/** The bytes of a chain's first entry, unverified; undefined: the file is empty. */
export function readFirstEntry(path: string): Uint8Array | undefined {
  const fd = openSync(path, 'r')
  try {
    const head = new Uint8Array(entryClearBytes)
    const read = readSync(fd, head, 0, head.byteLength, 0)
    if (read === 0) return undefined
    const length = entryLengthAt(head.subarray(0, read)) ?? Infinity
    const bytes = new Uint8Array(length > Math.min(entryBytesMax, fstatSync(fd).size) ? 0 : length)
    if (bytes.byteLength > 0 && readSync(fd, bytes, 0, length, 0) === length) return bytes
    throw new VaultError('chain-broken', `${path}: its first entry is damaged`, {
      subject: path, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
    })
  } finally {
    closeSync(fd)
  }
}
