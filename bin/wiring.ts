// Fulfils what the commands ask for with lib's vault and mount's drivers.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { VaultError } from '../lib/terms/errors.js'
import type { VaultService } from './vault-service.js'

export function createVaultService(): VaultService {
  const missing = (): Promise<never> => Promise.reject(new VaultError('unsupported', 'this part is not built yet'))
  return {
    exists: (store) => existsSync(join(store, 'header')) || existsSync(join(store, 'header.backup')),
    create: missing,
    mount: missing,
    changePassphrase: missing,
    recoveryKit: missing,
    checkRecovery: missing,
    confirmRecovery: missing,
  }
}
