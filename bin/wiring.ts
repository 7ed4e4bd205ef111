// Fulfils what the commands ask for with lib's vault and mount's drivers.

import { VaultError } from '../lib/terms/errors.js'
import { keyService } from './key-service.js'
import type { VaultService } from './vault-service.js'

export function createVaultService(): VaultService {
  return {
    ...keyService,
    mount: () => Promise.reject(new VaultError('unsupported', 'this part is not built yet')),
  }
}
