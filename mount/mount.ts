// The life of a mount: open the store, mount, serve; at the end publish, unmount, close. The keys are in the page before
// and wiped after.
import { statfs } from 'node:fs/promises'
import { Answering } from './answer.js'
import { Operations } from './operations.js'
import { MappedOperations } from './owners/mapped-operations.js'
import type { Owners } from './owners/owners.js'
import { FolderAhead } from './ops/folder-ahead.js'
import { end, type Volume } from './ops/volume.js'
import { reportOf, type VaultReport } from './report.js'
import { attributesOnly, restoreHooks } from './restoring.js'
import { standingOf, waitForNodes, type Sending, type Standing } from './sending.js'
import { fileState } from '../lib/vault-file-state.js'
import type { Vault } from '../lib/vault.js'
import type { RestoreHooks } from '../lib/vault-restore-changes.js'
import { openStore, type OpenStore, type OpenedStore } from '../lib/vault-open.js'
import type { VerifyHooks } from '../lib/vault-verify.js'
import type { VerifySummary } from '../lib/vault-verify-report.js'
import { mountKernel } from '../native-deps/fuse/driver.js'
import type { AnswerMemory, Handler, Mount, MountOptions } from '../native-deps/fuse/handler.js'
import { joinSupervisor, superviseMount, type Supervision } from '../native-deps/supervisor.js'
import { VaultError } from '../lib/terms/errors.js'
import { usualMemory } from '../lib/terms/memory.js'
import { answersIn, openHandoverMemory, type HandoverMemory, type Inheritance, type Succession } from './handover.js'
import { Past } from './versions/past.js'
import { VersionedOperations } from './versions/versioned-operations.js'

export interface MountVault extends OpenStore {
  readonly driver: 'kernel' | 'fuse-native'
  readonly options: MountOptions
  /** Lists `.versions` in the root. */
  readonly showVersions: boolean
  /** How this machine sees who owns what; absent: as it is stored. */
  readonly owners?: Owners
  /** Absent: nobody goes on when this process dies, and the mount is taken away then. */
  readonly succession?: Succession
  /** Goes on for a daemon that died. */
  readonly inheritance?: Inheritance
}

export interface InFlight {
  readonly phase: 'publishing' | 'syncing' | 'draining' | 'unmounting'
  readonly entries: number
  readonly bytes: number
}
type OnProgress = (progress: InFlight | Sending) => void

const progressMs = 250
/** statfs(2) of a store that lies on a FUSE filesystem: behind it may be a server. */
const fuseMagic = 0x65735546

/** Resolves when the mount answers. */
export async function mountVault(request: MountVault): Promise<MountedVault> {
  const memory = request.succession === undefined && request.inheritance === undefined ? undefined
    : openHandoverMemory((request.memory ?? usualMemory).arenaBytes, request.inheritance)
  const opened = await openStore({ ...request, ...(memory === undefined ? {} : { handover: memory.handover }) })
  try {
    const orphans = new Set<number>(opened.orphans)
    let mount: Mount | undefined
    const volume: Volume = {
      vault: opened.vault, orphans, watchForget: (ino) => mount?.watchForget(ino) ?? false,
      changedBeside: (ino) => { mount?.invalidateInode(ino, attributesOnly, 0) },
      ahead: new FolderAhead({
        entry: (ino) => opened.vault.tree.get(ino), contents: opened.vault.contents, reading: opened.vault.reading, pages: () => mount?.pages,
      }),
      stateOf: (entry) => fileState(opened.vault, opened.sync, entry),
    }
    const answering = new Answering(opened.vault, opened.upkeep)
    const past = new Past({ vault: opened.vault, mount: () => mount })
    const operations = new VersionedOperations({ present: new Operations(volume, answering), past, volume, answering, show: request.showVersions })
    const answers = memory === undefined ? undefined : answersIn(memory.handover, opened.vault.parts.log)
    const { mounted, limitations } = await mountWith(forReading(request, opened), request.owners === undefined ? operations : new MappedOperations(operations, request.owners), answers)
    mount = mounted
    for (const ino of orphans) mounted.watchForget(ino)
    opened.vault.onPublished = () => { past.published() }
    opened.vault.onForgotten = () => {
      past.hasLetGo = past.letGo().catch((error: unknown) => { request.logger.log('warn', 'what retention let go of may show until the kernel forgets it', { reason: String(error) }) })
    }
    const supervision = await supervise(request, mounted, memory)
    opened.upkeep.begin()
    return new MountedVault({ request, opened, volume, past, mount: mounted, supervision, limitations })
  } catch (error) {
    await opened.close()
    request.page.wipe()
    throw error
  }
}

async function supervise({ succession, inheritance, logger, store }: MountVault, mount: Mount, memory: HandoverMemory | undefined): Promise<Supervision> {
  if (inheritance !== undefined) return joinSupervisor(inheritance.supervisorFd)
  const supervised = { mountPoint: mount.mountPoint, isRemote: (await statfs(store)).type === fuseMagic }
  if (succession === undefined || memory === undefined) {
    if (succession !== undefined) logger.log('info', 'no other daemon can go on if this one dies: that takes memory without a file')
    return superviseMount(supervised)
  }
  const connection = succession.resumes ? mount.connection() : undefined
  if (succession.resumes && connection === undefined) logger.log('info', 'if this daemon dies, another one mounts anew: going on with this mount takes Linux 6.9 and the driver of our own')
  return superviseMount(supervised, { ...succession.heir(connection), ...(connection === undefined ? {} : { connectionFd: connection.fd }), memoryFd: memory.fd })
}

/** The kernel refuses changes by itself where the vault would. */
function forReading(request: MountVault, { vault }: OpenedStore): MountVault {
  return vault.parts.readOnly ? { ...request, options: { ...request.options, readOnly: true } } : request
}

/** The portable driver is loaded when it is asked for only: it needs a library that most machines lack. */
async function mountWith(request: MountVault, operations: Handler, answers: AnswerMemory | undefined): Promise<{ mounted: Mount; limitations: readonly string[] }> {
  if (request.driver === 'kernel') {
    const { connection } = request.inheritance ?? {}
    return { mounted: await mountKernel(request.options, operations, request.logger, { ...(answers && { answers }), ...(connection && { connection }) }), limitations: [] }
  }
  const { mountFuseNative, fuseNativeLimits } = await import('../native-deps/fuse-native.js')
  return { mounted: await mountFuseNative(request.options, operations, request.logger), limitations: fuseNativeLimits }
}

interface MountedParts {
  readonly request: MountVault
  readonly opened: OpenedStore
  readonly volume: Volume
  readonly past: Past
  readonly mount: Mount
  readonly supervision: Supervision
  readonly limitations: readonly string[]
}

export class MountedVault {
  readonly closed: Promise<void>
  readonly limitations: readonly string[]
  readonly #request: MountVault
  readonly #opened: OpenedStore
  readonly #volume: Volume
  readonly #past: Past
  readonly #mount: Mount
  readonly #supervision: Supervision
  #leaving = false
  #left: Promise<void> | undefined
  /** When it was left; null: there are no nodes. */
  #standing: Standing | null = null

  constructor({ request, opened, volume, past, mount, supervision, limitations }: MountedParts) {
    this.#request = request
    this.#opened = opened
    this.#volume = volume
    this.#past = past
    this.#mount = mount
    this.#supervision = supervision
    this.closed = mount.closed
    this.limitations = limitations
  }

  get state(): 'mounted' | 'unmounting' | 'failsafe' {
    if (this.#opened.vault.failsafe !== undefined) return 'failsafe'
    return this.#leaving ? 'unmounting' : 'mounted'
  }

  /** What the store lacks of what this machine has seen of it. */
  get lack(): string | undefined {
    return this.#opened.lack
  }

  /** The daemon and its supervisor. */
  get pids(): readonly number[] {
    return [process.pid, this.#supervision.pid]
  }

  get vault(): Vault {
    return this.#opened.vault
  }

  /** For changes of the tree that come from no request of the kernel. */
  restoreHooks(): RestoreHooks {
    return restoreHooks(this.#volume, this.#mount, this.#opened.upkeep)
  }

  /** Whoever asked for a change beside the kernel looks at it through the kernel next: resolves when that knows of it. */
  async settled(): Promise<void> {
    await this.#past.hasLetGo
    await this.#mount.settled()
  }

  /** Directories of the past that the kernel holds. */
  get pastPlaces(): number {
    return this.#past.places
  }

  /** While the vault is in use; an unmount ends it. */
  verify(hooks: VerifyHooks): Promise<VerifySummary> {
    return this.#opened.verifier.verify(hooks)
  }

  report(): VaultReport {
    const { vault, sync } = this.#opened
    return reportOf(vault, { header: this.#request.header, keysLocked: this.#request.page.locked, requests: this.#mount.requests(), sync })
  }

  /** The store's list of nodes is another one now. */
  peersChanged(): void {
    this.#opened.sync?.reload().catch((error: unknown) => { this.#request.logger.log('error', 'the nodes of this vault could not be taken up', { reason: String(error) }) })
  }

  /** What a node says is taken anew. */
  async trust(name: string): Promise<void> {
    if (this.#opened.sync === undefined) throw new VaultError('not-found', `this vault has no node ${name}`, { subject: name })
    await this.#opened.sync.trust(name)
  }

  /** Everything that was written before the call is published and on the disk when it resolves; then nodes are waited for. */
  async sync(onProgress: OnProgress, wish?: { readonly stallMs: number }): Promise<Standing & { readonly complete: boolean | null }> {
    const { vault, sync, upkeep } = this.#opened
    await this.watched('publishing', onProgress, async () => {
      await vault.publishAll()
      await upkeep.shrinkLog()
      await this.settled()
    })
    const complete = wish === undefined || sync === undefined ? null : await waitForNodes(vault, sync, { stallMs: wish.stallMs, onProgress })
    return { ...standingOf(vault, sync), complete }
  }

  /** Publishes, unmounts, closes. Rejects 'busy' when files are open and not lazy: everything is then as before. */
  async unmount({ lazy }: { readonly lazy: boolean }, onProgress: OnProgress): Promise<Standing | null> {
    this.#leaving = true
    try {
      if (this.#opened.vault.failsafe === undefined) await this.sync(onProgress).then(() => undefined).catch((error: unknown) => this.#logged(lazy, error))
      await this.#mount.unmount({ lazy })
    } catch (error) {
      this.#leaving = false
      throw error
    }
    await this.#mount.closed
    this.#supervision.release()
    this.#left ??= this.watched('draining', onProgress, () => this.#leave())
    await this.#left
    return this.#standing
  }

  /** Who wants it gone in any case gets that, once what was written is in the log. */
  async #logged(lazy: boolean, error: unknown): Promise<void> {
    if (!lazy) throw error
    const { vault } = this.#opened
    await vault.contents.spillAll()
    await vault.syncLog()
  }

  /** The kernel holds nothing any more. */
  async #leave(): Promise<void> {
    const { vault, upkeep } = this.#opened
    await upkeep.end()
    if (vault.failsafe === undefined && !this.#request.readOnly) {
      for (const ino of this.#volume.orphans) end(this.#volume, ino)
      await this.#last('not everything is published: what was acknowledged is in the log, and the next mount publishes it', async () => {
        await vault.publishAll()
        await upkeep.shrinkLog()
      })
    }
    await this.#stand()
    // What SQLite would take away beside its databases, it finds by their path: it could be another's by now.
    if (vault.lookHome() !== undefined) await this.#last('what was written last may be lost', () => vault.syncLog())
    else await this.#last('the store could not be closed well', () => this.#opened.close())
    this.#request.page.wipe()
  }

  /** Nodes are not waited for: what they lack then is only here. */
  async #stand(): Promise<void> {
    const { vault, sync } = this.#opened
    if (sync === undefined || sync.report().peers.length === 0) return
    await sync.reportNow()
    this.#standing = standingOf(vault, sync)
  }

  /** Nobody is left who could do something about a failure, and a daemon without a mount must not stay for it. */
  async #last(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#request.logger.log('error', what, { reason: error instanceof Error ? error.message : String(error) })
    }
  }

  /** Tells how much is in flight while the work runs. */
  async watched<Result>(phase: InFlight['phase'], onProgress: OnProgress, work: () => Promise<Result>): Promise<Result> {
    const tell = (): void => {
      const { unpublished } = this.report()
      onProgress({ phase, entries: unpublished.entries, bytes: unpublished.bytes })
    }
    const timer = setInterval(tell, progressMs)
    try {
      return await work()
    } finally {
      clearInterval(timer)
    }
  }
}
