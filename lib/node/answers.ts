// What a handler is asked and what it answers, without HTTP: dispatcher.ts has that.
import type { DeviceId, VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import type { KnownPrincipal } from './access.js'
import type { HeldVault } from './held-vaults.js'

export interface Asked {
  readonly principal: KnownPrincipal
  readonly vault: HeldVault
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** A header of the request. */
  header(name: string): string | undefined
  /** Bytes that the body will have, at most; known before it is read. */
  readonly bodyLength: number
  /** Reads it. Its memory is used again when the answer has been sent. */
  body(): Promise<Uint8Array>
  /** Called when the answer has been sent, or never will be. */
  whenAnswered(release: () => void): void
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** In pieces when it may be long; nothing for a status without a body. */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array>
}

export type Handler = (asked: Asked) => Promise<Answer>

export function hexParameter(asked: Asked, name: string, bytes: number): Uint8Array {
  const text = asked.parameters[name] ?? ''
  if (text.length !== 2 * bytes || !/^[0-9a-f]*$/.test(text)) throw new VaultError('invalid', `${name}: ${2 * bytes} lower-case hexadecimal digits were expected`)
  return new Uint8Array(Buffer.from(text, 'hex'))
}

/** A whole number of the query, `otherwise` when it is not there. Throws 'invalid'. */
export function numberOf(asked: Asked, name: string, otherwise: number, max: number): number {
  const text = asked.query.get(name)
  if (text === null) return otherwise
  const value = Number(text)
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) throw new VaultError('invalid', `${name}: a whole number was expected`)
  return Math.min(value, max)
}

/** Only of a route that devices alone may ask. */
export function deviceOf({ principal }: Asked): { readonly vaultId: VaultId; readonly deviceId: DeviceId; readonly signPublicKey: Uint8Array } {
  if (principal.kind !== 'device') throw new VaultError('not-permitted', 'only a device may do that')
  return principal
}
