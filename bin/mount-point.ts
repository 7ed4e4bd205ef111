// The folder a vault is mounted on. While nothing is mounted it must refuse writes, or files land beside the vault
// unnoticed: mode 0500, and the immutable flag where the file system has it, because root ignores modes. fusermount
// wants a folder that its caller may write to, so an ordinary user's is closed just after mounting, by a descriptor
// that was opened before.

import { closeSync, fchmodSync, fstatSync, mkdirSync, openSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import { setImmutable } from '../native-deps/system.js'
import { realMountPoint } from './mount-table.js'
import type { Settings } from './settings.js'

const closedMode = 0o500
const openMode = 0o700

export interface MountPoint {
  readonly path: string
  /** Its permissions as we found it; null: we made it. */
  readonly originalMode: number | null
}

/** An empty folder of that name, made when missing. Nothing is changed when it refuses. */
export function prepareMountPoint(asked: string, store: string): MountPoint {
  const path = realMountPoint(asked)
  if (within(path, store) || within(store, path))
    throw new VaultError('mount-point', `${path} and the store ${store} lie within each other`, { subject: path, next: 'choose a mount point outside of the store' })
  try {
    const status = statSync(path)
    if (!status.isDirectory()) throw new VaultError('mount-point', `${path} is not a folder`, { subject: path, next: 'choose a folder, or a name that does not exist yet' })
    if (readdirSync(path).length > 0)
      throw new VaultError('mount-point', `${path} is not empty`, { subject: path, next: 'mount on an empty folder, so that nothing is hidden beneath' })
    return { path, originalMode: status.mode & 0o7777 }
  } catch (error) {
    const wrong = fromErrno(error, path)
    if (wrong.code !== 'not-found') throw wrong
  }
  try {
    mkdirSync(dirname(path), { recursive: true })
    mkdirSync(path, { mode: openMode })
  } catch (error) {
    throw fromErrno(error, path)
  }
  return { path: realMountPoint(path), originalMode: null }
}

const within = (path: string, folder: string): boolean => path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep)

/** Held while mounting; `seal` when the mount is up. Best effort: a guard that fails does not fail the mount. */
export class MountPointGuard {
  readonly #fd: number
  readonly #modeBefore: number
  readonly #setFlag: boolean

  private constructor(fd: number, before: { readonly mode: number; readonly setFlag: boolean }) {
    this.#fd = fd
    this.#modeBefore = before.mode
    this.#setFlag = before.setFlag
  }

  static hold(path: string, guard: Settings['guard']): MountPointGuard | undefined {
    if (guard === 'none') return undefined
    const isRoot = process.getuid?.() === 0
    const fd = openSync(path, 'r')
    const mode = fstatSync(fd).mode & 0o7777
    const wanted = isRoot ? closedMode : openMode
    // One that is ours already has the flag, and refuses chmod.
    const isOurs = isRoot && mode === closedMode
    if (mode !== wanted) attempt(() => fchmodSync(fd, wanted))
    const setFlag = isRoot && guard === 'immutable' && !isOurs
    if (isRoot && guard === 'immutable') attempt(() => setImmutable(fd, true))
    return new MountPointGuard(fd, { mode, setFlag })
  }

  /** Nothing was mounted: as before. Instead of `seal`. */
  undo(): void {
    if (this.#setFlag) attempt(() => setImmutable(this.#fd, false))
    attempt(() => fchmodSync(this.#fd, this.#modeBefore))
    closeSync(this.#fd)
  }

  /** May be called once. */
  seal(): void {
    if (process.getuid?.() !== 0) attempt(() => fchmodSync(this.#fd, closedMode))
    closeSync(this.#fd)
  }
}

/** As it was before it was ours: with its permissions, or gone when we made it. */
export function restoreMountPoint(path: string, originalMode: number | null): void {
  attempt(() => {
    const fd = openSync(path, 'r')
    attempt(() => setImmutable(fd, false))
    attempt(() => fchmodSync(fd, originalMode ?? openMode))
    closeSync(fd)
  })
  if (originalMode === null) attempt(() => rmdirSync(path))
}

function attempt(action: () => unknown): void {
  try {
    action()
  } catch {
    // The guard is a help, not a promise; mount/POSIX.md says so.
  }
}
