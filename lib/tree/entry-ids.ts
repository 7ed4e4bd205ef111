// Ids of new entries. Those of one opening begin alike and go up: in an index of ids a new one then goes beside the last
// one, and not to a page of its own, which in a vault of a million files would be read and written for each. FORMAT §3.
import type { EntryId } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'

const idBytes = 16
/** Of each opening, on any device: two never get the same. */
const randomBytes = 10

export class EntryIds {
  readonly #next: Buffer
  #count = 0

  constructor(entropy: Entropy) {
    this.#next = Buffer.alloc(idBytes)
    this.#next.set(entropy.bytes(randomBytes))
  }

  next(): EntryId {
    this.#next.writeUIntBE(++this.#count, randomBytes, idBytes - randomBytes)
    return new Uint8Array(this.#next) as EntryId
  }
}
