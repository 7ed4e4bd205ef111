// From what a person typed to 32 secret bytes. FORMAT §5.3. The easy mistakes: a passphrase typed on another keyboard
// must be the same bytes (NFC), and one from a file ends in a newline that nobody means.

import { passwordHash, wipe } from '../../native-deps/sodium.js'
import { VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { PassphraseParameters } from '../format/key-slot.js'

export interface KdfCost {
  readonly memoryBytes: number
  readonly passes: number
}

const mebibyte = 1024 * 1024
/** What new slots get: about 0.7 s and 256 MiB here. */
export const kdfDefault: KdfCost = { memoryBytes: 256 * mebibyte, passes: 3 }
/** What readers accept: less is no protection, more would let a forged header hang the machine. */
export const kdfBounds = { memoryBytesMin: 64 * mebibyte, memoryBytesMax: 4096 * mebibyte, passesMin: 1, passesMax: 10 } as const

/** UTF-8 in NFC, without one trailing line end. `input` as typed or read from a file; it stays the caller's to wipe. */
export function normalisePassphrase(input: Uint8Array): Uint8Array<ArrayBuffer> {
  if (input.byteLength > limits.passphraseBytesMax) throw invalid(`is longer than ${limits.passphraseBytesMax} bytes`)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(input)
  } catch {
    throw invalid('is not UTF-8 text')
  }
  const bytes = new Uint8Array(Buffer.from(text.replace(/\r?\n$/, '').normalize('NFC'), 'utf8'))
  if (bytes.byteLength === 0) throw invalid('is empty')
  return bytes
}

/** Argon2id off the main thread. Throws 'corrupt' for a cost that no VaultFS writes, 'out-of-memory' when it can't be had. */
export async function passphraseSecret(input: Uint8Array, parameters: PassphraseParameters): Promise<Uint8Array<ArrayBuffer>> {
  const { memoryBytes, passes, salt } = parameters
  if (
    memoryBytes < kdfBounds.memoryBytesMin || memoryBytes > kdfBounds.memoryBytesMax ||
    passes < kdfBounds.passesMin || passes > kdfBounds.passesMax
  ) {
    throw new VaultError('corrupt', `the passphrase slot asks for ${memoryBytes / mebibyte} MiB and ${passes} passes, which no VaultFS writes`, {
      subject: 'vault header', next: 'Restore the header from a copy.',
    })
  }
  const passphrase = normalisePassphrase(input)
  try {
    return await passwordHash(passphrase, salt, { memoryBytes, passes, outBytes: 32 })
  } catch (cause) {
    throw new VaultError('out-of-memory', `the passphrase needs ${memoryBytes / mebibyte} MiB of memory for a second, and the system gave none`, {
      next: 'Close some programs and try again.', cause,
    })
  } finally {
    wipe(passphrase)
  }
}

function invalid(what: string): VaultError {
  return new VaultError('invalid', `the passphrase ${what}`, { subject: 'passphrase', next: 'Use one line of text.' })
}
