// The code that `vaultfs node invite` prints and `vaultfs peer add` takes, and the proof that both know its secret.
// PROTOCOL §10. The secret is 128 random bits that are used once, so a keyed hash over the connection is enough.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { sha256 } from '../../native-deps/sodium.js'
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import { concatBytes, equalBytes, hex } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { pinBytes, splitPlace } from './pin.js'

export interface Invitation {
  /** Seconds since 1970, by the node's clock. */
  readonly expirySec: number
  /** 16 bytes. */
  readonly secret: Uint8Array
  readonly pin: Uint8Array
  /** `host:port`, where the node may be reached. */
  readonly places: readonly string[]
}

const prefix = 'vfsn1_'
const version = 1
const checkBytes = 4
const placesMax = 8
const placeBytesMax = 255
export const invitationSecretBytes = 16
export const exporterLabel = 'EXPORTER-vaultfs-pair'
export const exporterBytes = 32

export function encodeInvitation({ expirySec, secret, pin, places }: Invitation): string {
  const writer = new ByteWriter(256).u8(version).u32(expirySec).bytes(secret).bytes(pin).u8(places.length)
  for (const place of places) writer.lengthPrefixed(Buffer.from(place, 'utf8'))
  const bytes = writer.take()
  return prefix + Buffer.from(concatBytes(bytes, sha256(bytes).subarray(0, checkBytes))).toString('base64url')
}

/** From what was typed or pasted. Throws 'usage', and never quotes the code. */
export function decodeInvitation(text: string): Invitation {
  const code = text.replace(/\s+/g, '')
  const bytes = new Uint8Array(Buffer.from(code.startsWith(prefix) ? code.slice(prefix.length) : '', 'base64url'))
  const end = bytes.byteLength - checkBytes
  if (end <= 0 || !equalBytes(sha256(bytes.subarray(0, end)).subarray(0, checkBytes), bytes.subarray(end))) throw notWhole()
  const reader = new ByteReader(bytes.subarray(0, end), 'invitation')
  if (reader.u8() !== version) throw new VaultError('format-unknown', 'the invitation was made by a newer VaultFS', { next: 'Update VaultFS and try again.' })
  const [expirySec, secret, pin] = [reader.u32(), reader.copy(invitationSecretBytes), reader.copy(pinBytes)]
  const count = reader.u8()
  if (count > placesMax) throw reader.corrupt(`${count} addresses`)
  const places = Array.from({ length: count }, () => reader.text(placeBytesMax))
  reader.end()
  places.forEach(splitPlace)
  return { expirySec, secret, pin, places }
}

/** Its name, which may be sent and stored: the secret can't be had from it. 16 bytes. */
export function invitationId(secret: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(concatBytes(Buffer.from('vaultfs invitation/v1\0', 'latin1'), secret)).slice(0, 16)
}

export interface PairingScene {
  readonly secret: Uint8Array
  /** Of the TLS connection: a proof can't be carried to another one. */
  readonly exporter: Uint8Array
  readonly clientPin: Uint8Array
  readonly nodePin: Uint8Array
}

export function pairingProof(role: 'client' | 'node', { secret, exporter, clientPin, nodePin }: PairingScene): Uint8Array {
  const mac = createHmac('sha256', secret)
  mac.update(`vaultfs pair/v1 ${role}\0`, 'latin1')
  return mac.update(exporter).update(clientPin).update(nodePin).digest()
}

export function isPairingProof(proof: Uint8Array, role: 'client' | 'node', scene: PairingScene): boolean {
  const expected = pairingProof(role, scene)
  return proof.byteLength === expected.byteLength && timingSafeEqual(proof, expected)
}

/** For people and logs. */
export function invitationName(id: Uint8Array): string {
  return hex(id).slice(0, 8)
}

function notWhole(): VaultError {
  return new VaultError('usage', 'that is no invitation, or not all of it', { next: `copy all of what "vaultfs node invite" printed: it begins with ${prefix}` })
}
