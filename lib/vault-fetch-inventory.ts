// Brings all blobs that some nodes have into a store's cache. Their inventories are in the order of ids, so they are gone
// through side by side, and none is ever in memory whole. What is in the cache already is not asked for.
import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { CacheReader } from './cache/reader.js'
import type { PeerInventory, PeerPort } from './store/peer-port.js'
import { equalBytes, type BlobId } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Logger } from './terms/log.js'
import { BlobFetch, type WantedBlob } from './vault-fetch-blobs.js'
import { FetchKeeper } from './vault-fetch-keeper.js'
import type { Nodes } from './vault-nodes.js'

export interface FetchInventory {
  readonly store: string
  readonly nodes: Nodes
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Bytes of blobs, those that were here included. */
  readonly onProgress: (done: number, total: number) => void
}

export interface FetchedInventory {
  /** Brought now. */
  readonly blobs: number
  readonly bytes: number
  /** Listed by a node, and given by none. */
  readonly missing: number
}

/** Durable when it resolves. Rejects 'no-space' before the first byte when the disk has no room for all of them. */
export async function fetchInventory(request: FetchInventory): Promise<FetchedInventory> {
  const { store, logger } = request
  const directory = join(store, 'cache')
  const keeper = new FetchKeeper(directory, logger)
  try {
    await keeper.ready()
    const here = new CacheReader(directory)
    const missing = await bringWhatLacks(request, keeper, here).finally(() => { here.close() })
    const { blobs, bytes } = await keeper.end()
    request.nodes.requireOne()
    return { blobs, bytes, missing }
  } finally {
    await keeper.close()
  }
}

async function bringWhatLacks({ store, nodes, signal, onProgress }: FetchInventory, keeper: FetchKeeper, here: CacheReader): Promise<number> {
  let total = 0
  let done = 0
  for await (const { blobId, length } of inventories(nodes)) {
    total += length
    if (here.locate(blobId) !== undefined) done += length
  }
  nodes.requireOne()
  requireRoom(store, total - done)
  onProgress(done, total)
  const fetch = new BlobFetch({
    nodes, signal, places: keeper.places, take: (blobs) => keeper.keep(blobs),
    onDone: (length) => {
      done += length
      onProgress(done, total)
    },
  })
  for await (const blob of inventories(nodes)) if (here.locate(blob.blobId) === undefined) await fetch.want(blob)
  await fetch.end()
  return fetch.missing.length
}

/** One node's blobs, page by page. */
class Cursor {
  readonly peer: PeerPort
  readonly #nodes: Nodes
  #page: PeerInventory = { isLast: false, blobs: [] }
  #at = 0

  constructor(peer: PeerPort, nodes: Nodes) {
    this.peer = peer
    this.#nodes = nodes
  }

  /** The first that was not taken; undefined: there are no more, or the node answers no more. */
  async first(): Promise<PeerInventory['blobs'][number] | undefined> {
    while (this.#at >= this.#page.blobs.length) {
      if (this.#page.isLast || !this.#nodes.isPresent(this.peer)) return undefined
      const after = this.#page.blobs.at(-1)?.blobId
      this.#page = await this.#nodes.ask(this.peer, (peer) => peer.inventory(after)) ?? { isLast: true, blobs: [] }
      this.#at = 0
    }
    return this.#page.blobs[this.#at]
  }

  take(): void {
    this.#at++
  }
}

/** Each blob once, with all that list it. */
async function* inventories(nodes: Nodes): AsyncGenerator<WantedBlob> {
  const cursors = nodes.present.map((peer) => new Cursor(peer, nodes))
  for (;;) {
    const firsts: { readonly cursor: Cursor; readonly blobId: BlobId; readonly length: number }[] = []
    for (const cursor of cursors) {
      const blob = await cursor.first()
      if (blob !== undefined) firsts.push({ cursor, ...blob })
    }
    let least = firsts[0]
    for (const each of firsts) if (least === undefined || Buffer.compare(each.blobId, least.blobId) < 0) least = each
    if (least === undefined) return
    const { blobId } = least
    const same = firsts.filter((each) => equalBytes(each.blobId, blobId))
    for (const { cursor } of same) cursor.take()
    yield { blobId, length: Math.max(...same.map(({ length }) => length)), from: same.map(({ cursor }) => cursor.peer) }
  }
}

/** What else is made here, the databases above all, is small beside the blobs. */
function requireRoom(store: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(store)
  const free = bavail * bsize
  const needed = bytes * limits.recoverRoomShare
  if (free >= needed) return
  const gigabytes = (value: number): string => `${(value / 1e9).toFixed(1)} GB`
  throw new VaultError('no-space', `${store}: about ${gigabytes(needed)} are needed, ${gigabytes(free)} are free`, { subject: store, next: 'make room on that disk, or give another --store, and begin again' })
}
