// The client against the real node: meeting, every request of the port, a stranger, a node that starts anew, and the probe
// that says which step fails.
import tap from 'tap'
import { X509Certificate } from 'node:crypto'
import { blake2b, signKeyPair } from '../../../native-deps/sodium.js'
import type { KnownPeer } from '../../../lib/format/peer-list.js'
import { openPeer } from '../../../lib/peer/open-peer.js'
import { pairWithNode, type Pairing } from '../../../lib/peer/pairing.js'
import { probeNode } from '../../../lib/peer/probe.js'
import { tellRecovery } from '../../../lib/peer/recovery-record.js'
import { concatBytes, hex, type BlobId, type Sealed } from '../../../lib/terms/bytes.js'
import { tlsIdentity } from '../../../lib/wire/certificate.js'
import { pinOf, pinOfSpki } from '../../../lib/wire/pin.js'
import { blobIdOf } from '../../../lib/crypto/blob-id.js'
import { systemClock } from '../../../bin/system-sources.js'
import { inviteTo, startTestNode, type TestNode } from '../../support/node.js'
import { TestOwner, type TestDevice } from '../../support/node-client.js'
import { randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { quick, tls as strangerTls } from './peer-hand.js'

const owner = new TestOwner(1000)

function pairingOf(device: TestDevice, changes: Partial<Pairing> = {}): Pairing {
  const { vaultId, salt, keys } = owner
  return {
    vaultId, ownerPublicKey: keys.publicKey, salt, member: device.parts.record, tls: device.parts.identity, recovery: undefined, header: undefined,
    name: 'attic', nowSec: systemClock.now().sec, entropy: seededEntropy(3), ...changes,
  }
}

async function met(node: TestNode, number = 1, changes: Partial<Pairing> = {}): Promise<{ readonly device: TestDevice; readonly known: KnownPeer }> {
  const device = await owner.device(number)
  return { device, known: await pairWithNode(await inviteTo(node), pairingOf(device, changes)) }
}

function blob(seed: number, length: number): { readonly blobId: BlobId; readonly sealed: Sealed } {
  const sealed = randomBytes(seed, length) as Uint8Array as Sealed
  return { blobId: blobIdOf(sealed), sealed }
}

tap.test('everything that a vault asks of a node', async (t) => {
  const node = await startTestNode(t)
  const { device, known } = await met(node)
  t.same(known.pin, node.pin)
  const peer = openPeer(known, { vaultId: owner.vaultId, tls: device.parts.identity })
  t.teardown(() => peer.close())
  const blobs = [blob(1, 4192), blob(2, 70_000), blob(3, 1_049_392)]
  const ids = blobs.map(({ blobId }) => blobId)
  const unknown = randomBytes(9, 32) as Uint8Array as BlobId
  await peer.put(blobs)
  t.same([...await peer.has([...ids, unknown])], [1, 1, 1, 0])
  const got = await peer.get([unknown, ...ids])
  t.same(got.map((one) => (one === undefined ? undefined : hex(blobIdOf(one)))), [undefined, ...ids.map(hex)])
  t.same(await peer.range(ids[1] ?? unknown, 100, 5000), blobs[1]?.sealed.slice(100, 5100))
  await t.rejects(peer.range(unknown, 0, 10), { code: 'not-found', message: /^node attic: / })
  const inventory = await peer.inventory()
  t.same(inventory.blobs.map(({ blobId, length }) => [hex(blobId), length]), blobs.map(({ blobId, sealed }) => [hex(blobId), sealed.byteLength]).sort())
  t.ok(inventory.isLast)
  const last = inventory.blobs.at(-1)
  if (last !== undefined) t.same(await peer.inventory(last.blobId), { ...await peer.inventory(last.blobId), isLast: true, blobs: [] })
  const entries = device.entries(3)
  const head = await peer.appendEntries(device.parts.deviceId, concatBytes(...entries))
  t.same([head.sequence, head.hash], [3, device.head.hash])
  t.same(await peer.appendEntries(device.parts.deviceId, concatBytes(...entries)), head, 'told twice is told once')
  t.same(await peer.heads(), [head])
  t.same(await peer.readEntries(device.parts.deviceId, 0, 1), entries[0])
  t.same(await peer.readEntries(device.parts.deviceId, 1, 1_000_000), concatBytes(...entries.slice(1)))
  t.equal((await peer.readEntries(device.parts.deviceId, 3, 1000)).byteLength, 0)
  await t.rejects(peer.appendEntries(device.parts.deviceId, device.entry({ sequence: 4, hash: device.head.hash })), { code: /chain-broken|forked/ })
  const nonce = randomBytes(5, 32)
  const proof = new Uint8Array(32)
  blake2b(proof, blobs[0]?.sealed ?? proof, nonce)
  t.same(await peer.challenge(nonce, [ids[0] ?? unknown, unknown]), [proof, undefined])
  t.same(await peer.members(), [device.parts.record])
  await peer.putMember((await owner.device(7)).parts.record)
  t.equal((await peer.members()).length, 2)
  t.equal(await peer.header(), undefined)
  t.same(await peer.keptHeaders(), [])
  await t.rejects(peer.putHeader(randomBytes(1, 500)), { message: /^node attic: / })
  t.equal(await tellRecovery(peer, undefined, { vaultId: owner.vaultId, ownerPublicKey: owner.keys.publicKey }), 'missing')
  t.equal(await tellRecovery(peer, owner.recoveryRecord, { vaultId: owner.vaultId, ownerPublicKey: owner.keys.publicKey }), 'sent')
  t.equal(await tellRecovery(peer, undefined, { vaultId: owner.vaultId, ownerPublicKey: owner.keys.publicKey }), 'known')
  await t.rejects(tellRecovery(peer, undefined, { vaultId: owner.vaultId, ownerPublicKey: randomBytes(1, 32) }), { code: 'corrupt' })
  t.match(await peer.health(), { blobs: 3, version: 'test', quota: null })
  await t.rejects(peer.put([{ blobId: ids[0] ?? unknown, sealed: randomBytes(8, 5000) as Uint8Array as Sealed }]), { code: 'corrupt' }, 'what is not what its name says')
})

tap.test('a node that starts anew is the same node', async (t) => {
  const node = await startTestNode(t)
  const { device, known } = await met(node)
  const peer = openPeer(known, { vaultId: owner.vaultId, tls: device.parts.identity })
  t.teardown(() => peer.close())
  const { blobId, sealed } = blob(1, 5000)
  await peer.put([{ blobId, sealed }])
  await node.restart()
  t.same(await peer.get([blobId]), [sealed])
  await node.stop()
  await t.rejects(peer.health(), { code: 'offline' })
})

tap.test('strangers, and invitations that are none any more', async (t) => {
  const node = await startTestNode(t)
  const { known } = await met(node)
  const peer = openPeer(known, { vaultId: owner.vaultId, tls: strangerTls })
  t.teardown(() => peer.close())
  await t.rejects(peer.health(), { code: 'denied', message: /does not know this device/ })
  const code = await inviteTo(node)
  await t.rejects(peer.health(), { code: 'not-permitted' }, 'while an invitation is open it may say why')
  const second = await owner.device(2)
  await t.rejects(pairWithNode(code, pairingOf(second, { tls: strangerTls })), { code: 'corrupt' }, 'a member record of another key')
  await t.rejects(pairWithNode(code, pairingOf(second, { salt: randomBytes(1, 32) })), { code: 'corrupt' }, 'a vault of another owner')
  t.match(await pairWithNode(code, pairingOf(second)), { name: 'attic' })
  await t.rejects(pairWithNode(code, pairingOf(await owner.device(3))), { code: 'denied' }, 'used')
  await t.rejects(pairWithNode(code, pairingOf(await owner.device(3), { nowSec: systemClock.now().sec + 10_000 })), { code: 'denied', message: /held until/ })
  t.match(await pairWithNode(await inviteTo(node), pairingOf(second, { name: undefined })), { name: 'a node' }, 'who is known pairs again, when it has lost its list')
})

tap.test('the recovery kit comes in with its own key, for reading', async (t) => {
  const node = await startTestNode(t)
  const { device, known } = await met(node, 1, { recovery: owner.recoveryRecord })
  const own = openPeer(known, { vaultId: owner.vaultId, tls: device.parts.identity })
  const kit = openPeer(known, { vaultId: owner.vaultId, tls: await tlsIdentity(owner.recovery.secretKey) })
  t.teardown(async () => { await own.close(); await kit.close() })
  const { blobId, sealed } = blob(4, 5000)
  await own.put([{ blobId, sealed }])
  t.same(await kit.get([blobId]), [sealed])
  await t.rejects(kit.put([{ blobId, sealed }]), { code: 'not-permitted' })
  await kit.putMember((await owner.device(5)).parts.record)
})

tap.test('a probe says which step fails', async (t) => {
  const node = await startTestNode(t)
  const { device, known } = await met(node)
  const probing = { owner: { vaultId: owner.vaultId, ownerPublicKey: owner.keys.publicKey }, tls: device.parts.identity, clock: systemClock, recovery: owner.recoveryRecord, patience: quick }
  const well = await probeNode(known, probing)
  t.match(well, { places: [{ place: node.place, ms: Number }], latencyMs: Number, health: { blobs: 0 }, recovery: 'sent', failed: undefined })
  t.ok(Math.abs(well.clockSec ?? 99) <= 1)
  t.match(await probeNode(known, { ...probing, tls: strangerTls }), { places: [{ ms: Number }], failed: { step: 'health', error: { code: 'denied' } } })
  const elsewhere = await probeNode({ ...known, pin: pinOf(randomBytes(1, 32)), places: ['127.0.0.1:1', node.place, 'no-such-host.invalid:80'] }, probing)
  t.match(elsewhere.places, [{ step: 'connection', reason: 'nothing listens there' }, { step: 'key' }, { step: 'name' }])
  t.match(elsewhere.failed, { step: 'connecting', error: { code: 'corrupt' } })
  t.match(await probeNode({ ...known, signing: signKeyPair(randomBytes(1, 32)).publicKey }, probing), { health: {}, failed: { step: 'lists', error: { code: 'corrupt' } } })
  const ended = new AbortController()
  ended.abort()
  t.match(await probeNode(known, { ...probing, signal: ended.signal }), { failed: { error: { code: 'cancelled' } } })
  t.same(pinOfSpki(new X509Certificate(device.parts.identity.cert).publicKey.export({ type: 'spki', format: 'der' })), pinOf(device.parts.tls.publicKey))
})
