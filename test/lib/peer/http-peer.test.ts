// The client of a node against a small one that says the truth until a test makes it lie. What a node can do to its client
// is to be refused, by name, in bounded time and memory; never to be believed.
import tap from 'tap'
import { hex, type BlobId, type VaultId } from '../../../lib/terms/bytes.js'
import { openPeer } from '../../../lib/peer/open-peer.js'
import { tlsIdentity } from '../../../lib/wire/certificate.js'
import { pinOf } from '../../../lib/wire/pin.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'
import { SmallNode } from './small-node.js'

const vaultId = randomBytes(1, 32) as Uint8Array as VaultId
const device = signKeyPair(randomBytes(2, 32))
const tls = await tlsIdentity(device.secretKey)
tap.test('blobs go there and come back, each hashed', async (t) => {
  const carried = { up: 0, down: 0 }
  const node = await SmallNode.start({ seed: 20, vaultId, knows: pinOf(device.publicKey) })
  const peer = openPeer(node.known(), { vaultId, tls, onTransfer: (up, down) => { carried.up += up; carried.down += down } })
  t.teardown(async () => { await peer.close(); await node.close() })
  const blobs = [10, 200_000, 4192, 70_000, 1].map((length, index) => node.put(randomBytes(100 + index, length)))
  node.blobs.clear()
  const ids = blobs.map(({ blobId }) => blobId)
  t.same([...await peer.has(ids)], [0, 0, 0, 0, 0])
  await peer.put(blobs)
  t.ok(carried.up > 274_000, 'what went is told as it goes')
  t.same([...await peer.has(ids)], [1, 1, 1, 1, 1])
  const unknown = randomBytes(77, 32) as Uint8Array as BlobId
  const got = await peer.get([...ids, unknown])
  t.same(got.map((one) => one?.byteLength), [10, 200_000, 4192, 70_000, 1, undefined], 'asked for in pieces as the node answers them')
  t.ok(blobs.every(({ sealed }, index) => Buffer.compare(sealed, got[index] ?? new Uint8Array(0)) === 0))
  t.ok(carried.down > 274_000)
  const inventory = await peer.inventory()
  t.same(inventory.blobs.map(({ blobId }) => hex(blobId)), ids.map(hex).sort())
  t.ok(inventory.isLast)
  t.same(await peer.heads(), [])
  t.same(await peer.health(), { version: '1', blobs: 5, bytes: 0, quota: null, time: 1000, signing: node.signing.publicKey })
  t.equal(await peer.header(), undefined)
  t.same(await peer.get([]), [])
  t.equal((await peer.has([])).byteLength, 0)
})
