// The private folder of sockets and pid files: $XDG_RUNTIME_DIR/vaultfs, else vaultfs-<uid> below the temporary folder,
// which is shared: there the folder must be ours, a real folder, and closed to others, or it is refused.

import { chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import { storeKey } from './registry.js'
import type { Settings } from './settings.js'

export interface RuntimeFiles {
  readonly socket: string
  readonly pidFile: string
  /** What the daemon's program says beside its log: of Node, when it dies. */
  readonly output: string
}

export function runtimeFiles(settings: Settings, store: string): RuntimeFiles {
  const uid = process.getuid?.() ?? 0
  const key = storeKey(store)
  const own = settings.runtimeFolder === undefined ? undefined : join(settings.runtimeFolder, 'vaultfs')
  const folder = own !== undefined && fits(own, key) ? own : join(settings.temporaryFolder, `vaultfs-${uid}`)
  makePrivate(folder, uid)
  return { socket: join(folder, `${key}.sock`), pidFile: join(folder, `${key}.pid`), output: join(folder, `${key}.out`) }
}

/** A socket's path ends after 107 bytes (sun_path), silently. */
function fits(folder: string, key: string): boolean {
  return Buffer.byteLength(join(folder, `${key}.sock`)) <= 107
}

function makePrivate(folder: string, uid: number): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fromErrno(error, folder)
  }
  const status = lstatSync(folder)
  if (!status.isDirectory() || status.uid !== uid)
    throw new VaultError('denied', `${folder} is not a folder of yours`, { subject: folder, next: 'set XDG_RUNTIME_DIR to a private folder' })
  if ((status.mode & 0o777) !== 0o700) chmodSync(folder, 0o700)
}
