// Deleting takes the owner's word and time; a device that asks for a blob, or sends it, keeps it.
import t from 'tap'
import { concatBytes, hex, type BlobId } from '../../../lib/terms/bytes.js'
import { encodeFrames, encodeIds } from '../../../lib/wire/blob-frames.js'
import { encodeDeletion } from '../../../lib/wire/owner-records.js'
import { DeletionMarks } from '../../../lib/node/deletion-marks.js'
import { MemoryNodeStorage, NodeMemory } from '../../support/memory-node-storage.js'
import { inviteTo, startTestNode } from '../../support/node.js'
import { pairTestDevice, TestClient, TestOwner, testBlobs } from '../../support/node-client.js'
import { randomBytes } from '../../support/random-bytes.js'

const day = 24 * 3600
const rules = { delaySec: 7 * day, keepSec: 30 * day }

t.test('an intent', async (t) => {
  let sec = 1_700_000_000
  const clock = { now: () => ({ sec, nsec: 0 }), monotonicMs: () => performance.now() }
  const node = await startTestNode(t, { clock, deletion: rules })
  const owner = new TestOwner(1)
  const device = await owner.device(1)
  await pairTestDevice(device, await inviteTo(node))
  const client = new TestClient({ place: node.place, identity: device.parts.identity })
  t.teardown(() => { client.close() })
  const blobs = testBlobs(1, 10)
  const ids = blobs.map(({ blobId }) => blobId)
  await client.ask('putBlobs', { body: concatBytes(...encodeFrames(blobs)) })
  const intentOf = (seed: number, of: readonly BlobId[], key = owner.keys.secretKey): Uint8Array => encodeDeletion({ vaultId: owner.vaultId, sec, intentId: randomBytes(seed, 16), blobIds: of }, key)
  const lengths = async (): Promise<number> => (await node.storage.vault(owner.vaultId).lengths(ids)).filter((length) => length !== undefined).length
  const pass = async (days: number): Promise<void> => {
    sec += days * day
    await node.running.chores.removeDue()
  }
  t.match(await client.ask('putDeletion', { body: intentOf(1, ids, device.parts.sign.secretKey) }), { status: 422, code: 'corrupt' }, 'not on the word of a device')
  const intent = intentOf(2, ids.slice(0, 6))
  t.equal((await client.ask('putDeletion', { body: intent })).status, 204)
  t.equal((await client.ask('putDeletion', { body: intent })).status, 204, 'told twice it is one')
  const list = await client.ask('deletions')
  t.match([list.body.byteLength, Buffer.from(list.body).readUInt32BE(0), Buffer.from(list.body).readUInt32BE(4 + 16 + 8)], [4 + 28, 1, 6])
  await pass(6)
  t.equal(await lengths(), 10, 'not before its time')
  const has = await client.ask('hasBlobs', { body: encodeIds(ids.slice(0, 1)) })
  t.same([...has.body], [1], 'a device asks for the first')
  const again = await client.ask('putBlob', { parameters: { blob: hex(ids[1] ?? new Uint8Array(0)) }, body: blobs[1]?.sealed ?? '' })
  t.equal(again.status, 200, 'and sends the second once more')
  await pass(2)
  t.equal(await lengths(), 10, 'due, but younger than what is kept')
  await node.restart()
  await pass(23)
  t.equal(await lengths(), 6, 'four of six went, the marks being on the disk')
  t.same([...(await client.ask('hasBlobs', { body: encodeIds(ids) })).body], [1, 1, 0, 0, 0, 0, 1, 1, 1, 1])
  t.match(JSON.parse(Buffer.from((await client.ask('health')).body).toString()), { blobs: 6 })
  t.match(await client.ask('putDeletion', { body: intent }), { status: 400, code: 'invalid' }, 'an old intent marks nothing')
  const second = intentOf(3, ids.slice(6))
  await client.ask('putDeletion', { body: second })
  t.equal((await client.ask('cancelDeletion', { parameters: { intent: hex(randomBytes(3, 16)) } })).status, 204)
  t.match(await client.ask('cancelDeletion', { parameters: { intent: hex(randomBytes(3, 16)) } }), { status: 404 })
  t.match(await client.ask('putDeletion', { body: second }), { status: 400 }, 'nor one that was taken back')
  await pass(60)
  t.equal(await lengths(), 6)
  t.equal((await client.ask('putBlobs', { body: concatBytes(...encodeFrames(blobs)) })).body[2], 1, 'what went may come again')
  t.equal(await lengths(), 10)
})

t.test('two processes over one storage', async (t) => {
  const node = await startTestNode(t)
  const storage = node.storage.vault(new TestOwner(7).vaultId)
  const blobs = testBlobs(1, 4)
  const ids = blobs.map(({ blobId }) => blobId)
  await storage.put(blobs)
  const nowSec = Math.floor(Date.now() / 1000)
  const one = await DeletionMarks.open(storage, { delaySec: 0, keepSec: 0 })
  await one.add({ vaultId: new TestOwner(7).vaultId, sec: nowSec, intentId: randomBytes(9, 16), blobIds: ids }, nowSec)
  const two = await DeletionMarks.open(storage, { delaySec: 0, keepSec: 0 })
  await two.sparing(ids.slice(0, 1), async () => undefined)
  t.same(await one.removeDue(nowSec + 10).then(({ blobs: count }) => count), 3, 'what the other spared stays')
  t.same((await storage.lengths(ids)).map((length) => length !== undefined), [true, false, false, false])
  // A process that claims blobs and ends: nobody says of them that they are here before the claim was taken over.
  await storage.put(blobs)
  const failing = { ...bound(storage), remove: () => Promise.reject(new Error('killed')) }
  const dying = await DeletionMarks.open(failing, { delaySec: 0, keepSec: 0 })
  await dying.add({ vaultId: new TestOwner(7).vaultId, sec: nowSec, intentId: randomBytes(10, 16), blobIds: ids }, nowSec)
  await t.rejects(dying.removeDue(nowSec + 10))
  const heir = await DeletionMarks.open(storage, { delaySec: 0, keepSec: 0 })
  await t.rejects(heir.sparing(ids, async () => undefined), { code: 'busy' })
  await heir.removeDue(nowSec + 20)
  t.ok((await storage.lengths(ids)).every((length) => length !== undefined), 'the other one may live')
  await heir.removeDue(nowSec + 1000)
  t.ok((await storage.lengths(ids)).every((length) => length === undefined))
  await heir.sparing(ids, async () => undefined)
})

t.test('what another process marks meanwhile', async (t) => {
  const memory = new NodeMemory()
  const { vaultId } = new TestOwner(7)
  const storage = new MemoryNodeStorage(memory).vault(vaultId)
  const blobs = testBlobs(1, 4)
  const ids = blobs.map(({ blobId }) => blobId)
  await storage.put(blobs)
  const nowSec = Math.floor(Date.now() / 1000)
  const [one, two] = [await DeletionMarks.open(storage, { delaySec: 0, keepSec: 0 }), await DeletionMarks.open(new MemoryNodeStorage(memory).vault(vaultId), { delaySec: 0, keepSec: 0 })]
  await one.add({ vaultId, sec: nowSec, intentId: randomBytes(9, 16), blobIds: ids.slice(0, 3) }, nowSec)
  await Promise.all(ids.slice(0, 2).map((id) => two.sparing([id], async () => undefined)))
  t.same(await one.removeDue(nowSec + 10).then(({ blobs: count }) => count), 1, 'the other one takes its marks off before it answers')
  t.same((await storage.lengths(ids)).map((length) => length !== undefined), [true, true, false, true])
  await one.add({ vaultId, sec: nowSec, intentId: randomBytes(10, 16), blobIds: ids }, nowSec)
  await two.cancel(hex(randomBytes(10, 16)))
  t.same(await one.removeDue(nowSec + 10).then(({ blobs: count }) => count), 0, 'and takes it back')
})

type Storage = Parameters<typeof DeletionMarks.open>[0]

function bound(storage: Storage): Storage {
  return {
    isShared: storage.isShared, lengths: (ids) => storage.lengths(ids), put: (blobs) => storage.put(blobs), read: (id, range) => storage.read(id, range), readFrames: (ids, into) => storage.readFrames(ids, into), inventory: (after, limit) => storage.inventory(after, limit),
    storedSec: (ids) => storage.storedSec(ids), remove: (ids) => storage.remove(ids), statistics: () => storage.statistics(), heads: () => storage.heads(),
    append: (device, expected, entries) => storage.append(device, expected, entries), readEntries: (device, after, bytesMax) => storage.readEntries(device, after, bytesMax), records: storage.records,
  }
}
