// The order, as a model: at every point between two calls of a node, before or after it has done what it was asked, the
// daemon is killed and another one goes on. The node itself checks that it never has an entry without its blobs; what it
// confirmed, and we took note of, is never sent again. Seeds: SEEDS of them, from SEED on.
import t from 'tap'
import { numbers } from '../../support/random-bytes.js'
import { SyncWorld } from './sync-world.js'

const seeds = Number(process.env['SEEDS'] ?? 4)
const first = Number(process.env['SEED'] ?? 1)

interface Kill {
  readonly killAt: number
  readonly after: boolean
  /** Something is published while the node is being asked for that time; resolves with the newest entry. */
  readonly meanwhile: { readonly at: number; readonly write: () => Promise<number> } | undefined
}

/** Kills the daemon at the call of that number; undefined: it has ended by itself before. */
async function runUntil(world: SyncWorld, { killAt, after, meanwhile }: Kill): Promise<boolean> {
  const { syncer, state } = world.start()
  const node = world.nodes.get('home')
  if (node === undefined) throw new Error('a node')
  let calls = 0
  let kill: () => void = () => undefined
  const killed = new Promise<true>((resolve) => { kill = () => { resolve(true) } })
  // A killed daemon never sees the answer: the call throws what ends it, and nothing is noted.
  const count = (): void => {
    if (++calls < killAt) return
    kill()
    throw new Error('killed')
  }
  let asked = 0
  const publish = async (): Promise<void> => {
    if (++asked === meanwhile?.at) syncer.published(await meanwhile.write())
  }
  node.beforeCall = async () => {
    if (!after) count()
    await publish()
  }
  node.afterCall = after ? count : () => undefined
  syncer.begin()
  const ended = await Promise.race([killed, syncer.wait(1000)])
  node.beforeCall = () => { throw new Error('killed') }
  await syncer.close()
  state.close()
  node.beforeCall = () => undefined
  node.afterCall = () => undefined
  return ended
}

for (let seed = first; seed < first + seeds; seed++) {
  t.test(`killed between any two calls, seed ${seed}`, async (t) => {
    const random = numbers(seed)
    const world = await new SyncWorld(seed).open()
    t.teardown(() => world.remove())
    const node = world.node('home')
    node.pageBlobs = 3
    let blob = seed * 10_000
    let kills = 0
    const write = async (count: number): Promise<number> => {
      await world.publish(Array.from({ length: count }, () => world.blobs.add(blob++)))
      return world.sequence
    }
    for (let round = 0; round < 12; round++) {
      // Blobs first, some of them for an entry that is still being written.
      for (let entry = Math.floor(random() * 3); entry >= 0; entry--) await write(Math.floor(random() * 6))
      for (let more = Math.floor(random() * 3); more > 0; more--) world.blobs.add(blob++)
      for (let killAt = 1; killAt < 40; killAt++) {
        const sentBefore = node.putIds.length
        const wasNoted = new Set(node.putIds)
        const meanwhile = random() < 0.3 ? { at: 1 + Math.floor(random() * 6), write: () => write(3) } : undefined
        await runUntil(world, { killAt, after: random() < 0.5, meanwhile })
        const again = node.putIds.slice(sentBefore).filter((id) => wasNoted.has(id))
        // `has` comes before `put`: even what was put and not noted is asked for, not sent.
        if (again.length > 0) t.fail(`killed at call ${killAt}: ${again.length} blobs that the node has were sent again`)
        kills++
        if (node.appended.length === world.sequence) break
      }
    }
    t.same(world.violations, [], 'the node never had an entry whose blobs it lacked')
    t.equal(node.appended.length, world.sequence, 'all entries are there, each once')
    t.same(node.appended, Array.from({ length: world.sequence }, (_, index) => index + 1), 'in their order')
    t.ok(kills > 20, `${kills} kills`)
    t.ok(world.needs.flat().every((id) => node.blobs.has(id)), 'all blobs are there')
  })
}
