// The two bodies of a pairing. PROTOCOL §10.
import { limits } from '../terms/limits.js'
import { VaultError } from '../terms/errors.js'
import type { VaultId } from '../terms/bytes.js'
import { pinBytes } from './pin.js'

export interface PairingRequest {
  readonly invitationId: Uint8Array
  readonly proof: Uint8Array
  readonly vaultId: VaultId
  readonly ownerPublicKey: Uint8Array
  readonly salt: Uint8Array
  /** The device's member record. */
  readonly member: Uint8Array
  readonly recovery: Uint8Array | undefined
  readonly header: Uint8Array | undefined
}

export interface PairingAnswer {
  readonly proof: Uint8Array
  /** The key with which the node signs its lists. */
  readonly signing: Uint8Array
  /** What the node calls itself. */
  readonly name: string
}

export const pairingBytesMax = 256 * 1024
const recoveryBytesMax = 1024

export function encodePairingRequest(request: PairingRequest): string {
  const { vaultId, ownerPublicKey, salt, member, recovery, header } = request
  return JSON.stringify({
    invitation: hexOf(request.invitationId), proof: hexOf(request.proof),
    vault: { id: hexOf(vaultId), owner: hexOf(ownerPublicKey), salt: hexOf(salt) },
    member: base64Of(member), recovery: recovery === undefined ? null : base64Of(recovery), header: header === undefined ? null : base64Of(header),
  })
}

/** Throws 'invalid'. Sizes are checked, nothing else. */
export function decodePairingRequest(text: string): PairingRequest {
  const value = objectFrom(text)
  const vault = typeof value['vault'] === 'object' && value['vault'] !== null ? value['vault'] as Readonly<Record<string, unknown>> : {}
  return {
    invitationId: fromHex(value['invitation'], 16), proof: fromHex(value['proof'], 32),
    vaultId: fromHex(vault['id'], 32) as Uint8Array as VaultId, ownerPublicKey: fromHex(vault['owner'], 32), salt: fromHex(vault['salt'], 32),
    member: fromBase64(value['member'], limits.memberRecordBytesMax),
    recovery: value['recovery'] === null ? undefined : fromBase64(value['recovery'], recoveryBytesMax),
    header: value['header'] === null ? undefined : fromBase64(value['header'], limits.headerBytesMax),
  }
}

export function encodePairingAnswer({ proof, signing, name }: PairingAnswer): string {
  return JSON.stringify({ proof: hexOf(proof), signing: hexOf(signing), name })
}

export function decodePairingAnswer(text: string): PairingAnswer {
  const value = objectFrom(text)
  const name = value['name']
  if (typeof name !== 'string' || name.length > limits.vaultNameLengthMax) throw malformed()
  return { proof: fromHex(value['proof'], 32), signing: fromHex(value['signing'], pinBytes), name }
}

function objectFrom(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed()
  return value as Readonly<Record<string, unknown>>
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function fromHex(value: unknown, length: number): Uint8Array<ArrayBuffer> {
  if (typeof value !== 'string' || value.length !== 2 * length || !/^[0-9a-f]*$/.test(value)) throw malformed()
  return new Uint8Array(Buffer.from(value, 'hex'))
}

function fromBase64(value: unknown, lengthMax: number): Uint8Array<ArrayBuffer> {
  if (typeof value !== 'string' || value.length > Math.ceil(lengthMax / 3) * 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) throw malformed()
  return new Uint8Array(Buffer.from(value, 'base64'))
}

function malformed(): VaultError {
  return new VaultError('invalid', 'a pairing that is not what the protocol says', { next: 'update the older of the two, client or node' })
}
