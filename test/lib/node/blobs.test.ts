// Blobs over a real TLS connection: what is answered for is there after a restart, and what does not hash to its name
// is not kept.
import t from 'tap'
import { concatBytes, equalBytes, hex, type BlobId } from '../../../lib/terms/bytes.js'
import { decodeFrames, encodeFrames, encodeIds } from '../../../lib/wire/blob-frames.js'
import { decodeInventoryPage } from '../../../lib/wire/signed-lists.js'
import { inviteTo, startTestNode } from '../../support/node.js'
import { pairTestDevice, TestClient, TestOwner, testBlobs } from '../../support/node-client.js'

const idsOf = (blobs: readonly { readonly blobId: BlobId }[]): Uint8Array => encodeIds(blobs.map(({ blobId }) => blobId))

t.test('many in, many out, and the same after a restart', async (t) => {
  const node = await startTestNode(t)
  const device = await new TestOwner(1).device(1)
  const paired = await pairTestDevice(device, await inviteTo(node))
  t.equal(paired.status, 200)
  const client = new TestClient({ place: node.place, identity: device.parts.identity })
  t.teardown(() => { client.close() })
  const blobs = testBlobs(1, 40)
  const put = await client.ask('putBlobs', { body: concatBytes(...encodeFrames(blobs.slice(0, 30))) })
  t.same([put.status, [...put.body]], [200, Array.from({ length: 30 }, () => 1)])
  const again = await client.ask('putBlobs', { body: concatBytes(...encodeFrames(blobs.slice(20))) })
  t.same([...again.body], Array.from({ length: 20 }, (_, at) => (at < 10 ? 0 : 1)), 'what was there is not new')
  const missing = testBlobs(900, 1)[0]?.blobId ?? new Uint8Array(32)
  const has = await client.ask('hasBlobs', { body: concatBytes(idsOf(blobs), missing) })
  t.same([...has.body], [...blobs.map(() => 1), 0])
  await node.restart()
  const got = await client.ask('getBlobs', { body: concatBytes(idsOf(blobs), missing) })
  const frames = decodeFrames(got.body, 100)
  t.ok(blobs.every(({ sealed }, at) => equalBytes(frames[at]?.sealed ?? new Uint8Array(0), sealed)))
  t.same([frames.length, frames[40]?.sealed.byteLength], [41, 0], 'what is not here comes as nothing')
  const health = JSON.parse(Buffer.from((await client.ask('health')).body).toString()) as Record<string, unknown>
  t.match(health, { blobs: 40, bytes: blobs.reduce((sum, { sealed }) => sum + sealed.byteLength, 0), vault: hex(device.owner.vaultId) })
  const page = await client.ask('inventory', { query: { limit: 25 } })
  const first = decodeInventoryPage(page.body, { vaultId: device.owner.vaultId, after: new Uint8Array(32), publicKey: node.running.signPublicKey })
  t.same([first.blobs.length, first.isLast], [25, false])
  const after = first.blobs[24]?.blobId ?? new Uint8Array(32)
  const rest = decodeInventoryPage((await client.ask('inventory', { query: { after: hex(after) } })).body, { vaultId: device.owner.vaultId, after, publicKey: node.running.signPublicKey })
  const listed = [...first.blobs, ...rest.blobs].map(({ blobId }) => hex(blobId))
  t.same([listed, rest.isLast], [blobs.map(({ blobId }) => hex(blobId)).sort(), true])
})
