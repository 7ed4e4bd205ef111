// What `vaultfs device` asks of the vault service, and what it gets.
import type { Logger } from '../lib/terms/log.js'
import type { Unlock } from './secrets.js'

export interface DevicesRequest {
  readonly store: string
  readonly unlock: Unlock
  readonly logger: Logger
}

export interface RevokeRequest extends DevicesRequest {
  /** Of the recovery kit. */
  readonly words: string
  /** Its name, or the beginning of its id. */
  readonly device: string
  /** The last of its entries that counts; undefined: all that is known. */
  readonly after: number | undefined
}

export interface DeviceReport {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly name: string
  readonly createdSec: number
  readonly isThis: boolean
  /** Manifest entries of it that this store or a node has; null: none is known. */
  readonly entries: number | null
  /** It counts no more; its entries up to this one do. Null: it counts. */
  readonly revokedAfter: number | null
}

export interface NodeTold {
  readonly node: string
  /** Why it could not be told; null: it shuts the device out from now on. */
  readonly reason: string | null
}

export interface RevokeOutcome {
  readonly id: string
  readonly name: string
  readonly lastSequence: number
  readonly nodes: readonly NodeTold[]
}
