// What a run works on: a vault of its own, or a filesystem that somebody mounted. Nothing here touches the mount itself
// from this process, which has to stay alive when the mount does not.
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readMountTable } from '../../bin/mount-table.js'
import { Registry } from '../../bin/registry.js'
import { findMount } from '../../native-deps/fuse/mount-table.js'
import type { RunOptions } from './options.js'
import { VaultTarget } from './vault-target.js'
import { countsOfDaemon, Watchdog } from './watchdog.js'

const exec = promisify(execFile)
const answersWithinMs = 30_000

export interface Watch {
  end(): { readonly stuck: string | undefined; readonly blind: string | undefined }
}

export interface Target {
  readonly mountPoint: string
  readonly description: string
  readonly isOurs: boolean
  readonly driver: 'kernel' | 'fuse-native' | 'other'
  /** Where its lists of what does not apply are, from the project's root; a filesystem of others has none. */
  readonly listFolder: string | undefined
  watch(onStuck: (why: string) => void): Watch
  /** Why nothing more can be run on it. */
  sickness(): Promise<string | undefined>
  /** Saves what tells why it is stuck, and lets go of whoever waits. */
  rescue(folder: string): Promise<void>
  /** After all suites: is everything still there, after a remount too? */
  lastLook(failed: (what: string, why: string) => void): Promise<void>
  close(): Promise<readonly string[]>
}

export async function targetOf({ on, driver }: RunOptions, vaultfs: string): Promise<Target> {
  if (on !== undefined) return givenTarget(realpathSync(on), driver)
  const vault = new VaultTarget({ folder: mkdtempSync(join(tmpdir(), 'vaultfs-posix-')), vaultfs, driver })
  try {
    await vault.open()
  } catch (error) {
    await vault.close()
    throw error
  }
  return ownTarget(vault, driver)
}

const listsOf = (driver: 'kernel' | 'fuse-native'): string => (driver === 'kernel' ? 'test/posix/expected' : 'test/posix/expected/fuse-native')

function ownTarget(vault: VaultTarget, driver: 'kernel' | 'fuse-native'): Target {
  const { mountPoint } = vault
  return {
    mountPoint, isOurs: true, driver, listFolder: listsOf(driver), description: `a new vault, driver ${driver}`,
    watch: (onStuck) => new Watchdog({ mountPoint, counts: countsOfDaemon(mountPoint, vault.stateHome), onStuck }),
    sickness: async () => {
      const state = await vault.state().catch((error: unknown) => `without a daemon (${String(error)})`)
      return state === 'mounted' ? undefined : `the vault is ${state}`
    },
    rescue: async (folder) => {
      if (existsSync(vault.daemonLog)) cpSync(vault.daemonLog, join(folder, 'daemon.log'))
      abortConnection(mountPoint)
      await Promise.resolve()
    },
    lastLook: (failed) => remountAndVerify(vault, failed),
    close: () => vault.close(),
  }
}

async function remountAndVerify(vault: VaultTarget, failed: (what: string, why: string) => void): Promise<void> {
  const errors = existsSync(vault.daemonLog) ? readFileSync(vault.daemonLog, 'utf8').split('\n').filter((line) => / error /.test(line)) : []
  if (errors.length > 0) failed(`${errors.length} errors in the daemon's log`, errors[0] ?? '')
  for (const [what, work] of [['unmount', () => vault.unmount()], ['verify', () => vault.verify()], ['mount again', () => vault.mount()]] as const)
    await work().catch((error: unknown) => { failed(what, error instanceof Error ? error.message : String(error)) })
}

/** Every caller is answered; nothing is left to find out by then. */
function abortConnection(mountPoint: string): void {
  const [, minor = ''] = findMount(mountPoint)?.device.split(':') ?? []
  const file = `/sys/fs/fuse/connections/${minor}/abort`
  if (existsSync(file)) writeFileSync(file, '1')
}

function givenTarget(mountPoint: string, driver: 'kernel' | 'fuse-native'): Target {
  const mount = readMountTable().findLast((one) => one.mountPoint === mountPoint)
  if (mount === undefined) throw new Error(`nothing is mounted at ${mountPoint}`)
  const isVault = mount.type.startsWith('fuse') && mount.source.startsWith('vaultfs')
  const stateHome = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local/state')
  const counts = new Registry(stateHome).ofMountPoint(mountPoint)?.socket === undefined ? {} : { counts: countsOfDaemon(mountPoint, stateHome) }
  return {
    mountPoint, isOurs: false, driver: isVault ? driver : 'other', listFolder: isVault ? listsOf(driver) : undefined,
    description: `${mount.source}, ${mount.type}, mounted by others`,
    watch: (onStuck) => (mount.type.startsWith('fuse') ? new Watchdog({ mountPoint, ...counts, onStuck }) : { end: () => ({ stuck: undefined, blind: undefined }) }),
    sickness: async () => {
      // Another process may hang in it, this one may not.
      const answer = await exec('stat', ['-f', mountPoint], { timeout: answersWithinMs, killSignal: 'SIGKILL' }).then(() => undefined, (error: unknown) => String(error))
      return findMount(mountPoint) === undefined ? 'it is not mounted any more' : answer
    },
    rescue: () => Promise.resolve(),
    lastLook: () => Promise.resolve(),
    close: () => Promise.resolve([]),
  }
}
