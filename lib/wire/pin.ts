// Who is at the other end of a connection: the hash of its public key, whatever its certificate says otherwise.
// PROTOCOL §1.
import { sha256 } from '../../native-deps/sodium.js'
import { concatBytes } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'

/** SubjectPublicKeyInfo of an Ed25519 key (RFC 8410) is this, and the key. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
export const pinBytes = 32

/** Of a raw Ed25519 public key. */
export function pinOf(publicKey: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(concatBytes(spkiPrefix, publicKey))
}

/** Of a SubjectPublicKeyInfo in DER, as a certificate has it. */
export function pinOfSpki(der: Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(der)
}

export interface Address {
  /** `host:port`; an IPv6 address in brackets. */
  readonly place: string
  readonly pin: Uint8Array
}

/** `host:port#PIN`, PROTOCOL §11. Throws 'usage'. */
export function decodeAddress(text: string): Address {
  const [, place, pin] = /^([^#]+)#([A-Za-z0-9_-]{43})$/.exec(text.trim()) ?? []
  if (place === undefined || pin === undefined) {
    throw new VaultError('usage', `${text} is no address of a node`, { subject: text, next: 'it looks like host:port#PIN, as "vaultfs peer list" and the paper show it' })
  }
  splitPlace(place)
  return { place, pin: new Uint8Array(Buffer.from(pin, 'base64url')) }
}

export function encodeAddress({ place, pin }: Address): string {
  return `${place}#${Buffer.from(pin).toString('base64url')}`
}

/** Throws 'usage' for what is not host:port. */
export function splitPlace(place: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@#]+)):(\d{1,5})$/.exec(place) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw new VaultError('usage', `${place} is no host:port`, { subject: place, next: 'write host:port, an IPv6 address in brackets' })
  }
  return { host, port }
}
