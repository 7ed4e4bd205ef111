// From what a person names (a mount point, a store, or neither) to one vault: its store's real path and its name.

import { existsSync, realpathSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import { limits } from '../lib/terms/limits.js'
import type { Context } from './context.js'
import { realMountPoint } from './mount-table.js'
import type { Registration } from './registry.js'

export interface Place {
  readonly store: string
  readonly name: string
}

export function defaultStore(context: Context, mountPoint: string): string {
  return join(context.settings.dataHome, 'vaultfs', nameOf(mountPoint))
}

export function nameOf(path: string): string {
  const name = basename(resolve(path)).replace(/[\s,\\]+/g, '-').slice(0, limits.vaultNameLengthMax)
  if (name === '') throw new VaultError('usage', `${path} has no name of its own`, { subject: path, next: 'use --store DIR' })
  return name
}

/** Where a store is or will be: its real path, as far as it exists. */
export function realStore(path: string): string {
  const full = resolve(path)
  try {
    return realpathSync(full)
  } catch (error) {
    const wrong = fromErrno(error, full)
    if (wrong.code !== 'not-found') throw wrong
    const parent = resolve(full, '..')
    return parent === full ? full : join(realStore(parent), basename(full))
  }
}

/** The vault of a command that takes MOUNTPOINT or --store. */
export function placeOf(context: Context, args: { readonly mountpoint: string | undefined; readonly store: string | undefined }): Place {
  if (args.store !== undefined) {
    const store = realStore(args.store)
    return { store, name: context.registry.ofStore(store)?.name ?? nameOf(store) }
  }
  if (args.mountpoint === undefined) throw new VaultError('usage', 'which vault?', { next: 'give its mount point, or --store DIR' })
  const known = context.registry.ofMountPoint(realMountPoint(args.mountpoint))
  if (known !== undefined) return known
  const store = realStore(defaultStore(context, args.mountpoint))
  return { store, name: nameOf(store) }
}

export function requireVault(context: Context, store: string): void {
  if (isRecovering(store)) throw notRecovered(store)
  if (!context.service.exists(store)) throw hasLostHeader(store) ? headerLost(store) : notAVault(store)
}

/** In a store that is being brought back from nodes, and not all there yet. */
export const recoveringName = 'recovering'

export function isRecovering(store: string): boolean {
  return existsSync(join(store, recoveringName))
}

export function notRecovered(store: string): VaultError {
  return new VaultError('not-a-vault', `the vault in ${store} is not all there yet: bringing it back from nodes was broken off`, { subject: store, next: "run the same 'vaultfs recover' again: it goes on" })
}

/** What only a vault's store has is there, and both copies of its header are not. */
export function hasLostHeader(store: string): boolean {
  return ['manifest', 'log'].every((name) => existsSync(join(store, name))) && !existsSync(join(store, 'header'))
}

/** The keys are in the header, sealed; the words on paper open it, and are no keys without it. */
export function headerLost(store: string): VaultError {
  return new VaultError('not-a-vault', `${store} has lost its header, and its second copy: without one of them no passphrase and no recovery kit opens it`, {
    subject: store, next: "bring back the file header or header.backup from any copy of the store, however old, or from a node: 'vaultfs recover --store DIR --node ADDRESS'",
  })
}

export function notAVault(store: string): VaultError {
  return new VaultError('not-a-vault', `there is no vault in ${store}`, { subject: store, next: `'vaultfs init --store ${store}' makes one, or name another with --store` })
}

/** What is registered as mounted here; its daemon may be dead. */
export function registeredAt(context: Context, mountPoint: string): Registration | undefined {
  const known = context.registry.ofMountPoint(mountPoint)
  return known?.socket === undefined ? undefined : known
}
