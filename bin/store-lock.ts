// Two daemons must not open one vault. The lock is the kernel's (flock) and lies on the store's folder itself: it dies
// with its holder, no stale lock is ever to be removed by hand, and taking it changes nothing on disk.

import { accessSync, closeSync, constants, fstatSync, openSync } from 'node:fs'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import { placeOf } from '../lib/vault-home.js'
import { limits } from '../lib/terms/limits.js'
import { lockOpenFile } from '../native-deps/system.js'

const pollMs = 50

/** 'read': nothing in it will be written, so it may lie on a disk that is mounted read-only. */
export type StoreUse = 'write' | 'read'

export class StoreLock {
  #fd: number | undefined

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** `isLeaving` tells whether the present holder is on its way out, and worth waiting for. */
  static async take(store: string, isLeaving: () => boolean, use: StoreUse = 'write'): Promise<StoreLock> {
    for (let waitedMs = 0; ; waitedMs += pollMs) {
      const lock = StoreLock.tryTake(store, use)
      if (lock !== undefined) return lock
      if (waitedMs >= limits.storeLockWaitMs || !isLeaving())
        throw new VaultError('locked', `the vault in ${store} is in use by another daemon`, { subject: store, next: "'vaultfs list' shows where it is mounted" })
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
  }

  /** Undefined: another process has it. */
  static tryTake(store: string, use: StoreUse = 'write'): StoreLock | undefined {
    let fd: number
    try {
      // Root may write anywhere but on a disk that is read-only.
      accessSync(store, use === 'write' ? constants.W_OK : constants.R_OK)
      fd = openSync(store, 'r')
    } catch (error) {
      const { code } = fromErrno(error, store)
      const next = code === 'read-only' ? 'its disk is mounted read-only: remount it, or move the store' : 'check its owner and permissions'
      throw new VaultError(code, `the store ${store} cannot be ${use === 'write' ? 'written to' : 'read'}`, { subject: store, next, cause: error })
    }
    // Between the two calls it may have been moved away: what is locked is what the path leads to.
    if (lockOpenFile(fd) && placeIn(fd) === placeOf(store)) return new StoreLock(fd)
    closeSync(fd)
    return undefined
  }

  /** Device and number of the folder that is locked. */
  get place(): string {
    return this.#fd === undefined ? '' : placeIn(this.#fd)
  }

  get isHeld(): boolean {
    return this.#fd !== undefined
  }

  /** May be called twice. */
  release(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}

function placeIn(fd: number): string {
  const { dev, ino } = fstatSync(fd, { bigint: true })
  return `${dev}:${ino}`
}
