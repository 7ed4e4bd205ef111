// A real vault on a real mount in this process, with a clock that the test sets forward. Never a synchronous file call on
// the mount here: the thread that would wait is the one that has to answer.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { createHeaders } from '../../lib/crypto/header-store.js'
import { kitWords } from '../../lib/crypto/recovery-kit.js'
import { createVault } from '../../lib/crypto/vault-keys.js'
import type { RetentionPolicy } from '../../lib/terms/retention.js'
import type { Clock } from '../../lib/terms/clock.js'
import type { Logger } from '../../lib/terms/log.js'
import { exactName } from '../../lib/terms/moment-name.js'
import { rootIno } from '../../lib/tree/entry.js'
import { mountVault, type MountVault, type MountedVault } from '../../mount/mount.js'
import { seededEntropy } from '../support/seeded-entropy.js'

const exec = promisify(execFile)

export const retention: RetentionPolicy = { withinSec: 30 * 24 * 3600, hourly: 24, daily: 30, weekly: 8, monthly: 12, offsetMin: 0 }

/** The system's, set forward. */
export class ForwardClock implements Clock {
  #aheadSec = 0

  now(): { readonly sec: number; readonly nsec: number } {
    const ms = performance.timeOrigin + performance.now()
    const sec = Math.floor(ms / 1000)
    return { sec: sec + this.#aheadSec, nsec: Math.floor((ms - sec * 1000) * 1e6) }
  }

  monotonicMs(): number {
    return performance.now()
  }

  advance(sec: number): void {
    this.#aheadSec += sec
  }
}

export interface MountedTestVault {
  /** The mount point. */
  readonly folder: string
  /** The store, with header and device as the command line makes them. */
  readonly store: string
  /** What opens it besides the passphrase. */
  readonly kit: string
  readonly mounted: MountedVault
  readonly clock: ForwardClock
  readonly logged: string[]
  /** Publishes everything, and sets the clock some minutes forward: answers the state's name in `.versions`. */
  publish(): Promise<string>
  run(script: string, ...args: readonly string[]): Promise<string>
  /** Has the kernel drop `.versions` of a folder (the root), and all that it knows below it. */
  drop(ino?: number): void
  /** Unmounts, once; the store stays until the test's end. */
  leave(): Promise<void>
}

export const passphrase = 'versions'
let seed = 1

export async function mountTestVault(t: Test, options: Partial<Pick<MountVault, 'showVersions' | 'driver' | 'retention' | 'memory' | 'owners'>> = {}): Promise<MountedTestVault> {
  const entropy = seededEntropy(seed++)
  // A mount wipes its keys at its end: each has its own. The cost is the least that a reader accepts.
  const cost = { memoryBytes: 64 * 1024 * 1024, passes: 1 }
  const { page, header, identity, headerBytes, deviceFile, kit } = await createVault({ passphrase: Buffer.from(passphrase), cost, entropy, nowSec: 1_700_000_000, deviceName: 'versions' })
  const scratch = mkdtempSync(join(tmpdir(), 'vaultfs-versions-'))
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-versions-mnt-'))
  t.teardown(() => {
    for (const path of [scratch, folder]) rmSync(path, { recursive: true, force: true })
  })
  await createHeaders(scratch, headerBytes)
  writeFileSync(join(scratch, 'device'), deviceFile)
  const clock = new ForwardClock()
  const logged: string[] = []
  const logger: Logger = {
    log: (level, message, fields) => {
      if (level === 'error') logged.push(`${message} ${JSON.stringify(fields ?? {})}`)
    },
  }
  const mounted = await mountVault({
    store: scratch, page, header, identity, readOnly: false, retention, driver: 'kernel', showVersions: false, logger, bulkThreads: 1,
    owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, clock, entropy,
    options: {
      mountPoint: folder, source: 'vaultfs:test', allowOther: process.geteuid?.() === 0, readOnly: false, spinMicroseconds: 0,
      entrySeconds: 3600, attributeSeconds: 3600, writeback: false,
    },
    ...options,
  })
  let left: Promise<void> | undefined
  const leave = (): Promise<void> => (left ??= mounted.unmount({ lazy: true }, () => undefined).then(() => undefined))
  t.teardown(leave)
  const publish = async (): Promise<string> => {
    await mounted.sync(() => undefined)
    const newest = await mounted.vault.parts.history.newest()
    clock.advance(600)
    return exactName(newest?.sec ?? 0)
  }
  // Never begun inside of the mount: whoever starts a program waits until it has changed its folder.
  const run = async (script: string, ...args: readonly string[]): Promise<string> =>
    (await exec('bash', ['-euc', `cd "$0"; ${script}`, folder, ...args], { cwd: '/', maxBuffer: 64 * 1024 * 1024, timeout: 60_000 })).stdout
  const drop = (ino = rootIno): void => { mounted.restoreHooks().renamed(ino, '.versions') }
  return { folder, store: scratch, kit: kitWords(kit).join(' '), mounted, clock, logged, publish, run, drop, leave }
}
