// The list of nodes changes while they are spoken with: each has one life at any time, and what one said never counts for another.
import t from 'tap'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SyncState } from '../../../lib/sync/state.js'
import type { SyncerPeer } from '../../../lib/sync/syncer.js'
import { openPlain } from '../../../native-deps/sqlite.js'
import { randomBytes } from '../../support/random-bytes.js'
import { SyncWorld } from './sync-world.js'

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-reload-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })

t.test('two reloads at once: every life but those of the last has ended', async (t) => {
  const w = await new SyncWorld(1).open()
  t.teardown(() => w.remove())
  await w.publish([w.blobs.add(1)])
  const [home, gone] = [w.node('home'), w.node('gone')]
  const { syncer, state } = w.start()
  syncer.begin()
  t.ok(await syncer.wait(1000))
  const open = new Set<SyncerPeer['port']>()
  const reads: string[] = []
  const readOf = (...names: readonly string[]) => async (): Promise<readonly SyncerPeer[]> => {
    reads.push(names.join())
    await new Promise((resolve) => setImmediate(resolve))
    return names.map((name) => {
      const peer = w.peerOf(name, name === 'home' ? home : gone)
      const close = peer.port.close.bind(peer.port)
      open.add(peer.port)
      peer.port.close = async () => {
        open.delete(peer.port)
        await close()
      }
      return peer
    })
  }
  const failed = syncer.reload(() => Promise.reject(new Error('the list can not be read')))
  const reloads = [syncer.reload(readOf('home', 'gone')), syncer.reload(readOf('home', 'gone')), syncer.reload(readOf('home'))]
  await t.rejects(failed, /can not be read/)
  await Promise.all(reloads)
  t.same(reads, ['home,gone', 'home,gone', 'home'], 'one that failed holds up no other')
  t.same([...open].map(({ name }) => name), ['home'])
  t.same(syncer.report().peers.map(({ name }) => name), ['home'])
  const calls = gone.calls.length
  await w.publish([w.blobs.add(2)])
  syncer.published(w.sequence)
  t.ok(await syncer.wait(1000))
  t.same([home.appended, gone.appended, gone.calls.length], [[1, 2], [1], calls])
  let closed: Promise<void> | undefined
  await syncer.reload(async () => {
    closed = syncer.close()
    return await readOf('home', 'gone')()
  })
  await closed
  t.equal(open.size, 0, 'one that is closed meanwhile leaves none')
  state.close()
})

t.test('a number is never given to another node', (t) => {
  const path = join(folder, '1.db')
  const first = SyncState.open(path)
  first.peerOf(randomBytes(1, 8), 1)
  const gone = first.peerOf(randomBytes(2, 8), 1)
  first.keepOnly([1])
  first.close()
  const again = SyncState.open(path)
  t.not(again.peerOf(randomBytes(3, 8), 1), gone)
  again.close()
  t.end()
})

t.test('a state of an older version is begun anew', (t) => {
  const path = join(folder, '2.db')
  const older = openPlain(path)
  older.exec('CREATE TABLE peers (peer INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, met INTEGER NOT NULL); PRAGMA user_version = 1')
  older.close()
  const reasons: string[] = []
  const state = SyncState.open(path, { anew: (reason) => reasons.push(reason) })
  t.equal(state.peerOf(randomBytes(1, 8), 1), 1)
  t.match(reasons, [/version 1/])
  state.close()
  t.end()
})
