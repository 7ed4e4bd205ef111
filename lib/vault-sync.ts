// The syncer as the main thread holds it: a thread of its own, begun when the vault has nodes, and nothing at all without.
// Its newest report is kept here, so that a question about the vault's state waits for nobody.
import { Worker } from 'node:worker_threads'
import type { DeviceIdentity } from './crypto/identity.js'
import type { VaultHeader } from './format/vault-header.js'
import type { KeyPage } from './crypto/key-page.js'
import { readPeers } from './crypto/peers-file.js'
import type { CopyCount, PeerStatus, SyncPort, SyncReport } from './store/sync-port.js'
import { threadEnded, unmountedMeanwhile } from './sync/ending.js'
import type { BlobId, DeviceId } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Logger } from './terms/log.js'
import { errorOf } from './terms/posted-error.js'
import type { SyncLimits } from './terms/sync-limits.js'
import { threadFlags } from './terms/thread-flags.js'
import type { SyncQuestion, SyncQuestions, SyncReply, SyncRequest, SyncSetup } from './vault-sync-messages.js'

export interface SyncChoice {
  /** The compiled entry of the thread: it hands clock and entropy to vault-sync-thread.ts. */
  readonly entry: URL
  readonly limits: SyncLimits
  /** How long after its beginning a thread that died is begun again, in ms; absent: `limits.syncAgainMs`. */
  readonly againMs?: number
}

export interface VaultSyncOptions extends SyncChoice {
  readonly store: string
  readonly page: KeyPage
  readonly identity: DeviceIdentity
  /** The vault's. */
  readonly header: Pick<VaultHeader, 'ownerPublicKey'>
  /** Sequence of our newest entry that is durable. */
  readonly sequence: () => number
  /** Nothing is sent: who must not sign must not publish either. */
  readonly readOnly: boolean
  readonly logger: Logger
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: VaultError) => void
}

export interface SyncedStore extends Pick<VaultSyncOptions, 'store' | 'page' | 'identity' | 'header' | 'logger'> {
  /** Absent: this store is sent nowhere. */
  readonly sync?: SyncChoice
}

/** Its thread begins when the vault has nodes. A store that is only read, a copy perhaps, sends nothing. */
export async function openVaultSync({ sync, store, page, identity, header, logger }: SyncedStore, readOnly: boolean, sequence: () => number): Promise<VaultSync | undefined> {
  if (sync === undefined) return undefined
  const opened = new VaultSync({ ...sync, store, page, identity, header, logger, readOnly, sequence })
  await opened.open()
  return opened
}

const nothing: SyncReport = { peers: [], countedBlobs: 0, countedBytes: 0, safeBlobs: 0, safeBytes: 0, damagedHere: 0 }

export class VaultSync implements SyncPort {
  readonly #options: VaultSyncOptions
  readonly #waiting = new Map<number, Waiting>()
  #names: readonly string[] = []
  #worker: Worker | undefined
  #exited: Promise<void> = Promise.resolve()
  #report: SyncReport = nothing
  #begunMs = -Infinity
  #again: NodeJS.Timeout | undefined
  #next = 0
  #closing = false
  /** Why nobody is sent to though there may be nodes. */
  trouble: VaultError | undefined

  constructor(options: VaultSyncOptions) {
    this.#options = options
  }

  /** Begins the thread when there are nodes. Never rejects: a vault without its nodes is a vault. */
  async open(): Promise<void> {
    const { store, page, identity, logger, readOnly } = this.#options
    try {
      const peers = await readPeers(store, page, identity.member.vaultId)
      this.#names = peers.map(({ name }) => name)
      this.trouble = undefined
    } catch (error) {
      this.#names = []
      this.trouble = error instanceof VaultError ? error : new VaultError('io', String(error))
      logger.log('error', 'the nodes of this vault are not known', { reason: this.trouble.message })
    }
    const isBegun = this.#worker !== undefined
    if (this.#names.length > 0 && !readOnly) this.#begin()
    if (!isBegun || this.#names.length === 0) this.#report = { ...nothing, peers: this.#names.map((name) => unmet(name, readOnly)) }
  }

  get deviceId(): DeviceId {
    return this.#options.identity.member.deviceId
  }

  report(): SyncReport {
    return this.#report
  }

  published(sequence: number): void {
    this.#thread()?.postMessage({ kind: 'published', sequence } satisfies SyncRequest)
  }

  async reportNow(): Promise<SyncReport> {
    return await this.#within(this.#ask('report', null)).catch(() => this.#report)
  }

  async wait({ stallMs }: { readonly stallMs: number }): Promise<boolean> {
    if (this.#names.length === 0) throw new VaultError('not-found', 'this vault has no node', { next: "'vaultfs peer add' makes one known" })
    return await this.#ask('wait', stallMs)
  }

  async copies(blobIds: readonly BlobId[], sequence: number): Promise<CopyCount> {
    if (this.#thread() === undefined) return { nodes: this.#names.length, complete: 0 }
    return await this.#within(this.#ask('copies', { blobIds, sequence }))
  }

  async trust(name: string): Promise<void> {
    if (!this.#names.includes(name)) throw new VaultError('not-found', `this vault has no node ${name}`, { subject: name, next: "'vaultfs status' names them" })
    await this.#ask('trust', name)
  }

  async reload(): Promise<void> {
    const had = this.#worker !== undefined
    if (had) await this.#ask('reload', null)
    await this.open()
    if (had && this.#names.length === 0) await this.#end()
  }

  /** Resolves when the thread has ended. What it had under way is done again by the next. */
  async close(): Promise<void> {
    this.#closing = true
    clearTimeout(this.#again)
    await this.#end()
  }

  async #end(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    worker.postMessage({ kind: 'close' } satisfies SyncRequest)
    const timer = setTimeout(() => { void worker.terminate() }, limits.syncEndMs)
    await this.#exited
    clearTimeout(timer)
  }

  #ask<Name extends SyncQuestion>(name: Name, value: SyncQuestions[Name]['ask']): Promise<SyncQuestions[Name]['answer']> {
    return new Promise((resolve, reject) => {
      const worker = this.#thread()
      if (worker === undefined) {
        reject(new VaultError('offline', this.#options.readOnly ? 'nothing is sent to nodes: the vault is mounted read-only' : 'nothing is sent to nodes now', { next: "'vaultfs status' says why" }))
        return
      }
      const id = this.#next++
      this.#waiting.set(id, { resolve: (answer) => { resolve(answer as SyncQuestions[Name]['answer']) }, reject })
      worker.postMessage({ kind: 'ask', id, name, value })
    })
  }

  #within<Value>(answer: Promise<Value>): Promise<Value> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => { reject(new VaultError('deadline', 'the sync thread did not answer in time', { next: 'Try again.' })) }, limits.syncAnswerMs)
    })
    return Promise.race([answer, late]).finally(() => { clearTimeout(timer) })
  }

  /** One that died is begun again, but not at once: all that it knew is on the disk. */
  #thread(): Worker | undefined {
    if (this.#worker !== undefined || this.#closing || this.#options.readOnly || this.#names.length === 0) return this.#worker
    return this.#restMs() > 0 ? undefined : this.#begin()
  }

  #restMs(): number {
    return this.#begunMs + (this.#options.againMs ?? limits.syncAgainMs) - performance.now()
  }

  #begin(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const { store, page, identity: { member, record }, header: { ownerPublicKey }, entry, limits: rates, sequence } = this.#options
    this.#begunMs = performance.now()
    const setup: SyncSetup = {
      store, vaultId: member.vaultId, deviceId: member.deviceId, signPublicKey: member.signPublicKey, ownerPublicKey, member: record,
      keyPage: page.shared, limits: rates, sequence: sequence(),
    }
    const worker = new Worker(entry, { name: 'vaultfs sync', workerData: setup, env: {}, stdin: false, execArgv: [...threadFlags], resourceLimits: { maxYoungGenerationSizeMb: 6 } })
    this.#worker = worker
    let reason = 'it ended by itself'
    worker.on('message', (reply: SyncReply) => { this.#receive(reply) })
    worker.on('error', (error: unknown) => { reason = error instanceof Error ? error.message : String(error) })
    this.#exited = new Promise((resolve) => {
      worker.on('exit', () => {
        this.#ended(reason)
        resolve()
      })
    })
    return worker
  }

  #receive(reply: SyncReply): void {
    if (reply.kind === 'log') return this.#options.logger.log(reply.level, reply.message, reply.fields)
    if (reply.kind === 'report') {
      this.#report = reply.report
      return
    }
    const waiting = this.#waiting.get(reply.id)
    this.#waiting.delete(reply.id)
    if (reply.kind === 'answer') waiting?.resolve(reply.value)
    else waiting?.reject(errorOf(reply.error))
  }

  #ended(reason: string): void {
    this.#worker = undefined
    const isMeant = this.#closing || this.#names.length === 0
    for (const waiting of this.#waiting.values()) waiting.reject(isMeant ? unmountedMeanwhile() : threadEnded(reason, Math.max(0, this.#restMs())))
    this.#waiting.clear()
    if (isMeant) return
    this.#options.logger.log('error', 'the thread that syncs to nodes ended', { reason })
    clearTimeout(this.#again)
    // What is unsent is sent also where nobody writes and nobody asks.
    this.#again = setTimeout(() => { if (!this.#closing && this.#names.length > 0) this.#begin() }, Math.max(0, this.#restMs())).unref()
    this.#report = { ...this.#report, peers: this.#report.peers.map((peer) => ({ ...peer, state: 'failing', error: `the thread that syncs ended: ${reason}` })) }
  }
}

function unmet(name: string, readOnly: boolean): PeerStatus {
  return {
    name, state: readOnly ? 'paused' : 'connecting', error: readOnly ? 'the vault is mounted read-only' : null,
    blobsLeft: 0, bytesLeft: 0, entriesLeft: 0, lastContact: null, fault: null, lost: 0, sentBlobs: 0, sentBytes: 0,
  }
}
