// All nodes of one vault: each has its own life, they share the blobs, the state, and the limits of the line. Whoever
// publishes is never waited for here, and waits for nothing here.
import type { PeerPort } from '../store/peer-port.js'
import type { CopyCount, SyncReport } from '../store/sync-port.js'
import { hex, type BlobId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { Alarm } from './alarm.js'
import { PeerSync, type PeerSyncOptions } from './peer-sync.js'
import { Copies } from './copies.js'
import type { PeerWork } from './peer-work.js'
import { unmountedMeanwhile } from './ending.js'
import type { SyncState } from './state.js'

const daySec = 24 * 3600
/** The schedule, and the clock, change without a word. */
const lookMs = 1000

export interface SyncerPeer {
  /** Names it in the state, whatever it is called. */
  readonly id: Uint8Array
  /** When it was met, in seconds since 1970: another time is another beginning. */
  readonly metSec: number
  readonly port: PeerPort
}

export interface SyncerOptions extends Pick<PeerWork, 'source' | 'throttle' | 'deviceId' | 'openChain' | 'others' | 'keys' | 'clock' | 'logger' | 'random'> {
  readonly state: SyncState
  readonly peers: readonly SyncerPeer[]
  /** Our newest entry that is durable. */
  readonly sequence: number
  readonly breathe: () => Promise<void>
  /** The report has changed. */
  readonly changed: () => void
}

/** Since when it is known that a blob is not whole here. */
interface Damaged {
  readonly blobId: BlobId
  readonly sinceMs: number
}

export class Syncer {
  readonly #options: SyncerOptions
  readonly #copies: Copies
  readonly #damaged = new Map<string, Damaged>()
  readonly #waiters = new Set<Alarm>()
  #peers: readonly PeerSync[] = []
  #sequence: number
  #closed = false
  #reloading: Promise<void> = Promise.resolve()

  constructor(options: SyncerOptions) {
    this.#options = options
    this.#sequence = options.sequence
    const { state, source, breathe } = options
    this.#copies = new Copies({ state, source, breathe, today: () => this.#today() })
    this.#meet(options.peers)
  }

  begin(): void {
    for (const peer of this.#peers) peer.begin()
  }

  published(sequence: number): void {
    this.#sequence = Math.max(this.#sequence, sequence)
    for (const peer of this.#peers) peer.wake()
  }

  /** With every blob counted that is here by now. */
  async reportNow(): Promise<SyncReport> {
    await this.#count()
    return this.report()
  }

  report(): SyncReport {
    const { counted, safe } = this.#copies
    return {
      peers: this.#peers.map((peer) => peer.report()), damagedHere: this.#damaged.size,
      countedBlobs: counted.blobs, countedBytes: counted.bytes, safeBlobs: safe.blobs, safeBytes: safe.bytes,
    }
  }

  /** See SyncPort. */
  async wait(stallMs: number): Promise<boolean> {
    const sequence = this.#sequence
    await this.#copies.advance()
    for (const peer of this.#peers) peer.urge()
    const alarm = new Alarm()
    this.#waiters.add(alarm)
    try {
      const complete = await this.#waitFor(sequence, stallMs, alarm)
      await this.#count()
      return complete
    } finally {
      this.#waiters.delete(alarm)
    }
  }

  /** What was taken for damaged, and is on every node by now, was a loose cable, or came from elsewhere. */
  async #count(): Promise<void> {
    await this.#copies.advance()
    for (const [name, { blobId }] of this.#damaged) if (this.#peers.length > 0 && this.#peers.every(({ number }) => this.#copies.isHeld(number, blobId))) this.#damaged.delete(name)
  }

  async #waitFor(sequence: number, stallMs: number, alarm: Alarm): Promise<boolean> {
    const { clock } = this.#options
    let before = ''
    for (let movedMs = clock.monotonicMs(); ;) {
      if (this.#closed) throw unmountedMeanwhile()
      const waited = this.#peers.filter((peer) => !peer.isIdle)
      // Nobody is left who could take anything.
      if (waited.length === 0) return false
      if (waited.every((peer) => peer.complete >= sequence)) return !this.#lackDamaged(waited)
      const now = clock.monotonicMs()
      const progress = waited.map((peer) => peer.progress).join()
      if (progress !== before) movedMs = now
      before = progress
      if (now - movedMs >= stallMs) return false
      await alarm.wait(Math.min(lookMs, stallMs))
    }
  }

  /** Whether one of them lacks a blob that is not whole here: entries went on without it, and waiting does not bring it. */
  #lackDamaged(peers: readonly PeerSync[]): boolean {
    const { source } = this.#options
    return [...this.#damaged.values()].some(({ blobId }) => source.find(blobId) !== undefined && peers.some(({ number }) => !this.#copies.isHeld(number, blobId)))
  }

  copies(blobIds: readonly BlobId[], sequence: number): CopyCount {
    const holders = this.#copies.holdersOf(blobIds)
    const complete = holders.filter((peer) => this.#options.state.acknowledged(peer).sequence >= sequence)
    return { nodes: this.#peers.length, complete: complete.length }
  }

  trust(name: string): void {
    const peer = this.#peers.find((one) => one.name === name)
    if (peer === undefined) throw new VaultError('not-found', `this vault has no node ${name}`, { subject: name, next: "'vaultfs status' names them" })
    peer.trust()
    this.#believe()
  }

  /**
   * Those that stay are begun anew, from what they acknowledged. One at a time, and the peers are `read` when it is its
   * turn: a life that nobody holds would go on beside the one that follows it.
   */
  async reload(read: () => Promise<readonly SyncerPeer[]>): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload(read))
    this.#reloading = reloaded.catch(() => undefined)
    await reloaded
  }

  async #reload(read: () => Promise<readonly SyncerPeer[]>): Promise<void> {
    if (this.#closed) return
    const peers = await read()
    // Until they have ended they can be closed by whoever closes everything.
    await Promise.all(this.#peers.map((peer) => peer.close()))
    if (this.#isClosed()) {
      await Promise.all(peers.map(({ port }) => port.close()))
      return
    }
    this.#peers = []
    this.#meet(peers)
    this.begin()
  }

  /** It changes while others are awaited. */
  #isClosed(): boolean {
    return this.#closed
  }

  /** Resolves when no request is under way any more. */
  async close(): Promise<void> {
    this.#closed = true
    this.#changed()
    await Promise.all(this.#peers.map((peer) => peer.close()))
    await this.#reloading
  }

  #changed(): void {
    for (const alarm of this.#waiters) alarm.ring()
    this.#options.changed()
  }

  #meet(peers: readonly SyncerPeer[]): void {
    const { state } = this.#options
    const changed = (): void => { this.#changed() }
    const numbered = peers.map(({ id, metSec, port }) => ({ number: state.peerOf(id, metSec), port }))
    state.keepOnly(numbered.map(({ number }) => number))
    this.#peers = numbered.map(({ number, port }) => new PeerSync({
      work: this.#workWith(number, port), sequence: () => this.#sequence, today: () => this.#today(), changed,
      recount: () => { this.#believe() },
    }))
    this.#believe()
  }

  #workWith(number: number, peer: PeerPort): PeerSyncOptions['work'] {
    const { source, throttle, deviceId, openChain, others, keys, clock, logger, random, state } = this.#options
    return {
      number, peer, copies: this.#copies, source, throttle, deviceId, openChain, others, settled: new Map(), keys, clock, logger, random, state,
      damaged: (blobId) => this.#isDamaged(blobId),
    }
  }

  /** A store that is moved, or a cable that is loose, is not damage: it is looked at twice. */
  #isDamaged(blobId: BlobId): boolean {
    const { clock, logger } = this.#options
    const [name, now] = [hex(blobId), clock.monotonicMs()]
    const known = this.#damaged.get(name)
    if (known === undefined) {
      this.#damaged.set(name, { blobId, sinceMs: now })
      logger.log('error', 'a blob is not whole here and can not be sent: vaultfs verify names what needs it', { blob: name })
    }
    return now - (known?.sinceMs ?? now) >= limits.syncDamageMs
  }

  /** Whose word counts. */
  #believe(): void {
    const { state } = this.#options
    const numbers = this.#peers.map((peer) => peer.number)
    this.#copies.setPeers(numbers, numbers.filter((number) => state.distrust(number) === undefined))
    this.#changed()
    // Everything is counted anew, and somebody may look before the next contact.
    this.#copies.advance().then(() => { this.#changed() }, (error: unknown) => {
      if (!this.#closed) this.#options.logger.log('error', 'what nodes have could not be counted', { reason: error instanceof Error ? error.message : String(error) })
    })
  }

  #today(): number {
    return Math.floor(this.#options.clock.now().sec / daySec)
  }
}
