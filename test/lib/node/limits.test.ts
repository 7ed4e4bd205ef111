// What a client that was broken into can't do: fill the disk, the memory or all connections, or keep the node waiting.
import { connect, type TLSSocket } from 'node:tls'
import t from 'tap'
import { concatBytes, hex } from '../../../lib/terms/bytes.js'
import { blobBytesMin, encodeFrames, framesBytesMax } from '../../../lib/wire/blob-frames.js'
import { splitPlace } from '../../../lib/wire/pin.js'
import { nodeLimits } from '../../../lib/node/node-limits.js'
import { startMetrics } from '../../../lib/node/metrics-server.js'
import { routes, type Route } from '../../../lib/wire/routes.js'
import { inviteTo, startTestNode, type TestNode, type TestNodeOptions } from '../../support/node.js'
import { pairTestDevice, TestClient, TestOwner, testBlobs, type TestDevice } from '../../support/node-client.js'

interface Scene {
  readonly node: TestNode
  readonly device: TestDevice
  readonly client: TestClient
}

async function scene(t: { teardown(end: () => void | Promise<void>): void }, options: TestNodeOptions = {}): Promise<Scene> {
  const node = await startTestNode(t, options)
  const device = await new TestOwner(1).device(1)
  await pairTestDevice(device, await inviteTo(node))
  const client = new TestClient({ place: node.place, identity: device.parts.identity })
  t.teardown(() => { client.close() })
  return { node, device, client }
}

t.test('room and daily writes', async (t) => {
  let sec = 1_700_000_000
  const clock = { now: () => ({ sec, nsec: 0 }), monotonicMs: () => performance.now() }
  const { node, client } = await scene(t, { clock, quota: { totalBytes: 100_000, dailyBytes: 40_000 } })
  const put = (seed: number, count: number): ReturnType<TestClient['ask']> => client.ask('putBlobs', { body: concatBytes(...encodeFrames(testBlobs(seed, count, 10_000))) })
  t.equal((await put(1, 3)).status, 200)
  const daily = await put(11, 1)
  t.match(daily, { status: 429, code: 'busy' })
  t.equal(Number(daily.headers['retry-after']), 24 * 3600 - (sec % (24 * 3600)))
  await node.restart()
  t.equal((await put(11, 1)).status, 429, 'it is remembered')
  for (const seed of [11, 21]) {
    sec += 24 * 3600
    t.equal((await put(seed, 3)).status, 200, 'the next day it goes on')
  }
  sec += 24 * 3600
  const full = await put(31, 1)
  t.match(full, { status: 507, code: 'no-space' })
  t.match(JSON.parse(Buffer.from((await client.ask('health')).body).toString()), { quota: 100_000, blobs: 9 })
})

t.test('sizes and shapes of requests', async (t) => {
  const { node, device, client } = await scene(t)
  const liar = new TestClient({ place: node.place, identity: device.parts.identity })
  t.match(await liar.send('POST', '/v1/blobs/put', undefined, { 'content-length': String(framesBytesMax + 1) }), { status: 413, code: 'too-large' }, 'before it is read')
  liar.close()
  t.match(await client.ask('putBlobs', { body: new Uint8Array(20) }), { status: 400, code: 'invalid' })
  const [blob] = testBlobs(5, 1)
  t.match(await client.ask('putBlob', { parameters: { blob: '00'.repeat(32) }, body: blob?.sealed ?? '' }), { status: 422, code: 'corrupt' }, 'another name')
  t.match(await client.ask('putBlobs', { body: concatBytes(...encodeFrames([...testBlobs(7, 2), ...testBlobs(9, 1).map(({ sealed }) => ({ blobId: testBlobs(8, 1)[0]?.blobId ?? new Uint8Array(32) as never, sealed }))])) }), { status: 422 })
  t.same([...(await client.ask('hasBlobs', { body: testBlobs(7, 1)[0]?.blobId ?? '' })).body], [0], 'of a request with one wrong blob none is kept')
  t.match(await client.ask('putBlob', { parameters: { blob: 'AB'.repeat(32) }, body: blob?.sealed ?? '' }), { status: 400 })
  t.match(await client.ask('getBlob', { parameters: { blob: hex(blob?.blobId ?? new Uint8Array(0)) } }), { status: 404, code: 'not-found' })
  t.equal((await client.ask('putBlob', { parameters: { blob: hex(blob?.blobId ?? new Uint8Array(0)) }, body: blob?.sealed ?? '' })).status, 201)
  const part = await client.ask('getBlob', { parameters: { blob: hex(blob?.blobId ?? new Uint8Array(0)) }, headers: { range: 'bytes=100-199' } })
  t.same([part.status, part.headers['content-range'], Buffer.compare(part.body, (blob?.sealed ?? new Uint8Array(0)).subarray(100, 200))], [206, 'bytes 100-199/5000', 0])
  t.match(await client.ask('getBlob', { parameters: { blob: hex(blob?.blobId ?? new Uint8Array(0)) }, headers: { range: 'bytes=9999-' } }), { status: 416 })
  for (const path of ['/v1/nothing', '//', '//[', 'http://[', '/%', '/v1/blobs/', '/v1/health/', '*']) t.match(await client.send('GET', path), { status: /^40[034]$/ }, path)
  const many = await client.ask('putBlobs', { body: concatBytes(...encodeFrames(Array.from({ length: nodeLimits.blobsPerPutMax + 1 }, () => testBlobs(3, 1, 1)[0] as never))) })
  t.match(many, { status: 400, code: 'invalid' }, 'too many blobs in one body')
  const [short] = testBlobs(6, 1, blobBytesMin - 1)
  t.match(await client.ask('putBlob', { parameters: { blob: hex(short?.blobId ?? new Uint8Array(0)) }, body: short?.sealed ?? '' }), { status: 400, code: 'invalid' }, 'shorter than any')
  t.match(await client.ask('putBlobs', { body: concatBytes(...encodeFrames([...testBlobs(7, 2), ...testBlobs(6, 1, blobBytesMin - 1)])) }), { status: 400, code: 'invalid' })
  t.equal((await client.ask('putBlobs', { body: concatBytes(...encodeFrames(testBlobs(6, 1, blobBytesMin))) })).status, 200)
  t.match(await client.send('GET', `/v1/health?${'x'.repeat(nodeLimits.headBytesMax)}`).catch(() => ({ status: 0 })), { status: /^(0|431)$/ }, 'a head without end')
})

t.test('too many requests, and too many connections', async (t) => {
  // Its time stands still: on a busy machine no client asks as often as it may.
  const { node, device, client } = await scene(t, { clock: { now: () => ({ sec: Math.floor(Date.now() / 1000), nsec: 0 }), monotonicMs: () => 0 } })
  const replies = await Promise.all(Array.from({ length: 60 }, () => client.ask('health')).map((reply) => reply.catch(() => undefined)))
  const answered = replies.filter((reply) => reply?.status === 200).length
  t.ok(answered >= 1 && answered < 60, `${answered} of 60 at once`)
  t.ok(node.running.listener.counts.open <= nodeLimits.connectionsPerKeyMax)
  t.ok(node.running.listener.counts.refused > 0, 'sockets beyond those of one key are refused')
  const one = new TestClient({ place: node.place, identity: device.parts.identity })
  client.close()
  t.teardown(() => { one.close() })
  let limited: Awaited<ReturnType<TestClient['ask']>> | undefined
  for (let at = 0; at < 4 * nodeLimits.requestsBurst && limited === undefined; at += 8) {
    const some = await Promise.all(Array.from({ length: 8 }, () => one.ask('revocations')))
    limited = some.find(({ status }) => status === 429)
  }
  t.match(limited, { status: 429, code: 'busy', headers: { 'retry-after': '1' } })
})

t.test('slow ones', async (t) => {
  const { node, device } = await scene(t, { patience: { headMs: 600, idleMs: 500, spanMs: 400 } })
  const place = splitPlace(node.place)
  const slow = (begin: string, then: string): Promise<string> => new Promise((resolve) => {
    let said = ''
    const socket: TLSSocket = connect({ ...place, rejectUnauthorized: false, ...device.parts.identity })
    socket.write(begin)
    const timer = setInterval(() => { if (then !== '') socket.write(then) }, 50)
    socket.on('data', (piece: Buffer) => { said += piece.toString() })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearInterval(timer)
      resolve(said)
    })
  })
  const [head, body, idle] = await Promise.all([
    slow('GET /v1/health HTTP/1.1\r\n', 'x: y\r\n'),
    slow('POST /v1/blobs/put HTTP/1.1\r\nhost: node\r\ncontent-length: 1000000\r\n\r\n', 'x'),
    slow('GET /v1/health HTTP/1.1\r\nhost: node\r\n\r\n', ''),
  ])
  t.notMatch(head, /200 OK/, 'a head that never ends')
  t.match(body, /^HTTP\/1.1 503/, 'a body by drops')
  t.match(idle, /^HTTP\/1.1 200/, 'an idle connection ends too')
})

t.test('what it says of itself', async (t) => {
  const { node, client, device } = await scene(t)
  const document = JSON.parse(Buffer.from((await client.ask('openapi')).body).toString()) as { openapi: string; paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>> }
  t.equal(document.openapi, '3.1.0')
  const described = Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, { operationId }]) => ({ path, method: method.toUpperCase(), operationId })))
  t.same(described.map(({ operationId }) => operationId).sort(), Object.keys(routes).sort(), 'all routes, and no others')
  for (const { path, method, operationId } of described) {
    const route: Route = routes[operationId as keyof typeof routes]
    t.same([path, method], [route.path, route.method])
    const filled = path.replace('{blob}', '00'.repeat(32)).replace('{device}', hex(device.parts.deviceId)).replace('{intent}', '00'.repeat(16))
    const reply = await client.send(method, filled, route.request === 'none' ? undefined : new Uint8Array(0))
    const answers = Object.keys(document.paths[path]?.[method.toLowerCase()]?.responses ?? {})
    t.ok(answers.includes(String(reply.status)), `${method} ${path}: ${reply.status} is described`)
    // Routes that a device may not use, and things that are not there, answer as such; a path that nobody serves would too.
    if (route.who.includes('device')) t.notMatch(Buffer.from(reply.body).toString(), /there is no such thing here/, `${method} ${path} is answered`)
  }
  const metrics = await startMetrics(node.running, { host: '127.0.0.1', port: 0 })
  t.teardown(() => { metrics.close() })
  const text = await (await fetch(`http://127.0.0.1:${metrics.port}/metrics`)).text()
  t.match(text, /^vaultfs_node_requests_total\{route="openapi",status="200"\} 2$/m)
  t.match(text, /^vaultfs_node_vaults 1$/m)
  t.ok(text.split('\n').every((line) => line === '' || /^(# (HELP|TYPE) vaultfs_node_\w+ .+|vaultfs_node_\w+(\{[^}]+\})? \d+(\.\d+)?)$/.test(line)), 'as Prometheus reads it')
  t.equal((await fetch(`http://127.0.0.1:${metrics.port}/healthz`)).status, 200)
  t.equal((await fetch(`http://127.0.0.1:${metrics.port}/v1/health`)).status, 404, 'and nothing else is there')
})
