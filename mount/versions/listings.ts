// Names of directories of the past, fetched many at a time and one batch ahead, so that a listing is answered at once and
// the lookups that follow it need no turn through the history thread.
import { limits } from '../../lib/terms/limits.js'
import type { HistoryPort, PastDirent } from '../../lib/store/history-port.js'
import type { Name } from '../../lib/tree/entry.js'

/** A directory at a position. */
export interface Listed {
  readonly position: number
  readonly entry: number
}

export interface Batch {
  /** All names with a cookie above `after` and up to `last` are in it. */
  readonly after: number
  readonly last: number
  readonly dirents: readonly PastDirent[]
}

interface Listing {
  readonly key: string
  readonly batches: Set<KeptBatch>
  readonly coming: Map<number, Promise<Batch>>
}

interface KeptBatch extends Batch {
  readonly listing: Listing
  byName: Map<Name, PastDirent> | undefined
}

export class Listings {
  readonly #history: HistoryPort
  #listings = new Map<string, Listing>()
  /** Oldest use first. */
  #batches = new Set<KeptBatch>()
  #dirents = 0

  constructor(history: HistoryPort) {
    this.#history = history
  }

  /** The batch with the first name whose cookie is above `after`; the one behind it is asked for meanwhile. */
  batch(listed: Listed, after: number): Batch | Promise<Batch> {
    const listing = this.#listing(listed)
    for (const batch of listing.batches) {
      if (batch.after > after || after >= batch.last) continue
      this.#used(batch)
      this.#fetchAhead(listed, listing, batch.last)
      return batch
    }
    return this.#fetch(listed, listing, after)
  }

  /** What is known of a name from a listing; undefined: nothing is. */
  lookup(listed: Listed, name: Name): PastDirent | undefined {
    for (const batch of this.#listings.get(keyOf(listed))?.batches ?? []) {
      batch.byName ??= new Map(batch.dirents.map((dirent) => [dirent.name, dirent]))
      const dirent = batch.byName.get(name)
      if (dirent === undefined) continue
      this.#used(batch)
      return dirent
    }
    return undefined
  }

  clear(): void {
    this.#listings = new Map()
    this.#batches = new Set()
    this.#dirents = 0
  }

  #listing(listed: Listed): Listing {
    const key = keyOf(listed)
    const known = this.#listings.get(key)
    if (known !== undefined) return known
    const listing: Listing = { key, batches: new Set(), coming: new Map() }
    this.#listings.set(key, listing)
    return listing
  }

  #used(batch: KeptBatch): void {
    this.#batches.delete(batch)
    this.#batches.add(batch)
  }

  #fetchAhead(listed: Listed, listing: Listing, after: number): void {
    if (after === Infinity) return
    for (const batch of listing.batches) if (batch.after === after) return
    // A failure shows when the batch is asked for in earnest.
    this.#fetch(listed, listing, after).catch(() => undefined)
  }

  #fetch(listed: Listed, listing: Listing, after: number): Promise<Batch> {
    const coming = listing.coming.get(after) ?? this.#load(listed, listing, after)
    listing.coming.set(after, coming)
    return coming
  }

  async #load({ position, entry }: Listed, listing: Listing, after: number): Promise<Batch> {
    try {
      const dirents = await this.#history.list(position, entry, after, limits.pastListBatch)
      const last = dirents.length < limits.pastListBatch ? Infinity : (dirents.at(-1)?.cookie ?? Infinity)
      const batch: KeptBatch = { listing, after, last, dirents, byName: undefined }
      // Not when everything was cleared meanwhile.
      if (this.#listings.get(listing.key) === listing) this.#keep(batch)
      return batch
    } finally {
      listing.coming.delete(after)
      this.#dropEmpty(listing)
    }
  }

  #keep(batch: KeptBatch): void {
    batch.listing.batches.add(batch)
    this.#batches.add(batch)
    // An empty directory is not for nothing either.
    this.#dirents += batch.dirents.length + 1
    for (const oldest of this.#batches) {
      if (this.#dirents <= limits.pastDirentsMax || oldest === batch) return
      this.#batches.delete(oldest)
      this.#dirents -= oldest.dirents.length + 1
      oldest.listing.batches.delete(oldest)
      this.#dropEmpty(oldest.listing)
    }
  }

  #dropEmpty(listing: Listing): void {
    if (listing.batches.size === 0 && listing.coming.size === 0 && this.#listings.get(listing.key) === listing) this.#listings.delete(listing.key)
  }
}

function keyOf({ position, entry }: Listed): string {
  return `${position} ${entry}`
}
