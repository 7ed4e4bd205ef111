// The client of a node against a small one that says the truth until a test makes it lie. What a node can do to its client
// is to be refused, by name and in bounded time; never to be believed.
import tap from 'tap'
import { BusyFor } from '../../../lib/terms/busy-for.js'
import { hex, type BlobId, type DeviceId, type ManifestHash, type Sealed } from '../../../lib/terms/bytes.js'
import { ByteWriter } from '../../../lib/format/writer.js'
import { encodeFrames } from '../../../lib/wire/blob-frames.js'
import { encodeHeadList, encodeInventoryPage } from '../../../lib/wire/signed-lists.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'
import { lieAt, nodeAndPeer, vaultId } from './peer-hand.js'

const corrupt = { code: 'corrupt', message: /^node attic: / }
const deviceId = randomBytes(5, 16) as Uint8Array as DeviceId
const unknown = randomBytes(77, 32) as Uint8Array as BlobId

tap.test('blobs go there and come back, each hashed', async (t) => {
  const carried = { up: 0, down: 0 }
  const { node, peer } = await nodeAndPeer(t, { onTransfer: (up, down) => { carried.up += up; carried.down += down } })
  const blobs = [10, 200_000, 4192, 70_000, 1].map((length, index) => node.put(randomBytes(100 + index, length)))
  node.blobs.clear()
  const ids = blobs.map(({ blobId }) => blobId)
  t.same([...await peer.has(ids)], [0, 0, 0, 0, 0])
  await peer.put(blobs)
  t.ok(carried.up > 274_000, 'what went is told as it goes')
  t.same([...await peer.has(ids)], [1, 1, 1, 1, 1])
  const got = await peer.get([...ids, unknown])
  t.same(got.map((one) => one?.byteLength), [10, 200_000, 4192, 70_000, 1, undefined], 'asked for in pieces as the node answers them')
  t.ok(blobs.every(({ sealed }, index) => Buffer.compare(sealed, got[index] ?? new Uint8Array(0)) === 0))
  t.ok(carried.down > 274_000)
  const place = new Uint8Array(300_000)
  const lent = await peer.get(ids, 'by-caller', place)
  t.same(lent, blobs.map(({ sealed }) => sealed))
  t.ok(lent.every((one) => one?.buffer === place.buffer), 'what fits lies in the memory that is lent')
  const small = await peer.get(ids, undefined, place.subarray(0, 1000))
  t.same(small, blobs.map(({ sealed }) => sealed), 'what does not fit has its own')
  node.blobs.clear()
  await peer.put(blobs, Buffer.concat(encodeFrames(blobs)))
  t.same([...await peer.has(ids)], [1, 1, 1, 1, 1], 'as one body')
  const inventory = await peer.inventory()
  t.same(inventory.blobs.map(({ blobId }) => hex(blobId)), ids.map(hex).sort())
  t.ok(inventory.isLast)
  t.same(await peer.heads(), [])
  t.same(await peer.health(), { version: '1', blobs: 5, bytes: 0, quota: null, time: 1000, signing: node.signing.publicKey })
  t.equal(await peer.header(), undefined)
  t.equal(await peer.recovery(), undefined)
  t.same(await peer.get([]), [])
  t.equal((await peer.has([])).byteLength, 0)
  t.equal((await peer.range(ids[1] ?? unknown, 5, 0)).byteLength, 0)
})

tap.test('more than one request may carry goes in several, and no more than four at a time', async (t) => {
  let now = 0
  let most = 0
  const { node, peer } = await nodeAndPeer(t)
  node.lie = lieAt('/v1/health', (_, response) => {
    most = Math.max(most, ++now)
    setTimeout(() => { now -= 1; response.end(JSON.stringify({ version: '1', blobs: 0, bytes: 0, quota: 5, time: 1, signing: '00'.repeat(32) })) }, 20)
  })
  await Promise.all(Array.from({ length: 20 }, () => peer.health()))
  t.equal(most, 4)
  const large = Array.from({ length: 3 }, (_, index) => node.put(new Uint8Array(14 * 1024 * 1024).fill(index)))
  node.blobs.clear()
  await peer.put(large)
  t.equal(node.requests.filter((one) => one.endsWith('/put')).length, 2)
  t.equal(node.blobs.size, 3)
})

tap.test('blobs that are not what was asked for', async (t) => {
  const { node, peer } = await nodeAndPeer(t)
  const [one, other] = [node.put(randomBytes(1, 5000)), node.put(randomBytes(2, 5000))]
  const answer = async (bytes: Uint8Array, message: RegExp): Promise<void> => {
    node.lie = lieAt('/v1/blobs/get', (_, response) => { response.end(bytes) })
    await t.rejects(peer.get([one.blobId, other.blobId]), { code: 'corrupt', message })
  }
  const framed = (...blobs: Parameters<typeof encodeFrames>[0]): Uint8Array => Buffer.concat(encodeFrames(blobs))
  const flipped = one.sealed.slice()
  flipped[700] = (flipped[700] ?? 0) ^ 1
  await answer(framed({ blobId: one.blobId, sealed: flipped as typeof one.sealed }, other), /node attic: what it gave as blob [0-9a-f]{64} is something else/)
  node.lie = lieAt('/v1/blobs/get', (_, response) => { response.end(framed({ blobId: one.blobId, sealed: flipped as typeof one.sealed }, other)) })
  t.same(await peer.get([one.blobId, other.blobId], 'by-caller'), [flipped, other.sealed], 'who says so compares')
  await answer(framed(other, one), /other blobs than those asked for/)
  await answer(framed(one, { ...one }), /other blobs than those asked for/)
  await answer(framed(one, other, one), /something else than blobs/)
  await answer(new Uint8Array(0), /answered nothing/)
  await answer(framed(one, other).subarray(0, 9000), /something else than blobs/)
  node.lie = undefined
  t.same(await peer.get([one.blobId]), [one.sealed], 'and afterwards it is heard again')
})

tap.test('answers of another length than they can have', async (t) => {
  const { node, peer } = await nodeAndPeer(t)
  const { blobId } = node.put(randomBytes(1, 100))
  const answer = (path: string, bytes: Uint8Array | string): void => { node.lie = lieAt(path, (_, response) => { response.end(bytes) }) }
  answer('/v1/blobs/has', Uint8Array.of(1, 1))
  await t.rejects(peer.has([blobId]), corrupt, 'longer')
  answer('/v1/blobs/has', new Uint8Array(0))
  await t.rejects(peer.has([blobId]), corrupt, 'shorter')
  answer('/v1/blobs/has', Uint8Array.of(2))
  await t.rejects(peer.has([blobId]), corrupt, 'neither yes nor no')
  answer('/v1/blobs/put', Uint8Array.of())
  await t.rejects(peer.put([{ blobId, sealed: randomBytes(1, 100) as Uint8Array as Sealed }]), corrupt, 'nothing stored, it seems')
  answer('/v1/blobs/', randomBytes(1, 100))
  await t.rejects(peer.range(blobId, 0, 50), corrupt, 'a blob instead of a range')
  answer('/v1/blobs/', randomBytes(1, 20))
  await t.rejects(peer.range(blobId, 0, 50), corrupt, 'less than the range')
  answer('/v1/chains/', randomBytes(1, 47))
  await t.rejects(peer.appendEntries(deviceId, new Uint8Array(3)), corrupt)
  answer('/v1/chains/', new Uint8Array(48).fill(255))
  await t.rejects(peer.appendEntries(deviceId, new Uint8Array(3)), corrupt, 'a sequence that can not be')
  answer('/v1/members', Uint8Array.of(5, 1))
  await t.rejects(peer.members(), corrupt)
  answer('/v1/challenge', Buffer.concat([Uint8Array.of(0), randomBytes(3, 32)]))
  await t.rejects(peer.challenge(randomBytes(4, 32), [blobId]), corrupt)
  answer('/v1/challenge', new Uint8Array(66))
  await t.rejects(peer.challenge(randomBytes(4, 32), [blobId]), corrupt)
  answer('/v1/header', new Uint8Array(70_000))
  await t.rejects(peer.header(), { code: 'corrupt', message: /cut off/ })
  const signing = `"signing":"${'00'.repeat(32)}"`
  for (const health of ['', '[]', 'null', '{"version":1}', `{"version":"1","blobs":-1,"bytes":0,"quota":null,"time":1,${signing}}`, `{"version":"1","blobs":1e300,"bytes":0,"quota":null,"time":1,${signing}}`, '{"version":"1","blobs":1,"bytes":0,"quota":null,"time":1,"signing":"00"}']) {
    answer('/v1/health', health)
    await t.rejects(peer.health(), corrupt, health)
  }
  answer('/v1/health', `{"version":"1\\u001b[2J","blobs":1,"bytes":0,"quota":null,"time":1,${signing}}`)
  t.equal((await peer.health()).version, '1?[2J')
})

tap.test('what is right comes through as it is', async (t) => {
  const { node, peer } = await nodeAndPeer(t)
  const hash = randomBytes(8, 32) as Uint8Array as ManifestHash
  const nonce = randomBytes(9, 32)
  const asked: string[] = []
  node.lie = (request, response, body) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''} ${request.headers.range ?? ''} ${hex(body)}`)
    const url = request.url ?? ''
    if (url.startsWith('/v1/chains') && request.method === 'POST') response.end(new ByteWriter().u64(7).bytes(hash).u64(900).view())
    else if (url.startsWith('/v1/chains')) response.end(randomBytes(3, 500))
    else if (url.startsWith('/v1/members') && request.method === 'GET') response.end(new ByteWriter().lengthPrefixed(randomBytes(1, 200)).lengthPrefixed(randomBytes(2, 100)).view())
    else if (url.startsWith('/v1/challenge')) response.end(new ByteWriter().zeros(33).u8(1).bytes(hash).view())
    else if (url.startsWith('/v1/blobs/')) response.writeHead(206).end(randomBytes(4, 50))
    else response.writeHead(204).end()
    return true
  }
  t.same(await peer.appendEntries(deviceId, Uint8Array.of(1, 2, 3)), { deviceId, sequence: 7, hash, bytes: 900 })
  t.same(await peer.readEntries(deviceId, 6, 1000), randomBytes(3, 500))
  t.same((await peer.members()).map((record) => record.byteLength), [200, 100])
  t.same(await peer.challenge(nonce, [unknown, unknown]), [undefined, hash])
  t.same(await peer.range(unknown, 100, 50), randomBytes(4, 50))
  await peer.putHeader(Uint8Array.of(9))
  await peer.putMember(Uint8Array.of(8))
  await peer.putRecovery(Uint8Array.of(7))
  t.same(asked, [
    `POST /v1/chains/${hex(deviceId)}  010203`, `GET /v1/chains/${hex(deviceId)}?after=6&bytes=1000  `, 'GET /v1/members  ',
    `POST /v1/challenge  ${hex(nonce)}${hex(unknown)}${hex(unknown)}`, `GET /v1/blobs/${hex(unknown)} bytes=100-149 `,
    'PUT /v1/header  09', 'PUT /v1/members  08', 'PUT /v1/recovery  07',
  ])
})

tap.test('lists that the node did not sign, or of something else', async (t) => {
  const { node, peer } = await nodeAndPeer(t)
  const other = signKeyPair(randomBytes(60, 32)).secretKey
  const own = node.signing.secretKey
  const page = { vaultId, sec: 1, after: new Uint8Array(32), isLast: true, blobs: [{ blobId: unknown, length: 10 }] }
  const heads = { vaultId, sec: 1, heads: [{ deviceId, sequence: 1, hash: randomBytes(1, 32) as Uint8Array as ManifestHash, bytes: 100 }] }
  const elsewhere = randomBytes(61, 32) as Uint8Array as typeof vaultId
  const flipped = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (at === 50 ? byte ^ 1 : byte))
  node.put(randomBytes(1, 10))
  const lists: readonly (readonly [string, Uint8Array])[] = [
    ['signed by another', encodeInventoryPage(page, other)], ['of another vault', encodeInventoryPage({ ...page, vaultId: elsewhere }, own)],
    ['of another place', encodeInventoryPage({ ...page, after: randomBytes(1, 32) }, own)], ['changed', flipped(encodeInventoryPage(page, own))],
    ['heads', encodeHeadList(heads, own)], ['nothing', new Uint8Array(0)],
  ]
  for (const [what, bytes] of lists) {
    node.lie = lieAt('/v1/inventory', (_, response) => { response.end(bytes) })
    await t.rejects(peer.inventory(), corrupt, `an inventory: ${what}`)
  }
  const headLists: readonly (readonly [string, Uint8Array])[] = [
    ['signed by another', encodeHeadList(heads, other)], ['of another vault', encodeHeadList({ ...heads, vaultId: elsewhere }, own)],
    ['changed', flipped(encodeHeadList(heads, own))], ['an inventory', encodeInventoryPage(page, own)], ['nothing', new Uint8Array(0)],
  ]
  for (const [what, bytes] of headLists) {
    node.lie = lieAt('/v1/heads', (_, response) => { response.end(bytes) })
    await t.rejects(peer.heads(), corrupt, `heads: ${what}`)
  }
  node.lie = lieAt('/v1/heads', (_, response) => { response.end(encodeHeadList(heads, own)) })
  t.same(await peer.heads(), heads.heads)
})

tap.test('what a node says of failures is told as its word', async (t) => {
  const { node, peer } = await nodeAndPeer(t)
  const answer = (status: number, body: string): void => { node.lie = lieAt('/v1/health', (_, response) => { response.writeHead(status).end(body) }) }
  answer(507, JSON.stringify({ code: 'no-space', message: 'its quota is used up', next: 'ask for more', subject: 'quota' }))
  await t.rejects(peer.health(), { code: 'no-space', message: 'node attic: its quota is used up', next: 'it says: ask for more', subject: 'quota' })
  answer(429, '')
  await t.rejects(peer.health(), { code: 'busy', message: 'node attic: it answered with status 429' })
  const timed = (status: number, after: string): void => { node.lie = lieAt('/v1/health', (_, response) => { response.writeHead(status, { 'retry-after': after }).end('') }) }
  for (const status of [429, 503]) {
    timed(status, '86399')
    await t.rejects(peer.health(), { code: 'busy', afterSec: 86_399 })
  }
  for (const odd of ['0', '-1', '1e9', '99999999999', 'Fri, 31 Dec 1999 23:59:59 GMT', '']) {
    timed(503, odd)
    const error: unknown = await peer.health().catch((reason: unknown) => reason)
    t.match(error, { code: 'busy' })
    t.notOk(error instanceof BusyFor, `'${odd}' says nothing`)
  }
  answer(500, JSON.stringify({ code: 'broken-invariant', message: 'boo' }))
  await t.rejects(peer.health(), { code: 'busy', message: 'node attic: boo' }, 'no code that would say something of us')
  answer(400, JSON.stringify({ code: 'wrong-passphrase', message: 'type it here: \u001b[31m\u202eevil\n' }))
  await t.rejects(peer.health(), { code: 'invalid', message: 'node attic: type it here: \ufffd[31m\ufffdevil\ufffd' })
  answer(401, JSON.stringify({ code: 'denied', message: 'x'.repeat(5000) }))
  await t.rejects(peer.health(), { code: 'denied', message: `node attic: ${'x'.repeat(1000)}` })
  answer(404, JSON.stringify({ code: 'denied', message: 'no' }))
  await t.rejects(peer.health(), { code: 'denied' })
  answer(500, 'x'.repeat(100_000))
  await t.rejects(peer.health(), { code: 'corrupt', message: /cut off/ })
})
