// Chains over a real connection: order, signatures, what is sent twice, forks and gaps; and each device only its own.
import { existsSync, openSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeSync, closeSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { concatBytes, equalBytes, hex } from '../../../lib/terms/bytes.js'
import { entryBytesMin } from '../../../lib/format/manifest-entry.js'
import { ByteReader } from '../../../lib/format/reader.js'
import { encodeRevocation } from '../../../lib/wire/owner-records.js'
import { decodeHeadList } from '../../../lib/wire/signed-lists.js'
import { nodeLimits } from '../../../lib/node/node-limits.js'
import { removedPrefix } from '../../../lib/node/node-storage.js'
import { inviteTo, startTestNode, type TestNode } from '../../support/node.js'
import { pairTestDevice, TestClient, TestOwner, type Reply, type TestDevice } from '../../support/node-client.js'

async function paired(t: { teardown(end: () => void): void }, node: TestNode, device: TestDevice): Promise<TestClient> {
  await pairTestDevice(device, await inviteTo(node))
  const client = new TestClient({ place: node.place, identity: device.parts.identity })
  t.teardown(() => { client.close() })
  return client
}

function headOf({ body }: Reply): { sequence: number; hash: string; bytes: number } {
  const reader = new ByteReader(body, 'head')
  return { sequence: reader.u64(), hash: hex(reader.bytes(32)), bytes: reader.u64() }
}

t.test('a chain that lost its end is told of where it ends now, and takes the rest again', async (t) => {
  const node = await startTestNode(t)
  const owner = new TestOwner(21)
  const device = await owner.device(1)
  const client = await paired(t, node, device)
  const parameters = { device: hex(device.parts.deviceId) }
  const append = (...entries: Uint8Array[]): Promise<Reply> => client.ask('appendEntries', { parameters, body: concatBytes(...entries) })
  const entries = device.entries(200)
  t.equal((await append(...entries.slice(0, 199))).status, 200)
  await node.stop()
  const path = join(node.directory, 'vaults', hex(owner.vaultId), 'manifest', `${hex(device.parts.deviceId)}.chain`)
  truncateSync(path, concatBytes(...entries.slice(0, 131)).byteLength + 50)
  await node.restart()
  const refused = await append(...entries.slice(199))
  t.match([refused.status, refused.code, Buffer.from(refused.body).toString()], [409, 'chain-broken', /"131:[0-9a-f]{64} 199:/])
  const heads = decodeHeadList((await client.ask('heads')).body, { vaultId: owner.vaultId, publicKey: node.running.signPublicKey }).heads
  t.equal(heads[0]?.sequence, 131)
  t.match(headOf(await append(...entries.slice(131))), { sequence: 200, bytes: concatBytes(...entries).byteLength })
  const read = await client.ask('readEntries', { parameters, query: { after: 120 } })
  t.ok(equalBytes(read.body, concatBytes(...entries.slice(120))))
  // One that is gone as a whole may lie on a disk that is away.
  await node.stop()
  rmSync(path)
  await node.restart()
  t.match(await append(...device.entries(1)), { status: 422, code: 'corrupt' })
  t.equal(existsSync(path), false)
})

t.test('appending, again and again', async (t) => {
  const node = await startTestNode(t)
  const device = await new TestOwner(11).device(1)
  const client = await paired(t, node, device)
  const parameters = { device: hex(device.parts.deviceId) }
  const append = (...entries: Uint8Array[]): Promise<Reply> => client.ask('appendEntries', { parameters, body: concatBytes(...entries) })
  const entries = device.entries(150)
  const all = concatBytes(...entries)
  const first = await append(...entries.slice(0, 100))
  t.match(headOf(first), { sequence: 100, bytes: concatBytes(...entries.slice(0, 100)).byteLength })
  const last = await append(...entries.slice(90))
  t.same([last.status, headOf(last)], [200, { sequence: 150, hash: hex(device.head.hash), bytes: all.byteLength }], 'what is there already is skipped')
  t.equal((await append(...entries.slice(3, 7))).status, 200, 'nothing new is no failure')
  t.equal(headOf(await append()).sequence, 150)
  const gap = device.entries(2)
  const broken = await append(gap[1] ?? new Uint8Array(0))
  t.match([broken.status, broken.code, Buffer.from(broken.body).toString()], [409, 'chain-broken', new RegExp(`150:${hex(headOf(last).hash === '' ? new Uint8Array(0) : Buffer.from(headOf(last).hash, 'hex'))} 151:`)])
  const other = await new TestOwner(11).device(1)
  const forked = [...other.entries(120)]
  const rival = other.entry({ sequence: 120, hash: other.head.hash }, 700)
  const fork = await append(...forked.slice(100), rival)
  t.match([fork.status, fork.code], [409, 'forked'], 'another entry in the place of one that is here')
  const behind = other.entry({ sequence: 150, hash: other.head.hash })
  t.match(await append(behind), { status: 409, code: 'forked' }, 'an entry that follows another one')
  const spoilt = Uint8Array.from(gap[0] ?? new Uint8Array(0))
  spoilt[120] = (spoilt[120] ?? 0) ^ 1
  t.match(await append(spoilt), { status: 422, code: 'corrupt' }, 'a signature that does not verify')
  t.match(await append((gap[0] ?? new Uint8Array(0)).subarray(0, 300)), { status: 400, code: 'invalid' }, 'half an entry')
  t.match(await append(device.entry(device.head, entryBytesMin - 165)), { status: 400, code: 'invalid' }, 'an entry that is shorter than any')
  const many = Array.from({ length: nodeLimits.entriesPerAppendMax + 1 }, () => [...other.entries(1, entryBytesMin - 164)])
  t.match(await append(...many.flat()), { status: 400, code: 'invalid' }, 'more entries than are verified at once')
  t.equal(headOf(await append()).sequence, 150, 'none of it came in')
  let read = new Uint8Array(0)
  for (let after = 0; after < 150; after += 25) {
    const some = await client.ask('readEntries', { parameters, query: { after, bytes: 25 * (entries[0]?.byteLength ?? 0) } })
    read = concatBytes(read, some.body)
  }
  t.ok(equalBytes(read, all), 'what comes out is what went in')
  t.equal((await client.ask('readEntries', { parameters, query: { after: 42, bytes: 1 } })).body.byteLength, entries[42]?.byteLength, 'one at least')
  t.equal((await client.ask('readEntries', { parameters, query: { after: 150 } })).body.byteLength, 0)
  const { heads } = decodeHeadList((await client.ask('heads')).body, { vaultId: device.owner.vaultId, publicKey: node.running.signPublicKey })
  t.match(heads.map(({ sequence, bytes }) => ({ sequence, bytes })), [{ sequence: 150, bytes: all.byteLength }])
})

t.test('what a crash left behind the head is cut off', async (t) => {
  const node = await startTestNode(t)
  const device = await new TestOwner(21).device(1)
  const client = await paired(t, node, device)
  const parameters = { device: hex(device.parts.deviceId) }
  await client.ask('appendEntries', { parameters, body: concatBytes(...device.entries(3)) })
  await node.stop()
  const folder = join(node.directory, 'vaults', hex(device.owner.vaultId), 'manifest')
  const path = join(folder, `${hex(device.parts.deviceId)}.chain`)
  t.same(readdirSync(folder), [`${hex(device.parts.deviceId)}.chain`])
  const whole = readFileSync(path)
  const fd = openSync(path, 'a')
  writeSync(fd, whole.subarray(0, 400))
  closeSync(fd)
  await node.restart()
  const more = device.entries(2)
  t.equal(headOf(await client.ask('appendEntries', { parameters, body: concatBytes(...more) })).sequence, 5)
  const { body } = await client.ask('readEntries', { parameters })
  t.ok(equalBytes(body, concatBytes(whole, ...more)))
  t.equal(statSync(path).size, body.byteLength)
  await node.storage.records.put(`${removedPrefix}${hex(device.owner.vaultId)}`, 0, new Uint8Array(0))
  await node.stop()
  rmSync(join(node.directory, 'vaults', hex(device.owner.vaultId)), { recursive: true })
  await node.restart()
  const again = await client.ask('appendEntries', { parameters, body: concatBytes(whole, ...more) })
  t.equal(headOf(again).sequence, 5, 'a vault that was removed, and whose folder was deleted, begins anew')
  await node.stop()
  renameSync(join(node.directory, 'vaults'), join(node.directory, 'elsewhere'))
  await node.restart()
  t.match(await client.ask('readEntries', { parameters }), { status: 422, code: 'corrupt' }, 'one whose folder is only missing does not')
  await node.stop()
  rmSync(join(node.directory, 'vaults'), { recursive: true })
  renameSync(join(node.directory, 'elsewhere'), join(node.directory, 'vaults'))
  await node.restart()
  t.equal((await client.ask('readEntries', { parameters })).body.byteLength, body.byteLength, 'and is whole when it is back')
})

t.test('whoever brings it, a chain is the word of its device', async (t) => {
  const node = await startTestNode(t)
  const owner = new TestOwner(31)
  const [one, two] = [await owner.device(1), await owner.device(2)]
  const client = await paired(t, node, one)
  const parameters = { device: hex(two.parts.deviceId) }
  const [first, ...later] = two.entries(3)
  t.match(await client.ask('appendEntries', { parameters, body: first ?? new Uint8Array(0) }), { status: 403, code: 'not-permitted' }, 'without its member record nobody can tell')
  t.equal((await client.ask('putMember', { body: two.parts.record })).status, 204)
  t.equal((await client.ask('appendEntries', { parameters, body: first ?? new Uint8Array(0) })).status, 200)
  const revocation = encodeRevocation({ vaultId: owner.vaultId, deviceId: two.parts.deviceId, lastSequence: 2, sec: 1 }, owner.keys.secretKey)
  t.equal((await client.ask('putRevocation', { body: revocation })).status, 204)
  t.match(await client.ask('appendEntries', { parameters, body: concatBytes(...later) }), { status: 403, code: 'not-permitted' }, 'nothing behind the last that counts')
  t.equal((await client.ask('appendEntries', { parameters, body: later[0] ?? new Uint8Array(0) })).status, 200, 'what counts others may still bring')
  const own = await client.ask('appendEntries', { parameters: { device: hex(one.parts.deviceId) }, body: concatBytes(...two.entries(1)) })
  t.match(own, { status: 422, code: 'corrupt' }, "another's entries are not one's own")
})
