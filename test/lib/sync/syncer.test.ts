// Nodes that fail, lose and lie, each by itself: what is said of them, and that the others go on.
import t from 'tap'
import type { PeerHead } from '../../../lib/store/peer-port.js'
import type { PeerStatus } from '../../../lib/store/sync-port.js'
import type { Syncer } from '../../../lib/sync/syncer.js'
import type { ManifestHash } from '../../../lib/terms/bytes.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { limits } from '../../../lib/terms/limits.js'
import { randomBytes } from '../../support/random-bytes.js'
import { headerBytes, SyncWorld } from './sync-world.js'

const daySec = 24 * 3600

interface Teardown {
  teardown(end: () => Promise<void>): void
}

async function world(t: Teardown, seed: number, count = 5): Promise<SyncWorld> {
  const made = await new SyncWorld(seed).open()
  t.teardown(() => made.remove())
  await made.publish(Array.from({ length: count }, (_, index) => made.blobs.add(seed * 1000 + index)))
  return made
}

/** Runs until all is there or nothing can move, and gives the report of then. */
async function run(world: SyncWorld, during: (syncer: Syncer) => Promise<void> = async () => undefined): Promise<{ readonly done: boolean; readonly peers: Record<string, PeerStatus>; readonly safe: number; readonly damagedHere: number }> {
  const { syncer, state } = world.start()
  syncer.begin()
  // The clock stands still: somebody has to let the time pass in which nothing moves.
  const waiting = syncer.wait(500)
  const passing = setInterval(() => { world.clock.advance(100) }, 20)
  const done = await waiting
  clearInterval(passing)
  await during(syncer)
  const { peers, safeBlobs, damagedHere } = await syncer.reportNow()
  await syncer.close()
  state.close()
  return { done, peers: Object.fromEntries(peers.map((peer) => [peer.name, peer])), safe: safeBlobs, damagedHere }
}

t.test('a node that is away, one that is full and one that takes all: each has its own state', async (t) => {
  const w = await world(t, 1)
  const [good, away, full] = [w.node('good'), w.node('away'), w.node('full')]
  away.offline = true
  full.bytesMax = 700
  const first = await run(w)
  t.notOk(first.done)
  t.match(first.peers, { good: { state: 'safe', blobsLeft: 0, entriesLeft: 0, error: null }, away: { state: 'offline', blobsLeft: 5, entriesLeft: 1 }, full: { state: 'full', entriesLeft: 1 } })
  t.equal(first.safe, 5, 'one copy is a copy')
  t.same(good.header, headerBytes)
  t.equal(good.members.length, 1)
  t.equal(full.appended.length, 0, 'no entry without all of its blobs')
  away.offline = false
  full.bytesMax = Infinity
  const second = await run(w)
  t.ok(second.done)
  t.equal(second.peers['away']?.state, 'safe')
  t.equal(new Set(full.putIds).size, full.putIds.length, 'what it had taken was not sent again')
  t.equal(good.putIds.length, 5)
})

t.test('what a node lost is said by its name, counted, and sent again', async (t) => {
  const w = await world(t, 2, 9)
  const node = w.node('home')
  t.ok((await run(w)).done)
  // On the last of its pages.
  const lost = [...node.blobs.keys()].sort().at(-1) ?? ''
  node.blobs.delete(lost)
  w.clock.advance((limits.syncSweepDays + 1) * daySec * 1000)
  const { peers, done } = await run(w, async (syncer) => {
    // A page at each contact.
    for (let contact = 0; contact < 200 && !node.blobs.has(lost); contact++) {
      syncer.published(w.sequence)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await syncer.wait(500)
  })
  t.ok(done)
  t.ok(node.calls.filter((call) => call === 'inventory').length > 1, 'page by page')
  t.equal(peers['home']?.lost, 1)
  t.ok(node.blobs.has(lost))
  t.ok(w.lines.some(({ level, message, fields }) => level === 'warn' && message.includes('lost') && fields['node'] === 'home' && fields['blobs'] === 1))
  t.same(node.putIds.filter((id) => id === lost).length, 2)
})

t.test('a word that is too old is asked for again; what is gone by then is lost', async (t) => {
  const w = await world(t, 3)
  const node = w.node('home')
  t.ok((await run(w)).done)
  const [lost = ''] = node.blobs.keys()
  node.blobs.delete(lost)
  w.clock.advance(limits.syncHeldDays * daySec * 1000)
  const calls = node.calls.length
  const { peers, done, safe } = await run(w)
  t.ok(done)
  t.ok(node.calls.slice(calls).includes('has'))
  t.equal(peers['home']?.lost, 1)
  t.equal(safe, 5)
  t.ok(node.blobs.has(lost))
})

t.test('a word runs out also while the node that gave it is out of reach', async (t) => {
  const w = await world(t, 14)
  const node = w.node('home')
  t.ok((await run(w)).done)
  node.offline = true
  const { syncer, state } = w.start()
  syncer.begin()
  t.teardown(async () => {
    await syncer.close()
    state.close()
  })
  const until = async (is: () => boolean): Promise<void> => { for (let asked = 0; asked < 4000 && !is(); asked++) await new Promise((resolve) => setTimeout(resolve, 5)) }
  await until(() => syncer.report().safeBlobs === 5 && syncer.report().peers[0]?.state === 'offline')
  t.equal(syncer.report().safeBlobs, 5)
  w.clock.advance(limits.syncHeldDays * daySec * 1000)
  syncer.published(w.sequence)
  await until(() => syncer.report().safeBlobs === 0)
  t.match(syncer.report(), { safeBlobs: 0, countedBlobs: 5, peers: [{ state: 'offline', blobsLeft: 5 }] })
})

const lies: readonly (readonly [string, (heads: readonly PeerHead[]) => readonly PeerHead[], RegExp])[] = [
  ['a chain that went back', (heads) => heads.map((head) => ({ ...head, sequence: head.sequence - 1, hash: randomBytes(1, 32) as Uint8Array as ManifestHash })), /acknowledged entry 2 .* ends with 1/],
  ['another entry of ours', (heads) => heads.map((head) => ({ ...head, hash: randomBytes(2, 32) as Uint8Array as ManifestHash })), /another one than this device has signed/],
  ['an entry that we never wrote', (heads) => heads.map((head) => ({ ...head, sequence: head.sequence + 1 })), /has entry 3 of this device, and this store ends with 2/],
]
for (const [name, tell, reason] of lies) {
  t.test(`a lie about heads, ${name}: not trusted, not counted, until somebody has looked`, async (t) => {
    const w = await world(t, 4)
    await w.publish([w.blobs.add(77)])
    const [liar, other] = [w.node('liar'), w.node('other')]
    t.ok((await run(w)).done)
    liar.tell = tell
    other.blobs.clear()
    await w.publish([w.blobs.add(78)])
    other.offline = true
    liar.appended.splice(0)
    // What is told must be about what was, not about what is new.
    w.needs.splice(0)
    const sequence = w.sequence - 1
    const { syncer, state } = w.start(sequence)
    syncer.begin()
    const passing = setInterval(() => { w.clock.advance(100) }, 20)
    t.notOk(await syncer.wait(300))
    clearInterval(passing)
    const [told] = syncer.report().peers
    t.equal(told?.state, 'distrusted')
    t.match(told?.error, reason)
    t.equal(liar.appended.length, 0, 'nothing more is sent to it')
    t.equal((await syncer.reportNow()).safeBlobs, 6, 'the other one counts')
    await syncer.close()
    state.close()
    liar.tell = (heads) => heads
    other.offline = false
    const after = await run(w)
    t.equal(after.peers['liar']?.state, 'distrusted', 'a better answer later does not change it')
    t.ok(after.done, 'the other one goes on')
    const { syncer: looked, state: last } = w.start()
    looked.trust('liar')
    looked.begin()
    t.ok(await looked.wait(1000))
    t.same(looked.report().peers.map(({ state: one }) => one), ['safe', 'safe'])
    await looked.close()
    last.close()
  })
}

t.test('a chain of another device that goes back, or that two nodes tell differently', async (t) => {
  const w = await world(t, 5)
  const foreign = { deviceId: randomBytes(50, 16) as never, hash: randomBytes(51, 32) as Uint8Array as ManifestHash, bytes: 9 }
  const [a, b] = [w.node('a'), w.node('b')]
  a.tell = (heads) => [...heads, { ...foreign, sequence: 5 }]
  b.tell = (heads) => [...heads, { ...foreign, sequence: 4 }]
  t.ok((await run(w)).done, 'one may be behind the other')
  b.tell = (heads) => [...heads, { ...foreign, sequence: 5, hash: randomBytes(52, 32) as Uint8Array as ManifestHash }]
  t.match((await run(w)).peers, { b: { state: 'distrusted', error: /entry 5 of device .* another one than another node has/ }, a: { state: 'safe' } })
  a.tell = (heads) => [...heads, { ...foreign, sequence: 3 }]
  t.match((await run(w)).peers['a'], { state: 'distrusted', error: /ended with entry 5, and now ends with 3/ })
})

t.test('a node that answers an append with another head', async (t) => {
  const w = await world(t, 6)
  const node = w.node('home')
  const append = node.append.bind(node)
  node.append = (device, entries) => ({ ...append(device, entries), sequence: 9 })
  t.match((await run(w)).peers['home'], { state: 'distrusted', error: /given entry 1 .* answers with entry 9/ })
})

t.test('a lost state database costs questions, not blobs', async (t) => {
  const w = await world(t, 8)
  const node = w.node('home')
  t.ok((await run(w)).done)
  w.loseState()
  t.ok((await run(w)).done)
  t.equal(node.putIds.length, 5)
  t.same(node.appended, [1])
})

t.test('a node that is met anew is asked everything anew; one that is gone is forgotten', async (t) => {
  const w = await world(t, 9)
  const node = w.node('home')
  t.ok((await run(w)).done)
  node.tell = (heads) => heads.map((head) => ({ ...head, sequence: 7 }))
  t.match((await run(w)).peers['home'], { state: 'distrusted' })
  node.tell = (heads) => heads
  node.blobs.clear()
  node.chains.clear()
  t.match((await run(w)).peers['home'], { state: 'distrusted' })
  w.metSec = 2
  const again = await run(w)
  t.ok(again.done, 'the user has looked')
  t.equal(node.blobs.size, 5)
  w.nodes.clear()
  const { safe } = await run(w)
  t.equal(safe, 0, 'what nobody is known to have is only here')
})

t.test('a schedule that says no: nothing is asked and nothing is waited for', async (t) => {
  const w = await world(t, 10)
  const node = w.node('home')
  w.limits = { up: Infinity, down: Infinity, windows: [{ fromMin: 0, toMin: 24 * 60, up: 0, down: 0 }] }
  const { done, peers } = await run(w)
  t.notOk(done)
  t.equal(peers['home']?.state, 'paused')
  t.same(node.calls, [])
})

t.test('a schedule that begins in the middle: what is under way ends with its request, and goes on afterwards', async (t) => {
  const w = await world(t, 13, 9)
  const node = w.node('home')
  const local = new Date(w.clock.now().sec * 1000)
  const minute = local.getHours() * 60 + local.getMinutes()
  w.limits = { up: Infinity, down: Infinity, windows: [{ fromMin: (minute + 60) % 1440, toMin: (minute + 120) % 1440, up: 0, down: 0 }] }
  node.beforeCall = (name) => { if (name === 'has') w.clock.advance(60 * 60 * 1000) }
  const first = await run(w)
  t.notOk(first.done)
  t.equal(first.peers['home']?.state, 'paused')
  t.same(node.calls, ['heads', 'members', 'putMember', 'putHeader', 'has'])
  w.clock.advance(60 * 60 * 1000)
  node.beforeCall = () => undefined
  t.ok((await run(w)).done)
})

t.test('copies of single files are counted from nodes that are trusted and have the entry', async (t) => {
  const w = await world(t, 11)
  w.node('a')
  const b = w.node('b')
  const ids = w.blobs.rows.map(({ blobId }) => blobId)
  b.offline = true
  await run(w, async (syncer) => {
    t.same(syncer.copies(ids, w.sequence), { nodes: 2, complete: 1 })
    t.same(syncer.copies(ids, w.sequence + 1), { nodes: 2, complete: 0 })
    t.same(syncer.copies([], 0), { nodes: 2, complete: 2 }, 'what needs nothing is everywhere')
    await Promise.resolve()
  })
})

t.test('a node that takes no header, or has a newer one, is sent everything else', async (t) => {
  const w = await world(t, 12)
  const [busy, newer] = [w.node('busy'), w.node('newer')]
  busy.beforeCall = (name) => { if (name === 'putHeader') throw new VaultError('busy', 'four a day') }
  newer.beforeCall = (name) => { if (name === 'putHeader') throw new VaultError('exists', 'a newer one is here') }
  t.ok((await run(w)).done)
  t.same([busy.appended, newer.appended, busy.header], [[1], [1], undefined])
  t.equal(w.lines.filter(({ message }) => message.includes('newer header')).length, 1)
  busy.beforeCall = () => undefined
  t.ok((await run(w, async (syncer) => {
    syncer.published(w.sequence)
    for (let asked = 0; asked < 4000 && busy.header === undefined; asked++) await new Promise((resolve) => setTimeout(resolve, 5))
  })).done)
  t.same(busy.header, headerBytes, 'another time')
})
