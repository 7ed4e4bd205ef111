// Where a passphrase, a recovery kit or a node's invitation comes from: a terminal, a file, or a descriptor; never the command line or the
// environment, which other processes can read. What is read is the caller's to wipe.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import { limits } from '../lib/terms/limits.js'
import type { Terminal } from './terminal.js'

export interface SecretOptions {
  readonly passphraseFile?: string | undefined
  readonly passphraseFd?: number | undefined
  readonly recoveryFile?: string | undefined
}

export type Unlock =
  | { readonly kind: 'passphrase'; readonly passphrase: Uint8Array }
  | { readonly kind: 'recovery'; readonly words: string }
/** The second: of a daemon that goes on for one that died. */
export type DaemonUnlock = Unlock | { readonly kind: 'master'; readonly master: Uint8Array }

export const passphraseOptions = '--passphrase-file FILE or --passphrase-fd N'

/** What opens an existing vault. */
export async function readUnlock(options: SecretOptions, terminal: Terminal, prompt: string): Promise<Unlock> {
  if (options.recoveryFile !== undefined) return { kind: 'recovery', words: readWords(options.recoveryFile) }
  const given = givenPassphrase(options)
  return { kind: 'passphrase', passphrase: given ?? (await terminal.secret(prompt, passphraseOptions)) }
}

/** A passphrase for something new: asked for twice at a terminal. */
export async function readNewPassphrase(options: SecretOptions, terminal: Terminal, prompt: string, instead: string): Promise<Uint8Array> {
  const given = givenPassphrase(options)
  if (given !== undefined) return given
  const first = await terminal.secret(prompt, instead)
  if (first.length === 0) throw new VaultError('usage', 'an empty passphrase protects nothing', { next: 'choose one of several words' })
  const second = await terminal.secret('The same again: ', instead)
  const same = Buffer.compare(first, second) === 0
  second.fill(0)
  if (!same) throw new VaultError('usage', 'the two passphrases differ; nothing was changed', { next: 'begin again' })
  return first
}

/** What `vaultfs node invite` printed: on the command line, where others may see it, only for who wants that. */
export async function readInvitation(given: { readonly code: string | undefined; readonly codeFile: string | undefined }, terminal: Terminal): Promise<string> {
  // Of a lonely dash yargs makes nothing.
  const isDash = given.code === '-' || given.code === ''
  if (given.code !== undefined && !isDash) return given.code
  const bytes = given.codeFile !== undefined ? readSecretFile(given.codeFile)
    : isDash && !terminal.present ? await terminal.piped()
      : await terminal.secret('The code of the invitation (it is not shown): ', '--code-file FILE, or - for standard input')
  const text = Buffer.from(bytes).toString('utf8')
  bytes.fill(0)
  return text
}

/** Says early that no terminal will be there to ask. */
export function requireSource(options: SecretOptions, terminal: Terminal): void {
  const given = options.passphraseFile ?? options.passphraseFd ?? options.recoveryFile
  if (given === undefined) terminal.require(passphraseOptions)
}

function givenPassphrase(options: SecretOptions): Uint8Array | undefined {
  if (options.passphraseFile !== undefined) return readSecretFile(options.passphraseFile)
  if (options.passphraseFd !== undefined) return readDescriptor(options.passphraseFd, `descriptor ${options.passphraseFd}`)
  return undefined
}

/** The 24 words in order: as a line of them, or as they stand on the printed kit, where their numbers run down columns. */
function readWords(path: string): string {
  const bytes = readSecretFile(path)
  const text = Buffer.from(bytes).toString('utf8')
  bytes.fill(0)
  const numbered = new Map([...text.matchAll(/\b(\d{1,2})[.):]\s+([a-z]+)\b/gi)].map(([, number = '', word = '']) => [Number(number), word]))
  const inOrder = Array.from({ length: 24 }, (_, at) => numbered.get(at + 1))
  return (inOrder.every((word) => word !== undefined) ? inOrder : text.trim().split(/\s+/)).join(' ')
}

function readSecretFile(path: string): Uint8Array {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    const { code } = fromErrno(error, path)
    throw new VaultError(code, `cannot read ${path}`, { subject: path, next: 'give a file that holds the secret', cause: error })
  }
  try {
    if (fstatSync(fd).isDirectory()) throw new VaultError('is-a-directory', `${path} is a folder`, { subject: path, next: 'give a file' })
    return readDescriptor(fd, path)
  } finally {
    closeSync(fd)
  }
}

function readDescriptor(fd: number, subject: string): Uint8Array {
  const bytes = new Uint8Array(limits.secretBytesMax + 1)
  let length = 0
  try {
    for (let got = -1; got !== 0 && length < bytes.length; length += got) got = readSync(fd, bytes, length, bytes.length - length, null)
  } catch (error) {
    const { code } = fromErrno(error, subject)
    throw new VaultError(code, `cannot read ${subject}`, { subject, next: 'open it before you start vaultfs', cause: error })
  }
  if (length > limits.secretBytesMax) throw new VaultError('too-large', `${subject} holds more than ${limits.secretBytesMax} bytes`, { subject, next: 'that is no secret of a vault: give another file' })
  // One newline at the end is the editor's, not the user's (SECURITY).
  const end = length > 0 && bytes[length - 1] === 0x0a ? length - 1 : length
  const secret = bytes.slice(0, end)
  bytes.fill(0)
  if (secret.length === 0) throw new VaultError('usage', `${subject} is empty`, { subject, next: 'an empty passphrase protects nothing' })
  return secret
}
