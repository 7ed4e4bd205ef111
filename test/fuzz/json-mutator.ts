// JSON that is well formed and says what nobody would: a value of another kind in a place of its own, keys that are
// missing or new, texts that are names of the language.
import type { Random } from '../model/random.js'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

function oddValue(random: Random): Json {
  return random.pick<() => Json>([
    () => null, () => true, () => 0, () => -1, () => 1.5, () => 1e308, () => 2 ** 53, () => '', () => '0', () => '-1', () => 'x'.repeat(300), () => [], () => [null], () => [[], {}],
    () => ({}), () => ({ toString: 1 }), () => ({ length: 2 ** 32 }), () => ({ toJSON: null, valueOf: 'x' }), () => '__proto__', () => '\u0000\ud800', () => ['1:2', '3:4'],
  ])()
}

/** Undefined: it was no JSON. A line end behind it stays. */
export function oddJson(random: Random, valid: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(valid).toString('utf8')
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return undefined
  }
  for (let left = 1 + random.below(2); left > 0; left--) value = changed(random, value)
  return new Uint8Array(Buffer.from(JSON.stringify(value) + (text.endsWith('\n') ? '\n' : '')))
}

function changed(random: Random, value: Json): Json {
  if (typeof value !== 'object' || value === null || random.chance(0.1)) return oddValue(random)
  if (Array.isArray(value)) {
    const at = random.below(value.length + 1)
    return value.length === at ? [...value, oddValue(random)] : value.map((each, index) => (index === at ? changed(random, each) : each))
  }
  const keys = Object.keys(value)
  const key = keys.length === 0 || random.chance(0.1) ? random.pick(['__proto__', 'constructor', 'id', 'x', '']) : random.pick(keys)
  if (random.chance(0.15)) return Object.fromEntries(Object.entries(value).filter(([each]) => each !== key))
  // Not by assignment: that would change the prototype instead.
  return Object.fromEntries([...Object.entries(value).filter(([each]) => each !== key), [key, changed(random, Object.hasOwn(value, key) ? value[key] ?? null : null)]])
}
