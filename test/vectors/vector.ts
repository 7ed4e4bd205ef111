// A test vector: one scenario a file, for any reader of the format. Everything is hexadecimal but texts.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installEpoch, installIdRoot, installMaster } from '../../lib/crypto/derivation.js'
import { KeyPage } from '../../lib/crypto/key-page.js'

export type Expectation = 'ok' | 'corrupt' | 'format-unknown' | 'wrong-passphrase' | 'not-a-vault'

export interface RootKeys {
  readonly master: string
  readonly idRoot: string
  /** By epoch, from 1. */
  readonly epochs: readonly string[]
}

interface Common {
  /** Where the format says so. */
  readonly section: string
  readonly says: string
  readonly expect: Expectation
}

export type Vector =
  | (Common & { readonly kind: 'keys'; readonly roots: RootKeys; readonly derived: Readonly<Record<string, string>> })
  | (Common & {
    readonly kind: 'blob'; readonly roots: RootKeys; readonly reference: string
    /** Left out when it is large and raw: then a writer makes it from `plain`, and its BlobId is in the reference. */
    readonly sealed?: string
    readonly plain: Plain
  })
  | (Common & {
    readonly kind: 'header'; readonly header: string; readonly passphrase?: string; readonly words?: string
    /** Whether the MAC is the owner's; `master` is what the slot gives. */
    readonly trusted?: boolean; readonly master?: string
  })
  | (Common & { readonly kind: 'device'; readonly roots: RootKeys; readonly file: string; readonly vaultId: string; readonly ownerPublicKey: string })
  | (Common & {
    readonly kind: 'peers'; readonly roots: RootKeys; readonly file: string; readonly vaultId: string
    readonly peers?: readonly { readonly peerId: string; readonly name: string; readonly pin: string; readonly signing: string; readonly places: readonly string[]; readonly addedSec: number }[]
  })
  | (Common & { readonly kind: 'recovery'; readonly record: string; readonly words: string; readonly vaultId: string; readonly ownerPublicKey: string; readonly tlsPublicKey: string })
  | (Common & {
    readonly kind: 'entry'; readonly roots: RootKeys; readonly entry: string; readonly signPublicKey: string
    readonly hash?: string; readonly lamport?: number; readonly operations?: readonly string[]
  })

/** Bytes that need no listing: `step` times the index, modulo 251; or text lines that compress. */
export type Plain = { readonly length: number; readonly step: number } | { readonly lines: number }

export function plainOf(plain: Plain): Uint8Array {
  if ('step' in plain) return Uint8Array.from({ length: plain.length }, (_, index) => (index * plain.step) % 251)
  return new Uint8Array(Buffer.from(Array.from({ length: plain.lines }, (_, line) => `${line * 7919 % 1009}: the quick brown fox\n`).join('')))
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'hex'))
}

export function pageOf(roots: RootKeys): KeyPage {
  const page = KeyPage.create()
  installMaster(page, bytesOf(roots.master))
  installIdRoot(page, bytesOf(roots.idRoot))
  for (const [index, key] of roots.epochs.entries()) installEpoch(page, index + 1, bytesOf(key))
  return page
}

/** The folder with the vectors, wherever the compiled code lies. */
export function vectorsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return join(folder, 'test', 'vectors')
}
