// Every entry of a chain's file that is whole by itself, whatever lies between: for saving what can be read of a damaged
// manifest. An entry counts when its body opens under the vault's keys, which binds its device and its place in the chain;
// the signature is not asked for, since whose key it is stands in an entry that may be the damaged one. Never writes.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { KeyPage } from '../crypto/key-page.js'
import type { EntryBody } from '../format/entry-body.js'
import { decodeEntry, entryBytesMax, entryClearBytes, entryHash, entryLengthAt, type ManifestEntry } from '../format/manifest-entry.js'
import { equalBytes, hex, type DeviceId, type ManifestHash, type VaultId } from '../terms/bytes.js'
import { VaultError, fromErrno } from '../terms/errors.js'
import { readMark } from './chain-mark.js'
import { openEntryBody } from './entry-author.js'

export interface SavedPlace {
  readonly sequence: number
  readonly start: number
  readonly end: number
  readonly hash: ManifestHash
}

export interface SavedEntry extends SavedPlace {
  readonly body: EntryBody
}

export interface ChainVault {
  readonly vaultId: VaultId
  readonly page: KeyPage
}

const stepBytes = 1024 * 1024

export class SavedChain {
  readonly deviceId: DeviceId
  readonly #fd: number
  readonly #path: string
  readonly #vault: ChainVault
  readonly #size: number
  /** By sequence; each once. */
  places: readonly SavedPlace[] = []

  /** `path`: the file is called by its device. Throws what open(2) says. */
  constructor(path: string, deviceId: DeviceId, vault: ChainVault) {
    this.deviceId = deviceId
    this.#path = path
    this.#vault = vault
    try {
      this.#fd = openSync(path, 'r')
      this.#size = fstatSync(this.#fd).size
    } catch (error) {
      throw fromErrno(error, path)
    }
  }

  /** Finds the entries; `step` is told bytes looked at and all there are. */
  async scan(step: (done: number, total: number) => Promise<void>): Promise<void> {
    const places = new Map<number, SavedPlace>()
    for (let at = 0; at + entryClearBytes <= this.#size;) {
      const found = this.#entryAt(at)
      if (found !== undefined && !places.has(found.sequence)) places.set(found.sequence, { sequence: found.sequence, start: at, end: found.end, hash: found.hash })
      at = found?.end ?? this.#nextMagic(at + 1)
      await step(Math.min(at, this.#size), this.#size)
    }
    this.places = [...places.values()].sort((one, other) => one.sequence - other.sequence)
  }

  /** Numbers of entries that there were, by those around them or by the chain's mark, and that can't be read. */
  async missing(): Promise<readonly { readonly from: number; readonly to: number }[]> {
    const gaps: { from: number; to: number }[] = []
    let expected = 1
    for (const { sequence } of this.places) {
      if (sequence > expected) gaps.push({ from: expected, to: sequence - 1 })
      expected = sequence + 1
    }
    const marked = await this.#marked()
    if (marked >= expected) gaps.push({ from: expected, to: marked })
    return gaps
  }

  read({ start }: SavedPlace): SavedEntry {
    const entry = this.#entryAt(start)
    if (entry === undefined) throw new VaultError('io', `${this.#path}: what could be read at byte ${start} can't be any more`, { subject: this.#path })
    return entry
  }

  close(): void {
    closeSync(this.#fd)
  }

  #entryAt(start: number): SavedEntry | undefined {
    const length = entryLengthAt(this.#bytes(start, entryClearBytes))
    if (length === undefined || length > entryBytesMax || start + length > this.#size) return undefined
    let entry: ManifestEntry
    let body: EntryBody
    try {
      entry = decodeEntry(this.#bytes(start, length))
      body = openEntryBody(entry, this.#vault.page)
    } catch (error) {
      if (error instanceof VaultError && (error.code === 'corrupt' || error.code === 'format-unknown')) return undefined
      throw error
    }
    const { vaultId, deviceId, sequence } = entry.clear
    if (!equalBytes(vaultId, this.#vault.vaultId) || !equalBytes(deviceId, this.deviceId)) return undefined
    return { sequence, start, end: start + length, hash: entryHash(entry.signed), body }
  }

  /** Where the next entry could begin: with its magic and the vault's id. */
  #nextMagic(from: number): number {
    const wanted = Buffer.concat([Buffer.from('VFE\x01', 'latin1'), this.#vault.vaultId])
    for (let at = from; at < this.#size; at += stepBytes - wanted.byteLength + 1) {
      const found = Buffer.from(this.#bytes(at, stepBytes)).indexOf(wanted)
      if (found >= 0) return at + found
    }
    return this.#size
  }

  /** Fewer at the end of the file, and where the disk gives none. */
  #bytes(start: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(length, this.#size - start))
    let done = 0
    try {
      for (let read = -1; done < bytes.byteLength && read !== 0; done += read) read = readSync(this.#fd, bytes, done, bytes.byteLength - done, start + done)
    } catch (error) {
      if (fromErrno(error, this.#path).code !== 'io') throw fromErrno(error, this.#path)
    }
    return bytes.subarray(0, done)
  }

  /** 0: the mark can't be read. */
  async #marked(): Promise<number> {
    const path = this.#path.replace(/\.chain$/, '.mark')
    let fd: number
    try {
      fd = openSync(path, 'r')
    } catch {
      return 0
    }
    try {
      const read = (offset: number, length: number): Promise<Uint8Array> => {
        const bytes = new Uint8Array(length)
        return Promise.resolve(bytes.subarray(0, readSync(fd, bytes, 0, length, offset)))
      }
      return (await readMark({ read }))?.sequence ?? 0
    } catch (error) {
      if (error instanceof VaultError) return 0
      throw error
    } finally {
      closeSync(fd)
    }
  }
}

/** The device that the name of a chain's file says; undefined: it is not one. */
export function deviceOfChainName(name: string): DeviceId | undefined {
  const device = /^([0-9a-f]{32})\.chain$/.exec(name)?.[1]
  return device === undefined ? undefined : Uint8Array.from(Buffer.from(device, 'hex')) as Uint8Array as DeviceId
}

export function chainName(deviceId: DeviceId): string {
  return `${hex(deviceId)}.chain`
}
