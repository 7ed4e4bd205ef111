// The way back in when everything else is lost: 256 bits as 24 checked words on paper. FORMAT §5.4. From them come the
// key of the recovery slot, the owner's signing key and the recovery TLS key, so the paper is the vault's ownership.

import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { deriveKey, signKeyPair, wipe, type KeyPair } from '../../native-deps/sodium.js'
import { hex, type VaultId } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'

export const kitEntropyBytes = 32
export const kitWordCount = 24
const kitContext = 'vfs-kit1'

export function kitWords(entropy: Uint8Array): readonly string[] {
  return entropyToMnemonic(new Uint8Array(entropy), wordlist).split(' ')
}

/**
 * From what was typed or read from a file: any case, numbers ("7." or "7") and line breaks between the words are ignored.
 * Throws 'invalid' naming the position, never the words.
 */
export function kitEntropy(text: string): Uint8Array<ArrayBuffer> {
  const words = text.normalize('NFKD').toLowerCase().split(/[^a-z]+/).filter((word) => word !== '')
  const known = new Set(wordlist)
  if (words.length !== kitWordCount) throw invalid(`has ${words.length} words instead of ${kitWordCount}`)
  const wrong = words.findIndex((word) => !known.has(word))
  if (wrong >= 0) throw invalid(`has a word that is in no kit at place ${wrong + 1}`)
  try {
    return new Uint8Array(mnemonicToEntropy(words.join(' '), wordlist))
  } catch {
    // The library's message may quote the words, so it is not kept as the cause.
    throw invalid('does not check: one word is wrong, or two are swapped')
  }
}

/** The secret of the recovery slot. */
export function kitSlotSecret(entropy: Uint8Array): Uint8Array<ArrayBuffer> {
  return derived(entropy, 1)
}

/** The owner's Ed25519 keys; the secret is the caller's to wipe. */
export function ownerKeyPair(entropy: Uint8Array): KeyPair {
  return pairOf(entropy, 2)
}

/** The key that nodes list as the recovery device. */
export function recoveryTlsKeyPair(entropy: Uint8Array): KeyPair {
  return pairOf(entropy, 3)
}

/** Two different places, 1 to 24, of which to ask the words back before the kit counts as confirmed. */
export function placesToAsk(entropy: Entropy): readonly [number, number] {
  const draw = (): number => {
    for (;;) {
      // 240 is the largest multiple of 24 in a byte; above it the low places would come more often.
      const byte = entropy.bytes(1)[0] ?? 255
      if (byte < 240) return (byte % kitWordCount) + 1
    }
  }
  const first = draw()
  let second = draw()
  while (second === first) second = draw()
  return first < second ? [first, second] : [second, first]
}

export interface PrintedKit {
  readonly entropy: Uint8Array
  readonly vaultId: VaultId
  readonly created: string
  readonly name: string
  /** Addresses of the nodes that are known by now. */
  readonly nodes: readonly string[]
}

/** What is printed: plain text, one page. */
export function kitText(kit: PrintedKit): string {
  const words = kitWords(kit.entropy)
  const rows = Array.from({ length: 6 }, (_, row) =>
    Array.from({ length: 4 }, (_unused, column) => {
      const place = column * 6 + row
      return `${String(place + 1).padStart(2)}. ${(words[place] ?? '').padEnd(10)}`
    }).join('').trimEnd())
  return [
    'VaultFS recovery kit',
    '',
    `Vault    ${kit.name}`,
    `Id       ${hex(kit.vaultId)}`,
    `Created  ${kit.created}`,
    '',
    ...rows.map((row) => `  ${row}`),
    '',
    'These 24 words open the vault without the passphrase and prove that it is yours.',
    'Whoever has them has the vault: keep them on paper, away from the computer.',
    'They do not help when every copy of the vault\'s header is gone: keep a backup of',
    'the file "header" of the store (it is useless without the words or a passphrase).',
    'A node that keeps the vault has a copy too: with the words and one node\'s address',
    'the vault comes back on a new machine: vaultfs recover --store DIR --node ADDRESS',
    'Addresses of nodes (add what "vaultfs peer add" prints):',
    '',
    ...(kit.nodes.length === 0 ? ['  ________________________________________'] : kit.nodes.map((node) => `  ${node}`)),
    '',
  ].join('\n')
}

function derived(entropy: Uint8Array, id: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(32)
  deriveKey(out, id, kitContext, entropy)
  return out
}

function pairOf(entropy: Uint8Array, id: number): KeyPair {
  const seed = derived(entropy, id)
  const pair = signKeyPair(seed)
  wipe(seed)
  return pair
}

function invalid(what: string): VaultError {
  return new VaultError('invalid', `the recovery kit ${what}`, { subject: 'recovery kit', next: 'Compare it with the paper, word by word.' })
}
