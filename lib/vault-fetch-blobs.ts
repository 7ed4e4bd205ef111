// Brings blobs from nodes: many in one question, from several nodes side by side, each compared with its name. What one
// node does not give, or gives wrong, is asked of the next.
import type { PeerBlob, PeerPort } from './store/peer-port.js'
import type { BlobId, Sealed } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { FetchPlaces } from './vault-fetch-places.js'
import type { Nodes } from './vault-nodes.js'

export interface WantedBlob {
  readonly blobId: BlobId
  /** Bytes, as somebody says. */
  readonly length: number
  /** Who may have it, in the order in which they are asked. */
  readonly from: readonly PeerPort[]
}

export interface FetchBlobs {
  readonly nodes: Nodes
  readonly signal: AbortSignal
  /**
   * Takes what was brought, and answers for each whether its bytes are those of its name: what is not is not kept. No more
   * is asked for than it has taken.
   */
  readonly take: (blobs: readonly PeerBlob[]) => Promise<readonly boolean[]>
  /** Memory for answers, used again and again; absent: each has its own. What `take` was given comes back from there. */
  readonly places?: FetchPlaces
  /** Of one blob that is through, brought or not. */
  readonly onDone: (length: number) => void
}

interface Batch {
  readonly peer: PeerPort
  readonly blobs: WantedBlob[]
  bytes: number
}

export class BlobFetch {
  readonly #request: FetchBlobs
  /** Being gathered, by the node that will be asked. */
  readonly #gathering = new Map<PeerPort, Batch>()
  readonly #running = new Set<Promise<void>>()
  /** To be asked of another node. */
  #again: WantedBlob[] = []
  /** What goes wrong in a question that nobody waits for yet. */
  #failure: unknown
  /** No node gave them. */
  readonly missing: WantedBlob[] = []

  constructor(request: FetchBlobs) {
    this.#request = request
  }

  /** Resolves when there is room for more questions. */
  async want(blob: WantedBlob): Promise<void> {
    const from = blob.from.filter((peer) => this.#request.nodes.isPresent(peer))
    const peer = this.#leastBusy(from)
    if (peer === undefined) {
      this.missing.push(blob)
      this.#request.onDone(blob.length)
      return
    }
    const before = this.#gathering.get(peer)
    // What fits goes in one answer; a node gives the rest only when it is asked again.
    if (before !== undefined && before.bytes + blob.length > limits.fetchBytesWished) this.#send(before)
    const batch = this.#gathering.get(peer) ?? { peer, blobs: [], bytes: 0 }
    this.#gathering.set(peer, batch)
    batch.blobs.push({ ...blob, from })
    batch.bytes += blob.length
    if (batch.blobs.length >= limits.fetchBlobsMax) this.#send(batch)
    await this.#room(limits.fetchesMax * Math.max(1, this.#request.nodes.present.length))
  }

  /** Resolves when everything that was wanted is through. */
  async end(): Promise<void> {
    for (;;) {
      for (const batch of [...this.#gathering.values()]) this.#send(batch)
      await this.#room(0)
      const again = this.#again
      this.#again = []
      if (again.length === 0) return
      for (const blob of again) await this.want(blob)
    }
  }

  async #room(running: number): Promise<void> {
    while (this.#running.size > running) await Promise.race(this.#running)
    if (this.#failure !== undefined) throw this.#failure
    if (this.#request.signal.aborted) throw new VaultError('cancelled', 'it was broken off', { next: 'begin again when you like: what was brought stays' })
  }

  /** Of those that may have it, the one with the least on its way. */
  #leastBusy(from: readonly PeerPort[]): PeerPort | undefined {
    let best: PeerPort | undefined
    for (const peer of from) if (best === undefined || (this.#gathering.get(peer)?.bytes ?? 0) < (this.#gathering.get(best)?.bytes ?? 0)) best = peer
    return best
  }

  #send(batch: Batch): void {
    this.#gathering.delete(batch.peer)
    const running = this.#ask(batch.peer, batch.blobs).catch((error: unknown) => { this.#failure ??= error }).finally(() => { this.#running.delete(running) })
    this.#running.add(running)
  }

  async #ask(peer: PeerPort, blobs: readonly WantedBlob[]): Promise<void> {
    const { nodes, places } = this.#request
    if (blobs.length === 0) return
    if (!nodes.isPresent(peer) || this.#request.signal.aborted) {
      this.#again.push(...blobs)
      return
    }
    const place = places?.take()
    let found: readonly (Sealed | undefined)[]
    try {
      found = await peer.get(blobs.map(({ blobId }) => blobId), 'by-caller', place)
      // With what lies in it it goes on; empty it is for the next.
      if (place !== undefined && !found.some((sealed) => sealed?.buffer === place.buffer)) places?.give(place)
    } catch (error) {
      if (place !== undefined) places?.give(place)
      if (error instanceof VaultError && error.code === 'corrupt' && blobs.length > 1) {
        // One that is damaged there spoils the answer for all: the others are found by halves.
        const half = blobs.length >>> 1
        await this.#ask(peer, blobs.slice(0, half))
        await this.#ask(peer, blobs.slice(half))
        return
      }
      nodes.blame(peer, error)
      for (const blob of blobs) this.#elsewhere(blob, peer)
      return
    }
    const brought = blobs.flatMap((blob, index) => {
      const sealed = found[index]
      return sealed === undefined ? [] : [{ blob, blobId: blob.blobId, sealed }]
    })
    for (const [index, blob] of blobs.entries()) if (found[index] === undefined) this.#elsewhere(blob, peer)
    const fits = brought.length === 0 ? [] : await this.#request.take(brought.map(({ blobId, sealed }) => ({ blobId, sealed })))
    for (const [index, { blob }] of brought.entries()) {
      if (fits[index] === true) this.#request.onDone(blob.length)
      else {
        nodes.note(peer, 'it gives blobs whose bytes are not those of their name')
        this.#elsewhere(blob, peer)
      }
    }
  }

  #elsewhere(blob: WantedBlob, peer: PeerPort): void {
    this.#again.push({ ...blob, from: blob.from.filter((each) => each !== peer) })
  }
}
