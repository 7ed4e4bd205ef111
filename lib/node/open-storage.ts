// Where a node's storage is chosen: the one place that knows the kinds there are.
import { mkdirSync } from 'node:fs'
import type { Clock } from '../terms/clock.js'
import { fromErrno } from '../terms/errors.js'
import type { Logger } from '../terms/log.js'
import { DiskStorage } from './disk/disk-storage.js'
import type { NodeStorage } from './node-storage.js'

export interface OpenStorage {
  /** The node's own folder. */
  readonly directory: string
  /** 'look': for commands beside a node that runs; nothing of a vault can be written. */
  readonly use: 'serve' | 'look'
  readonly clock: Clock
  readonly logger: Logger
}

export async function openNodeStorage(options: OpenStorage): Promise<NodeStorage> {
  try {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fromErrno(error, options.directory)
  }
  return new DiskStorage(options)
}
