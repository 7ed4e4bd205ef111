// A finding made small: as few bytes as still do it, and as many of them zero or as they were.
import type { Found } from './trial.js'
import { kindOf, trial } from './trial.js'
import type { Target } from './target.js'

const attemptsMax = 1500
const timeMaxMs = 20_000

export async function minimised(target: Target, found: Found, onTrial: (input: Uint8Array, known: readonly Uint8Array[]) => void = () => undefined): Promise<Found> {
  let best = found
  let attempts = 0
  const untilMs = performance.now() + timeMaxMs
  const isStill = async (input: Uint8Array): Promise<boolean> => {
    for (const candidate of target.repair === undefined ? [input] : [input, target.repair(input)]) {
      if (attempts++ >= attemptsMax || performance.now() > untilMs) return false
      onTrial(candidate, found.known)
      const outcome = await trial(target, candidate, found.known)
      if (outcome.kind !== 'finding' || kindOf(outcome.what) !== kindOf(found.what)) continue
      best = { ...found, what: outcome.what, input: candidate }
      return true
    }
    return false
  }
  for (let size = Math.max(1, best.input.byteLength >>> 1); size >= 1 && attempts < attemptsMax; size >>>= 1) {
    for (let at = 0; at < best.input.byteLength && attempts < attemptsMax; ) {
      const { input } = best
      const without = new Uint8Array(Buffer.concat([input.subarray(0, at), input.subarray(at + size)]))
      if (!(await isStill(without))) at += size
    }
  }
  for (let at = 0; at < best.input.byteLength && attempts < attemptsMax; at++) {
    if (best.input[at] === 0) continue
    const zeroed = best.input.slice()
    zeroed[at] = 0
    await isStill(zeroed)
  }
  return best
}
