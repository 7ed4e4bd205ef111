// Who is at the other end, and how long it is waited for: strangers on either side, connections that end, and nodes that
// give a byte now and then.
import tap from 'tap'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import type { BlobId, Sealed } from '../../../lib/terms/bytes.js'
import { openPeer } from '../../../lib/peer/open-peer.js'
import { tlsIdentity } from '../../../lib/wire/certificate.js'
import { pinOf } from '../../../lib/wire/pin.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'
import { device, lieAt, nodeAndPeer, quick, stranger, tls, vaultId } from './peer-hand.js'
import { SmallNode } from './small-node.js'

interface Ends {
  teardown(end: () => Promise<void>): void
}

async function listening(t: Ends, server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => { sockets.add(socket.on('error', () => undefined)) })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => { server.close(() => { resolve() }) })
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : ''
}

async function deadPlace(): Promise<string> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const address = server.address()
  await new Promise<void>((resolve) => { server.close(() => { resolve() }) })
  return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : ''
}

tap.test('another node in its place gets nothing, not even a request', async (t) => {
  const { node, peer } = await nodeAndPeer(t, { known: { pin: pinOf(signKeyPair(randomBytes(50, 32)).publicKey) } })
  await t.rejects(peer.health(), { code: 'corrupt', message: /node attic: another answers in its place \(127\.0\.0\.1:\d+: somebody with another key/ })
  t.same(node.requests, [])
})

tap.test('all its addresses are tried, and the one that answered is tried first', async (t) => {
  const [dead, other] = [await deadPlace(), await SmallNode.start({ seed: 80, vaultId })]
  t.teardown(() => other.close())
  const node = await SmallNode.start({ seed: 20, vaultId, knows: pinOf(device.publicKey) })
  t.teardown(() => node.close())
  const peer = openPeer(node.known({ places: [dead, other.place, node.place] }), { vaultId, tls })
  t.teardown(() => peer.close())
  t.equal((await peer.health()).version, '1')
  t.same(other.requests, [])
  const none = openPeer(node.known({ places: [dead, await deadPlace()] }), { vaultId, tls })
  t.teardown(() => none.close())
  await t.rejects(none.health(), { code: 'offline', message: /node attic: it can not be reached \(127\.0\.0\.1:\d+: nothing listens there, 127/ })
  const nowhere = openPeer(node.known({ places: [] }), { vaultId, tls })
  t.teardown(() => nowhere.close())
  await t.rejects(nowhere.health(), { code: 'offline', message: 'node attic: no address of it is known' })
})

tap.test('a node that does not know us hangs up, and that is told apart from a line that breaks', async (t) => {
  const { peer } = await nodeAndPeer(t, { tls: stranger })
  await t.rejects(peer.health(), { code: 'denied', message: /node attic: .*does not know this device/ })
  const half = await nodeAndPeer(t, { seed: 30 })
  half.node.lie = lieAt('/v1/health', (_, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('half', () => response.destroy())
  })
  await t.rejects(half.peer.health(), { code: 'offline', message: /breaks off/ })
})

tap.test('a connection that was kept and ended meanwhile costs nothing', async (t) => {
  const { node, peer } = await nodeAndPeer(t)
  await Promise.all(Array.from({ length: 8 }, () => peer.health()))
  node.cut()
  await Promise.all(Array.from({ length: 8 }, () => peer.health()))
  // In the middle of one.
  let left = 1
  node.lie = (_, response) => {
    if (left-- <= 0) return false
    response.destroy()
    return true
  }
  t.equal((await peer.health()).version, '1')
})

tap.test('no session is resumed', async (t) => {
  const sessions: boolean[] = []
  const { node, peer } = await nodeAndPeer(t, { onConnection: (socket) => { sessions.push(socket.isSessionReused()) } })
  for (let left = 4; left > 0; left--) {
    await peer.health()
    node.cut()
  }
  t.same(sessions, [false, false, false, false])
})

tap.test('only TLS 1.3', async (t) => {
  const { key, cert } = await tlsIdentity(signKeyPair(randomBytes(20, 32)).secretKey)
  const old = await listening(t, createTlsServer({ key, cert, maxVersion: 'TLSv1.2' }).on('tlsClientError', () => undefined))
  const plain = await listening(t, createTcpServer((socket) => { socket.end('HTTP/1.1 200 OK\r\n\r\n') }))
  for (const place of [old, plain]) {
    const peer = openPeer({ peerId: randomBytes(1, 8), name: 'attic', pin: randomBytes(1, 32), signing: randomBytes(2, 32), places: [place], addedSec: 0 }, { vaultId, tls, patience: quick })
    t.teardown(() => peer.close())
    await t.rejects(peer.health(), { code: 'offline', message: /does not speak TLS 1\.3/ })
  }
})

tap.test('who accepts and says nothing is given up', async (t) => {
  const mute = await listening(t, createTcpServer())
  const peer = openPeer({ peerId: randomBytes(1, 8), name: 'attic', pin: randomBytes(1, 32), signing: randomBytes(2, 32), places: [mute], addedSec: 0 }, { vaultId, tls, patience: { ...quick, connectMs: 300 } })
  t.teardown(() => peer.close())
  await t.rejects(peer.health(), { code: 'offline', message: /no answer within 0\.3 s/ })
})

tap.test('an address that does not answer takes nothing of the patience with the next one', async (t) => {
  const mute = await listening(t, createTcpServer())
  const node = await SmallNode.start({ seed: 20, vaultId, knows: pinOf(device.publicKey) })
  const peer = openPeer(node.known({ places: [mute, node.place] }), { vaultId, tls, patience: { connectMs: 1000, answerMs: 400, silenceMs: 1000, graceMs: 200, bytesPerSecond: 1000 } })
  t.teardown(async () => { await peer.close(); await node.close() })
  // Half as fast again as it must be, and longer than what the first look at it allows.
  node.lie = lieAt('/v1/header', (_, response) => {
    const began = performance.now()
    let sent = 0
    const timer = setInterval(() => {
      const due = Math.min(4500, Math.round((performance.now() - began) * 1.5))
      response.write(new Uint8Array(due - sent))
      sent = due
      if (sent < 4500) return
      clearInterval(timer)
      response.end()
    }, 50)
  })
  t.equal((await peer.header())?.byteLength, 4500)
})

tap.test('slowness has an end in every step', async (t) => {
  const patience = { ...quick, connectMs: 200 }
  const { node, peer } = await nodeAndPeer(t, { patience })
  const took = async (work: Promise<unknown>, expected: { readonly code: string | RegExp }, what: string): Promise<void> => {
    const began = performance.now()
    await t.rejects(work, expected, what)
    t.ok(performance.now() - began < 5000, `${what}: ${Math.round(performance.now() - began)} ms`)
  }
  const deadline = { code: 'deadline', message: /^node attic: / }
  node.lie = lieAt('/v1/health', () => undefined)
  await took(peer.health(), deadline, 'no answer')
  node.lie = lieAt('/v1/health', (_, response) => { response.writeHead(200, { 'content-length': '100' }).write('{') })
  await took(peer.health(), deadline, 'an answer that stops')
  const timers = new Set<NodeJS.Timeout>()
  t.teardown(() => { for (const timer of timers) clearInterval(timer) })
  node.lie = lieAt('/v1/inventory', (_, response) => {
    response.writeHead(200, { 'content-length': '100000' })
    timers.add(setInterval(() => response.write('.'), 50))
  })
  await took(peer.inventory(), deadline, 'a byte now and then')
  node.lie = lieAt('/v1/health', (_, response) => {
    const { socket } = response
    socket?.write('HTTP/1.1 200 OK\r\n')
    timers.add(setInterval(() => socket?.write('x-more: 1\r\n'), 50))
  })
  await took(peer.health(), { code: /deadline|corrupt/ }, 'headers without an end')
  node.lie = lieAt('/v1/health', (_, response) => { timers.add(setInterval(() => response.writeProcessing(), 20)) })
  await took(peer.health(), deadline, 'only word that an answer will come')
})

tap.test('an answer without an end is cut off where it may not be longer', async (t) => {
  let sent = 0
  let isClosed = false
  const { node, peer } = await nodeAndPeer(t)
  node.lie = lieAt('/v1/heads', (_, response) => {
    response.on('close', () => { isClosed = true })
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(16_384))) sent += 16_384
      response.once('drain', more)
    }
    more()
  })
  await t.rejects(peer.heads(), { code: 'corrupt', message: /longer than one may be, and was cut off/ })
  const deadline = performance.now() + 2000
  while (!isClosed && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10))
  t.ok(isClosed, 'and its connection is ended')
  t.ok(sent < 8 * 1024 * 1024, `${sent} bytes`)
  node.lie = undefined
  t.equal((await peer.health()).version, '1')
})

tap.test('what is no HTTP, and an upload that nobody reads', async (t) => {
  const { key, cert } = await tlsIdentity(signKeyPair(randomBytes(20, 32)).secretKey)
  const { publicKey } = signKeyPair(randomBytes(20, 32))
  const serve = async (talk: (socket: TLSSocket) => void): Promise<ReturnType<typeof openPeer>> => {
    const place = await listening(t, createTlsServer({ key, cert, requestCert: true, rejectUnauthorized: false }, (socket) => { talk(socket.on('error', () => undefined)) }))
    const peer = openPeer({ peerId: randomBytes(1, 8), name: 'attic', pin: pinOf(publicKey), signing: randomBytes(2, 32), places: [place], addedSec: 0 }, { vaultId, tls, patience: quick })
    t.teardown(() => peer.close())
    return peer
  }
  const babble = await serve((socket) => { socket.write('hello, who is there?\r\n\r\n') })
  await t.rejects(babble.health(), { code: 'corrupt', message: /no HTTP/ })
  const headers = await serve((socket) => { socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n`) })
  await t.rejects(headers.health(), { code: 'corrupt' })
  const deaf = await serve((socket) => { socket.pause() })
  const sealed = new Uint8Array(16 * 1024 * 1024) as Uint8Array as Sealed
  await t.rejects(deaf.put([{ blobId: randomBytes(1, 32) as Uint8Array as BlobId, sealed }]), { code: 'deadline' })
})

tap.test('closing ends what is on its way and what waits', async (t) => {
  const { node, peer } = await nodeAndPeer(t)
  node.lie = lieAt('/v1/health', () => undefined)
  const asked = Array.from({ length: 6 }, () => t.rejects(peer.health(), { code: 'cancelled' }))
  while (node.requests.length < 4) await new Promise((resolve) => setTimeout(resolve, 5))
  await peer.close()
  await Promise.all(asked)
  await t.rejects(peer.health(), { code: 'cancelled' })
})
