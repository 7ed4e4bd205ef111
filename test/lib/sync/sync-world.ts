// A vault as the syncer sees it, without its files but for the chain: blobs in memory at rising positions, entries that
// need them, nodes in memory, a state database that outlives a crash. `crash` is a kill -9 at that moment: what was
// committed is there, what ran is gone.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BlobRow, BlobSource } from '../../../lib/sync/blob-source.js'
import type { OtherChain } from '../../../lib/sync/peer-work.js'
import { SyncState } from '../../../lib/sync/state.js'
import { Syncer, type SyncerPeer } from '../../../lib/sync/syncer.js'
import { Throttle } from '../../../lib/sync/throttle.js'
import { openChainFile } from '../../../lib/manifest/chain-file.js'
import { ChainFollower } from '../../../lib/manifest/chain-follower.js'
import { ManifestChain } from '../../../lib/manifest/chain.js'
import { pageAuthor } from '../../../lib/manifest/entry-author.js'
import { equalBytes, hex, type BlobId, type DeviceId, type Sealed, type VaultId } from '../../../lib/terms/bytes.js'
import { VaultError } from '../../../lib/terms/errors.js'
import type { LogLevel } from '../../../lib/terms/log.js'
import { unlimited, type SyncLimits } from '../../../lib/terms/sync-limits.js'
import { sha256, signKeyPair } from '../../../native-deps/sodium.js'
import { MemoryNode, MemoryPeer } from '../../support/memory-peer.js'
import { numbers, randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { TestClock } from '../../support/test-clock.js'
import { testPage } from '../../support/test-keys.js'

export const vaultId = randomBytes(901, 32) as Uint8Array as VaultId
export const deviceId = randomBytes(902, 16) as Uint8Array as DeviceId
const memberRecord = randomBytes(903, 200)
export const headerBytes = randomBytes(904, 300)

/** Blobs in memory, at positions that only rise. */
export class MemoryBlobs implements BlobSource {
  rows: (BlobRow & { sealed: Sealed })[] = []

  add(seed: number, length = 200 + (seed % 7) * 50): string {
    const bytes = randomBytes(seed, length)
    const blobId = sha256(bytes) as Uint8Array as BlobId
    this.rows.push({ position: this.newest() + 1, blobId, length, sealed: bytes as Uint8Array as Sealed })
    return hex(blobId)
  }

  newest(): number {
    return this.rows.at(-1)?.position ?? 0
  }

  batch(after: number, through: number, limit: number): readonly BlobRow[] {
    return this.rows.filter(({ position }) => position > after && position <= through).slice(0, limit)
  }

  find(blobId: BlobId): BlobRow | undefined {
    return this.rows.find((row) => equalBytes(row.blobId, blobId))
  }

  read({ position }: BlobRow): Sealed {
    const row = this.rows.find((one) => one.position === position)
    if (row === undefined) throw new VaultError('corrupt', 'the blob is gone')
    return row.sealed
  }
}

export class SyncWorld {
  readonly folder = mkdtempSync(join(tmpdir(), 'vaultfs-sync-'))
  readonly blobs = new MemoryBlobs()
  readonly clock = new TestClock()
  readonly nodes = new Map<string, MemoryNode>()
  readonly lines: { readonly level: LogLevel; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[] = []
  readonly violations: string[] = []
  limits: SyncLimits = unlimited
  metSec = 1
  /** What each entry needs: ids of blobs. */
  readonly needs: string[][] = [[]]
  chain: ManifestChain | undefined
  readonly #keys = signKeyPair(randomBytes(905, 32))
  readonly #page = testPage(906)
  readonly #seed: number
  #opened = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  async open(): Promise<this> {
    this.#page.set('device-sign', this.#keys.secretKey)
    this.chain = await this.openChain('own')
    return this
  }

  /** Chains of other devices. */
  others: readonly OtherChain[] = []

  async openChain(name: string): Promise<ManifestChain> {
    return await ManifestChain.open({
      vaultId, deviceId, signPublicKey: this.#keys.publicKey, depth: 'tail',
      entries: await openChainFile(this.#path(`${name}.chain`), this.folder), mark: await openChainFile(this.#path(`${name}.mark`), this.folder),
    })
  }

  #path(name: string): string {
    return join(this.folder, name)
  }

  /** One entry that needs what is told, and everything before. */
  async publish(needs: readonly string[], chain = this.chain): Promise<Uint8Array> {
    const lamport = (chain?.head.sequence ?? 0) + 1
    const entry = await chain?.append({ lamport, sec: 1_700_000_000, nsec: 0, deps: [], operations: [{ kind: 'snapshot', name: randomBytes(lamport, 8), sec: 1, nsec: 2 }] },
      pageAuthor(this.#page, seededEntropy(this.#seed + lamport)))
    if (chain === this.chain) this.needs.push([...needs])
    return entry?.bytes ?? new Uint8Array(0)
  }

  get sequence(): number {
    return this.chain?.head.sequence ?? 0
  }

  /** A node that checks what no node could: that it never has an entry without its blobs. */
  node(name: string): MemoryNode {
    const node = new MemoryNode()
    node.onEntry = (_device, sequence) => {
      for (const id of this.needs[sequence] ?? []) if (!node.blobs.has(id)) this.violations.push(`node ${name} got entry ${sequence} before blob ${id}`)
    }
    this.nodes.set(name, node)
    return node
  }

  /** A daemon's syncer over what is there; the caller ends it, or crashes it. */
  start(sequence = this.sequence): { readonly syncer: Syncer; readonly state: SyncState } {
    const state = SyncState.open(this.#path('sync.db'))
    const random = numbers(this.#seed * 1000 + this.#opened++)
    const syncer = new Syncer({
      state, source: this.blobs, throttle: new Throttle(this.limits, this.clock), deviceId, clock: this.clock, random, sequence,
      peers: [...this.nodes].map(([name, node]) => this.peerOf(name, node)),
      others: this.others,
      openChain: () => new ChainFollower(this.#path('own.chain'), { vaultId, deviceId, signPublicKey: this.#keys.publicKey }),
      keys: { member: memberRecord, header: () => Promise.resolve(headerBytes) },
      logger: { log: (level, message, fields = {}) => { this.lines.push({ level, message, fields }) } },
      breathe: () => new Promise((resolve) => setImmediate(resolve)), changed: () => undefined,
    })
    return { syncer, state }
  }

  peerOf(name: string, node: MemoryNode): SyncerPeer {
    return { id: sha256(Buffer.from(name)).subarray(0, 8), metSec: this.metSec, port: new MemoryPeer(name, node) }
  }

  loseState(): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(this.#path(`sync.db${suffix}`), { force: true })
  }

  async remove(): Promise<void> {
    await this.chain?.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
