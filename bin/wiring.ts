// Fulfils what the commands ask for with lib's vault and mount's drivers. Loads them when they are used only: `status` in
// a loop should not cost what a mount costs.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { VaultService } from './vault-service.js'

type KeyService = typeof import('./key-service.js').keyService

const load = async (): Promise<KeyService> => (await import('./key-service.js')).keyService

export const loadMounting = (): Promise<typeof import('./mount-service.js')> => import('./mount-service.js')

export function createVaultService(): VaultService {
  return {
    // Names of lib/crypto/header-store.ts, which is not loaded for this.
    exists: (store) => ['header', 'header.backup'].some((name) => existsSync(join(store, name))),
    create: async (request) => (await load()).create(request),
    changePassphrase: async (request) => (await load()).changePassphrase(request),
    recoveryKit: async (request) => (await load()).recoveryKit(request),
    checkRecovery: async (request) => (await load()).checkRecovery(request),
    confirmRecovery: async (request) => (await load()).confirmRecovery(request),
    rebuild: async (request, onProgress) => (await import('./rebuild-service.js')).rebuildService(request, onProgress),
    recover: async (request, hooks) => (await import('./recover-service.js')).recoverService(request, hooks),
    salvage: async (request, hooks) => (await import('./salvage-service.js')).salvageService(request, hooks),
    verify: async (request, onEvents) => (await import('./verify-service.js')).verifyService(request, onEvents),
    peers: async (request) => (await import('./peer-opening.js')).openPeers(request),
    devices: async (request) => (await import('./device-service.js')).listDevices(request),
    revokeDevice: async (request) => (await import('./device-service.js')).revokeDevice(request),
    mount: async (request) => (await loadMounting()).mountService(request),
  }
}
