// The whole state told in the manifest: its root is the same from whatever store the entries are folded, its pages are
// found again through the one at the top, and a small change makes few new pages.
import t from 'tap'
import { decodeBlobReference, readBlobReference, type BlobReference } from '../../../lib/format/blob-reference.js'
import { decodeEntry } from '../../../lib/format/manifest-entry.js'
import type { Operation } from '../../../lib/format/operations.js'
import { ByteReader } from '../../../lib/format/reader.js'
import { openEntryBody } from '../../../lib/manifest/entry-author.js'
import { ManifestChain } from '../../../lib/manifest/chain.js'
import { openChainFile } from '../../../lib/manifest/chain-file.js'
import type { StateCursor } from '../../../lib/store/history-port.js'
import { hex } from '../../../lib/terms/bytes.js'
import { rootIno } from '../../../lib/tree/entry.js'
import { tellState } from '../../../lib/vault-state.js'
import { join } from 'node:path'
import { rebuildTestStore, removeFolder, request, TestVault, testKeys } from '../../support/open-vault.js'

const noFlags = { fromCache: false, killSuidGid: false, append: false }

async function make(world: TestVault, folder: number, name: string, text: string): Promise<number> {
  const made = await world.operations.create(folder, name, 0o644, 0, 0, request)
  if (typeof made === 'number') throw new Error(`create ${name}: ${String(made)}`)
  await world.operations.write(made.attributes.ino, 0, 0, Buffer.from(text), noFlags)
  return made.attributes.ino
}

async function newestState(world: TestVault): Promise<Extract<Operation, { kind: 'state' }>> {
  const { page, identity: { member } } = await testKeys()
  const directory = join(world.store, 'manifest')
  const file = (kind: string): ReturnType<typeof openChainFile> => openChainFile(join(directory, `${hex(member.deviceId)}.${kind}`), directory)
  const chain = await ManifestChain.open({ ...member, depth: 'full', entries: await file('chain'), mark: await file('mark') })
  const { operations } = openEntryBody(decodeEntry(await chain.read(chain.head.sequence)), page)
  await chain.close()
  const [state] = operations
  if (state?.kind !== 'state') throw new Error('the newest entry tells no state')
  return state
}

/** Ids of the lowest pages, by way of those above. */
async function lowest(world: TestVault, top: BlobReference): Promise<Uint8Array[]> {
  const page = await world.vault.parts.pool.readPage(top)
  if (page[0] === 1) return [top.chunkId]
  const reader = new ByteReader(page.subarray(1), 'state page')
  const found: Uint8Array[] = []
  for (let count = reader.varint(); count > 0; count--) found.push(...await lowest(world, readBlobReference(reader)))
  return found
}

async function rootNow({ vault: { parts: { history, pool } } }: TestVault): Promise<{ root: string; pages: number }> {
  const position = (await history.newest())?.position ?? 0
  const ids: Uint8Array[] = []
  let records = 0
  let cursor: StateCursor | undefined
  do {
    const part = await history.statePart(position, cursor)
    ids.push(...(await pool.storePages(part.pages)).map(({ chunkId }) => chunkId))
    records += part.records
    cursor = part.next
  } while (cursor !== undefined)
  return { root: hex(await history.stateRoot(ids, records)), pages: ids.length }
}

t.test('a told state is the state, wherever it is folded', async (t) => {
  const world = await TestVault.open()
  t.teardown(() => removeFolder(world.store))
  const folders: number[] = []
  for (const name of ['a', 'b', 'Ärger']) {
    const made = await world.operations.mkdir(rootIno, Buffer.from(name).toString('latin1'), 0o755, 0, request)
    if (typeof made === 'number') throw new Error(`mkdir ${name}`)
    folders.push(made.ino)
  }
  const inos: number[] = []
  for (let index = 0; index < 3000; index++) inos.push(await make(world, folders[index % 3] ?? rootIno, `file ${String(index)}`, `text ${String(index)}`))
  await world.operations.link(inos[7] ?? 0, rootIno, 'second name')
  await world.operations.symlink(rootIno, 'symlink', Buffer.from('a'), request)
  await world.operations.setxattr(inos[8] ?? 0, 'user.colour', Buffer.from('red'), 0, false)
  await world.settle()
  await tellState(world.vault)
  const state = await newestState(world)
  t.equal(state.entries, 3006, 'a record for the root and for each name')
  t.equal(state.cut[0]?.sequence, world.vault.parts.manifest.sequence - 1)
  const ids = await lowest(world, decodeBlobReference(state.index))
  t.ok(ids.length > 5)
  t.equal(hex(await world.vault.parts.history.stateRoot(ids, state.entries)), hex(state.root), 'the pages are found from the top')
  t.equal((await world.vault.parts.history.stateAge()).operations, 0)
  t.equal((await rootNow(world)).root, hex(state.root), 'telling it changes nothing')

  const before = world.vault.parts.pool.statistics().blobs
  await world.operations.setattr(inos[100] ?? 0, { mode: 0o600 })
  await world.settle()
  const after = await rootNow(world)
  t.not(after.root, hex(state.root))
  t.ok(world.vault.parts.pool.statistics().blobs - before <= 3, 'one entry changed: its page is new, and no others')
  await world.operations.setattr(inos[100] ?? 0, { mode: 0o644 })
  await world.close()

  await rebuildTestStore(world.store, world.clock)
  const again = await TestVault.open({ store: world.store, clock: world.clock })
  t.teardown(() => again.close())
  t.equal((await rootNow(again)).root, after.root, 'folded anew it has the same root')
})
