// What a node may be called: a word for people, in lists and messages. A node's own word for itself is a stranger's.
import { VaultError } from '../lib/terms/errors.js'
import { limits } from '../lib/terms/limits.js'

const allowed = /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M} ._-]*[\p{L}\p{N}\p{M}])?$/u
const nameIfNone = 'node'

interface Named {
  readonly name: string
}

/** Throws 'name-invalid', 'name-too-long' or 'exists'. */
export function checkPeerName(name: string, others: readonly Named[]): void {
  if (Buffer.byteLength(name, 'utf8') > limits.peerNameBytesMax) throw new VaultError('name-too-long', `a name of a node has at most ${limits.peerNameBytesMax} bytes`, { next: 'choose a shorter one' })
  if (!allowed.test(name)) throw new VaultError('name-invalid', `${JSON.stringify(name)} can not be the name of a node`, { next: 'take letters and digits, and between them spaces, dots, dashes and underscores' })
  if (others.some((other) => other.name === name)) throw new VaultError('exists', `a node is called ${name} already`, { subject: name, next: 'give another name (--name NAME)' })
}

/** As like to what it calls itself as may be, and not another's. */
export function freePeerName(said: string, others: readonly Named[]): string {
  const clean = said.replace(/[^\p{L}\p{N}\p{M}._-]+/gu, '-').replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}\p{M}]+$/gu, '')
  let first = clean
  while (Buffer.byteLength(first, 'utf8') > limits.peerNameBytesMax - 4) first = [...first].slice(0, -1).join('')
  if (!allowed.test(first)) first = nameIfNone
  for (let number = 1; ; number++) {
    const name = number === 1 ? first : `${first}-${number}`
    if (!others.some((other) => other.name === name)) return name
  }
}
