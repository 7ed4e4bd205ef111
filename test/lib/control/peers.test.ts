// Questions about nodes over the control socket: what is asked arrives as it was asked, what is answered comes back, and
// what no version of ours would send is refused.
import tap from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ControlClient } from '../../../lib/control/client.js'
import type { PeerReport, PeersPort } from '../../../lib/control/peer-port.js'
import { ControlServer } from '../../../lib/control/server.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { silent } from '../../../lib/terms/log.js'
import { noPast } from '../../support/no-past.js'

const attic: PeerReport = { name: 'attic', address: 'a:1#x', places: ['a:1', 'b:2'], addedSec: 5 }
const unasked = (): Promise<never> => Promise.reject(new Error('nobody was to ask that'))

interface Ends {
  teardown(end: () => Promise<void>): void
}

async function connected(t: Ends): Promise<{ readonly client: ControlClient; readonly path: string; readonly asked: unknown[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-control-'))
  const path = join(folder, 'socket')
  const asked: unknown[] = []
  const peers: PeersPort = {
    list: () => Promise.resolve([attic]),
    add: (order) => { asked.push(order); return Promise.resolve({ ...attic, recovery: 'missing', again: false }) },
    remove: (name) => { asked.push(name); return Promise.reject(new VaultError('not-found', `no node is called ${name}`, { subject: name, next: 'there is attic' })) },
    rename: (order) => { asked.push(order); return Promise.resolve({ ...attic, name: order.to }) },
    test: (name) => { asked.push(name); return Promise.resolve([{ name: 'attic', places: [{ place: 'a:1', step: 'tls', reason: 'x' }], failed: { step: 'connecting', error: { code: 'offline', message: 'y' } } }]) },
  }
  const server = await ControlServer.open({ path, port: { past: noPast, peers, verify: unasked, status: unasked, sync: unasked, trust: unasked, unmount: unasked }, logger: silent })
  const client = await ControlClient.connect(path)
  t.teardown(async () => {
    client.close()
    await server.close()
    rmSync(folder, { recursive: true })
  })
  return { client, path, asked }
}

tap.test('questions and answers', async (t) => {
  const { client: { peers }, asked } = await connected(t)
  t.same(await peers.list(), [attic])
  t.same(await peers.add({ code: 'vfsn1_x', name: undefined }), { ...attic, recovery: 'missing', again: false })
  t.same(await peers.add({ code: 'vfsn1_x', name: 'loft' }), { ...attic, recovery: 'missing', again: false })
  await t.rejects(peers.remove('x'), { code: 'not-found', subject: 'x', next: 'there is attic' })
  t.same(await peers.rename({ from: 'attic', to: 'loft' }), { ...attic, name: 'loft' })
  t.match(await peers.test(undefined), [{ name: 'attic', failed: { step: 'connecting', error: { code: 'offline' } } }])
  t.match(await peers.test('attic'), [{ name: 'attic' }])
  t.same(asked, [{ code: 'vfsn1_x', name: undefined }, { code: 'vfsn1_x', name: 'loft' }, 'x', { from: 'attic', to: 'loft' }, undefined, 'attic'])
})

tap.test('what is missing or of another kind', async (t) => {
  const { path, asked } = await connected(t)
  const socket = createConnection(path)
  t.teardown(async () => { socket.destroy() })
  const requests = [['peer-add', { code: 5, name: null }], ['peer-add', { code: 'x' }], ['peer-remove', {}], ['peer-rename', { from: 'a' }], ['peer-test', { name: {} }]]
  let answers = ''
  socket.on('data', (piece: Buffer) => { answers += piece.toString('utf8') })
  for (const [at, [verb, args]] of requests.entries()) socket.write(`${JSON.stringify({ id: at + 1, verb, args })}\n`)
  while (answers.split('\n').length <= requests.length) await new Promise((resolve) => setTimeout(resolve, 5))
  for (const line of answers.trim().split('\n')) t.match(JSON.parse(line), { error: { code: 'invalid' } })
  t.same(asked, [])
})
