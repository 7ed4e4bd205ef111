// One node's life: contact, compare, send, rest; slower after each failure. Nodes know nothing of one another: a slow or
// dead one holds nobody up.
import type { PeerStatus, PeerState } from '../store/sync-port.js'
import { BusyFor } from '../terms/busy-for.js'
import { VaultError, type ErrorCode } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { Alarm } from './alarm.js'
import { Backoff } from './backoff.js'
import { checkHeads } from './heads.js'
import { Lie, secondsNow, type PeerWork } from './peer-work.js'
import { isSweepDue, sweepPage } from './sweep.js'
import { sendOtherChains } from './other-chains.js'
import { PutPlaces, sendBlobs, sendEntries, sendKeys, type Cursor } from './uplink.js'

const stateOf: Readonly<Partial<Record<ErrorCode, PeerState>>> = {
  offline: 'offline', deadline: 'offline', busy: 'offline', denied: 'refused', 'not-permitted': 'refused', 'no-space': 'full',
}

export interface PeerSyncOptions {
  readonly work: Omit<PeerWork, 'turn' | 'moved'>
  /** Sequence of our newest entry that is durable. */
  readonly sequence: () => number
  readonly today: () => number
  /** The report has changed. */
  readonly changed: () => void
  /** It is believed no more, or anew: everything is counted again. */
  readonly recount: () => void
}

export class PeerSync {
  readonly #options: PeerSyncOptions
  readonly #work: PeerWork
  readonly #alarm = new Alarm()
  readonly #backoff: Backoff
  readonly #cursor: Cursor = { position: 0, round: -1 }
  #failure: { readonly state: PeerState; readonly reason: string } | undefined
  #contacted = false
  #isNew = true
  #closed = false
  #ended: Promise<void> = Promise.resolve()
  #sentBlobs = 0
  #sentBytes = 0
  /** Our newest entry when all that was published by then was there. */
  complete = -1

  constructor(options: PeerSyncOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.work.random)
    this.#work = {
      ...options.work,
      turn: () => this.#turn(),
      moved: (blobs, bytes) => { this.#moved(blobs, bytes) },
    }
  }

  get name(): string {
    return this.#work.peer.name
  }

  get number(): number {
    return this.#work.number
  }

  /** Another text when anything has moved. */
  get progress(): string {
    const { blobsLeft, entriesLeft } = this.report()
    return [blobsLeft, entriesLeft, this.#sentBytes, this.complete].join(' ')
  }

  /** Nothing is expected of it. */
  get isIdle(): boolean {
    return this.#work.throttle.isOff || this.#work.state.distrust(this.number) !== undefined
  }

  begin(): void {
    this.#ended = this.#live()
  }

  /** Something new is durable. */
  wake(): void {
    this.#isNew = true
    this.#backoff.soon()
    this.#alarm.ring()
  }

  /** Somebody waits: it is tried now. */
  urge(): void {
    this.#backoff.reset()
    this.wake()
  }

  /** What it says is taken anew, as if it were met for the first time. */
  trust(): void {
    this.#work.state.forget(this.number)
    this.#askAnew()
    this.#failure = undefined
    this.urge()
  }

  #askAnew(): void {
    this.#work.settled.clear()
    this.#cursor.round = -1
    this.complete = -1
  }

  /** Resolves when the request under way has ended, and the node is let go of. */
  async close(): Promise<void> {
    this.#closed = true
    this.#alarm.ring()
    // Ends what is under way.
    await this.#work.peer.close()
    await this.#ended
  }

  report(): PeerStatus {
    const { copies, state, peer } = this.#work
    const left = copies.left(this.number)
    return {
      name: peer.name, state: this.#state(), blobsLeft: left.blobs, bytesLeft: left.bytes,
      entriesLeft: Math.max(0, this.#options.sequence() - state.acknowledged(this.number).sequence),
      lastContact: state.contact(this.number), error: state.distrust(this.number) ?? this.#failure?.reason ?? null,
      fault: state.fault(this.number)?.text ?? null, lost: state.lost(this.number), sentBlobs: this.#sentBlobs, sentBytes: this.#sentBytes,
    }
  }

  #state(): PeerState {
    const { state, copies, throttle } = this.#work
    if (state.distrust(this.number) !== undefined) return 'distrusted'
    if (this.#failure !== undefined) return this.#failure.state
    const isAll = copies.left(this.number).blobs === 0 && this.complete >= this.#options.sequence()
    if (isAll) return 'safe'
    if (throttle.isOff) return 'paused'
    return this.#contacted ? 'syncing' : 'connecting'
  }

  async #live(): Promise<void> {
    const { clock } = this.#work
    while (!this.#closed) {
      const leftMs = this.#backoff.leftMs(clock.monotonicMs())
      if (this.isIdle || leftMs > 0) await this.#alarm.wait(this.isIdle ? limits.syncSweepMs : leftMs)
      else {
        await this.#round()
        if (!this.#isNew && this.#failure === undefined && !this.#isClosed()) await this.#alarm.wait(this.#restMs())
      }
      await this.#count()
      this.#options.changed()
    }
  }

  /** What nodes said runs out, and something new comes, also while this one can't be asked. */
  async #count(): Promise<void> {
    if (this.#closed) return
    try {
      await this.#work.copies.advance()
    } catch (error) {
      if (!this.#isClosed()) this.#failed(error)
    }
  }

  /** It changes while others are awaited. */
  #isClosed(): boolean {
    return this.#closed
  }

  #restMs(): number {
    return isSweepDue(this.#work, this.#options.today()) ? limits.syncSweepMs : limits.syncIdleMs
  }

  async #round(): Promise<void> {
    this.#isNew = false
    try {
      await this.contact()
      this.#backoff.reset()
      this.#failure = undefined
    } catch (error) {
      if (!this.#closed) this.#failed(error)
    }
  }

  /**
   * Everything that there is to do with the node now. The mark first: every blob of entries up to it lies, when the copies
   * are counted afterwards, at or before where they end.
   */
  async contact(): Promise<void> {
    const work = this.#work
    if (await checkHeads(work, this.#options.sequence())) {
      this.#askAnew()
      this.#options.recount()
    }
    this.#contact()
    await sendKeys(work)
    const sequence = await this.#sendBlobs()
    await sendOtherChains(work)
    await sendEntries(work, sequence)
    this.complete = sequence
    // Whoever waited for this looks at the state next.
    this.#failure = undefined
    this.#contact()
    if (isSweepDue(work, this.#options.today()) && (await sweepPage(work, this.#options.today())) > 0) {
      this.#cursor.round = -1
      this.complete = -1
      this.#isNew = true
    }
  }

  /**
   * All that entries need up to the sequence that it answers. What was published meanwhile goes as well before the entries,
   * for a while: a far node's answers to heads and entries cost as much time as many blobs.
   */
  async #sendBlobs(): Promise<number> {
    const { copies, clock } = this.#work
    const beganMs = clock.monotonicMs()
    const places = new PutPlaces()
    for (;;) {
      const sequence = this.#options.sequence()
      do await copies.advance()
      while (!(await sendBlobs(this.#work, this.#cursor, places)))
      if (this.#options.sequence() === sequence || clock.monotonicMs() - beganMs >= limits.syncEntriesMs) return sequence
    }
  }

  #contact(): void {
    this.#contacted = true
    this.#work.state.noteContact(this.number, secondsNow(this.#work))
    this.#options.changed()
  }

  async #turn(): Promise<void> {
    const { throttle } = this.#work
    await throttle.room(async (ms) => {
      await this.#alarm.wait(ms)
      if (this.#closed) throw new VaultError('cancelled', 'the vault is being closed')
    })
    if (this.#closed) throw new VaultError('cancelled', 'the vault is being closed')
    if (throttle.isOff) throw new Paused()
  }

  #moved(blobs: number, bytes: number): void {
    this.#sentBlobs += blobs
    this.#sentBytes += bytes
    this.#contact()
  }

  #failed(error: unknown): void {
    const { state, logger, clock } = this.#work
    if (error instanceof Paused) {
      // There is more to do when the schedule allows it.
      this.#isNew = true
      return
    }
    if (error instanceof Lie) {
      logger.log('error', 'a node is not trusted any more', { node: this.name, reason: error.message })
      state.noteDistrust(this.number, error.message)
      this.#options.recount()
      return
    }
    this.#backoff.failed(clock.monotonicMs(), error instanceof BusyFor ? 1000 * error.afterSec : 0)
    const code = error instanceof VaultError ? error.code : undefined
    const reason = error instanceof Error ? error.message : String(error)
    const failure = { state: (code === undefined ? undefined : stateOf[code]) ?? 'failing', reason }
    if (this.#failure?.reason !== reason) logger.log(failure.state === 'offline' ? 'info' : 'warn', 'a node could not be sent to', { node: this.name, code: code ?? 'unforeseen', reason })
    this.#failure = failure
  }
}

class Paused extends Error {}
