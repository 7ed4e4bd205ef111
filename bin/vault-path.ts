// From a path as a person types it to a vault and a path in it. The file need not exist any more. Symbolic links on the
// way are followed as they are today; the last name is taken as it is, so that a link itself can be meant.

import { realpathSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { VaultError } from '../lib/terms/errors.js'
import type { Context } from './context.js'
import { isVault, mountAt, readMountTable } from './mount-table.js'
import { realStore } from './place.js'

/** The folder in which the past shows; no path of the present leads through it. */
const pastFolder = '.versions'

export interface VaultPath {
  readonly mountPoint: string
  /** From the vault's root, without a leading slash; bytes as latin1 characters. */
  readonly path: string
}

/** Throws 'not-mounted' outside of every vault, 'read-only' in the past. */
export function vaultPathOf(asked: string): VaultPath {
  const full = resolve(asked)
  const mountPoint = vaultAround(full) ?? vaultAround(followed(full))
  if (mountPoint === undefined) {
    throw new VaultError('not-mounted', `${asked} lies in no mounted vault`, { subject: asked, next: "'vaultfs list' shows what is mounted, 'vaultfs mount' mounts" })
  }
  const lexical = vaultAround(full) === undefined ? followed(full) : full
  refusePast(asked, relative(mountPoint, lexical))
  const real = lexical === mountPoint ? lexical : followed(lexical)
  const around = vaultAround(real)
  // A link that leads out of this vault: into another one, or into none.
  if (around !== mountPoint) {
    if (around === undefined) throw new VaultError('cross-vault', `${asked} leads out of the vault, to ${real}`, { subject: asked })
    return { mountPoint: around, path: bytesOf(relative(around, real)) }
  }
  return { mountPoint, path: bytesOf(relative(mountPoint, real)) }
}

/** The vault of a command that names no file: the one given, else the one that we are in, else the only one mounted. */
export function chosenMountPoint(context: Context, args: { readonly mountpoint: string | undefined; readonly store: string | undefined }): string {
  if (args.mountpoint !== undefined) return args.mountpoint
  if (args.store !== undefined) {
    const store = realStore(args.store)
    const mountPoint = context.registry.ofStore(store)?.mountPoint
    if (mountPoint !== undefined) return mountPoint
    throw new VaultError('not-mounted', `the vault in ${store} is not mounted`, { subject: store, next: "'vaultfs mount' mounts it" })
  }
  const here = vaultAround(process.cwd())
  if (here !== undefined) return here
  const mounted = context.registry.list().flatMap(({ mountPoint, socket }) => (mountPoint !== undefined && socket !== undefined && isVault(mountAt(mountPoint)) ? [mountPoint] : []))
  const [only] = mounted
  if (only === undefined) throw new VaultError('not-mounted', 'no vault is mounted', { next: "'vaultfs mount' mounts one, 'vaultfs list' shows what there is" })
  if (mounted.length > 1) throw new VaultError('usage', `which vault? mounted are ${mounted.join(', ')}`, { next: 'give the mount point, or run it inside the vault' })
  return only
}

function vaultAround(path: string): string | undefined {
  const isInside = (mountPoint: string): boolean => path === mountPoint || path.startsWith(mountPoint.endsWith(sep) ? mountPoint : mountPoint + sep)
  const around = readMountTable().filter((mount) => isInside(mount.mountPoint))
  const innermost = around.reduce<(typeof around)[number] | undefined>((found, mount) => (found === undefined || mount.mountPoint.length >= found.mountPoint.length ? mount : found), undefined)
  return isVault(innermost) ? innermost?.mountPoint : undefined
}

/** Links of the folders on the way followed, as far as they exist. */
function followed(path: string): string {
  const parent = dirname(path)
  if (parent === path) return path
  try {
    return join(realpathSync(parent), basename(path))
  } catch {
    // Gone, or behind a daemon that is dead: whoever asks that daemon will say so.
    return join(followed(parent), basename(path))
  }
}

function refusePast(asked: string, path: string): void {
  if (!path.split(sep).includes(pastFolder)) return
  throw new VaultError('read-only', `${asked} lies in the past, which stays as it was`, { subject: asked, next: 'name the path in the present, and the moment behind an @' })
}

function bytesOf(path: string): string {
  return Buffer.from(path, 'utf8').toString('latin1')
}
