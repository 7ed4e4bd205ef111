// The nodes that a store knows: what they are called, which keys they have and where they were. FORMAT §6.3. Each store has
// its own list, because each device is let in by itself.
import { VaultError, invariant } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { ByteReader } from './reader.js'
import { ByteWriter } from './writer.js'

export interface KnownPeer {
  /** 8 random bytes: what other files of the store know it by, whatever it is called. */
  readonly peerId: Uint8Array
  /** What the user calls it. */
  readonly name: string
  /** SHA-256 of the SubjectPublicKeyInfo of its TLS key. */
  readonly pin: Uint8Array
  /** Ed25519: signs its lists. */
  readonly signing: Uint8Array
  /** `host:port`, the likeliest first. */
  readonly places: readonly string[]
  readonly addedSec: number
}

export const peerIdBytes = 8
const version = 1
const subject = 'the file "peers"'

/** Names are different, and so are ids. */
export function encodePeerList(peers: readonly KnownPeer[]): Uint8Array<ArrayBuffer> {
  invariant(peers.length <= limits.peersMax, 'no more nodes than a list holds')
  const writer = new ByteWriter(1024).u8(version).varint(peers.length)
  for (const { peerId, name, pin, signing, places, addedSec } of peers) {
    invariant(peerId.byteLength === peerIdBytes && pin.byteLength === 32 && signing.byteLength === 32 && places.length <= limits.peerPlacesMax, 'a node that fits')
    writer.bytes(peerId).lengthPrefixed(Buffer.from(name, 'utf8')).bytes(pin).bytes(signing).u64(addedSec).u8(places.length)
    for (const place of places) writer.lengthPrefixed(Buffer.from(place, 'utf8'))
  }
  return writer.take()
}

export function decodePeerList(bytes: Uint8Array): readonly KnownPeer[] {
  const reader = new ByteReader(bytes, subject)
  const found = reader.u8()
  if (found !== version) throw new VaultError('format-unknown', `${subject} was written by a newer VaultFS (version ${found})`, { next: 'Update VaultFS and try again.' })
  const count = reader.varint()
  if (count > limits.peersMax) throw reader.corrupt(`${count} nodes`)
  const peers = Array.from({ length: count }, () => readPeer(reader))
  reader.end()
  if (new Set(peers.map(({ name }) => name)).size !== count) throw reader.corrupt('two nodes of one name')
  if (new Set(peers.map(({ peerId }) => Buffer.from(peerId).toString('hex'))).size !== count) throw reader.corrupt('two nodes of one id')
  return peers
}

function readPeer(reader: ByteReader): KnownPeer {
  const head = {
    peerId: reader.copy(peerIdBytes), name: reader.text(limits.peerNameBytesMax), pin: reader.copy(32), signing: reader.copy(32), addedSec: reader.u64(),
  }
  const count = reader.u8()
  if (count > limits.peerPlacesMax) throw reader.corrupt(`${count} addresses`)
  return { ...head, places: Array.from({ length: count }, () => reader.text(limits.peerPlaceBytesMax)) }
}
