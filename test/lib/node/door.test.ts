// Who comes in: known keys, strangers with an invitation for one request, and nobody else; and who is thrown out.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import t from 'tap'
import { headerForNodes } from '../../../lib/crypto/header-for-nodes.js'
import { signTagged } from '../../../lib/crypto/signature.js'
import { encodeMember } from '../../../lib/format/member-record.js'
import { decodeHeader } from '../../../lib/format/vault-header.js'
import { concatBytes, equalBytes, hex, type DeviceId } from '../../../lib/terms/bytes.js'
import { encodeRevocation } from '../../../lib/wire/owner-records.js'
import { tlsIdentity } from '../../../lib/wire/certificate.js'
import { splitPlace } from '../../../lib/wire/pin.js'
import { testKeys } from '../../support/open-vault.js'
import { inviteTo, startTestNode } from '../../support/node.js'
import { pairTestDevice, TestClient, TestOwner } from '../../support/node-client.js'

/** Resolves with what the server said before it ended the connection. */
function knock(place: string, options: object): Promise<{ readonly said: string }> {
  return new Promise((resolve) => {
    let said = ''
    const socket = connect({ ...splitPlace(place), rejectUnauthorized: false, ...options })
    socket.on('secureConnect', () => { socket.write('GET /v1/health HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n') })
    socket.on('data', (piece: Buffer) => { said += piece.toString() })
    socket.on('error', () => undefined)
    socket.on('close', () => { resolve({ said }) })
  })
}

t.test('strangers hear nothing', async (t) => {
  const node = await startTestNode(t)
  const owner = new TestOwner(1)
  const device = await owner.device(1)
  t.equal((await knock(node.place, device.parts.identity)).said, '', 'a key that is not known')
  t.equal((await knock(node.place, {})).said, '', 'no certificate')
  t.equal((await knock(node.place, { ...device.parts.identity, maxVersion: 'TLSv1.2' })).said, '', 'an old TLS')
  const code = await inviteTo(node)
  t.match((await knock(node.place, device.parts.identity)).said, /^HTTP\/1.1 403/, 'while an invitation is open it hears that it needs one')
  t.equal((await knock(node.place, {})).said, '', 'but not without a certificate')
  t.equal((await pairTestDevice(device, code)).status, 200)
  const other = await owner.device(2)
  t.equal((await knock(node.place, other.parts.identity)).said, '', 'and nothing when it has been used')
  t.match((await knock(node.place, device.parts.identity)).said, /^HTTP\/1.1 200/)
  const first = await greet(node.place, device.parts.identity)
  const second = await greet(node.place, { ...device.parts.identity, ...(first.session === undefined ? {} : { session: first.session }) })
  t.equal(second.isResumed, false, 'no session is resumed: each connection shows its key')
})

function greet(place: string, options: object): Promise<{ readonly session: Buffer | undefined; readonly isResumed: boolean }> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({ ...splitPlace(place), rejectUnauthorized: false, ...options })
    let session: Buffer | undefined
    let isResumed = false
    socket.on('session', (found: Buffer) => { session = found })
    socket.on('secureConnect', () => {
      isResumed = socket.isSessionReused()
      socket.write('GET /v1/health HTTP/1.1\r\nhost: node\r\nconnection: close\r\n\r\n')
    })
    socket.resume()
    socket.on('error', () => undefined)
    socket.on('close', () => { resolve({ session, isResumed }) })
  })
}

t.test('an invitation', async (t) => {
  const node = await startTestNode(t)
  const owner = new TestOwner(11)
  const [one, two] = [await owner.device(1), await owner.device(2)]
  const wrong = (text: string): string => text.replace(/"proof":"../, (found) => `"proof":"${found.endsWith('00') ? '11' : '00'}`)
  const code = await inviteTo(node)
  for (let attempt = 0; attempt < 4; attempt++) t.match(await pairTestDevice(one, code, { change: wrong }), { status: 401, code: 'denied' })
  t.match(await pairTestDevice(one, code), { status: 200 }, 'four wrong proofs are forgiven')
  // Somebody has to be able to come near it.
  await inviteTo(node)
  t.match(await pairTestDevice(two, code), { status: 401, code: 'denied' }, 'it works once')
  const burnt = await inviteTo(node)
  for (let attempt = 0; attempt < 5; attempt++) await pairTestDevice(two, burnt, { change: wrong })
  t.match(await pairTestDevice(two, burnt), { status: 401, code: 'denied' }, 'the fifth wrong proof burns it')
  const twice = await inviteTo(node)
  const replies = await Promise.all([await new TestOwner(21).device(1), await new TestOwner(31).device(1)].map((device) => pairTestDevice(device, twice)))
  t.same(replies.map(({ status }) => status).sort(), [200, 401], 'of two at once one comes in')
  t.equal(node.running.register.access.vaults.length, 2)
  const forged = await new TestOwner(41).device(1)
  const third = await inviteTo(node)
  const withOwner = (text: string): string => text.replace(/"salt":"../, (found) => `"salt":"${found.endsWith('00') ? '11' : '00'}`)
  t.match(await pairTestDevice(forged, third, { change: withOwner }), { status: 422 }, "a vault that is not its owner's")
  t.match(await pairTestDevice(forged, third), { status: 200 }, 'which does not use it up')
})

t.test('an invitation ends by itself', async (t) => {
  let sec = 1_700_000_000
  const node = await startTestNode(t, { clock: { now: () => ({ sec, nsec: 0 }), monotonicMs: () => performance.now() } })
  const code = await inviteTo(node, 60)
  await inviteTo(node, 600)
  sec += 60
  t.match(await pairTestDevice(await new TestOwner(1).device(1), code), { status: 401 })
})

t.test('who is revoked is thrown out at once', async (t) => {
  const node = await startTestNode(t)
  const owner = new TestOwner(51)
  const [one, two] = [await owner.device(1), await owner.device(2)]
  await pairTestDevice(one, await inviteTo(node))
  const client = new TestClient({ place: node.place, identity: one.parts.identity })
  t.teardown(() => { client.close() })
  await client.ask('putMember', { body: two.parts.record })
  const closed = new Promise<void>((resolve, reject) => {
    const socket = connect({ ...splitPlace(node.place), rejectUnauthorized: false, ...two.parts.identity })
    socket.on('error', () => undefined)
    socket.on('data', () => {
      const revocation = encodeRevocation({ vaultId: owner.vaultId, deviceId: two.parts.deviceId, lastSequence: 0, sec: 1 }, owner.keys.secretKey)
      client.ask('putRevocation', { body: revocation }).then(() => undefined, reject)
    })
    socket.on('close', () => { resolve() })
    socket.write('GET /v1/health HTTP/1.1\r\nhost: node\r\n\r\n')
  })
  await closed
  t.equal((await knock(node.place, two.parts.identity)).said, '', 'a stranger from then on')
  t.match(await client.ask('putMember', { body: two.parts.record }), { status: 204 }, 'its record may come, what it had said is verified with it')
  t.equal((await knock(node.place, two.parts.identity)).said, '', 'and does not bring it back')
  t.equal((await client.ask('revocations')).body.byteLength, 129)
  const forged = encodeRevocation({ vaultId: owner.vaultId, deviceId: one.parts.deviceId, lastSequence: 0, sec: 1 }, two.parts.sign.secretKey)
  t.match(await client.ask('putRevocation', { body: forged }), { status: 422 }, 'a device revokes nobody')
})

t.test('the recovery kit reads, and lets one device in', async (t) => {
  const node = await startTestNode(t)
  const owner = new TestOwner(61)
  const [one, fresh] = [await owner.device(1), await owner.device(2)]
  await pairTestDevice(one, await inviteTo(node))
  const kit = new TestClient({ place: node.place, identity: await tlsIdentity(owner.recovery.secretKey) })
  t.teardown(() => { kit.close() })
  t.equal((await kit.ask('health')).status, 200)
  t.match(await kit.ask('putBlobs', { body: new Uint8Array(0) }), { status: 403, code: 'not-permitted' })
  t.match(await kit.ask('appendEntries', { parameters: { device: hex(one.parts.deviceId) }, body: concatBytes(...one.entries(1)) }), { status: 403 })
  t.equal((await kit.ask('putMember', { body: fresh.parts.record })).status, 204)
  const client = new TestClient({ place: node.place, identity: fresh.parts.identity })
  t.teardown(() => { client.close() })
  t.equal((await client.ask('health')).status, 200)
  const forged = encodeMember({ vaultId: owner.vaultId, deviceId: one.parts.deviceId, signPublicKey: one.parts.sign.publicKey, boxPublicKey: new Uint8Array(32), tlsPublicKey: new Uint8Array(32), createdSec: 1_800_000_000, name: 'x' })
  t.match(await kit.ask('putMember', { body: concatBytes(forged, signTagged('member/v1', forged, owner.recovery.secretKey)) }), { status: 422 }, 'only with the owner\'s signature')
})

t.test('the header: the newest is handed out, and what it replaced is kept', async (t) => {
  let sec = 1_700_000_000
  const node = await startTestNode(t, { clock: { now: () => ({ sec, nsec: 0 }), monotonicMs: () => performance.now() } })
  const created = await testKeys()
  const { vaultId } = created.header
  const headerOf = (generation: number): Uint8Array => headerForNodes({ ...created, header: { ...created.header, generation } })
  const { header } = await node.running.vaults.open(vaultId)
  const [one, other] = [1, 2].map((byte) => new Uint8Array(16).fill(byte) as Uint8Array as DeviceId) as [DeviceId, DeviceId]
  await header.put(headerOf(5), one)
  await t.rejects(header.put(headerOf(4), other), { code: 'exists', message: /kept beside/ })
  await header.put(headerOf(5), one)
  for (const generation of [6, 7, 8]) await header.put(headerOf(generation), one)
  await t.rejects(header.put(headerOf(9), one), { code: 'busy' }, 'no device brings one after another all day')
  await t.rejects(header.put(headerOf(4), one), { code: 'busy' })
  await header.put(headerOf(9), other)
  sec += 24 * 3600
  await header.put(headerOf(10), one)
  t.ok(equalBytes(await header.get() ?? new Uint8Array(0), headerOf(10)))
  const folder = join(node.directory, 'vaults', hex(vaultId))
  t.ok(equalBytes(readFileSync(join(folder, 'header')), headerOf(10)))
  const before = readdirSync(folder).filter((name) => name.startsWith('header-before-')).sort()
  t.same(before.map((name) => decodeHeader(readFileSync(join(folder, name)), name).header.generation).sort((a, b) => a - b), [4, 5, 6, 7, 8, 9, 10])
  const { records } = node.storage.vault(vaultId)
  for (const name of await records.list('header-before/')) await records.remove(name)
  t.same(readdirSync(folder).filter((name) => name.startsWith('header-before-')), [], 'what goes goes from the folder too')
  await t.rejects(header.put(new Uint8Array(100), one), { code: 'invalid' })
  await t.rejects((await node.running.vaults.open(new TestOwner(1).vaultId)).header.put(headerOf(11), one), { code: 'corrupt' }, "another vault's")
})
