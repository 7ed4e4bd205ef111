// The file `revocations` of a store: the owner's word that a device counts no more, kept because only the kit can sign it
// and nodes are reached later. Public, and signed by the owner: whoever uses it verifies it. PROTOCOL §7, FORMAT §6.5.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { concatBytes, equalBytes } from '../terms/bytes.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { writeDurably } from './header-store.js'

export const revocationsName = 'revocations'
/** u8 ‖ VaultId ‖ DeviceId ‖ u64 ‖ u64 ‖ signature. */
const recordBytes = 1 + 32 + 16 + 8 + 8 + 64

/** Records, not verified. */
export async function readRevocations(store: string): Promise<readonly Uint8Array[]> {
  const path = join(store, revocationsName)
  try {
    const bytes = new Uint8Array(await readFile(path))
    const count = bytes.byteLength / recordBytes
    if (Number.isInteger(count) && count <= limits.dependenciesMax) return Array.from({ length: count }, (_, index) => bytes.slice(index * recordBytes, (index + 1) * recordBytes))
  } catch (error) {
    const known = fromErrno(error, path)
    if (known.code === 'not-found') return []
    throw known
  }
  throw new VaultError('corrupt', `${path} is damaged`, { subject: path, next: "remove it, and run 'vaultfs device revoke' again" })
}

/** Durable when it resolves. */
export async function addRevocation(store: string, record: Uint8Array): Promise<void> {
  const before = await readRevocations(store)
  if (before.some((one) => equalBytes(one, record))) return
  await writeDurably(join(store, revocationsName), concatBytes(...before, record))
}
