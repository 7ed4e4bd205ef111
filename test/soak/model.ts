// A real vault against the model, for a long time: npm run test:model -- [--operations N] [--seed N] [--vault-operations N],
// with crashes, remounts and rebuilds in between, each vault for so many operations. What fails is shrunk (--shrink-minutes M)
// to few steps and written to a file (--out FOLDER); --replay FILE runs one. The exit code is 1.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { shrunk } from '../model/shrinking.js'
import { decodeSequence, encodeSequence, randomSequence, runSequence, type SequenceRun, type SequenceStep } from '../model/vault-sequence.js'

const traceLines = 60
/** Most vaults write little at a time, and so get through more; one in so many has large files. */
const largeEvery = 16
const smallScale = 0.1
/** What goes on beside is not repeated exactly: when the whole does not fail again, each part is tried so often. */
const attemptsMax = 3

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' }, 'vault-operations': { type: 'string', default: '4000' },
    'shrink-minutes': { type: 'string', default: '15' }, replay: { type: 'string' }, out: { type: 'string', default: '.' },
  },
})
const wholeNumber = (name: 'operations' | 'seed' | 'vault-operations' | 'shrink-minutes'): number => {
  const value = Number(values[name])
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} is a whole number`)
  return value
}
const say = (text: string): void => { console.log(text) }

if (values.replay !== undefined) await replay(values.replay)
else await soak()

async function replay(path: string): Promise<void> {
  const { steps, scale } = decodeSequence(readFileSync(path, 'utf8'))
  const run = await runSequence(steps, { scale })
  for (const line of run.trace) say(line.replace(/x{255}/g, 'x…'))
  say(run.failure ?? `${run.operations} operations, nothing failed`)
  process.exitCode = run.failure === undefined ? 0 : 1
}

async function soak(): Promise<void> {
  const [operations, seed, each] = [wholeNumber('operations'), wholeNumber('seed'), wholeNumber('vault-operations')]
  const began = performance.now()
  const counts: Record<string, number> = {}
  let done = 0
  for (let vault = 0; done < operations; vault++) {
    const goal = Math.min(each, operations - done)
    const scale = vault % largeEvery === 7 ? 1 : smallScale
    const run = await runSequence(randomSequence(seed * 1_000_003 + vault), { scale, isEnough: (count) => count >= goal, last: ['compare', 'settle', 'rebuild', 'verify'] })
    done += run.operations
    for (const [kind, count] of Object.entries(run.counts)) counts[kind] = (counts[kind] ?? 0) + count
    const seconds = (performance.now() - began) / 1000
    say(`vault ${vault + 1}: ${run.operations} operations, ${done} in all, ${Math.round(done / seconds)} a second; ${Object.entries(counts).map(([kind, count]) => `${kind} ${count}`).join(', ')}`)
    if (run.failure === undefined) continue
    say(run.failure)
    await tellShortest(run, scale, `seed ${seed}, vault ${vault + 1}`)
    process.exitCode = 1
    return
  }
  say(`${done} operations in ${Math.round((performance.now() - began) / 1000)} s, nothing failed; seed ${seed}`)
}

/** Failures are alike when their first lines are, numbers aside. */
function kindOf(failure: string): string {
  const [first = '', second = ''] = failure.split('\n')
  return `${first.includes('differ') ? `${first} ${second}` : first}`.replace(/\d+/g, 'N').replace(/x{255}|[a-zA-Z]*\/[^ ]*/g, '…').slice(0, 80)
}

async function tellShortest(run: SequenceRun, scale: number, where: string): Promise<void> {
  const kind = kindOf(run.failure ?? '')
  const until = performance.now() + wholeNumber('shrink-minutes') * 60_000
  const failsOnce = async (part: readonly SequenceStep[]): Promise<boolean> => {
    const { failure } = await runSequence(part, { scale })
    return failure !== undefined && kindOf(failure) === kind
  }
  const attempts = await failsOnce(run.steps) ? 1 : attemptsMax
  const fails = async (part: readonly SequenceStep[]): Promise<boolean> => {
    for (let attempt = 0; attempt < attempts; attempt++) if (await failsOnce(part)) return true
    return false
  }
  say(`${run.steps.length} steps; ${attempts === 1 ? 'they fail again' : 'they do not fail each time'}; shrinking`)
  const steps = await shrunk(run.steps, { fails, goesOn: () => performance.now() < until, onShrunk: (part) => { say(`  ${part.length} steps`) } })
  const last = await runSequence(steps, { scale })
  const path = join(values.out, `model-failure-${Date.now()}.txt`)
  writeFileSync(path, encodeSequence({ steps, scale }, [where, last.failure ?? run.failure ?? '', '', ...last.trace.slice(-traceLines)]))
  say(`${encodeSequence({ steps, scale }, last.trace.slice(-traceLines))}\n${steps.length} steps, kept as ${path}: --replay ${path}`)
}
