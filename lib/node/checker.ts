// Hashes and signatures of what clients send, on a thread of its own: 32 MiB of them would let everybody else wait. Bodies
// lie in shared memory and are not copied on their way.
import { blake2b } from '../../native-deps/sodium.js'
import { blobIdOf } from '../crypto/blob-id.js'
import { verifyTagged } from '../crypto/signature.js'
import { decodeEntry, entryBytesMin, entryHash, entryLengthAt } from '../format/manifest-entry.js'
import { equalBytes, hex, type DeviceId, type ManifestHash, type VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import type { SealedBlob } from '../wire/blob-frames.js'
import { nodeLimits } from './node-limits.js'

export interface CheckedEntry {
  readonly sequence: number
  readonly previous: ManifestHash
  readonly hash: ManifestHash
  /** Where it lies in the body. */
  readonly offset: number
  readonly length: number
}

export interface ChainIdentity {
  readonly vaultId: VaultId
  readonly deviceId: DeviceId
  readonly signPublicKey: Uint8Array
}

export interface CheckerCalls {
  /** Throws 'corrupt' for the first blob that is not what its name says. */
  blobs(blobs: readonly SealedBlob[]): Promise<void>
  /** Entries that follow one another, signed. Throws 'corrupt', 'chain-broken', 'format-unknown' or 'invalid'. */
  entries(body: Uint8Array, identity: ChainIdentity): Promise<readonly CheckedEntry[]>
  /** BLAKE2b of the blob, keyed with the nonce. */
  challenge(nonce: Uint8Array, blob: Uint8Array): Uint8Array
  close(): void
}

export const checker: CheckerCalls = {
  blobs: async (blobs) => {
    let atOnce = 0
    for (const { blobId, sealed } of blobs) {
      atOnce += sealed.byteLength
      if (atOnce > nodeLimits.checkedBytesAtOnce) {
        await othersTurn()
        atOnce = 0
      }
      if (!equalBytes(blobIdOf(sealed), blobId)) throw new VaultError('corrupt', `blob ${hex(blobId)}: what came hashes to another name`, { subject: hex(blobId), next: 'send it again' })
    }
  },
  entries: async (body, identity) => {
    // Memory that nobody else writes to while it is verified.
    const bytes = body.slice()
    const entries: CheckedEntry[] = []
    for (let offset = 0; offset < bytes.byteLength;) {
      const length = entryLengthAt(bytes.subarray(offset))
      if (length === undefined || offset + length > bytes.byteLength) throw new VaultError('invalid', `no whole entry at byte ${offset}`)
      // What verifying costs counts by entries, what a vault may write in a day by bytes.
      if (length < entryBytesMin) throw new VaultError('invalid', `an entry of ${length} bytes: none has fewer than ${entryBytesMin}`)
      if (entries.length === nodeLimits.entriesPerAppendMax) throw new VaultError('invalid', `more than ${nodeLimits.entriesPerAppendMax} entries at once`)
      entries.push(checkedEntry(bytes.subarray(offset, offset + length), offset, identity, entries.at(-1)))
      offset += length
      if (entries.length % nodeLimits.checkedEntriesAtOnce === 0) await othersTurn()
    }
    return entries
  },
  challenge: (nonce, blob) => {
    const out = new Uint8Array(32)
    blake2b(out, blob, nonce)
    return out
  },
  close: () => undefined,
}

/** Nobody's large body makes others wait for all of it. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => { setImmediate(resolve) })
}

function checkedEntry(bytes: Uint8Array, offset: number, { vaultId, deviceId, signPublicKey }: ChainIdentity, before: CheckedEntry | undefined): CheckedEntry {
  const { clear, signed, signature } = decodeEntry(bytes)
  const subject = `${clear.sequence}`
  if (!equalBytes(clear.vaultId, vaultId) || !equalBytes(clear.deviceId, deviceId)) throw new VaultError('corrupt', `entry ${subject} is of another chain`, { subject })
  if (!verifyTagged('entry/v1', signed, { signature: new Uint8Array(signature), publicKey: signPublicKey })) {
    throw new VaultError('corrupt', `entry ${subject} is not signed by its device`, { subject })
  }
  if (before !== undefined && (clear.sequence !== before.sequence + 1 || !equalBytes(clear.previous, before.hash))) {
    throw new VaultError('chain-broken', `entry ${subject} does not follow the one before it`, { subject })
  }
  return { sequence: clear.sequence, previous: clear.previous, hash: entryHash(signed), offset, length: bytes.byteLength }
}

