// The thread that carries a vault to its nodes: marries lib/sync to the cache, the chain and the nodes. Started by an entry
// of bin's, which hands it clock and entropy. It reads the store and writes its own sync.db only.
import { join } from 'node:path'
import type { MessagePort } from 'node:worker_threads'
import { CacheInventory } from './cache/inventory.js'
import { KeyPage } from './crypto/key-page.js'
import { readPeers } from './crypto/peers-file.js'
import { ChainFollower } from './manifest/chain-follower.js'
import { openPeer } from './peer/open-peer.js'
import type { BlobRow, BlobSource } from './sync/blob-source.js'
import { SyncState } from './sync/state.js'
import { Syncer, type SyncerPeer } from './sync/syncer.js'
import { Throttle } from './sync/throttle.js'
import { hex, type BlobId, type DeviceId, type Sealed, type VaultId } from './terms/bytes.js'
import type { Clock } from './terms/clock.js'
import type { Entropy } from './terms/entropy.js'
import { limits } from './terms/limits.js'
import type { Logger } from './terms/log.js'
import { postedError } from './terms/posted-error.js'
import type { SyncReply, SyncRequest, SyncSetup } from './vault-sync-messages.js'
import { headerGiver } from './vault-sync-header.js'
import { otherChainsOf } from './vault-sync-others.js'
import { ownerTeller } from './vault-sync-recovery.js'
import { tlsIdentity, type TlsIdentity } from './wire/certificate.js'
import { setThreadNice } from '../native-deps/system.js'

/** Below everything that somebody waits for. */
const nice = 10
/** The file of a store, derived: see sync/state.ts. */
const stateName = 'sync.db'

export interface ThreadSources {
  readonly clock: Clock
  readonly entropy: Entropy
}

/** Rejects when the store's part of it can't be opened. */
export async function runSyncThread(port: MessagePort, setup: SyncSetup, sources: ThreadSources): Promise<void> {
  setThreadNice(nice)
  const tls = await tlsIdentity(KeyPage.attach(setup.keyPage).key('device-tls'))
  const role = new SyncRole(port, setup, sources, tls)
  await role.begin()
}

class SyncRole {
  readonly #port: MessagePort
  readonly #setup: SyncSetup
  readonly #tls: TlsIdentity
  readonly #inventory: CacheInventory
  readonly #state: SyncState
  readonly #throttle: Throttle
  readonly #logger: Logger
  readonly #sources: ThreadSources
  #syncer: Syncer | undefined
  #reporting: NodeJS.Timeout | undefined
  #closing = false
  /** The state is, and this thread ends. */
  #isDamaged = false

  constructor(port: MessagePort, setup: SyncSetup, sources: ThreadSources, tls: TlsIdentity) {
    this.#port = port
    this.#setup = setup
    this.#sources = sources
    this.#tls = tls
    this.#logger = { log: (level, message, fields = {}) => { this.#post({ kind: 'log', level, message, fields }) } }
    this.#inventory = new CacheInventory(join(setup.store, 'cache'))
    const anew = (reason: string): void => { this.#logger.log('warn', 'what nodes have acknowledged is not known any more: they are asked anew', { reason }) }
    this.#state = SyncState.open(join(setup.store, stateName), {
      anew,
      damaged: (error) => {
        this.#isDamaged = true
        anew(error.message)
        // Nothing here is worth going on with: the thread ends with that error, and is begun again.
        if (!this.#closing) queueMicrotask(() => { throw error })
      },
    })
    this.#throttle = new Throttle(setup.limits, sources.clock)
  }

  async begin(): Promise<void> {
    const { store, deviceId, vaultId, signPublicKey, member, sequence } = this.#setup
    const identity = { vaultId: vaultId as VaultId, deviceId: deviceId as DeviceId, signPublicKey }
    this.#syncer = new Syncer({
      source: sourceOver(this.#inventory), state: this.#state, throttle: this.#throttle, deviceId: identity.deviceId, sequence,
      openChain: () => new ChainFollower(join(store, 'manifest', `${hex(deviceId)}.chain`), identity),
      others: await otherChainsOf({ directory: join(store, 'manifest'), vaultId: identity.vaultId, ownerPublicKey: this.#setup.ownerPublicKey, page: KeyPage.attach(this.#setup.keyPage) }, identity.deviceId),
      keys: { member, header: headerGiver(store, KeyPage.attach(this.#setup.keyPage)) },
      clock: this.#sources.clock, logger: this.#logger, random: () => this.#random(),
      peers: await this.#peers(), breathe: () => new Promise((resolve) => setImmediate(resolve)), changed: () => { this.#changed() },
    })
    this.#port.on('message', (request: SyncRequest) => { this.#receive(request) })
    this.#syncer.begin()
  }

  async #peers(): Promise<readonly SyncerPeer[]> {
    const { store, vaultId, keyPage } = this.#setup
    const known = await readPeers(store, KeyPage.attach(keyPage), vaultId as VaultId)
    const onTransfer = (up: number, down: number): void => { this.#throttle.carried(up, down) }
    const onReached = ownerTeller(store, vaultId as VaultId, this.#logger)
    return known.map((peer) => ({ id: peer.peerId, metSec: peer.addedSec, port: openPeer(peer, { vaultId: vaultId as VaultId, tls: this.#tls, onTransfer, onReached }) }))
  }

  #receive(request: SyncRequest): void {
    if (request.kind === 'published') this.#syncer?.published(request.sequence)
    else if (request.kind === 'close') void this.#close()
    else void this.#answer(request)
  }

  async #answer(request: Extract<SyncRequest, { kind: 'ask' }>): Promise<void> {
    const { id } = request
    try {
      const value = await this.#perform(request)
      // Whoever looks at what is known next sees what is true now.
      this.#report()
      this.#post({ kind: 'answer', id, value })
    } catch (error) {
      // Who asked hears that the thread has ended: of a file that is made anew by itself he need know nothing.
      if (this.#isDamaged) return
      this.#post({ kind: 'failed', id, error: postedError(error) })
    }
  }

  async #perform(request: Extract<SyncRequest, { kind: 'ask' }>): Promise<unknown> {
    const syncer = this.#syncer
    if (syncer === undefined) return null
    if (request.name === 'report') return await syncer.reportNow()
    if (request.name === 'wait') return await syncer.wait(request.value)
    if (request.name === 'copies') return syncer.copies(request.value.blobIds as readonly BlobId[], request.value.sequence)
    if (request.name === 'trust') syncer.trust(request.value)
    else await syncer.reload(() => this.#peers())
    return null
  }

  #changed(): void {
    if (this.#closing) return
    this.#reporting ??= setTimeout(() => { this.#report() }, limits.syncReportMs)
  }

  #report(): void {
    clearTimeout(this.#reporting)
    this.#reporting = undefined
    if (this.#syncer !== undefined && !this.#closing) this.#post({ kind: 'report', report: this.#syncer.report() })
  }

  async #close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    clearTimeout(this.#reporting)
    await this.#syncer?.close().catch(() => undefined)
    this.#inventory.close()
    this.#state.close()
    this.#port.close()
  }

  /** From 0 to below 1. */
  #random(): number {
    return new DataView(this.#sources.entropy.bytes(4).buffer).getUint32(0) / 2 ** 32
  }

  #post(reply: SyncReply): void {
    this.#port.postMessage(reply)
  }
}

function sourceOver(inventory: CacheInventory): BlobSource {
  const rowOf = ({ position, blobId, location }: ReturnType<CacheInventory['batch']>[number]): BlobRow => ({ position, blobId, length: location.length })
  return {
    newest: () => inventory.newest(),
    batch: (after, through, limit) => inventory.batch(after, through, limit).map(rowOf),
    find: (blobId) => {
      const row = inventory.find(blobId)
      return row === undefined ? undefined : rowOf(row)
    },
    read: ({ blobId, length }, into) => {
      const sealed = into?.byteLength === length ? into : new Uint8Array(length)
      const location = inventory.reader.locate(blobId)
      if (location !== undefined) sealed.set(inventory.reader.scan(blobId, location, 0, length))
      return sealed as Uint8Array as Sealed
    },
  }
}
