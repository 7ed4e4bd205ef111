// The part of the vault service that saves what can be read of a damaged store. Loaded by `vaultfs salvage` only. The
// store is neither written to nor repaired: a damaged copy of the header stays, and no device identity is needed.

import { readHeaders } from '../lib/crypto/header-store.js'
import { openVault } from '../lib/crypto/vault-keys.js'
import type { MomentWish } from '../lib/vault-past.js'
import type { SalvageHooks, SalvageSummary } from '../lib/vault-salvage-report.js'
import { salvageStore } from '../lib/vault-salvage.js'
import { hardenProcess } from '../native-deps/secure.js'
import { wipe } from '../native-deps/sodium.js'
import { cryptoUnlock } from './key-service.js'
import type { Unlock } from './secrets.js'
import { systemClock } from './system-sources.js'

export interface SalvageRequest {
  readonly store: string
  readonly unlock: Unlock
  readonly out: string
  readonly at: MomentWish
  readonly allVersions: boolean
  readonly paths: readonly string[]
}

/** The caller holds the store's lock. */
export async function salvageService({ unlock, ...request }: SalvageRequest, hooks: SalvageHooks): Promise<SalvageSummary> {
  hardenProcess()
  process.umask(0o077)
  const { copies, damaged } = await readHeaders(request.store)
  const secret = cryptoUnlock(unlock)
  const { page, header, trusted } = await openVault(copies, secret).finally(() => {
    if (secret.kind === 'recovery') wipe(secret.entropy)
  })
  try {
    for (const name of damaged) hooks.onProblem({ kind: 'note', path: null, message: `the file ${name} is missing or damaged; its other copy opened the vault` })
    if (!trusted) hooks.onProblem({ kind: 'note', path: null, message: 'the header was changed by somebody without the keys' })
    return await salvageStore({ ...request, page, vaultId: header.vaultId, clock: systemClock }, hooks)
  } finally {
    page.wipe()
  }
}
