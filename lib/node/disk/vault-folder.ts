// Where things of one vault lie in a node's folder: the shape of a store, as far as others can read it. FORMAT §11.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { equalBytes } from '../../terms/bytes.js'
import { fromErrno } from '../../terms/errors.js'

export interface VaultFolder {
  readonly path: string
  readonly cache: string
  readonly manifest: string
}

export function vaultFolder(directory: string, vault: string): VaultFolder {
  const path = join(directory, 'vaults', vault)
  return { path, cache: join(path, 'cache'), manifest: join(path, 'manifest') }
}

export function chainPath(folder: VaultFolder, device: string): string {
  return join(folder.manifest, `${device}.chain`)
}

/** Durable on return. */
export function makeVaultFolder(directory: string, folder: VaultFolder): void {
  try {
    if (mkdirSync(folder.manifest, { recursive: true, mode: 0o700 }) === undefined) return
    for (const path of [folder.path, dirname(folder.path), directory]) syncFolder(path)
  } catch (error) {
    throw fromErrno(error, folder.path)
  }
}

export function syncFolder(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** After a crash the old file or the new one is there, whole. Nothing is done where it says the same already. */
export function writeDurably(path: string, bytes: Uint8Array): void {
  try {
    if (equalBytes(readIfThere(path), bytes)) return
    const fd = openSync(`${path}.new`, 'w', 0o600)
    try {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(fd, bytes, at)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(`${path}.new`, path)
    syncFolder(dirname(path))
  } catch (error) {
    throw fromErrno(error, path)
  }
}

function readIfThere(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    if (fromErrno(error, path).code === 'not-found') return new Uint8Array(0)
    throw error
  }
}
