// The chain of another device as it is brought here from elsewhere: every entry verified (its place, its link, its
// signature) before it is written, and the mark behind it, so that what a crash leaves is gone on with.
import { verifyTagged } from '../crypto/signature.js'
import { decodeEntry, entryBytesMax, entryClearBytes, entryHash, entryLengthAt, noPrevious } from '../format/manifest-entry.js'
import { equalBytes, hex, type ManifestHash } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import type { ChainFile } from './chain-file.js'
import { readMark, writeMark, type Acknowledged } from './chain-mark.js'
import type { ChainIdentity } from './chain.js'

export interface ChainCopyFiles {
  readonly entries: ChainFile
  readonly mark: ChainFile
}

export class ChainCopy {
  readonly #identity: ChainIdentity
  readonly #files: ChainCopyFiles
  #head: Acknowledged = { sequence: 0, start: 0, end: 0, hash: noPrevious }

  private constructor(identity: ChainIdentity, files: ChainCopyFiles) {
    this.#identity = identity
    this.#files = files
  }

  /**
   * What lies behind the mark was never acknowledged: it is cut off, and asked for again. A damaged mark counts as none:
   * unlike our own chain this one can be had anew.
   */
  static async open(identity: ChainIdentity, files: ChainCopyFiles): Promise<ChainCopy> {
    const copy = new ChainCopy(identity, files)
    const mark = await readMark(files.mark).catch((error: unknown) => {
      if (error instanceof VaultError && (error.code === 'chain-broken' || error.code === 'corrupt')) return undefined
      throw error
    })
    if (mark !== undefined) copy.#head = mark
    const size = await files.entries.size()
    if (size < copy.#head.end) throw copy.#broken(copy.#head.sequence, `the file ends at byte ${size}, before it does`)
    if (size > copy.#head.end) await files.entries.truncate(copy.#head.end)
    return copy
  }

  /** 0: it has no entry yet. */
  get sequence(): number {
    return this.#head.sequence
  }

  get hash(): ManifestHash {
    return this.#head.hash
  }

  get bytes(): number {
    return this.#head.end
  }

  /**
   * Whole entries back to back, durable when it resolves. Rejects 'chain-broken' for the first that does not follow or is
   * not signed by the device: those before it are kept. What lies behind entry `through` is left out.
   */
  async append(bytes: Uint8Array, through = Infinity): Promise<void> {
    let head = this.#head
    let wrong: VaultError | undefined
    for (let at = 0; at < bytes.byteLength && head.sequence < through && wrong === undefined;) {
      const next = this.#next(bytes.subarray(at), head)
      if (next instanceof VaultError) wrong = next
      else {
        at += next.end - next.start
        head = next
      }
    }
    if (head.end > this.#head.end) {
      await this.#files.entries.write(this.#head.end, bytes.subarray(0, head.end - this.#head.end))
      await this.#files.entries.sync()
      await writeMark(this.#files.mark, head)
      this.#head = head
    }
    if (wrong !== undefined) throw wrong
  }

  async close(): Promise<void> {
    await this.#files.entries.close()
    await this.#files.mark.close()
  }

  /** The entry that the bytes begin with, or what is wrong with it. */
  #next(bytes: Uint8Array, head: Acknowledged): Acknowledged | VaultError {
    const { vaultId, deviceId, signPublicKey } = this.#identity
    const sequence = head.sequence + 1
    const length = entryLengthAt(bytes.subarray(0, entryClearBytes)) ?? Infinity
    if (length > Math.min(entryBytesMax, bytes.byteLength)) return this.#broken(sequence, 'it is not whole')
    try {
      const { clear, signed, signature } = decodeEntry(bytes.subarray(0, length))
      const follows = equalBytes(clear.vaultId, vaultId) && equalBytes(clear.deviceId, deviceId) && clear.sequence === sequence && equalBytes(clear.previous, head.hash)
      if (!follows) return this.#broken(sequence, 'it does not follow the one before it')
      if (!verifyTagged('entry/v1', signed, { signature, publicKey: signPublicKey })) return this.#broken(sequence, "its signature is not this device's")
      return { sequence, start: head.end, end: head.end + length, hash: entryHash(signed) }
    } catch (error) {
      if (error instanceof VaultError && error.code === 'corrupt') return this.#broken(sequence, error.message)
      throw error
    }
  }

  #broken(sequence: number, what: string): VaultError {
    const device = hex(this.#identity.deviceId)
    return new VaultError('chain-broken', `manifest entry ${sequence} of device ${device}: ${what}`, { subject: `${device} entry ${sequence}` })
  }
}
