// One input and what a target makes of it; and many of them, from a seed.
import { VaultError } from '../../lib/terms/errors.js'
import { Random } from '../model/random.js'
import { fieldsOf } from './layout.js'
import { withinMemory } from './memory-ledger.js'
import { mutated } from './mutator.js'
import { Finding, type Target } from './target.js'

export interface Outcome {
  readonly kind: 'decoded' | 'refused' | 'finding'
  /** Of a finding: what is wrong. */
  readonly what: string
}

/** Longer than anything of these sizes may take, on a busy machine. */
const slowMs = 2000
const memoryBytes = 64 * 1024
const memoryFactor = 64
/** Trials with one valid input; making one costs more than a trial. */
const trialsPerInput = 12

export async function trial(target: Target, input: Uint8Array, known: readonly Uint8Array[]): Promise<Outcome> {
  const began = performance.now()
  try {
    const decoded = await withinMemory((target.memoryBytes ?? memoryBytes) + memoryFactor * input.byteLength, () => target.decode(Uint8Array.from(input)))
    const took = performance.now() - began
    if (took > slowMs) return { kind: 'finding', what: `decoding takes ${Math.round(took)} ms` }
    target.judge(decoded, input, known)
    return { kind: 'decoded', what: '' }
  } catch (error) {
    if (error instanceof Finding) return { kind: 'finding', what: error.message }
    if (error instanceof VaultError && target.refusals.includes(error.code)) return { kind: 'refused', what: error.code }
    return { kind: 'finding', what: error instanceof Error ? `${error.name}: ${error.message}${placeOf(error)}` : String(error) }
  }
}

/** The topmost place in the product that an error of the language came from. */
function placeOf(error: Error): string {
  const line = error.stack?.split('\n').find((each) => /\/(lib|bin|mount|native-deps)\//.test(each) && !each.includes('/fuzz/'))
  return line === undefined ? '' : ` at ${line.replace(/^.*?\/((lib|bin|mount|native-deps)\/[^:]*:\d+).*$/, '$1')}`
}

export interface Found {
  readonly what: string
  readonly input: Uint8Array
  /** The valid inputs that it was made of. */
  readonly known: readonly Uint8Array[]
}

export interface Run {
  readonly trials: number
  readonly decoded: number
  readonly refused: number
  /** Of each kind the first. */
  readonly found: readonly Found[]
}

export interface RunOptions {
  readonly seed: number
  /** Asked before each trial. */
  readonly goesOn: (trials: number) => boolean
  /** Findings of different kinds after which it is enough. */
  readonly findingsMax?: number
  /** Told what is tried next: for a watchdog. */
  readonly onTrial?: (input: Uint8Array, known: readonly Uint8Array[]) => void
}

export async function fuzz(target: Target, { seed, goesOn, findingsMax = 1, onTrial }: RunOptions): Promise<Run> {
  const random = new Random(seed ^ hash(target.name))
  const counts = { decoded: 0, refused: 0, finding: 0 }
  const found = new Map<string, Found>()
  let trials = 0
  let other = Uint8Array.from(await target.make(random))
  const look = async (input: Uint8Array, known: readonly Uint8Array[]): Promise<Outcome> => {
    onTrial?.(input, known)
    trials++
    const outcome = await trial(target, input, known)
    counts[outcome.kind]++
    const kind = kindOf(outcome.what)
    if (outcome.kind === 'finding' && !found.has(kind)) found.set(kind, { what: outcome.what, input, known })
    return outcome
  }
  while (found.size < findingsMax && goesOn(trials)) {
    // Some encoders answer a Buffer, of which a slice is no copy.
    const valid = Uint8Array.from(await target.make(random))
    const outcome = await look(valid, [valid])
    if (outcome.kind === 'refused') found.set('valid', { what: `a valid input is refused: ${outcome.what}`, input: valid, known: [valid] })
    if (outcome.kind !== 'decoded') continue
    const fields = await fieldsOf(target, valid)
    for (let left = trialsPerInput; left > 0 && found.size < findingsMax && goesOn(trials); left--) {
      const varied = target.vary !== undefined && random.chance(0.5) ? target.vary(random, valid) : undefined
      const changed = varied ?? mutated(random, valid, other, fields)
      await look(target.repair !== undefined && random.chance(0.8) ? target.repair(changed) : changed, [valid, other])
    }
    other = valid
  }
  return { trials, decoded: counts.decoded, refused: counts.refused, found: [...found.values()] }
}

/** Two findings are of one kind when they differ in numbers only. */
export function kindOf(what: string): string {
  return what.replace(/at .*:\d+$/, (place) => place.replace(/\d/g, (digit) => String.fromCharCode(97 + Number(digit)))).replace(/\d+/g, 'N').slice(0, 160)
}

function hash(text: string): number {
  let value = 0
  for (const character of text) value = (Math.imul(value, 31) + character.charCodeAt(0)) >>> 0
  return value
}
