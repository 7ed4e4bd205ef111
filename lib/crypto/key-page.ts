// All long-lived keys of an open vault, in one locked piece of shared memory. A worker is given the SharedArrayBuffer
// itself (workerData) and attaches; key bytes are never posted, cloned or copied on the way. FORMAT §2.
// The easy mistake: keeping a copy of a view. Take `key(name)` when it is needed; after `wipe` it is zeros.

import { lockPages, unlockPages } from '../../native-deps/secure.js'
import { wipe } from '../../native-deps/sodium.js'
import { VaultError, invariant } from '../terms/errors.js'

/** Locked bytes: a small fixed table, then a row for each epoch. */
export const keyPageBytes = 8192
/** One page more to find the alignment in, one so that the note of it at the very end never overlaps. */
const sharedBytes = keyPageBytes + 2 * 4096
const offsetNote = sharedBytes - 4

/** Offset and length of each key in the page. Order is free to change: the page is never stored. */
const slots = {
  master: [0, 32],
  'header-mac': [32, 32],
  local: [64, 32],
  wrap: [96, 32],
  catalog: [128, 32],
  log: [160, 32],
  id: [192, 32],
  'page-id': [224, 32],
  chunker: [256, 32],
  history: [288, 32],
  'device-sign': [320, 64],
  'device-tls': [384, 64],
  'device-box': [448, 32],
} as const satisfies Record<string, readonly [number, number]>

/** Keys of which there is one; `device-sign` and `device-tls` have 64 bytes, the others 32. */
export type KeyName = keyof typeof slots
/** Keys of which each epoch has its own. */
export const epochKeyNames = ['data', 'siv', 'manifest'] as const
export type EpochKeyName = (typeof epochKeyNames)[number]

const currentEpochAt = 1024
const epochsPresentAt = 1028
const epochRowsAt = 2048
const epochRowBytes = 96
/** How many epochs a vault may have: every revocation begins one. */
export const epochsMax = (keyPageBytes - epochRowsAt) / epochRowBytes

export class KeyPage {
  readonly shared: SharedArrayBuffer
  /** False: the memory may be swapped out; the caller says so. */
  readonly locked: boolean
  readonly #page: Uint8Array

  private constructor(shared: SharedArrayBuffer, offset: number, locked: boolean) {
    this.shared = shared
    this.locked = locked
    this.#page = new Uint8Array(shared, offset, keyPageBytes)
  }

  /** New and empty. */
  static create(): KeyPage {
    const shared = new SharedArrayBuffer(sharedBytes)
    const { offset, locked } = lockPages(shared, keyPageBytes)
    new DataView(shared).setUint32(offsetNote, offset)
    return new KeyPage(shared, offset, locked)
  }

  /** In a worker: the page that the main thread made. */
  static attach(shared: SharedArrayBuffer): KeyPage {
    invariant(shared.byteLength === sharedBytes, 'not a key page')
    return new KeyPage(shared, new DataView(shared).getUint32(offsetNote), true)
  }

  /** A view of the key in the page, for reading. */
  key(name: KeyName | EpochKeyName): Uint8Array {
    if (name === 'data' || name === 'siv' || name === 'manifest') return this.epochKey(this.currentEpoch, name)
    const [offset, length] = slots[name]
    return this.#page.subarray(offset, offset + length)
  }

  /** The same of an epoch: 'corrupt' when something names an epoch that the header does not have. */
  epochKey(epoch: number, name: EpochKeyName): Uint8Array {
    if (!this.hasEpoch(epoch)) {
      throw new VaultError('corrupt', `key epoch ${epoch} is not in the vault's header`, {
        subject: `epoch ${epoch}`, next: 'If the header was restored from an old copy, restore the newest one.',
      })
    }
    const offset = epochRowsAt + (epoch - 1) * epochRowBytes + epochKeyNames.indexOf(name) * 32
    return this.#page.subarray(offset, offset + 32)
  }

  hasEpoch(epoch: number): boolean {
    return Number.isInteger(epoch) && epoch >= 1 && epoch <= epochsMax && this.#page[epochsPresentAt + epoch - 1] === 1
  }

  /** The epoch under which new bytes are sealed. */
  get currentEpoch(): number {
    return new DataView(this.#page.buffer, this.#page.byteOffset).getUint32(currentEpochAt)
  }

  set(name: KeyName, value: Uint8Array): void {
    const view = this.key(name)
    invariant(view.byteLength === value.byteLength, `key ${name} has ${view.byteLength} bytes`)
    view.set(value)
  }

  /** Adds an epoch's keys, written by `fill` straight into the page. The highest epoch is the current one. */
  addEpoch(epoch: number, fill: (name: EpochKeyName, out: Uint8Array) => void): void {
    if (!Number.isInteger(epoch) || epoch < 1 || epoch > epochsMax) {
      throw new VaultError('too-many', `key epoch ${epoch}: a vault has at most ${epochsMax}`, { subject: `epoch ${epoch}` })
    }
    this.#page[epochsPresentAt + epoch - 1] = 1
    for (const name of epochKeyNames) fill(name, this.epochKey(epoch, name))
    if (epoch > this.currentEpoch) new DataView(this.#page.buffer, this.#page.byteOffset).setUint32(currentEpochAt, epoch)
  }

  /** Everything of another page; for a change of the master key. */
  copyFrom(other: KeyPage): void {
    this.#page.set(other.#page)
  }

  wipe(): void {
    wipe(this.#page)
    unlockPages(this.#page)
  }
}
