// The portable driver: the same handler behind the package fuse-native, for a platform or kernel that our own driver
// does not serve. Chosen by name only. The package speaks paths: each call walks from the root by `lookup`. What it
// can't do is in fuseNativeLimits, which is shown at mount time.
import type Fuse from 'fuse-native'
import { realpathSync } from 'node:fs'
import { VaultError } from '../lib/terms/errors.js'
import type { Logger } from '../lib/terms/log.js'
import { FuseNativeOperations } from './fuse-native-operations.js'
import type { Handler, Mount, MountOptions, RequestCounts } from './fuse/handler.js'
import { closeMount } from './fuse/kernel-mount.js'
import { findMount } from './fuse/mount-table.js'

export const fuseNativeLimits: readonly string[] = [
  'who calls is not known: new files belong to the user who mounted',
  'times have milliseconds; setting both times of a file sets both to the access time',
  'inode numbers have 32 bits',
  'names that are not UTF-8 can\'t be opened',
  'an open file that is deleted shows as .fuse_hidden until it is closed',
  'no rename flags, no fallocate and holes punched, no copying within the mount, no search for data and holes',
  'no access lists; umask is the kernel\'s',
  'what changes beside the mount (restoring, other devices) shows a second later',
  'an interrupted call waits for its answer, and a slow lookup holds up its whole folder',
  'writes come in 128 KiB pieces; listings with attributes ask for each entry',
]

/** The package tells nobody that its mount went away, so the table is looked at. */
const watchMs = 500

type FuseClass = typeof Fuse

async function loadPackage(): Promise<FuseClass> {
  try {
    return (await import('fuse-native')).default
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    const library = message.includes('libfuse')
    throw new VaultError('missing-dependency', library ? 'fuse-native needs libfuse 2 (libfuse.so.2)' : `fuse-native does not load: ${message}`, {
      subject: 'fuse-native',
      next: library ? 'Run: sudo apt-get install -y libfuse2 fuse3' : 'Install it with: npm install fuse-native@2.2.6',
      cause,
    })
  }
}

export async function mountFuseNative(options: MountOptions, handler: Handler, logger: Logger): Promise<Mount> {
  const Package = await loadPackage()
  const mountPoint = realpathSync(options.mountPoint)
  const operations = new FuseNativeOperations(handler, logger)
  const fuse = new Package(mountPoint, operations.table(), {
    timeout: false,
    fsname: options.source.replace(/,/g, '_'),
    // The package joins options by commas and does not know these: big_writes lifts the 4 KiB per write to 128 KiB,
    // use_ino keeps hard links recognisable.
    subtype: ['vaultfs', 'big_writes', 'use_ino', ...(isRoot() ? ['suid', 'dev'] : []), ...(options.readOnly ? ['ro'] : [])].join(','),
    defaultPermissions: true,
    allowOther: options.allowOther,
    entryTimeout: String(options.entrySeconds),
    attrTimeout: String(options.attributeSeconds),
  })
  await new Promise<void>((resolve, reject) => {
    fuse.mount((error) => {
      if (error === null) return resolve()
      reject(new VaultError('no-fuse', `fuse-native can't mount on ${mountPoint}: ${error.message}`, {
        subject: mountPoint, next: 'Is the folder empty of mounts, and is /dev/fuse open to you?', cause: error,
      }))
    })
  })
  handler.ready?.({ minor: 0, flags: 0n })
  return new FuseNativeMount(Package, fuse, mountPoint, operations.ledger)
}

function isRoot(): boolean {
  return process.geteuid?.() === 0
}

class FuseNativeMount implements Mount {
  readonly driver = 'fuse-native'
  readonly mountPoint: string
  readonly closed: Promise<void>
  readonly #package: FuseClass
  readonly #fuse: Fuse
  readonly #device: string | undefined
  readonly #ledger: FuseNativeOperations['ledger']

  constructor(source: FuseClass, fuse: Fuse, mountPoint: string, ledger: FuseNativeOperations['ledger']) {
    this.#ledger = ledger
    this.#package = source
    this.#fuse = fuse
    this.mountPoint = mountPoint
    this.#device = findMount(mountPoint)?.device
    this.closed = new Promise((resolve) => {
      const timer = setInterval(() => {
        if (this.#isThere()) return
        clearInterval(timer)
        this.#letGo(resolve)
      }, watchMs)
    })
  }

  /** The package keeps the event loop alive until its own unmount ran, which must not unmount what another put there. */
  #letGo(done: () => void): void {
    this.#package.unmount = (_, detached) => detached(null)
    this.#fuse.unmount(done)
  }

  #isThere(): boolean {
    return this.#device !== undefined && findMount(this.mountPoint)?.device === this.#device
  }

  connection(): undefined {
    return undefined
  }

  requests(): RequestCounts {
    return this.#ledger.counts()
  }

  /** libfuse keeps open files by a hidden name, so an unlink that reaches us is the last word. */
  watchForget(): boolean {
    return false
  }

  /** libfuse 2's path interface can't; the time-outs do it. */
  invalidateInode(): void {
    // see fuseNativeLimits
  }

  invalidateEntry(): void {
    // see fuseNativeLimits
  }

  expireEntry(): void {
    // see fuseNativeLimits
  }

  async settled(): Promise<void> {
    // see fuseNativeLimits
  }

  async unmount({ lazy }: { readonly lazy: boolean }): Promise<void> {
    if (!this.#isThere()) return
    await closeMount(this.mountPoint, { direct: isRoot(), lazy })
    await this.closed
  }
}
