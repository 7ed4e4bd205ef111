// A store from nodes that lie, are behind, lose things, and go away in between.
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { addSlot, confirmRecovery } from '../../../lib/crypto/vault-changes.js'
import { sealHeader } from '../../../lib/crypto/vault-keys.js'
import { encodeHeader, encodeHeaderBody, macBytes } from '../../../lib/format/vault-header.js'
import type { PeerPort } from '../../../lib/store/peer-port.js'
import { hex, type Sealed, type DeviceId } from '../../../lib/terms/bytes.js'
import { headerWithPassphrase, newestHeader, type KeptOffer } from '../../../lib/vault-recover-header.js'
import { Nodes } from '../../../lib/vault-nodes.js'
import { repairBlobs } from '../../../lib/vault-repair.js'
import { silent } from '../../../lib/terms/log.js'
import { verifyAndRepair } from '../../../bin/verify-service.js'
import { testKeys } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { MemoryPeer } from '../../support/memory-peer.js'
import { RecoverWorld } from './recover-world.js'

t.setTimeout(180_000)
const largest = (world: RecoverWorld): string => [...world.nodes[0].blobs].sort(([, a], [, b]) => b.byteLength - a.byteLength)[0]?.[0] ?? ''
const deviceId = async (): Promise<string> => hex((await testKeys()).identity.member.deviceId)

const world = await RecoverWorld.make()
t.teardown(() => { world.remove() })

t.test('everything comes back; who is behind is named', async (t) => {
  const store = await world.newStore()
  const { notes, manifestEntries, devices, rebuilt, fetched } = await world.recover(store, world.peers().reverse())
  t.equal(devices, 1)
  t.equal(fetched.missing, 0)
  t.same([rebuilt.damagedContents, rebuilt.complaints], [0, 0])
  t.match(notes, [new RegExp(`^two: it is behind: it has \\d+ of the ${manifestEntries} entries of device "model"$`)])
  t.same(await world.look(store), { picture: world.picture, findings: [], snapshots: ['first'] })
  world.catchUp()
})

t.test('a lie costs only what the others can not make good', async (t) => {
  const [one, two] = world.peers()
  const store = await world.newStore()
  const { notes, fetched: { missing } } = await world.recover(store, [lying(one, ''), two])
  t.same([notes, missing], [['one: it gives blobs whose bytes are not those of their name'], 0])

  const blob = largest(world)
  const liar = lying(one, blob)
  // Nobody has it whole: it is not written, and what needs it is named; known no more, it is stored anew when it is written.
  const hurt = await world.newStore()
  const { fetched } = await world.recover(hurt, [liar])
  t.equal(fetched.missing, 1)
  const events: unknown[] = []
  const { page, header, identity } = world.device
  const signal = new AbortController().signal
  const told: string[] = []
  const nodes = new Nodes([liar], ({ node, message }) => { told.push(`${node}: ${message}`) })
  const summary = await verifyAndRepair({ store: hurt, page, header, identity, logger: silent, signal }, { sources: [], nodes }, (some) => { events.push(...some) })
  t.equal(summary.findings, 1)
  t.match(events.filter((event) => !('progress' in (event as object) || 'repairing' in (event as object))), [{ finding: { path: 'docs/noise5', message: `blob ${blob} is not in the cache` } }, { repaired: { repaired: 0, missing: 1 } }])
  t.same(told, ['one: it gives blobs whose bytes are not those of their name'])
  // The other node has it.
  await verifyAndRepair({ store: hurt, page, header, identity, logger: silent, signal }, { sources: [], nodes: new Nodes([liar, two], () => undefined) }, () => undefined)
  t.same(await world.look(hurt), { picture: world.picture, findings: [], snapshots: ['first'] })
})

t.test('broken off anywhere and begun again it goes on, and asks for nothing twice', async (t) => {
  const [node] = world.nodes
  const store = await world.newStore()
  const total = node.calls.length
  let calls = 0
  for (let after = 1; ; after++) {
    calls = 0
    node.beforeCall = () => { node.offline = ++calls > after }
    try {
      await world.recover(store, [new MemoryPeer('one', node)])
      break
    } catch (error) {
      t.match(error, { code: 'offline' })
    }
    // As a kill leaves it: bytes behind the mark.
    appendFileSync(world.chainPath(store, await deviceId()), randomBytes(after, 50))
    if (after > 40) throw new Error('it never ends')
  }
  t.ok(node.calls.length > total)
  t.same(await world.look(store), { picture: world.picture, findings: [], snapshots: ['first'] })
  const before = node.calls.filter((name) => name === 'get' || name === 'read').length
  node.offline = false
  node.beforeCall = () => undefined
  await world.recover(store, [new MemoryPeer('one', node)])
  t.equal(node.calls.filter((name) => name === 'get' || name === 'read').length, before)
})

t.test('chains: what was changed or forked', async (t) => {
  const [one, two] = world.nodes
  const device = await deviceId()
  const kept = one.chains.get(device) ?? []
  const spoilt = kept.map((entry, index) => {
    const bytes = entry.bytes.slice()
    if (index === 2) bytes[200] = (bytes[200] ?? 0) ^ 1
    return { ...entry, bytes }
  })
  one.chains.set(device, spoilt)
  const store = await world.newStore()
  const { notes } = await world.recover(store, world.peers())
  t.match(notes, [/^one: manifest entry 3 of device [0-9a-f]{32}: .*: what it gives of device "model" is not used from there on$/])

  one.chains.set(device, kept)
  two.tell = (heads) => heads.map((head) => ({ ...head, sequence: head.sequence - 1, hash: head.hash }))
  const forked = await world.recover(store, world.peers())
  t.match(forked.notes, [/^two: it is behind/, /^two: its entry \d+ of device "model" is another one than other nodes have: the chain was forked$/])

  two.tell = (heads) => heads.map((head) => ({ ...head, sequence: head.sequence + 5 }))
  t.match((await world.recover(store, world.peers())).notes, [/^two: it says that it has \d+ entries of device "model", and gives \d+$/])

  two.tell = (heads) => heads
  const members = [one.members.splice(0), two.members.splice(0)]
  const stranger = await world.newStore()
  await t.rejects(world.recover(stranger, world.peers()), { code: 'corrupt' }, 'without a member record nothing is believed')
  for (const [index, node] of world.nodes.entries()) node.members.push(...members[index] ?? [])
})

t.test('nothing to repair with', async (t) => {
  const store = await world.newStore()
  await world.recover(store, world.peers())
  rmSync(join(store, 'cache'), { recursive: true })
  const { page, header, identity } = world.device
  const signal = new AbortController().signal
  world.nodes[0].offline = true
  await t.rejects(verifyAndRepair({ store, page, header, identity, logger: silent, signal }, { sources: [], nodes: new Nodes([new MemoryPeer('one', world.nodes[0])], () => undefined) }, () => undefined), { code: 'offline' })
  await t.rejects(repairBlobs({ store, page, damaged: [], sources: [store], logger: silent, signal, onProgress: () => undefined }), { code: 'usage' })
  // A cache that is lost as a whole.
  world.nodes[0].offline = false
  world.nodes[1].calls.length = 0
  await verifyAndRepair({ store, page, header, identity, logger: silent, signal }, { sources: [], nodes: new Nodes([new MemoryPeer('two', world.nodes[1])], () => undefined) }, () => undefined)
  t.equal(world.nodes[1].calls.filter((name) => name === 'get').length, 1, 'one question for all of them')
  t.same(await world.look(store), { picture: world.picture, findings: [], snapshots: ['first'] })
})

t.test('the newest header that is ours', async (t) => {
  const vault = await testKeys()
  const { kit } = vault
  const entropy = seededEntropy(8)
  const cost = { memoryBytes: 64 * 1024 * 1024, passes: 1 }
  const newer = sealHeader(confirmRecovery(vault), vault.page)
  const older = sealHeader(vault.header, vault.page)
  const changed = newer.slice()
  changed[60] = (changed[60] ?? 0) ^ 1
  const notes: string[] = []
  const found = await newestHeader([{ node: 'a', bytes: older }, { node: 'b', bytes: newer }, { node: 'c', bytes: changed }], kit, ({ node, message }) => { notes.push(`${node}: ${message}`) })
  t.equal(found.header.generation, 2)
  t.match(notes, [/^c: /, /^a: its header is an older one \(generation 1, b has 2\)$/])
  await t.rejects(newestHeader([], kit, () => undefined), { code: 'not-found' })
  await t.rejects(newestHeader([{ node: 'b', bytes: newer }], randomBytes(3, 32), () => undefined), { code: 'wrong-passphrase' })
  const noise = encodeHeader(encodeHeaderBody({ ...vault.header, generation: 9 }), new Uint8Array(macBytes))
  const kept = (): Promise<readonly KeptOffer[]> => Promise.resolve([older, newer, noise].map((bytes, at) => ({ node: 'c', sec: 1_700_000_000 + at, deviceId: new Uint8Array(16).fill(at + 1) as Uint8Array as DeviceId, bytes })))
  notes.length = 0
  const shelved = await newestHeader([{ node: 'c', bytes: noise }], kit, ({ message }) => { notes.push(message) }, kept)
  t.equal(shelved.header.generation, 2, 'the newest that a node kept')
  t.match(notes, [/was changed by somebody/, /generation 2 is taken that it has kept since 2023-11-14 22:13 UTC.*came with the key of device 03030303/])
  shelved.page.wipe()
  await t.rejects(newestHeader([{ node: 'c', bytes: noise }], randomBytes(3, 32), () => undefined, kept), { code: 'wrong-passphrase' })
  const bytes = await headerWithPassphrase(found, Buffer.from('again'), { entropy, nowSec: 1_700_000_000, cost })
  t.not(Buffer.compare(bytes, newer), 0)
  await t.rejects(addSlot({ ...found, trusted: false }, { kind: 'passphrase', passphrase: Buffer.from('x') }, { entropy, nowSec: 0, cost, label: 'x' }), { code: 'read-only' })
  found.page.wipe()
})

/** Gives something else for one blob, or for all of them. */
function lying(peer: MemoryPeer, blob: string): PeerPort {
  const get: PeerPort['get'] = async (blobIds) => (await peer.get(blobIds)).map((sealed, index) => (sealed !== undefined && hex(blobIds[index] ?? new Uint8Array(0)) === (blob || hex(blobIds[index] ?? new Uint8Array(0))) ? randomBytes(1, sealed.byteLength) as Uint8Array as Sealed : sealed))
  return new Proxy(peer, { get: (target, name) => (name === 'get' ? get : ((value: unknown) => (typeof value === 'function' ? value.bind(target) as unknown : value))(Reflect.get(target, name, target))) })
}
