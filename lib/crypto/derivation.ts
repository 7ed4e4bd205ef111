// Which key comes from which: the one place that derives. FORMAT §2.
// Three roots: the master key (in the slots), the id root (lives as long as the vault's ids) and one key an epoch.

import { blake2b, deriveKey } from '../../native-deps/sodium.js'
import type { KeyPage } from './key-page.js'

/** Context of crypto_kdf, eight characters. */
const masterContext = 'vfs-mstr'
const idContext = 'vfs-ids1'
const epochContext = 'vfs-epoc'

/** Sub-keys of the master key: replaced together when the master is. */
const masterKeys = { 'header-mac': 1, local: 2, wrap: 3, catalog: 4, log: 5, history: 6 } as const
/** Sub-keys of the id root: equal plaintext has equal ids for as long as it is not replaced. */
const idKeys = { id: 1, 'page-id': 2, chunker: 3 } as const
const epochKeys = { data: 1, siv: 2, manifest: 3 } as const

type MasterKeyName = keyof typeof masterKeys

/** The key under which the header's MAC is made, before there is a page to put it in. */
export function deriveFromMaster(master: Uint8Array, name: MasterKeyName): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(32)
  deriveKey(out, masterKeys[name], masterContext, master)
  return out
}

/** Fills the page from the roots; the roots stay the caller's to wipe. */
export function installMaster(page: KeyPage, master: Uint8Array): void {
  page.set('master', master)
  for (const name of ['header-mac', 'local', 'wrap', 'catalog', 'log', 'history'] as const) {
    deriveKey(page.key(name), masterKeys[name], masterContext, master)
  }
}

export function installIdRoot(page: KeyPage, idRoot: Uint8Array): void {
  for (const name of ['id', 'page-id', 'chunker'] as const) deriveKey(page.key(name), idKeys[name], idContext, idRoot)
}

export function installEpoch(page: KeyPage, epoch: number, epochKey: Uint8Array): void {
  page.addEpoch(epoch, (name, out) => { deriveKey(out, epochKeys[name], epochContext, epochKey) })
}

const chunkLabel = Buffer.from('chunk/v1\0', 'latin1')
const blobLabel = Buffer.from('blob/v1\0', 'latin1')
const chunkInput = new Uint8Array(chunkLabel.byteLength + 32)
chunkInput.set(chunkLabel)

/** FORMAT §4.5: the key of one chunk in one epoch; whoever has it opens this chunk and nothing else. */
export function chunkKeyInto(out: Uint8Array, dataKey: Uint8Array, chunkId: Uint8Array): void {
  chunkInput.set(chunkId, chunkLabel.byteLength)
  blake2b(out, chunkInput, dataKey)
}

/** FORMAT §4.5: the key of one blob. `form` and the length are secret, so they are bound here and not in the header. */
export function blobKeyInto(
  out: Uint8Array, chunkKey: Uint8Array, bound: { readonly form: number; readonly plainLength: number; readonly header: Uint8Array },
): void {
  const input = new Uint8Array(blobLabel.byteLength + 5 + bound.header.byteLength)
  input.set(blobLabel)
  const view = new DataView(input.buffer)
  view.setUint8(blobLabel.byteLength, bound.form)
  view.setUint32(blobLabel.byteLength + 1, bound.plainLength)
  input.set(bound.header, blobLabel.byteLength + 5)
  blake2b(out, input, chunkKey)
}
