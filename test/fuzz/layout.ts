// Where the values of an input lie, learned by watching the product's own reader go over it: whatever is added to a
// format is known here at once.
import { ByteReader } from '../../lib/format/reader.js'
import type { Field, Target } from './target.js'

const watched = { u8: 'big', u16: 'big', u32: 'big', u64: 'big', varint: 'varint', bytes: 'bytes' } as const
type Method = keyof typeof watched

/** Sorted by place, each place and length once. */
export async function fieldsOf(target: Target, valid: Uint8Array): Promise<readonly Field[]> {
  if (target.fields !== undefined) return target.fields(valid)
  const found = new Map<string, Field>()
  const originals = Object.fromEntries(Object.keys(watched).map((name) => [name, Object.getOwnPropertyDescriptor(ByteReader.prototype, name)]))
  const placeOf = (reader: ByteReader): number => {
    const at: unknown = Reflect.apply(originals['bytes']?.value as () => Uint8Array, reader, [0])
    if (!(at instanceof Uint8Array)) return -1
    // What is read out of a copy lies where it lies in the copy.
    return at.buffer === valid.buffer ? at.byteOffset - valid.byteOffset : at.byteOffset
  }
  for (const name of Object.keys(watched) as Method[]) {
    const original = originals[name]?.value as (...args: unknown[]) => unknown
    Object.defineProperty(ByteReader.prototype, name, {
      configurable: true, writable: true,
      value(this: ByteReader, ...args: unknown[]) {
        const at = placeOf(this)
        const value: unknown = Reflect.apply(original, this, args)
        const length = placeOf(this) - at
        if (at >= 0 && length > 0 && at + length <= valid.byteLength) found.set(`${at} ${length}`, { at, length, kind: watched[name] })
        return value
      },
    })
  }
  try {
    await target.decode(valid)
  } finally {
    for (const [name, descriptor] of Object.entries(originals)) if (descriptor !== undefined) Object.defineProperty(ByteReader.prototype, name, descriptor)
  }
  return [...found.values()].sort((one, other) => one.at - other.at || one.length - other.length)
}
