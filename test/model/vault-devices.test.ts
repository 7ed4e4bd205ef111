// A vault that one device after another works on, each in a new store that has the chains and blobs of those before it and
// nothing else: the model in lockstep, and the past of all of them. SLOW=1: more seeds; SEED=n: one of them.
import t from 'tap'
import { anotherDevice } from '../support/open-vault.js'
import { Random } from './random.js'
import { VaultPair } from './vault-pair.js'
import { randomStep } from './vault-steps.js'

const only = process.env['SEED']
const slow = process.env['SLOW'] === '1'
const seeds = only === undefined ? Array.from({ length: slow ? 30 : 1 }, (_, index) => index + 1) : [Number(only)]
const stepsEach = slow ? 60 : 40

async function run(seed: number): Promise<{ readonly error: unknown; readonly trace: readonly string[] } | undefined> {
  const pair = new VaultPair(new Random(seed))
  pair.scale = 0.3
  await pair.open()
  try {
    for (let device = 0; device < (slow ? 3 : 2); device++) {
      if (device > 0) await pair.moveTo(await anotherDevice(100 * seed + device))
      for (let step = 1; step <= stepsEach; step++) {
        await randomStep(pair)
        if (step === 25) await pair.compareSettled()
        if (step === 30) await pair.compareRebuilt()
        if (slow && step === 40) await pair.compareImage()
        if (step === 35) await pair.reopen()
      }
      await pair.quiet()
      await pair.compareSettled()
      await pair.verify()
    }
    return undefined
  } catch (error) {
    return { error, trace: pair.trace }
  } finally {
    await pair.remove().catch(() => undefined)
  }
}

t.setTimeout(slow ? 0 : 240_000)
t.test('a vault that goes from device to device is what the model is, and so is its past', async (t) => {
  for (const seed of seeds) {
    const outcome = await run(seed)
    if (outcome === undefined) {
      t.pass(`seed ${String(seed)}`)
      continue
    }
    const { error, trace } = outcome
    t.comment(`${trace.slice(-40).join('\n')}\n${error instanceof Error ? error.stack ?? error.message : String(error)}`.replace(/x{255}/g, 'x…'))
    t.fail(`seed ${String(seed)}`)
  }
})
