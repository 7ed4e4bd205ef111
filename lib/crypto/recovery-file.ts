// The file `recovery` of a store: the owner's word that the kit's TLS key may come in, kept because only the kit can sign
// it and nodes are met later. Public, and signed by the owner: whoever uses it verifies it. PROTOCOL §7, FORMAT §6.4.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fromErrno, VaultError } from '../terms/errors.js'
import { equalBytes } from '../terms/bytes.js'
import { writeDurably } from './header-store.js'

export const recoveryName = 'recovery'
/** u8 ‖ VaultId ‖ key ‖ signature. */
const recordBytes = 1 + 32 + 32 + 64

/** The record, not verified; undefined: there is none yet. */
export async function readRecoveryFile(store: string): Promise<Uint8Array | undefined> {
  const path = join(store, recoveryName)
  try {
    const bytes = await readFile(path)
    if (bytes.byteLength === recordBytes) return new Uint8Array(bytes)
  } catch (error) {
    const known = fromErrno(error, path)
    if (known.code === 'not-found') return undefined
    throw known
  }
  throw new VaultError('corrupt', `${path} is damaged`, { subject: path, next: "remove it, and run 'vaultfs recovery check'" })
}

/** Durable when it resolves; what is there already stays untouched. */
export async function writeRecoveryFile(store: string, record: Uint8Array): Promise<void> {
  const before = await readRecoveryFile(store).catch(() => undefined)
  if (before === undefined || !equalBytes(before, record)) await writeDurably(join(store, recoveryName), record)
}
