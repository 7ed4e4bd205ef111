// Where a node's storage is chosen: the one place that knows the kinds there are.
import { mkdirSync } from 'node:fs'
import type { Clock } from '../terms/clock.js'
import type { Entropy } from '../terms/entropy.js'
import { fromErrno, type VaultError } from '../terms/errors.js'
import type { Logger } from '../terms/log.js'
import { DiskStorage } from './disk/disk-storage.js'
import type { NodeStorage } from './node-storage.js'

export interface OpenStorage {
  /** The node's own folder. */
  readonly directory: string
  /** 'look': for commands beside a node that runs; nothing of a vault can be written. */
  readonly use: 'serve' | 'look'
  /** Everything is kept there, and nothing in the folder but the node's keys; undefined: all is in the folder. */
  readonly bucket?: BucketPlace | undefined
  readonly clock: Clock
  readonly entropy: Entropy
  readonly logger: Logger
  /** What keeps things has ended by itself: nothing can be kept from here on. */
  readonly onBroken?: ((error: VaultError) => void) | undefined
}

export interface BucketPlace {
  /** `s3://bucket/prefix?endpoint=…`, see s3/place.ts. */
  readonly address: string
  /** See s3/credentials.ts. */
  readonly credentialsPath: string
}

export async function openNodeStorage(options: OpenStorage): Promise<NodeStorage> {
  try {
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fromErrno(error, options.directory)
  }
  if (options.bucket === undefined) return new DiskStorage(options)
  const { bucket: { address, credentialsPath }, use, clock, entropy, logger } = options
  // Loaded when it is used: most nodes have a disk.
  const { openS3Storage } = await import('./s3/storage.js')
  return await openS3Storage({ blobs: address, credentialsPath, use, clock, entropy, logger })
}
