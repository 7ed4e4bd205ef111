// One device's chain of manifest entries: an append-only file whose bytes are exactly what was signed. FORMAT §7.
// `append` resolves when entry and mark are durable, and only then may an entry be spoken of: signing another one of the
// same sequence later would be a fork. Verifying needs the device's public key and nothing secret.

import { verifyTagged } from '../crypto/signature.js'
import { encodeEntryBody, type EntryBody } from '../format/entry-body.js'
import {
  decodeEntry, encodeEntryClear, entryBytesMax, entryClearBytes, entryHash, entryLengthAt, noPrevious, type ManifestEntry,
} from '../format/manifest-entry.js'
import { concatBytes, equalBytes, hex, type DeviceId, type ManifestHash, type VaultId } from '../terms/bytes.js'
import { VaultError, invariant } from '../terms/errors.js'
import type { ChainFile } from './chain-file.js'
import { readMark, writeMark, type Acknowledged } from './chain-mark.js'

export interface ChainIdentity {
  readonly vaultId: VaultId
  readonly deviceId: DeviceId
  readonly signPublicKey: Uint8Array
}

export interface ChainOptions extends ChainIdentity {
  readonly entries: ChainFile
  readonly mark: ChainFile
  /** 'full' follows every link from the first entry; 'tail' begins at the last acknowledged one, for a quick mount. */
  readonly depth: 'full' | 'tail'
}

/** Who seals and signs: entry-author.ts over the key page. An interface, so that this file never comes near a key. */
export interface EntryAuthor {
  readonly epoch: number
  /** How long the sealed body of `plain` will be. */
  sealedLength(plain: Uint8Array): number
  /** A fresh random nonce each time; `clearBytes` are bound. */
  sealBody(plain: Uint8Array, clearBytes: Uint8Array): Uint8Array
  sign(signed: Uint8Array): Uint8Array
}

export interface ChainHead {
  /** 0: no entry yet. */
  readonly sequence: number
  readonly hash: ManifestHash
}

/** Enough for most entries in one read. */
const windowBytes = 256 * 1024

export class ManifestChain {
  readonly #options: ChainOptions
  /** Start of entry n at n − 1; complete up to `#indexed` entries. */
  readonly #starts: number[] = []
  #head: Acknowledged = { sequence: 0, start: 0, end: 0, hash: noPrevious }
  #queue: Promise<unknown> = Promise.resolve()
  /** After a failed write or sync nothing is known of the file's end: reopen. */
  #failure: VaultError | undefined
  #window: { readonly offset: number; readonly bytes: Uint8Array } = { offset: 0, bytes: new Uint8Array(0) }
  /** Bytes of an entry that a crash cut off and that was dropped at opening. */
  cutBytes = 0

  private constructor(options: ChainOptions) {
    this.#options = options
  }

  /**
   * Verifies and takes up the chain. What lies behind the last acknowledged entry is kept when it is whole and ours, and
   * cut when it is not (a crash in `append`). Anything else that is wrong is 'chain-broken'.
   */
  static async open(options: ChainOptions): Promise<ManifestChain> {
    const chain = new ManifestChain(options)
    await chain.#open()
    return chain
  }

  get head(): ChainHead {
    return { sequence: this.#head.sequence, hash: this.#head.hash }
  }

  /** Seals, signs, writes and syncs one entry; calls are taken in order. Resolves with its exact bytes. */
  append(body: EntryBody, author: EntryAuthor): Promise<ChainHead & { readonly bytes: Uint8Array }> {
    const result = this.#queue.then(async () => await this.#append(body, author))
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** The exact bytes of an entry, its signature and its place checked. Throws 'not-found' beyond the head. */
  async read(sequence: number): Promise<Uint8Array> {
    if (!Number.isInteger(sequence) || sequence < 1 || sequence > this.#head.sequence) {
      throw new VaultError('not-found', `this chain has no entry ${sequence}`, { subject: this.#subject(sequence) })
    }
    await this.#index(sequence)
    const start = this.#starts[sequence - 1]
    invariant(start !== undefined, 'an indexed entry')
    const bytes = await this.#entryAt(start, this.#head.end)
    if (bytes === undefined) throw this.#broken(sequence, 'it is damaged')
    const entry = this.#decode(bytes, sequence)
    if (entry.clear.sequence !== sequence) throw this.#broken(sequence, 'another entry is in its place')
    // A 'tail' opening has looked at the newest one only.
    if (!this.#isSigned(entry)) throw this.#broken(sequence, 'its signature is not this device\'s')
    return bytes
  }

  /** The newest entry as it was opened; undefined: there is none. */
  async newest(): Promise<Uint8Array | undefined> {
    return this.#head.sequence === 0 ? undefined : await this.#entryAt(this.#head.start, this.#head.end)
  }

  async close(): Promise<void> {
    await this.#queue
    await this.#options.entries.close()
    await this.#options.mark.close()
  }

  async #append(body: EntryBody, author: EntryAuthor): Promise<ChainHead & { readonly bytes: Uint8Array }> {
    if (this.#failure !== undefined) throw this.#failure
    const { vaultId, deviceId, entries, mark } = this.#options
    const plain = encodeEntryBody(body)
    const sequence = this.#head.sequence + 1
    const clear = encodeEntryClear({
      vaultId, deviceId, sequence, previous: this.#head.hash, epoch: author.epoch, bodyLength: author.sealedLength(plain),
    })
    const signed = concatBytes(clear, author.sealBody(plain, clear))
    const bytes = concatBytes(signed, author.sign(signed))
    const start = this.#head.end
    const next: Acknowledged = { sequence, start, end: start + bytes.byteLength, hash: entryHash(signed) }
    try {
      await entries.write(start, bytes)
      await entries.sync()
      await writeMark(mark, next)
    } catch (error) {
      this.#failure = error instanceof VaultError ? error : new VaultError('io', 'the manifest can not be written', { subject: this.#subject(sequence), cause: error })
      throw this.#failure
    }
    this.#take(next)
    return { sequence, hash: next.hash, bytes }
  }

  async #open(): Promise<void> {
    const mark = await readMark(this.#options.mark)
    const size = await this.#options.entries.size()
    if (mark !== undefined && mark.end > size) throw this.#broken(mark.sequence, `the file ends at byte ${size}, before it does`)
    if (mark !== undefined && this.#options.depth === 'tail') await this.#takeMarked(mark)
    else if (mark !== undefined) await this.#walk(mark)
    await this.#takeTail(size, mark !== undefined)
    if (this.#head.sequence > (mark?.sequence ?? 0)) {
      // Whole and ours, but nobody heard of it: now it counts.
      await this.#options.entries.sync()
      await writeMark(this.#options.mark, this.#head)
    }
  }

  /** Only the last acknowledged entry: its signature vouches, through the hashes, for all before it. */
  async #takeMarked(mark: Acknowledged): Promise<void> {
    const bytes = await this.#entryAt(mark.start, mark.end)
    if (bytes?.byteLength !== mark.end - mark.start) throw this.#broken(mark.sequence, 'it is damaged')
    const entry = this.#decode(bytes, mark.sequence)
    this.#requireMarked(entry, mark)
    this.#head = mark
  }

  async #walk(mark: Acknowledged): Promise<void> {
    while (this.#head.sequence < mark.sequence) {
      const sequence = this.#head.sequence + 1
      const bytes = await this.#entryAt(this.#head.end, mark.end)
      if (bytes === undefined) throw this.#broken(sequence, 'it is damaged')
      const entry = this.#decode(bytes, sequence)
      if (!this.#follows(entry)) throw this.#broken(sequence, 'it does not follow the one before it')
      if (sequence === mark.sequence) this.#requireMarked(entry, mark)
      this.#take({ sequence, start: this.#head.end, end: this.#head.end + bytes.byteLength, hash: entryHash(entry.signed) })
    }
    if (this.#head.end !== mark.end || !equalBytes(this.#head.hash, mark.hash)) throw this.#broken(mark.sequence, 'it is not where it was written')
  }

  /** Behind the mark: whole entries of ours are taken, the first that is not ends the file. */
  async #takeTail(size: number, marked: boolean): Promise<void> {
    while (this.#head.end < size) {
      const start = this.#head.end
      const sequence = this.#head.sequence + 1
      const bytes = await this.#entryAt(start, size)
      const entry = bytes === undefined ? undefined : this.#sound(bytes)
      if (bytes === undefined || entry === undefined) {
        // Without a mark only the very first entry can have been torn; anything else is a mark that was lost.
        if (!marked && (bytes !== undefined || sequence > 1 || !(await this.#isTorn(start, size)))) throw this.#broken(sequence, 'it is damaged')
        this.cutBytes = size - start
        await this.#options.entries.truncate(start)
        await this.#options.entries.sync()
        return
      }
      this.#take({ sequence, start, end: start + bytes.byteLength, hash: entryHash(entry.signed) })
    }
  }

  /** Whether what begins here looks like a write that never ended: too short, running past the end, or zeros. */
  async #isTorn(start: number, size: number): Promise<boolean> {
    const head = await this.#peek(start, Math.min(windowBytes, size - start))
    const length = entryLengthAt(head)
    if (length !== undefined) return start + length > size
    return head.byteLength < entryClearBytes || head.every((byte) => byte === 0)
  }

  /** An entry that follows the head and carries our signature; undefined otherwise. */
  #sound(bytes: Uint8Array): ManifestEntry | undefined {
    let entry: ManifestEntry
    try {
      entry = decodeEntry(bytes)
    } catch (error) {
      if (error instanceof VaultError && error.code === 'corrupt') return undefined
      throw error
    }
    return this.#follows(entry) && this.#isSigned(entry) ? entry : undefined
  }

  #follows({ clear }: ManifestEntry): boolean {
    const { vaultId, deviceId } = this.#options
    return equalBytes(clear.vaultId, vaultId) && equalBytes(clear.deviceId, deviceId) &&
      clear.sequence === this.#head.sequence + 1 && equalBytes(clear.previous, this.#head.hash)
  }

  #requireMarked(entry: ManifestEntry, mark: Acknowledged): void {
    const { vaultId, deviceId } = this.#options
    if (entry.clear.sequence !== mark.sequence || !equalBytes(entryHash(entry.signed), mark.hash)) throw this.#broken(mark.sequence, 'it is not what was written')
    if (!equalBytes(entry.clear.vaultId, vaultId) || !equalBytes(entry.clear.deviceId, deviceId)) throw this.#broken(mark.sequence, 'it is of another device')
    if (!this.#isSigned(entry)) throw this.#broken(mark.sequence, 'its signature is not this device\'s')
  }

  #isSigned(entry: ManifestEntry): boolean {
    return verifyTagged('entry/v1', entry.signed, { signature: entry.signature, publicKey: this.#options.signPublicKey })
  }

  #decode(bytes: Uint8Array, sequence: number): ManifestEntry {
    try {
      return decodeEntry(bytes)
    } catch (error) {
      if (error instanceof VaultError && error.code === 'corrupt') throw this.#broken(sequence, error.message)
      throw error
    }
  }

  #take(next: Acknowledged): void {
    if (this.#starts.length === next.sequence - 1) this.#starts.push(next.start)
    this.#head = next
  }

  /** After a 'tail' opening the places of old entries are found when somebody asks. */
  async #index(sequence: number): Promise<void> {
    while (this.#starts.length < sequence) {
      const last = this.#starts.at(-1)
      const length = last === undefined ? 0 : (await this.#entryAt(last, this.#head.end))?.byteLength
      if (length === undefined) throw this.#broken(this.#starts.length, 'it is damaged')
      this.#starts.push((last ?? 0) + length)
    }
  }

  /** The bytes of the entry that begins at `start`; undefined when none does or it would run past `end`. */
  async #entryAt(start: number, end: number): Promise<Uint8Array | undefined> {
    const head = await this.#peek(start, Math.min(windowBytes, end - start))
    const length = entryLengthAt(head)
    if (length === undefined || length > entryBytesMax || start + length > end) return undefined
    // A copy: the window moves on.
    const bytes = length <= head.byteLength ? head.slice(0, length) : await this.#options.entries.read(start, length)
    return bytes.byteLength === length ? bytes : undefined
  }

  async #peek(offset: number, length: number): Promise<Uint8Array> {
    const at = offset - this.#window.offset
    const held = at >= 0 ? this.#window.bytes.subarray(at, at + length) : new Uint8Array(0)
    const enough = entryLengthAt(held)
    if (held.byteLength === length || (enough !== undefined && enough <= held.byteLength)) return held
    this.#window = { offset, bytes: await this.#options.entries.read(offset, length) }
    return this.#window.bytes
  }

  #subject(sequence: number): string {
    return `${hex(this.#options.deviceId)} entry ${sequence}`
  }

  #broken(sequence: number, what: string): VaultError {
    return new VaultError('chain-broken', `manifest entry ${sequence} of this device: ${what}`, {
      subject: this.#subject(sequence), next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
    })
  }
}
