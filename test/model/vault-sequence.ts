// A run of the vault's model test as a list: random operations, and looks at what came of them, each with a seed of its
// own. What one draws depends on its seed and on the model, so that the others stay what they are when some are left out.
import type { OpenTestVault, TestVault } from '../support/open-vault.js'
import { Random } from './random.js'
import { VaultPair } from './vault-pair.js'
import { randomStep } from './vault-steps.js'

const work = {
  operation: randomStep,
  compare: (pair) => pair.compare(),
  /** A copy as a kill -9 would leave it, looked at. */
  image: (pair) => pair.compareImage(),
  /** A kill -9 that the run goes on from. */
  crash: (pair) => pair.crash(),
  /** Unmounted, or only closed, and mounted again. */
  remount: (pair) => pair.reopen(),
  settle: (pair) => pair.compareSettled(),
  /** A copy of which all is made anew that can be. */
  rebuild: (pair) => pair.compareRebuilt(),
  verify: (pair) => pair.verify(),
} as const satisfies Readonly<Record<string, (pair: VaultPair) => Promise<void>>>

export type StepKind = keyof typeof work

export interface SequenceStep {
  readonly kind: StepKind
  readonly seed: number
}

/** How many steps lie between two of a kind, about; one that opens a vault costs as much as some hundred operations. */
const everySteps: readonly (readonly [StepKind, number])[] = [['compare', 600], ['crash', 700], ['remount', 1000], ['image', 2500], ['settle', 1500], ['verify', 4000], ['rebuild', 8000]]

/** Without an end; `kinds`: which looks are taken. */
export function* randomSequence(seed: number, kinds: ReadonlySet<StepKind> = new Set(Object.keys(work) as StepKind[])): IterableIterator<SequenceStep> {
  const random = new Random(seed)
  for (;;) {
    const look = everySteps.find(([kind, every]) => kinds.has(kind) && random.chance(1 / every))
    if (look !== undefined) yield { kind: look[0], seed: random.below(2 ** 32) }
    yield { kind: 'operation', seed: random.below(2 ** 32) }
  }
}

export interface SequenceRun {
  /** What was done, the last one being what failed, if any did. */
  readonly steps: readonly SequenceStep[]
  readonly counts: Readonly<Partial<Record<StepKind, number>>>
  /** Of the file system, done by vault and model. */
  readonly operations: number
  readonly failure: string | undefined
  readonly trace: readonly string[]
}

export interface SequenceOptions {
  /** Ends before the next step when it says so. */
  readonly isEnough?: (operations: number) => boolean
  readonly openVault?: (options: OpenTestVault) => Promise<TestVault>
  /** VaultPair.scale */
  readonly scale?: number
  /** Looks taken at the end, whatever the sequence says. */
  readonly last?: readonly StepKind[]
}

export async function runSequence(sequence: Iterable<SequenceStep>, { isEnough = () => false, openVault, scale = 1, last = ['compare'] }: SequenceOptions = {}): Promise<SequenceRun> {
  const random = new Random(0)
  const pair = new VaultPair(random, openVault)
  pair.scale = scale
  const steps: SequenceStep[] = []
  const counts: Partial<Record<StepKind, number>> = {}
  let failure: string | undefined
  await pair.open()
  try {
    for (const step of sequence) {
      if (isEnough(pair.operations)) break
      steps.push(step)
      counts[step.kind] = (counts[step.kind] ?? 0) + 1
      random.reseed(step.seed)
      await work[step.kind](pair)
    }
    await pair.quiet()
    for (const kind of last) {
      steps.push({ kind, seed: 0 })
      random.reseed(0)
      await work[kind](pair)
    }
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
  } finally {
    await pair.remove().catch(() => undefined)
  }
  return { steps, counts, operations: pair.operations, failure, trace: pair.trace }
}

/** A run as it is kept. */
export interface KeptSequence {
  readonly steps: readonly SequenceStep[]
  readonly scale: number
}

/** The scale, then one step a line; what follows a # is for people. */
export function encodeSequence({ steps, scale }: KeptSequence, remarks: readonly string[] = []): string {
  const told = remarks.flatMap((remark) => remark.split('\n')).map((line) => `# ${line.replace(/x{255}/g, 'x…')}`)
  return [...told, `scale ${String(scale)}`, ...steps.map(({ kind, seed }) => `${kind} ${String(seed)}`), ''].join('\n')
}

export function decodeSequence(text: string): KeptSequence {
  const [head = '', ...lines] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  const scale = Number(/^scale ([\d.]+)$/.exec(head)?.[1])
  if (!(scale > 0)) throw new Error(`no scale: ${head}`)
  const steps = lines.map((line) => {
    const [kind = '', seed = ''] = line.split(' ')
    if (!(kind in work) || !/^\d+$/.test(seed)) throw new Error(`no step: ${line}`)
    return { kind: kind as StepKind, seed: Number(seed) }
  })
  return { steps, scale }
}
