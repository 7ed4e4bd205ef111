// The vaults that a node keeps, each with its storage, its account and its deletions: opened when it is asked for first.
import { hex, type DeviceId, type VaultId } from '../terms/bytes.js'
import type { Clock } from '../terms/clock.js'
import { grantOf } from './access.js'
import type { AccessRegister } from './access-register.js'
import { DeletionMarks, type DeletionRules } from './deletion-marks.js'
import { HeaderShelf } from './header-shelf.js'
import { removedPrefix, type NodeStorage, type VaultStorage } from './node-storage.js'
import { VaultAccount, type Quota } from './vault-account.js'
import { WorkQueue } from './work-queue.js'

export interface HeldVault {
  readonly vaultId: VaultId
  readonly storage: VaultStorage
  readonly account: VaultAccount
  readonly deletions: DeletionMarks
  readonly header: HeaderShelf
  /** Who appends to a chain does it alone. */
  queueOf(deviceId: DeviceId): WorkQueue
}

export interface HeldVaultsOptions {
  readonly storage: NodeStorage
  readonly register: AccessRegister
  readonly quota: Quota
  readonly deletion: DeletionRules
  readonly clock: Clock
}

export class HeldVaults {
  readonly #options: HeldVaultsOptions
  readonly #opened = new Map<string, Promise<HeldVault>>()

  constructor(options: HeldVaultsOptions) {
    this.#options = options
  }

  open(vaultId: VaultId): Promise<HeldVault> {
    const name = hex(vaultId)
    const known = this.#opened.get(name)
    if (known !== undefined) return known
    const opening = this.#open(vaultId)
    this.#opened.set(name, opening)
    // What failed once may go well the next time.
    opening.catch(() => this.#opened.delete(name))
    return opening
  }

  /** One that was removed is wanted again. */
  async welcome(vaultId: VaultId): Promise<HeldVault> {
    // Opened first: what was deleted of it meanwhile is forgotten then.
    const held = await this.open(vaultId)
    await this.#options.storage.records.remove(`${removedPrefix}${hex(vaultId)}`)
    return held
  }

  /** Those that are open. */
  async opened(): Promise<readonly HeldVault[]> {
    return (await Promise.allSettled(this.#opened.values())).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  }

  async #open(vaultId: VaultId): Promise<HeldVault> {
    const { storage: all, register, quota, deletion, clock } = this.#options
    const storage = all.vault(vaultId)
    const limits = (): Quota => {
      const grant = grantOf(register.access, vaultId)
      const either = (own: number | null | undefined, ofAll: number | undefined): number | undefined => (own === undefined ? ofAll : own ?? undefined)
      return { totalBytes: either(grant?.quotaBytes, quota.totalBytes), dailyBytes: either(grant?.dailyBytes, quota.dailyBytes) }
    }
    const queues = new Map<string, WorkQueue>()
    return {
      vaultId, storage,
      account: await VaultAccount.open(storage, clock, limits),
      deletions: await DeletionMarks.open(storage, deletion),
      header: new HeaderShelf(storage.records, vaultId, clock),
      queueOf: (deviceId) => {
        const name = hex(deviceId)
        const queue = queues.get(name) ?? new WorkQueue()
        queues.set(name, queue)
        return queue
      },
    }
  }
}
