// Random operations on a whole vault and on the model, with publishing, spills, applies, trims, reopenings and crashes
// in between. SLOW=1: more seeds; SEED=n: one of them; SHRINK=1: its shortest failing prefix.
import { availableParallelism } from 'node:os'
import t from 'tap'
import { Random } from './random.js'
import { VaultPair } from './vault-pair.js'
import { randomStep } from './vault-steps.js'

const stepsMax = 240
const slow = process.env['SLOW'] === '1'
const only = process.env['SEED']
const seeds = only === undefined ? Array.from({ length: slow ? 200 : 4 }, (_, index) => index + 1) : [Number(only)]

/** What came of the first `count` steps: undefined, or the error and what led to it. */
async function run(seed: number, count: number): Promise<{ error: unknown; trace: readonly string[] } | undefined> {
  const random = new Random(seed)
  const pair = new VaultPair(random)
  await pair.open()
  try {
    for (let step = 1; step <= count; step++) {
      await randomStep(pair)
      // All of it comes behind the last.
      if (step === count) break
      // An opening costs more than a hundred operations: there are few.
      if (step % 80 === 0 && step < 200) await pair.compareImage()
      if (step % 110 === 0) await pair.compareRebuilt()
      if (step % 60 === 0) await pair.compare()
      if (step % 100 === 0) await pair.compareSettled()
      if (step % 120 === 0) await pair.verify()
      if (step % 150 === 0) await pair.reopen()
    }
    await pair.verify()
    await pair.quiet()
    await pair.compare()
    await pair.compareImage()
    await pair.compareSettled()
    await pair.compareRebuilt()
    return undefined
  } catch (error) {
    return { error, trace: pair.trace }
  } finally {
    await pair.remove().catch(() => undefined)
  }
}

/** The shortest prefix that a bisection finds to fail. What goes on beside is not repeated exactly, so it may miss. */
async function shrink(seed: number, failing: number): Promise<{ count: number; error: unknown; trace: readonly string[] } | undefined> {
  let found: { count: number; error: unknown; trace: readonly string[] } | undefined
  let low = 1
  for (let high = failing; low < high; ) {
    const middle = (low + high) >>> 1
    const outcome = await run(seed, middle)
    if (outcome === undefined) low = middle + 1
    else {
      high = middle
      found = { count: middle, ...outcome }
    }
  }
  return found
}

t.setTimeout(slow ? 0 : 850_000)
t.test(`random operations: a vault is what the model is, at any time and after any crash (${String(seeds.length)} seeds)`, async (t) => {
  t.comment(`${String(availableParallelism())} processors`)
  for (const seed of seeds) {
    const outcome = await run(seed, stepsMax)
    if (outcome === undefined) {
      t.pass(`seed ${String(seed)}`)
      continue
    }
    const shortest = process.env['SHRINK'] === '1' ? await shrink(seed, stepsMax) : undefined
    const { error, trace } = shortest ?? outcome
    const told = `${trace.slice(-40).join('\n')}\nseed ${String(seed)}${shortest === undefined ? '' : `, ${String(shortest.count)} steps`}: ${error instanceof Error ? error.stack ?? error.message : String(error)}`
    t.comment(told.replace(/x{255}/g, 'x…'))
    t.fail(`seed ${String(seed)}`)
    return
  }
})
