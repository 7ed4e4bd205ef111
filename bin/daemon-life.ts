// The life of one mounted vault, in the daemon or in the foreground: lock, guard, mount, control socket, and at the end
// all of it backwards. Whatever ends the mount (a command, a signal, umount(8)), the same `leave` is gone through once.

import { rmSync, writeFileSync } from 'node:fs'
import type { DaemonPort, Standing } from '../lib/control/daemon-port.js'
import type { OnProgress } from '../lib/control/progress.js'
import { ControlServer } from '../lib/control/server.js'
import { VaultError } from '../lib/terms/errors.js'
import type { Logger } from '../lib/terms/log.js'
import type { Inheritance, Succession } from '../mount/handover.js'
import { connectionFd, memoryFd, supervisorFd, type DaemonRequest, type MountReady } from './daemon-request.js'
import { MountPointGuard } from './mount-point.js'
import { isVault, mountAt } from './mount-table.js'
import { ownersFrom } from './owner-options.js'
import { headsFolder, Registry } from './registry.js'
import { localOffsetMin } from './retention-options.js'
import { runtimeFiles, type RuntimeFiles } from './runtime-folder.js'
import type { DaemonUnlock } from './secrets.js'
import { onEnding } from './signals.js'
import { StoreLock } from './store-lock.js'
import { standingText } from './report.js'
import { syncLimitsFrom } from './sync-options.js'
import { thrifty } from './thrift.js'
import type { MountedVault, VaultService } from './vault-service.js'

const detachedPollMs = 50

/** Of a daemon that died or hung: this one goes on with its mount, or mounts anew with what it had in memory. */
export interface Predecessor {
  readonly how: 'resume' | 'remount'
  readonly end: 'died' | 'hung'
}

interface Parts {
  /** Absent: nobody goes on when this daemon dies. */
  readonly succession?: (master: Uint8Array, place: string) => Succession
  /** Absent: this one is the first. */
  readonly predecessor?: Predecessor
  readonly request: DaemonRequest
  readonly unlock: DaemonUnlock
  readonly service: VaultService
  readonly logger: Logger
  readonly ready: (ready: MountReady) => void
}

/** Resolves when the vault is unmounted and let go of. */
export async function runDaemon(parts: Parts): Promise<void> {
  const { request, logger, predecessor } = parts
  const registry = new Registry(request.settings.stateHome)
  // Who died may be on its way out still.
  const lock = await StoreLock.take(request.store, () => predecessor !== undefined || isLeaving(registry, request.store))
  try {
    if (request.place !== null && request.place !== lock.place) throw new VaultError('io', `the store ${request.store} was exchanged: nobody goes on with its mount`, { subject: request.store, next: 'mount the one that is meant' })
    const files = runtimeFiles(request.settings, request.store)
    const guard = predecessor?.how === 'resume' ? undefined : MountPointGuard.hold(request.mountPoint, request.settings.guard)
    const mounted = await mount(parts, lock.place).catch((error: unknown) => {
      guard?.undo()
      throw error
    })
    guard?.seal()
    await new Residence({ ...parts, registry, lock, files, mounted }).live()
  } finally {
    letGo(lock, logger)
  }
}

/** The last line comes before: from then on the store may be another's, or is compared, copied, taken off its disk. */
function letGo(lock: StoreLock, logger: Logger): void {
  if (!lock.isHeld) return
  logger.log('info', 'the daemon ends')
  lock.release()
}

/** The one who holds the store has no mount any more: it publishes its last. */
function isLeaving(registry: Registry, store: string): boolean {
  const mountPoint = registry.ofStore(store)?.mountPoint
  return mountPoint !== undefined && !isVault(mountAt(mountPoint))
}

function mount({ request, unlock, service, logger, succession, predecessor }: Parts, place: string): Promise<MountedVault> {
  const { settings, store, name, mountPoint, allowOther, readOnly, writeback, showVersions, acceptOlder } = request
  const { driver, spinMicroseconds, memoryMib, keepWithin: withinSec, hourly, daily, weekly, monthly } = settings
  const retention = { withinSec, hourly, daily, weekly, monthly, offsetMin: localOffsetMin() }
  logger.log('info', 'the daemon begins', { pid: process.pid, driver, readOnly })
  const inheritance = predecessor === undefined ? undefined : inherit(request, predecessor)
  if (predecessor !== undefined) logger.log('warn', `the daemon before this one ${predecessor.end}: this one ${inheritance?.connection === undefined ? 'mounts anew' : 'goes on with its mount'}`)
  return service.mount({
    ...(succession === undefined ? {} : { succession: (master: Uint8Array) => succession(master, place) }), ...(inheritance === undefined ? {} : { inheritance }),
    store, name, mountPoint, unlock, driver, allowOther, readOnly, writeback, showVersions, acceptOlder, headsFolder: headsFolder(settings), spinMicroseconds, memoryMib, owners: ownersFrom(settings), retention, syncLimits: syncLimitsFrom(settings), logger,
  })
}

function inherit({ connection }: DaemonRequest, { how }: Predecessor): Inheritance {
  return { ...(how === 'resume' && connection !== null ? { connection: { ...connection, fd: connectionFd } } : {}), memoryFd, supervisorFd }
}

async function untilDetached(mountPoint: string): Promise<void> {
  while (isVault(mountAt(mountPoint))) await new Promise((resolve) => setTimeout(resolve, detachedPollMs))
}

interface Held extends Parts {
  readonly registry: Registry
  readonly lock: StoreLock
  readonly files: RuntimeFiles
  readonly mounted: MountedVault
}

/** From the moment of the mount to its end. */
class Residence {
  readonly #held: Held
  readonly #gone: Promise<void>
  #markGone: () => void = () => undefined
  #leaving: Promise<Standing | null> | undefined
  #ended = false

  constructor(held: Held) {
    this.#held = held
    this.#gone = new Promise((resolve) => {
      this.#markGone = resolve
    })
  }

  async live(): Promise<void> {
    const { mounted, files, logger, request, registry } = this.#held
    const port: DaemonPort = {
      past: mounted.past,
      peers: mounted.peers,
      verify: mounted.verify,
      status: () => mounted.status(),
      sync: (onProgress, wish) => mounted.sync(onProgress, wish),
      trust: (name) => mounted.trust(name),
      unmount: (options, onProgress) => {
        const left = this.#leave(options, onProgress)
        // Open files are served until they are closed, perhaps by the one who waits for this answer.
        return options.lazy ? Promise.race([left, untilDetached(request.mountPoint).then(() => null)]) : left
      },
    }
    const control = await ControlServer.open({ path: files.socket, port, logger }).catch(async (error: unknown) => {
      // A mount that nobody can speak to must not stay.
      await mounted.unmount({ lazy: true }, () => undefined)
      throw error
    })
    writeFileSync(files.pidFile, `${process.pid}\n`, { mode: 0o600 })
    const { store, name, mountPoint, mountPointMode } = request
    registry.put({ name, store, mountPoint, mountPointMode, socket: files.socket, pid: process.pid })
    const release = onEnding((lazy) => {
      this.#leaveBySignal(lazy)
    })
    const stopThrift = thrifty()
    void mounted.closed.then(() => {
      // By umount(8), not by us.
      if (this.#leaving === undefined) this.#leaveBySignal(true)
    })
    this.#held.ready({ pid: process.pid, limitations: mounted.limitations })
    logger.log('info', 'mounted')
    await this.#gone
    release()
    stopThrift()
    await control.close()
  }

  /** Joined by whoever else asks meanwhile; a lazy request does not wait for one that is not. */
  #leave(options: { readonly lazy: boolean }, onProgress: OnProgress): Promise<Standing | null> {
    const { mounted, lock, files, registry, request } = this.#held
    const leave = async (): Promise<Standing | null> => {
      const standing = await mounted.unmount(options, onProgress)
      // A second wish may have joined; by now the store may be another daemon's.
      if (this.#ended) return standing
      this.#ended = true
      const { store, name, mountPoint, mountPointMode } = request
      registry.put({ name, store, mountPoint, mountPointMode })
      for (const file of [files.pidFile, files.output]) rmSync(file, { force: true })
      if (standing !== null) this.#held.logger.log('info', standingText(standing))
      letGo(lock, this.#held.logger)
      this.#markGone()
      return standing
    }
    if (this.#leaving !== undefined && !options.lazy) return this.#leaving
    const leaving = leave().catch((error: unknown) => {
      this.#leaving = undefined
      throw error
    })
    this.#leaving = leaving
    return leaving
  }

  #leaveBySignal(lazy: boolean): void {
    const { logger } = this.#held
    if (this.#ended) return
    this.#leave({ lazy }, () => undefined).catch((error: unknown) => {
      logger.log('error', 'not unmounted', { reason: error instanceof VaultError ? error.message : String(error), lazy })
    })
  }
}
