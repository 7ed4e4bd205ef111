// The two files in which a store keeps its header, and how they are replaced without a moment in which none is whole.
// FORMAT §5.6. The backup is written first: a crash between the two leaves the new header in it and the old one beside.

import { open, readFile, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { VaultError, fromErrno } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { decodeHeader, type EncodedHeader, type VaultHeader } from '../format/vault-header.js'
import type { KeyPage } from './key-page.js'
import { hasOurMac, sealHeader } from './vault-keys.js'

export const headerName = 'header'
export const backupName = 'header.backup'

export interface FoundHeaders {
  /** Those that decode, the newest first: at least one. */
  readonly copies: readonly EncodedHeader[]
  /** Names of the files that are missing or damaged, for a warning and for `repair`. */
  readonly damaged: readonly string[]
}

/** Throws 'not-a-vault' when there is neither file, else what the better one says. */
export async function readHeaders(directory: string): Promise<FoundHeaders> {
  const found: { readonly encoded: EncodedHeader; readonly order: number }[] = []
  const damaged: string[] = []
  let reason: unknown
  for (const [order, name] of [headerName, backupName].entries()) {
    try {
      found.push({ encoded: decodeHeader(await readSmall(join(directory, name)), join(directory, name)), order })
    } catch (error) {
      // An error of the disk must not look like a damaged copy, or a repair would write over a good one.
      if (!(error instanceof VaultError) || !['corrupt', 'not-a-vault', 'format-unknown', 'not-found'].includes(error.code)) throw error
      damaged.push(name)
      if (reason === undefined || isNotFound(reason)) reason = error
    }
  }
  if (found.length === 0) throw notAVault(directory, reason)
  found.sort((a, b) => b.encoded.header.generation - a.encoded.header.generation || a.order - b.order)
  return { copies: found.map(({ encoded }) => encoded), damaged }
}

/** The first write of a new vault: neither file may exist. */
export async function createHeaders(directory: string, headerBytes: Uint8Array): Promise<void> {
  for (const name of [backupName, headerName]) await writeDurably(join(directory, name), headerBytes, { mustBeNew: true })
}

/**
 * Replaces both copies. `page` holds the master of the header on the disk; `nextPage` that of the new one, when they
 * differ. Refuses ('read-only') when what lies there was not made with our keys.
 */
export async function replaceHeaders(directory: string, header: VaultHeader, page: KeyPage, nextPage: KeyPage = page): Promise<void> {
  const { copies } = await readHeaders(directory)
  const newest = copies[0]
  const path = join(directory, headerName)
  // An older copy beside it may be of a former master: a crash between the two writes leaves that behind.
  if (newest === undefined || !hasOurMac(newest, page)) {
    throw new VaultError('read-only', `${path} was changed by somebody without the vault's keys`, { subject: path, next: 'Restore it from a copy that you trust.' })
  }
  if (newest.header.generation >= header.generation) {
    throw new VaultError('busy', `${path} was changed meanwhile`, { subject: path, next: 'Try again.' })
  }
  const bytes = sealHeader(header, nextPage)
  for (const name of [backupName, headerName]) await writeDurably(join(directory, name), bytes)
}

/** Writes a small file so that after a crash either the old or the new one is there, whole and durable. */
export async function writeDurably(path: string, bytes: Uint8Array, options: { readonly mustBeNew?: boolean } = {}): Promise<void> {
  const temporary = `${path}.new`
  try {
    if (options.mustBeNew === true) await refuseExisting(path)
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    const directory = await open(dirname(path), 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch (error) {
    await unlink(temporary).catch(() => undefined)
    throw fromErrno(error, path)
  }
}

async function readSmall(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path)
    if (bytes.byteLength > limits.headerBytesMax) throw new VaultError('corrupt', `${path} is too large for a header`, { subject: path })
    return bytes
  } catch (error) {
    throw fromErrno(error, path)
  }
}

async function refuseExisting(path: string): Promise<void> {
  const existing = await open(path, 'r').catch((error: unknown) => {
    const known = fromErrno(error, path)
    if (known.code === 'not-found') return undefined
    throw known
  })
  await existing?.close()
  if (existing !== undefined) throw new VaultError('exists', `${path} exists already`, { subject: path, next: 'Choose another --store.' })
}

function isNotFound(error: unknown): boolean {
  return error instanceof VaultError && error.code === 'not-found'
}

function notAVault(directory: string, reason: unknown): unknown {
  if (!isNotFound(reason)) return reason
  return new VaultError('not-a-vault', `${directory} holds no vault`, {
    subject: directory, next: 'Check the --store path, or create a vault with "vaultfs init".', cause: reason,
  })
}
