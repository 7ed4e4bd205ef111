// The node's two keys: one for TLS, one that signs its lists. Their seeds lie in one file that only the node's user reads.
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { sha256, signKeyPair, wipe } from '../../native-deps/sodium.js'
import { concatBytes, equalBytes } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { pinOf } from '../wire/pin.js'
import { syncFolder } from './disk/vault-folder.js'

export interface NodeKeys {
  /** As libsodium has it: seed ‖ public key. */
  readonly tlsSecretKey: Uint8Array
  readonly tlsPin: Uint8Array
  readonly signSecretKey: Uint8Array
  readonly signPublicKey: Uint8Array
}

const magic = Buffer.from('VFSNODE\x01', 'latin1')

/** Of two seeds of 32 bytes. */
export function nodeKeys(seeds: Uint8Array): NodeKeys {
  const tls = signKeyPair(seeds.subarray(0, 32))
  const sign = signKeyPair(seeds.subarray(32, 64))
  return { tlsSecretKey: tls.secretKey, tlsPin: pinOf(tls.publicKey), signSecretKey: sign.secretKey, signPublicKey: sign.publicKey }
}

/** FORMAT §11. Durable on return; throws 'exists'. */
export function createNodeKeys(path: string, entropy: Entropy): NodeKeys {
  const seeds = entropy.bytes(64)
  const bytes = concatBytes(magic, seeds)
  const whole = concatBytes(bytes, sha256(bytes))
  try {
    const fd = openSync(path, 'wx', 0o600)
    try {
      for (let at = 0; at < whole.byteLength;) at += writeSync(fd, whole, at)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    syncFolder(dirname(path))
    return nodeKeys(seeds)
  } catch (error) {
    throw fromErrno(error, path)
  } finally {
    for (const secret of [seeds, bytes, whole]) wipe(secret)
  }
}

export function readNodeKeys(path: string): NodeKeys {
  let bytes: Uint8Array
  try {
    bytes = new Uint8Array(readFileSync(path))
  } catch (error) {
    throw fromErrno(error, path)
  }
  const end = bytes.byteLength - 32
  const isWhole = end === magic.byteLength + 64 && equalBytes(bytes.subarray(0, magic.byteLength), magic) && equalBytes(sha256(bytes.subarray(0, end)), bytes.subarray(end))
  if (!isWhole) throw new VaultError('corrupt', `${path}: the node's keys are damaged`, { subject: path, next: 'Put the file back from a copy; without it clients do not know this node any more.' })
  const keys = nodeKeys(bytes.subarray(magic.byteLength, end))
  wipe(bytes)
  return keys
}
