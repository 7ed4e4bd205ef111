// The control socket from end to end, over a real socket and a port that the test holds in its hand.

import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ControlClient } from '../../../lib/control/client.js'
import type { DaemonPort, StatusReport } from '../../../lib/control/daemon-port.js'
import { decodeAnswer, decodeRequest } from '../../../lib/control/messages.js'
import { ControlServer } from '../../../lib/control/server.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { limits } from '../../../lib/terms/limits.js'
import { silent } from '../../../lib/terms/log.js'
import { noPast } from '../../support/no-past.js'
import { noPeers } from '../../support/no-peers.js'

const report: StatusReport = {
  vault: 'ab'.repeat(32), name: 'notes', store: '/store', mountPoint: '/mnt', driver: 'kernel', pid: 7, pids: [7, 8], state: 'mounted', readOnly: false,
  recovery: 'later', dirty: { files: 1, bytes: 2 }, unpublished: { entries: 3, bytes: 4 }, onlyHere: { blobs: 5, bytes: 6 }, peers: [], damagedHere: 0, log: { bytes: 7, segments: 1 },
  cache: { blobs: 9, bytes: 10 },
  amplification: { writtenByUser: 1, published: 1, logged: 1, stored: 1, manifest: 1, disk: 4, ratio: 2, publishedRatio: 2, diskRatio: 4 },
  requests: { answered: 3, waiting: 1, oldest: { opcode: 16, ino: 5, waitedMs: 2 } }, delay: { p50: 0.1, p99: 1, 'p99.9': 2, max: 3, count: 1000, sum: 100, sinceSec: 1.5, atMost: [{ ms: 1, count: 990 }] }, memory: { resident: 11, peak: 12 },
  damaged: { entries: 1, found: [{ path: 'a', reason: 'b' }] }, warnings: ['Confirm the kit.'],
}

const idle: DaemonPort = { past: noPast, peers: noPeers, verify: () => Promise.reject(new Error('nobody was to ask that')), status: () => Promise.resolve(report), sync: () => Promise.resolve({ complete: null, onlyHere: { blobs: 0, bytes: 0 }, peers: [], damagedHere: 0 }), trust: () => Promise.resolve(), unmount: () => Promise.resolve(null) }
const folder = mkdtempSync(join(tmpdir(), 'vaultfs-control-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

let sockets = 0
async function serve(port: DaemonPort): Promise<{ readonly server: ControlServer; readonly path: string }> {
  const path = join(folder, `${++sockets}.sock`)
  return { server: await ControlServer.open({ path, port, logger: silent }), path }
}

t.test('a status arrives as it was, several at once', async (t) => {
  const { server, path } = await serve(idle)
  const client = await ControlClient.connect(path)
  t.strictSame(await Promise.all([client.status(), client.status()]), [report, report])
  await client.ping()
  t.equal(statSync(path).mode & 0o777, 0o600, 'only for its owner')
  client.close()
  await server.close()
  await server.close()
})

t.test('progress comes before the result, options arrive', async (t) => {
  const lazies: boolean[] = []
  const { server, path } = await serve({
    ...idle,
    unmount: ({ lazy }, onProgress) => {
      lazies.push(lazy)
      onProgress({ phase: 'publishing', entries: 2, bytes: 3 })
      onProgress({ phase: 'unmounting', entries: 0, bytes: 0 })
      return Promise.resolve(null)
    },
  })
  const client = await ControlClient.connect(path)
  const seen: string[] = []
  await client.unmount({ lazy: true }, ({ phase, entries, bytes }) => seen.push(`${phase} ${entries} ${bytes}`))
  t.strictSame(seen, ['publishing 2 3', 'unmounting 0 0'])
  t.strictSame(lazies, [true])
  client.close()
  await server.close()
})

t.test('an error keeps its code, subject and next step', async (t) => {
  const { server, path } = await serve({ ...idle, unmount: () => Promise.reject(new VaultError('busy', 'in use', { subject: '/mnt', next: 'close it' })) })
  const client = await ControlClient.connect(path)
  await t.rejects(client.unmount({ lazy: false }, () => undefined), { code: 'busy', message: 'in use', subject: '/mnt', next: 'close it' })
  t.strictSame((await client.status()).name, 'notes', 'the connection goes on')
  client.close()
  await server.close()
})

t.test('a request that closes the server is answered first', async (t) => {
  let server: ControlServer | undefined
  const closing = Promise.withResolvers<void>()
  const served = await serve({
    ...idle,
    unmount: async () => {
      await Promise.resolve()
      closing.resolve(server?.close())
      return null
    },
  })
  server = served.server
  const client = await ControlClient.connect(served.path)
  await client.unmount({ lazy: false }, () => undefined)
  await client.closed
  await closing.promise
  t.pass('answered, then closed')
})

t.test('a daemon that is gone, before or in the middle, is not-mounted', async (t) => {
  const path = join(folder, 'gone.sock')
  await t.rejects(ControlClient.connect(path), { code: 'not-mounted' })
  const dying = createServer((socket) => {
    socket.on('data', () => socket.destroy())
  })
  await new Promise<void>((resolve) => dying.listen(path, resolve))
  const client = await ControlClient.connect(path)
  await t.rejects(client.status(), { code: 'not-mounted' })
  await t.rejects(client.status(), { code: 'not-mounted' })
  dying.close()
})

t.test('the server outlives what is not its language', async (t) => {
  const { server, path } = await serve(idle)
  const answerTo = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = createConnection(path)
      let got = ''
      socket.on('data', (bytes) => {
        got += bytes.toString()
        socket.end()
      })
      socket.on('error', () => undefined)
      socket.on('close', () => {
        resolve(got)
      })
      socket.write(text)
    })
  t.match(await answerTo('hello\n'), /"code":"invalid"/)
  t.match(await answerTo('{"id":1,"verb":"format-disk"}\n'), /"code":"invalid"/)
  t.match(await answerTo('[]\n'), /"code":"invalid"/)
  t.equal(await answerTo('x'.repeat(limits.controlLineBytesMax + 1)), '', 'a line without end is cut off')
  const client = await ControlClient.connect(path)
  await client.ping()
  client.close()
  await server.close()
})

t.test('a socket left by a dead daemon is replaced, a folder open to others is refused', async (t) => {
  const path = join(folder, 'stale.sock')
  writeFileSync(path, '')
  const server = await ControlServer.open({ path, port: idle, logger: silent })
  const client = await ControlClient.connect(path)
  await client.ping()
  client.close()
  await server.close()
  chmodSync(folder, 0o755)
  await t.rejects(ControlServer.open({ path, port: idle, logger: silent }), { code: 'denied' })
  chmodSync(folder, 0o700)
})

t.test('messages that are not of this version are refused', async (t) => {
  t.throws(() => decodeRequest('{"id":"1","verb":"ping"}'), { code: 'invalid' })
  t.throws(() => decodeRequest('{"id":1,"verb":"ping","args":[]}'), { code: 'invalid' })
  t.throws(() => decodeAnswer('{"id":1}'), { code: 'invalid' })
  t.strictSame(decodeAnswer('{"id":1,"error":{"code":"no-such-code"}}'), { id: 1, error: { code: 'io', message: 'no reason was given' } })
})
