// The hashers and keys that one thread seals and opens with, over the shared key page. Made once a thread: a hasher is
// dear to make (and the native one leaks when made in a loop), and it is not re-entrant.

import { KeyedHasher } from '../../native-deps/blake3.js'
import type { BlobKind } from '../format/blob-reference.js'
import type { KeyPage } from './key-page.js'

/** What sealing needs: the current epoch. */
export interface SealingKeys {
  readonly epoch: number
  /** The epoch's data key: 32 bytes, a view of the key page. */
  readonly dataKey: Uint8Array
  /** Keyed with the epoch's siv key. */
  readonly saltHasher: KeyedHasher
}

/** What opening needs: any epoch's data key. Throws 'corrupt' for an epoch that the vault does not have. */
export interface OpeningKeys {
  dataKey(epoch: number): Uint8Array
}

export class KeyRing implements OpeningKeys {
  readonly #page: KeyPage
  readonly #chunkHasher: KeyedHasher
  readonly #pageHasher: KeyedHasher
  #sealing: SealingKeys | undefined

  constructor(page: KeyPage) {
    this.#page = page
    this.#chunkHasher = new KeyedHasher(page.key('id'))
    this.#pageHasher = new KeyedHasher(page.key('page-id'))
  }

  /** Ids of chunks and of pages come from different keys, so that a file that looks like a page stays a file. */
  idHasher(kind: BlobKind): KeyedHasher {
    return kind === 'chunk' ? this.#chunkHasher : this.#pageHasher
  }

  get sealing(): SealingKeys {
    const epoch = this.#page.currentEpoch
    if (this.#sealing?.epoch !== epoch) {
      this.#sealing?.saltHasher.wipe()
      this.#sealing = {
        epoch, dataKey: this.#page.epochKey(epoch, 'data'), saltHasher: new KeyedHasher(this.#page.epochKey(epoch, 'siv')),
      }
    }
    return this.#sealing
  }

  dataKey(epoch: number): Uint8Array {
    return this.#page.epochKey(epoch, 'data')
  }

  wipe(): void {
    this.#chunkHasher.wipe()
    this.#pageHasher.wipe()
    this.#sealing?.saltHasher.wipe()
    this.#sealing = undefined
  }
}
