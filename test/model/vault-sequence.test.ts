// The soak of the vault against the model, in small; and that it finds, shrinks and replays: a fault planted in a tree in
// memory comes down to the few operations that it takes.
import t from 'tap'
import { owner, type OpenTestVault, type TestVault } from '../support/open-vault.js'
import { MemoryTree } from './memory-tree.js'
import { shrunk } from './shrinking.js'
import { decodeSequence, encodeSequence, randomSequence, runSequence, type SequenceStep, type StepKind } from './vault-sequence.js'

t.setTimeout(120_000)

t.test('a list is shrunk to what it takes', async (t) => {
  const list = Array.from({ length: 1000 }, (_, index) => index)
  let asked = 0
  const small = await shrunk(list, { fails: (part) => { asked++; return Promise.resolve([17, 400, 999].every((each) => part.includes(each))) } })
  t.strictSame(small, [17, 400, 999])
  t.ok(asked < 250, `asked ${asked} times`)
  t.strictSame(await shrunk([1, 2, 3], { fails: () => Promise.resolve(false) }), [1, 2, 3], 'nothing can be left out')
  t.equal((await shrunk(list, { fails: () => Promise.resolve(true) })).length, 1)
  t.equal((await shrunk(list, { fails: () => Promise.resolve(true), goesOn: () => false })).length, 1000, 'no time')
})

/** A tree in memory in place of a vault: once there is a symbolic link, punching a hole answers EIO. */
function faultyVault({ clock, held }: OpenTestVault): Promise<TestVault> {
  const tree = new MemoryTree(() => clock?.now() ?? { sec: 0, nsec: 0 }, owner)
  tree.state.watchForget = (ino) => held?.has(ino) ?? false
  let hasLink = false
  const operations = new Proxy(tree, {
    get: (target, name) => {
      const method: unknown = Reflect.get(target, name, target)
      if (typeof method !== 'function') return method
      return (...args: unknown[]): unknown => {
        if (name === 'symlink') hasLink = true
        const answer: unknown = Reflect.apply(method, target, args)
        if (name === 'fallocate' && args[2] === 3 && hasLink && answer === 0) return -5
        return answer
      }
    },
  })
  const idle = (): Promise<void> => Promise.resolve()
  const vault = { contents: { peek: () => undefined }, parts: { publisher: { round: idle } } }
  return Promise.resolve({ operations, vault, spill: idle, apply: idle, shrinkLog: idle, remove: idle } as unknown as TestVault)
}

t.test('a fault of the vault is found, shrunk to a few operations, kept and replayed', async (t) => {
  // Looking at it all would read, and reading moves access times of a tree in memory.
  const options = { openVault: faultyVault, last: [] }
  const run = await runSequence(randomSequence(5, new Set<StepKind>(['operation'])), { ...options, isEnough: (operations) => operations > 4000 })
  t.match(run.failure, /fallocate .*answers -5, wanted 0/)
  t.ok(run.steps.length > 20, `${run.steps.length} steps`)
  const fails = async (part: readonly SequenceStep[]): Promise<boolean> => /fallocate .*answers -5/.test((await runSequence(part, options)).failure ?? '')
  const steps = await shrunk(run.steps, { fails })
  t.ok(steps.length <= 4, `${steps.length} steps are left`)
  const again = await runSequence(decodeSequence(encodeSequence({ steps, scale: 1 }, run.trace)).steps, options)
  t.match(again.failure, /fallocate .*answers -5/)
  t.strictSame(again.trace.length <= 6, true, again.trace.join(', '))
  t.throws(() => decodeSequence('scale 1\nexplode 7'))
  t.throws(() => decodeSequence('operation 7'))
})

t.test('a real vault, with crashes and remounts', async (t) => {
  const steps: SequenceStep[] = []
  for (const step of randomSequence(3, new Set<StepKind>(['operation']))) {
    steps.push(step)
    if (steps.length === 36) steps.push({ kind: 'crash', seed: 1 })
    if (steps.length === 50) steps.push({ kind: 'remount', seed: 1 })
    if (steps.length > 65) break
  }
  const run = await runSequence(steps)
  t.equal(run.failure, undefined)
  t.strictSame([run.counts.crash, run.counts.remount], [1, 1])
  t.ok(run.operations >= 65, `${run.operations} operations`)
})
