// A vault with its thread and real nodes in this process: everything that is published is there, and readable by nobody
// but us; a node that was away, or lost something, gets it; a daemon that comes back sends nothing twice.
import t from 'tap'
import { cp, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readPeers, writePeers } from '../../../lib/crypto/peers-file.js'
import { pairWithNode } from '../../../lib/peer/pairing.js'
import { equalBytes, type BlobId } from '../../../lib/terms/bytes.js'
import { unlimited } from '../../../lib/terms/sync-limits.js'
import { tlsIdentity } from '../../../lib/wire/certificate.js'
import type { VaultSync } from '../../../lib/vault-sync.js'
import { systemEntropy } from '../../../bin/system-sources.js'
import { openPlain } from '../../../native-deps/sqlite.js'
import { inviteTo, startTestNode, type TestNode } from '../../support/node.js'
import { newFolder, testKeys, TestVault } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'
import { Hand } from '../../support/vault-hand.js'

const sync = { entry: new URL('../../../bin/sync-thread.js', import.meta.url), limits: unlimited }

async function pair(store: string, node: TestNode, name: string): Promise<void> {
  const { page, header: { vaultId, ownerPublicKey, salt }, identity } = await testKeys()
  const met = await pairWithNode(await inviteTo(node), {
    vaultId, ownerPublicKey, salt, member: identity.record, tls: await tlsIdentity(page.key('device-tls')), recovery: undefined, header: undefined,
    name, nowSec: Math.floor(Date.now() / 1000), entropy: systemEntropy,
  })
  await writePeers(store, page, vaultId, [...await readPeers(store, page, vaultId), met], systemEntropy)
}

function syncOf(test: TestVault): VaultSync {
  if (test.opened.sync === undefined) throw new Error('a vault that syncs')
  return test.opened.sync
}

async function write(test: TestVault, path: string, seed: number, length: number): Promise<void> {
  await new Hand(test).write(path, randomBytes(seed, length))
  await test.vault.publishAll()
}

/** Ids that the store's cache has. */
function blobsOf(store: string): readonly BlobId[] {
  const database = openPlain(join(store, 'cache', 'cache.db'), { readOnly: true })
  try {
    return database.prepare<[], Uint8Array>('SELECT id FROM blobs', 'first').all().map((id) => id as BlobId)
  } finally {
    database.close()
  }
}

t.test('everything that is published reaches each node, and a daemon that comes back sends nothing twice', async (t) => {
  const store = await newFolder()
  const [home, office] = [await startTestNode(t), await startTestNode(t)]
  await pair(store, home, 'home')
  await pair(store, office, 'office')
  let test = await TestVault.open({ store, sync })
  t.teardown(() => test.remove())
  await write(test, 'large', 1, 3 * 1024 * 1024)
  await write(test, 'small', 2, 300)
  t.ok(await syncOf(test).wait({ stallMs: 20_000 }), 'all of it is there')
  const { deviceId, vaultId } = (await testKeys()).identity.member
  for (const node of [home, office]) {
    const vault = node.storage.vault(vaultId)
    t.ok((await vault.lengths(blobsOf(store))).every((length) => length !== undefined), 'every blob')
    const [head] = await vault.heads()
    t.ok(head !== undefined && equalBytes(head.deviceId, deviceId))
    t.equal(head?.sequence, test.opened.vault.parts.manifest.sequence)
  }
  const { peers, safeBlobs } = syncOf(test).report()
  t.same(peers.map(({ name, state, blobsLeft, entriesLeft }) => [name, state, blobsLeft, entriesLeft]), [['home', 'safe', 0, 0], ['office', 'safe', 0, 0]])
  t.equal(safeBlobs, blobsOf(store).length)
  await test.close()
  test = await TestVault.open({ store, sync })
  t.ok(await syncOf(test).wait({ stallMs: 20_000 }))
  t.same(syncOf(test).report().peers.map(({ sentBlobs, sentBytes }) => [sentBlobs, sentBytes]), [[0, 0], [0, 0]], 'nothing is sent twice')
  await office.stop()
  await write(test, 'late', 3, 300)
  const waiting = t.rejects(syncOf(test).wait({ stallMs: 20_000 }), { code: 'cancelled', message: /unmounted before the nodes had everything/, next: /only here.*sync --wait/ }, 'who waits is told what is the matter and what to do')
  await test.close()
  await waiting
})

t.test('a node whose folder was put back from a copy is told of, and gets again what it lost', async (t) => {
  const store = await newFolder()
  const home = await startTestNode(t)
  await pair(store, home, 'home')
  const test = await TestVault.open({ store, sync })
  t.teardown(() => test.remove())
  await write(test, 'before', 1, 70_000)
  t.ok(await syncOf(test).wait({ stallMs: 20_000 }))
  const copy = await newFolder()
  t.teardown(() => rm(copy, { recursive: true }))
  await home.stop()
  await cp(home.directory, copy, { recursive: true })
  await home.restart()
  await write(test, 'after', 2, 70_000)
  t.ok(await syncOf(test).wait({ stallMs: 20_000 }))
  await home.stop()
  await rm(home.directory, { recursive: true })
  await cp(copy, home.directory, { recursive: true })
  await home.restart()
  await write(test, 'later', 3, 300)
  t.ok(await syncOf(test).wait({ stallMs: 20_000 }))
  t.match(syncOf(test).report().peers, [{ state: 'safe', error: null, fault: /put back from a copy/, blobsLeft: 0, entriesLeft: 0 }])
  const { vaultId } = (await testKeys()).identity.member
  const vault = home.storage.vault(vaultId)
  t.ok((await vault.lengths(blobsOf(store))).every((length) => length !== undefined), 'every blob')
  t.equal((await vault.heads())[0]?.sequence, test.opened.vault.parts.manifest.sequence)
})

t.test('a thread that dies while somebody waits for the nodes', async (t) => {
  const store = await newFolder()
  const { page, header: { vaultId } } = await testKeys()
  await writePeers(store, page, vaultId, [{ peerId: randomBytes(1, 8), name: 'home', pin: randomBytes(2, 32), signing: randomBytes(3, 32), places: ['127.0.0.1:1'], addedSec: 1 }], systemEntropy)
  const test = await TestVault.open({ store, sync: { ...sync, entry: new URL('../../support/dying-thread.js', import.meta.url) } })
  t.teardown(() => test.remove())
  await t.rejects(syncOf(test).wait({ stallMs: 20_000 }), { code: 'io', message: /ended before they had everything \(something nobody foresaw\)/, next: /begins again within \d+ s: run this again then/ })
  await t.rejects(syncOf(test).wait({ stallMs: 20_000 }), { code: 'offline' })
})

t.test('a state that is damaged ends the thread, and the next begins it anew by itself: what is unsent is sent though nobody writes', async (t) => {
  const store = await newFolder()
  const home = await startTestNode(t)
  await pair(store, home, 'home')
  const lines: string[] = []
  const test = await TestVault.open({ store, sync: { ...sync, againMs: 2000 }, logger: { log: (_level, message) => { lines.push(message) } } })
  t.teardown(() => test.remove())
  await write(test, 'before', 1, 3 * 1024 * 1024)
  t.ok(await syncOf(test).wait({ stallMs: 20_000 }))
  const path = join(store, 'sync.db')
  const other = openPlain(path)
  const swept = other.prepare<[], number | null>('SELECT swept_day FROM peers', 'first')
  for (let asked = 0; asked < 1500 && swept.get() === null; asked++) await new Promise((resolve) => setTimeout(resolve, 20))
  // It rests: all pages in their places, and none in the thread's memory.
  let isCopied = false
  for (let asked = 0; asked < 1500 && !isCopied; asked++) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    isCopied = other.checkpoint('TRUNCATE')
  }
  t.ok(isCopied)
  other.exec('UPDATE peers SET lost = lost')
  const file = await open(path, 'r+')
  const { size } = await file.stat()
  // All but the schema: which page the thread needs next is chance.
  await file.write(randomBytes(3, size - 4096), 0, size - 4096, 4096)
  await file.close()
  await write(test, 'after', 2, 300)
  const { deviceId, vaultId } = (await testKeys()).identity.member
  const vault = home.storage.vault(vaultId)
  const isThere = async (): Promise<boolean> => (await vault.heads()).some((head) => equalBytes(head.deviceId, deviceId) && head.sequence === test.opened.vault.parts.manifest.sequence)
  for (let asked = 0; asked < 1200 && !(await isThere()); asked++) await new Promise((resolve) => setTimeout(resolve, 50))
  other.close()
  t.ok(await isThere())
  t.equal(lines.filter((line) => line.includes('thread that syncs to nodes ended')).length, 1)
  t.equal(lines.filter((line) => line.includes('they are asked anew')).length, 1)
  t.ok(await syncOf(test).wait({ stallMs: 20_000 }))
  t.equal(syncOf(test).report().safeBlobs, blobsOf(store).length)
})
