// Making a vault: of `init`, and of `mount` where there is none yet. The store is private from its first byte on.

import { accessSync, chmodSync, constants, existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import type { Context } from './context.js'
import { hasLostHeader, headerLost, isRecovering, notRecovered, type Place } from './place.js'
import { showAndCheckKit } from './recovery-dialog.js'
import type { KdfCost } from './vault-service.js'

interface Creation extends Place {
  readonly passphrase: Uint8Array
  readonly kdf: KdfCost
  readonly recoveryLater: boolean
}

/** Before anything is asked: what would refuse anyway. */
export function checkNewStore(context: Context, store: string): void {
  if (context.service.exists(store))
    throw new VaultError('exists', `there is a vault in ${store} already`, { subject: store, next: "'vaultfs mount' mounts it, another --store DIR holds another" })
  if (isRecovering(store)) throw notRecovered(store)
  // A new vault there would look like the old one.
  if (hasLostHeader(store)) throw headerLost(store)
  try {
    if (readdirSync(store).length === 0) return
  } catch (error) {
    const wrong = fromErrno(error, store)
    if (wrong.code === 'not-found') return
    throw wrong
  }
  throw new VaultError('not-empty', `${store} holds other files`, { subject: store, next: 'choose a folder that is empty or does not exist' })
}

export async function createVault(context: Context, creation: Creation): Promise<void> {
  const { store, name, passphrase, kdf, recoveryLater } = creation
  if (!recoveryLater) context.terminal.require('--recovery later')
  const made = makeStore(store)
  try {
    const kit = await context.service.create({ store, passphrase, kdf })
    context.registry.put({ ...context.registry.ofStore(store), name, store })
    if (recoveryLater) return
    await showAndCheckKit(context.terminal, kit)
    await context.service.confirmRecovery({ store, unlock: { kind: 'passphrase', passphrase } })
  } catch (error) {
    if (made && !context.service.exists(store)) removeEmpty(store)
    throw error
  }
}

/** Answers whether it was made by us. */
export function makeStore(store: string): boolean {
  try {
    const made = mkdirSync(store, { recursive: true, mode: 0o700 }) !== undefined
    chmodSync(store, 0o700)
    return made
  } catch (error) {
    const { code } = fromErrno(reasonOf(store, error), store)
    const next = code === 'read-only' ? 'its disk is mounted read-only' : code === 'no-space' ? 'its disk is full' : 'check the folder above it'
    throw new VaultError(code, `the store ${store} cannot be made`, { subject: store, next, cause: error })
  }
}

/** mkdir with parents says ENOENT on a read-only disk; the plain one says why. */
function reasonOf(store: string, error: unknown): unknown {
  let parent = dirname(store)
  while (!existsSync(parent)) parent = dirname(parent)
  try {
    accessSync(parent, constants.W_OK)
    return error
  } catch (reason) {
    return reason
  }
}

function removeEmpty(store: string): void {
  try {
    rmdirSync(store)
  } catch {
    // Something is in it; it stays.
  }
}
