// What a node answered, looked at before anybody gets it. A node that says what can't be is told of as one that lies: the
// words 'corrupt' and its name.
import { sha256 } from '../../native-deps/sodium.js'
import type { PeerHealth } from '../store/peer-port.js'
import { equalBytes, hex, type BlobId, type Sealed } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { decodeFrames, type SealedBlob } from '../wire/blob-frames.js'

export function lie(peer: string, what: string, subject: string = peer): VaultError {
  return new VaultError('corrupt', `node ${peer}: ${what}`, { subject, next: 'do not trust this node: it, or something between, changes what it says' })
}

/** The blobs in the order asked, views of `body`, at least one, perhaps not all; undefined: not there. Each hashes to its id, unless the caller compares. */
export function framesAsked(body: Uint8Array, asked: readonly BlobId[], peer: string, compared?: 'by-caller'): readonly (Sealed | undefined)[] {
  const frames = decoded(body, asked.length, peer)
  if (frames.length === 0) throw lie(peer, 'it answered nothing where blobs were asked for')
  return frames.map(({ blobId, sealed }, index) => {
    const wanted = asked[index]
    if (wanted === undefined || !equalBytes(blobId, wanted)) throw lie(peer, 'it answered other blobs than those asked for')
    if (sealed.byteLength === 0) return undefined
    if (compared === undefined && !equalBytes(sha256(sealed), wanted)) throw lie(peer, `what it gave as blob ${hex(wanted)} is something else`, hex(wanted))
    return sealed
  })
}

function decoded(body: Uint8Array, blobsMax: number, peer: string): readonly SealedBlob[] {
  try {
    return decodeFrames(body, blobsMax)
  } catch (error) {
    throw error instanceof VaultError ? lie(peer, 'it answered something else than blobs') : error
  }
}

const versionLengthMax = 100

/** Fields that we do not know are a newer node's. */
export function healthFrom(body: Uint8Array, peer: string): PeerHealth {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    value = undefined
  }
  const { version, blobs, bytes, quota, time, signing } = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>
  if (typeof version !== 'string' || !isCount(blobs) || !isCount(bytes) || !(quota === null || isCount(quota)) || !isCount(time) || !isKey(signing)) {
    throw lie(peer, 'what it says of its health is not what the protocol says')
  }
  return { version: version.replace(/[^\x20-\x7e]/g, '?').slice(0, versionLengthMax), blobs, bytes, quota, time, signing: new Uint8Array(Buffer.from(signing, 'hex')) }
}

function isKey(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
