// What a node does by the clock: looks what others changed, removes what is due, forgets who asks nothing.
import type { Clock } from '../terms/clock.js'
import type { Logger } from '../terms/log.js'
import { hex } from '../terms/bytes.js'
import type { AccessRegister } from './access-register.js'
import type { HeldVaults } from './held-vaults.js'
import type { KeyRates } from './key-rates.js'
import type { NodeCounters } from './node-counters.js'
import { nodeLimits } from './node-limits.js'

export interface ChoresOptions {
  readonly register: AccessRegister
  readonly vaults: HeldVaults
  readonly rates: KeyRates
  readonly counters: NodeCounters
  readonly clock: Clock
  readonly logger: Logger
}

export class NodeChores {
  readonly #options: ChoresOptions
  readonly #timers: readonly NodeJS.Timeout[]
  #isPolling = false
  #isDeleting = false

  constructor(options: ChoresOptions) {
    this.#options = options
    this.#timers = [
      setInterval(() => { void this.#poll() }, nodeLimits.accessPollMs),
      setInterval(() => { void this.removeDue() }, nodeLimits.deletionTickMs),
    ]
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Of all vaults that the node keeps. Never rejects. */
  async removeDue(): Promise<void> {
    if (this.#isDeleting) return
    this.#isDeleting = true
    const { register, vaults, clock, logger, counters } = this.#options
    for (const { vaultId } of register.access.vaults) {
      const fields = { vault: hex(vaultId).slice(0, 16) }
      try {
        const { deletions, account, storage } = await vaults.open(vaultId)
        const { blobs, bytes } = await deletions.removeDue(clock.now().sec)
        account.countBlobs(-blobs, -bytes)
        counters.blobsDeleted += blobs
        if (blobs > 0) logger.log('info', 'blobs were removed as their owner asked', { ...fields, blobs, bytes })
        // Keeps what is known of when blobs came exact to the hour.
        await storage.storedSec([])
        await account.refresh()
      } catch (error) {
        logger.log('error', 'removing blobs failed', { ...fields, reason: error instanceof Error ? error.message : String(error) })
      }
    }
    this.#isDeleting = false
  }

  async #poll(): Promise<void> {
    if (this.#isPolling) return
    this.#isPolling = true
    const { register, rates, logger } = this.#options
    try {
      await register.refresh()
    } catch (error) {
      logger.log('error', 'what the node knows could not be read', { reason: error instanceof Error ? error.message : String(error) })
    }
    rates.forgetIdle()
    this.#isPolling = false
  }
}
