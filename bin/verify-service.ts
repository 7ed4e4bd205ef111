// The part of the vault service that verifies: a mounted vault in its daemon, or one that is not mounted in the command
// itself, which opens the store for reading only.

import { availableParallelism } from 'node:os'
import type { Verify, VerifyEvent } from '../lib/control/verify-port.js'
import type { OnItems } from '../lib/control/past-port.js'
import type { Logger } from '../lib/terms/log.js'
import { retentionDefault } from '../lib/terms/retention.js'
import { openStore } from '../lib/vault-open.js'
import { repairBlobs } from '../lib/vault-repair.js'
import type { Verifier, VerifyHooks } from '../lib/vault-verify.js'
import type { VerifySummary } from '../lib/vault-verify-report.js'
import { hardenProcess } from '../native-deps/secure.js'
import { openKeys } from './open-keys.js'
import type { Unlock } from './secrets.js'
import { systemClock, systemEntropy } from './system-sources.js'

export interface VerifyRequest {
  readonly store: string
  readonly unlock: Unlock
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Folders of other stores that good copies are taken from; absent: nothing is repaired. */
  readonly repairFrom?: readonly string[]
}

/** The caller holds the store's lock. What was repaired is verified again: the answer is of what holds then. */
export async function verifyService(request: VerifyRequest, onEvents: OnItems<VerifyEvent>): Promise<VerifySummary> {
  const { store, unlock, logger, signal, repairFrom } = request
  hardenProcess()
  process.umask(0o077)
  const { opened: { page, header }, identity } = await openKeys({ store, unlock, logger, readOnly: true })
  const verify = async (onDamaged?: VerifyHooks['onDamaged']): Promise<VerifySummary> => {
    const opened = await openStore({
      store, page, header, identity, logger, readOnly: true, bulkThreads: availableParallelism(),
      retention: { ...retentionDefault, offsetMin: 0 },
      owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, clock: systemClock, entropy: systemEntropy,
    })
    try {
      return await verifyOver(opened.verifier, { signal, ...(onDamaged === undefined ? {} : { onDamaged }) })(onEvents)
    } finally {
      await opened.close()
    }
  }
  try {
    if (repairFrom === undefined) return await verify()
    const damaged: Uint8Array[] = []
    const before = await verify((references) => { damaged.push(...references) })
    if (damaged.length === 0) return before
    const outcome = await repairBlobs({
      store, page, damaged, sources: repairFrom, logger, signal,
      onProgress: (done, total) => { void onEvents([{ repairing: { done, total } }]) },
    })
    await onEvents([{ repaired: outcome }])
    return outcome.repaired === 0 ? before : await verify()
  } finally {
    page.wipe()
  }
}

/** Ends when whoever listens is gone, or when the signal says so. */
export function verifyOver(verifier: Pick<Verifier, 'verify'>, { signal, onDamaged }: Partial<Pick<VerifyHooks, 'signal' | 'onDamaged'>> = {}): Verify {
  return async (onEvents) => {
    const gone = new AbortController()
    const send = async (event: VerifyEvent): Promise<void> => {
      try {
        await onEvents([event])
      } catch (error) {
        gone.abort(error)
        throw error
      }
    }
    let isTelling = false
    return await verifier.verify({
      signal: AbortSignal.any([gone.signal, ...(signal === undefined ? [] : [signal])]),
      ...(onDamaged === undefined ? {} : { onDamaged }),
      onFinding: (finding) => send({ finding }),
      onProgress: (progress) => {
        // Who reads slowly hears of it less often.
        if (isTelling) return
        isTelling = true
        void send({ progress }).catch(() => undefined).finally(() => { isTelling = false })
      },
    })
  }
}
