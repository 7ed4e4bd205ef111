// What the command `recover` asks of the vault service, and what comes of it.

import type { OnItems } from '../lib/control/past-port.js'
import type { VerifyEvent } from '../lib/control/verify-port.js'
import type { KdfCost } from '../lib/crypto/passphrase.js'
import type { Logger } from '../lib/terms/log.js'
import type { NodeNote } from '../lib/vault-nodes.js'
import type { RecoveredStore, RecoverProgress } from '../lib/vault-recover.js'
import type { VerifySummary } from '../lib/vault-verify-report.js'
import type { Address } from '../lib/wire/pin.js'

export interface RecoverRequest {
  readonly store: string
  /** The store is there, and only its header is lost. */
  readonly headerOnly: boolean
  readonly addresses: readonly Address[]
  /** The 24 of the kit. */
  readonly words: string
  /** The caller's to wipe. */
  readonly passphrase: Uint8Array
  readonly kdf: KdfCost
  readonly logger: Logger
  readonly signal: AbortSignal
}

export interface RecoverHooks {
  readonly onProgress: (progress: RecoverProgress) => void
  readonly onNote: (note: NodeNote) => void
  readonly onEvents: OnItems<VerifyEvent>
}

export interface Recovered {
  /** Undefined: only the header was put back. */
  readonly store: (RecoveredStore & { readonly verified: VerifySummary }) | undefined
}
