// A whole vault in a folder of its own: real keys, log, catalog, cache, chain and worker threads; a clock that stands
// still; no kernel and no ticking upkeep. A test asks for what the ticks would do. `crashImage` is what a kill -9 leaves.
import { execFileSync } from 'node:child_process'
import { readdirSync, rmSync, statSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createIdentity } from '../../lib/crypto/identity.js'
import { KeyPage } from '../../lib/crypto/key-page.js'
import { ownerKeyPair } from '../../lib/crypto/recovery-kit.js'
import { createVault, type CreatedVault } from '../../lib/crypto/vault-keys.js'
import { silent, type Logger } from '../../lib/terms/log.js'
import { retentionDefault } from '../../lib/terms/retention.js'
import type { HeadMark } from '../../lib/vault-head-mark.js'
import { openStore, type OpenedStore, type OpenStore } from '../../lib/vault-open.js'
import { rebuildStore, type Rebuilt, type RebuildProgress } from '../../lib/vault-rebuild.js'
import { fileState } from '../../lib/vault-file-state.js'
import type { SyncChoice } from '../../lib/vault-sync.js'
import type { Vault } from '../../lib/vault.js'
import { Answering } from '../../mount/answer.js'
import { Operations } from '../../mount/operations.js'
import { end, type Volume } from '../../mount/ops/volume.js'
import type { Request } from '../../native-deps/fuse/handler.js'
import { seededEntropy } from './seeded-entropy.js'
import { TestClock } from './test-clock.js'

export const owner = { uid: 0, gid: 0 }

/** Who asks, where it does not matter. */
export const request: Request = { ...owner, pid: 1, onAbort: () => undefined }

let keys: Promise<CreatedVault> | undefined

/** The keys of all vaults of one test process: making some takes long, and none is kept. */
export function testKeys(): Promise<CreatedVault> {
  // The least that a reader accepts.
  const cost = { memoryBytes: 64 * 1024 * 1024, passes: 1 }
  keys ??= createVault({ passphrase: Buffer.from('model'), cost, entropy: seededEntropy(7), nowSec: 1_700_000_000, deviceName: 'model' })
  return keys
}

/** A device of the vault that all tests of one process share. */
export type TestDevice = Pick<CreatedVault, 'page' | 'header' | 'identity'>

/** Another one, with keys of its own. */
export async function anotherDevice(seed: number): Promise<TestDevice> {
  const { page: first, header, kit } = await testKeys()
  const page = KeyPage.create()
  page.copyFrom(first)
  const { identity } = createIdentity(page, {
    vaultId: header.vaultId, name: `model ${seed}`, createdSec: 1_700_000_000, ownerSecretKey: ownerKeyPair(kit).secretKey, entropy: seededEntropy(seed),
  })
  return { page, header, identity }
}

export interface OpenTestVault {
  /** An existing folder; a new one when left out. */
  readonly store?: string
  readonly clock?: TestClock
  readonly logger?: Logger
  readonly readOnly?: boolean
  readonly headMark?: HeadMark
  readonly acceptOlder?: boolean
  readonly sync?: SyncChoice
  /** Numbers that the kernel is taken to hold: what is unlinked then lives on. */
  readonly held?: ReadonlySet<number>
  /** Absent: the first one. */
  readonly device?: TestDevice
}

export class TestVault {
  readonly store: string
  readonly clock: TestClock
  readonly vault: Vault
  readonly operations: Operations
  readonly opened: OpenedStore
  readonly #volume: Volume

  private constructor(opened: OpenedStore, store: string, clock: TestClock, held: ReadonlySet<number>) {
    this.store = store
    this.clock = clock
    this.opened = opened
    this.vault = opened.vault
    this.#volume = { vault: opened.vault, orphans: new Set<number>(), watchForget: (ino) => held.has(ino), changedBeside: () => undefined, stateOf: (entry) => fileState(opened.vault, opened.sync, entry) }
    this.operations = new Operations(this.#volume, new Answering(opened.vault, opened.upkeep))
  }

  static async open({ store, clock = new TestClock(), logger = silent, readOnly = false, held = new Set<number>(), ...mark }: OpenTestVault = {}): Promise<TestVault> {
    const folder = store ?? await newFolder()
    const opened = await openStore(await storeOptions(folder, clock, { readOnly, logger, ...mark }))
    return new TestVault(opened, folder, clock, held)
  }

  /** What a second after the last write has done: logged and in the kernel's hands. */
  async spill(): Promise<void> {
    await this.vault.contents.spillAll()
    this.vault.flushLog()
  }

  apply(): Promise<void> {
    return this.vault.parts.feed.apply()
  }

  /** Everything published, in the catalog, and the log as short as it gets. */
  async settle(): Promise<void> {
    await this.vault.publishAll()
    await this.shrinkLog()
  }

  /** Resolves when the log is trimmed: that waits for the reads under way. */
  async shrinkLog(): Promise<void> {
    await this.opened.upkeep.shrinkLog()
    await this.vault.reading.settled()
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** A copy of the store as a kill -9 at this moment would leave it. The caller removes it. */
  async crashImage(): Promise<string> {
    const folder = await newFolder()
    for (let attempt = 0; ; attempt++) {
      const before = fingerprint(this.store)
      rmSync(folder, { recursive: true, force: true })
      // The log is preallocated: its holes stay holes. The index that readers share is not on the disk after a crash.
      execFileSync('cp', ['-r', '--sparse=always', this.store, folder])
      for (const name of filesIn(folder)) if (name.endsWith('-shm')) rmSync(join(folder, name))
      // This thread stood still, but workers may have written meanwhile: then it is no picture of one moment.
      if (fingerprint(this.store) === before) return folder
      if (attempt === 20) throw new Error('the store never stood still')
    }
  }

  /** As an unmount ends it: the kernel lets go of everything, all is published. */
  async leave(): Promise<void> {
    for (const ino of this.#volume.orphans) end(this.#volume, ino)
    await this.settle()
    await this.close()
  }

  /** Lets go of the files; publishes nothing, logs nothing more. */
  close(): Promise<void> {
    return this.opened.close()
  }

  async remove(): Promise<void> {
    await this.close()
    removeFolder(this.store)
  }
}

async function storeOptions(store: string, clock: TestClock, { device, ...more }: Pick<OpenStore, 'readOnly' | 'logger' | 'headMark' | 'acceptOlder' | 'sync'> & Pick<OpenTestVault, 'device'>): Promise<OpenStore> {
  const { page, header, identity } = device ?? await testKeys()
  return {
    store, page, header, identity, retention: { ...retentionDefault, offsetMin: 0 }, bulkThreads: 1, owner, clock,
    entropy: seededEntropy(clock.monotonicMs() % 1_000_000), ...more,
  }
}

/** As `vaultfs rebuild` does it to a store that nobody has open. */
export async function rebuildTestStore(store: string, clock: TestClock, { onProgress = () => undefined, ...more }: Pick<OpenTestVault, 'device'> & { readonly onProgress?: (progress: RebuildProgress) => void } = {}): Promise<Rebuilt> {
  return rebuildStore(await storeOptions(store, clock, { readOnly: false, logger: silent, ...more }), onProgress)
}

export function newFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'vaultfs-model-'))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
}

function fingerprint(folder: string): string {
  return filesIn(folder).filter((name) => !name.endsWith('-shm')).sort().map((name) => {
    const { mtimeNs, size } = statSync(join(folder, name), { bigint: true })
    return `${name} ${String(size)} ${String(mtimeNs)}`
  }).join('\n')
}
