// What the commands ask of a vault. An interface, so that bin decides nothing about keys and stores: wiring.ts fulfils
// it with lib's vault and mount's drivers, tests with less.

import type { DaemonPort } from '../lib/control/daemon-port.js'
import type { OnItems } from '../lib/control/past-port.js'
import type { PeersPort } from '../lib/control/peer-port.js'
import type { VerifyEvent } from '../lib/control/verify-port.js'
import type { RetentionPolicy } from '../lib/terms/retention.js'
import type { SyncLimits } from '../lib/terms/sync-limits.js'
import type { Logger } from '../lib/terms/log.js'
import type { Owners } from '../mount/owners/owners.js'
import type { VerifySummary } from '../lib/vault-verify-report.js'
import type { Rebuilt, RebuildProgress } from '../lib/vault-rebuild.js'
import type { Inheritance, Succession } from '../mount/handover.js'
import type { MomentWish } from '../lib/vault-past.js'
import type { SalvageHooks, SalvageSummary } from '../lib/vault-salvage-report.js'
import type { NodeNote } from '../lib/vault-nodes.js'
import type { Recovered, RecoverHooks, RecoverRequest } from './recovery-request.js'
import type { DeviceReport, DevicesRequest, RevokeOutcome, RevokeRequest } from './device-request.js'
import type { DaemonUnlock, Unlock } from './secrets.js'

/** Of Argon2id. */
export interface KdfCost {
  readonly memoryBytes: number
  readonly passes: number
}

export interface RecoveryKit {
  /** 24 of them. */
  readonly words: readonly string[]
  /** To be printed and kept. */
  readonly text: string
}

export interface MountRequest {
  readonly store: string
  readonly name: string
  readonly mountPoint: string
  readonly unlock: DaemonUnlock
  /** Who goes on when this process dies, once the master key is known; absent: nobody. */
  readonly succession?: (master: Uint8Array) => Succession
  /** Goes on for a daemon that died. */
  readonly inheritance?: Inheritance
  readonly driver: 'kernel' | 'fuse-native'
  readonly allowOther: boolean
  readonly readOnly: boolean
  readonly writeback: boolean
  readonly showVersions: boolean
  /** Where it is remembered how far each store was seen. */
  readonly headsFolder: string
  /** A store that is behind that is taken as it is. */
  readonly acceptOlder: boolean
  readonly spinMicroseconds: number
  readonly memoryMib: number
  readonly owners: Owners | undefined
  readonly retention: RetentionPolicy
  /** How fast nodes are spoken with, and when. */
  readonly syncLimits: SyncLimits
  readonly logger: Logger
}

export interface MountedVault extends DaemonPort {
  /** Resolves when the kernel let go of the mount, by us or by umount(8); `unmount` is still to be called then. */
  readonly closed: Promise<void>
  /** What the driver chosen cannot do, sentences. */
  readonly limitations: readonly string[]
}

export interface VaultService {
  /** Whether a vault's header, or its second copy, is in this folder. */
  exists(store: string): boolean
  /** A new vault whose kit is not confirmed yet. On failure nothing of it is left behind. */
  create(request: { readonly store: string; readonly passphrase: Uint8Array; readonly kdf: KdfCost }): Promise<RecoveryKit>
  /** Resolves when the mount answers. */
  mount(request: MountRequest): Promise<MountedVault>
  /** Makes anew what is derived, in a store that nobody has open: the caller holds its lock. */
  rebuild(request: { readonly store: string; readonly unlock: Unlock; readonly logger: Logger; readonly headsFolder: string }, onProgress: (progress: RebuildProgress) => void): Promise<Rebuilt>
  /** Of a store that nobody has open: the caller holds its lock. With `repairFrom` damaged blobs are taken from those stores, where they are whole, and else from the nodes that the store knows. */
  verify(request: { readonly store: string; readonly unlock: Unlock; readonly logger: Logger; readonly signal: AbortSignal; readonly repairFrom?: readonly string[]; readonly onNote?: (note: NodeNote) => void }, onEvents: OnItems<VerifyEvent>): Promise<VerifySummary>
  /** Brings a vault back from nodes into an empty folder, goes on with that, or puts the header of a store back: the caller holds its lock. */
  recover(request: RecoverRequest, hooks: RecoverHooks): Promise<Recovered>
  /** Of a store that nobody has open: what can be read is written to the empty folder `out`, nothing into the store. */
  salvage(request: { readonly store: string; readonly unlock: Unlock; readonly out: string; readonly at: MomentWish; readonly allVersions: boolean; readonly paths: readonly string[] }, hooks: SalvageHooks): Promise<SalvageSummary>
  /** The nodes of an unmounted vault: the caller holds its lock, and closes. With readOnly nothing of it is changed. */
  peers(request: { readonly store: string; readonly unlock: Unlock; readonly readOnly: boolean; readonly logger: Logger }): Promise<PeersPort & { close(): void }>
  /** Of a mounted or an unmounted vault. */
  devices(request: DevicesRequest): Promise<readonly DeviceReport[]>
  /** The owner's word that a device counts no more, told to the nodes that can be reached. Rejects 'not-found' for one that nobody knows, 'denied' for this one. */
  revokeDevice(request: RevokeRequest): Promise<RevokeOutcome>
  changePassphrase(request: { readonly store: string; readonly unlock: Unlock; readonly passphrase: Uint8Array; readonly kdf: KdfCost }): Promise<void>
  /** Rejects 'not-found' when the kit was confirmed: from then on it exists on paper only. */
  recoveryKit(request: { readonly store: string; readonly unlock: Unlock }): Promise<RecoveryKit>
  /** Whether these words open this vault. */
  checkRecovery(request: { readonly store: string; readonly words: string }): Promise<boolean>
  /** The kit is on paper: forgets it here. */
  confirmRecovery(request: { readonly store: string; readonly unlock: Unlock }): Promise<void>
}
