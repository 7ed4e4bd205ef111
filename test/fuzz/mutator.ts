// What becomes of bytes on a bad day, or in bad hands: bits flipped, lengths that lie, ends cut off, parts of two inputs
// in one. Knows where values lie, so that most of what it makes gets past the first look of a decoder.
import type { Random } from '../model/random.js'
import type { Field } from './target.js'

interface Draft {
  bytes: Uint8Array
  /** Undefined: the bytes have moved, and nobody knows any more. */
  fields: readonly Field[]
}

type Mutation = (random: Random, draft: Draft, other: Uint8Array) => void

/** Up to four mutations; `other` is another valid input of the same kind. */
export function mutated(random: Random, valid: Uint8Array, other: Uint8Array, fields: readonly Field[]): Uint8Array {
  const draft: Draft = { bytes: valid.slice(), fields }
  for (let left = 1 + random.below(random.chance(0.5) ? 1 : 4); left > 0; left--) random.pick(mutations)(random, draft, other)
  return draft.bytes
}

const flipBits: Mutation = (random, { bytes }) => {
  if (bytes.byteLength === 0) return
  for (let left = 1 + random.below(3); left > 0; left--) {
    const at = random.below(bytes.byteLength)
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
  }
}

const setByte: Mutation = (random, { bytes }) => {
  if (bytes.byteLength > 0) bytes[random.below(bytes.byteLength)] = random.pick([0, 1, 2, 0x0a, 0x2f, 0x7f, 0x80, 0xfe, 0xff, random.below(256)])
}

const setField: Mutation = (random, draft) => {
  const numbers = draft.fields.filter(({ kind, length }) => kind !== 'bytes' && length <= 8)
  if (numbers.length === 0) return
  const field = random.pick(numbers)
  const value = valueOf(draft.bytes, field)
  const rest = draft.bytes.byteLength - field.at
  put(draft, field, random.pick([
    0, 1, 2, value - 1, value + 1, value + 1, value * 2, Math.floor(value / 2), draft.bytes.byteLength, rest, rest - field.length,
    rest - field.length + 1, 0x7f, 0x80, 0xff, 0xffff, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, random.below(2 ** 32),
  ]))
}

/** All ones: more than a number can hold exactly where there are eight bytes. */
const fillField: Mutation = (random, { bytes, fields }) => {
  if (fields.length === 0) return
  const { at, length } = random.pick(fields)
  bytes.fill(random.pick([0, 0xff, random.below(256)]), at, at + length)
}

const swapFields: Mutation = (random, { bytes, fields }) => {
  if (fields.length < 2) return
  const one = random.pick(fields)
  const alike = fields.filter(({ length, at }) => length === one.length && at !== one.at)
  if (alike.length === 0) return
  const two = random.pick(alike)
  const kept = bytes.slice(one.at, one.at + one.length)
  bytes.copyWithin(one.at, two.at, two.at + two.length)
  bytes.set(kept, two.at)
}

const cut: Mutation = (random, draft) => {
  draft.bytes = draft.bytes.slice(0, place(random, draft))
  draft.fields = draft.fields.filter(({ at, length }) => at + length <= draft.bytes.byteLength)
}

const extend: Mutation = (random, draft, other) => {
  const more = 1 + random.below(random.chance(0.7) ? 16 : 300)
  draft.bytes = joined(draft.bytes, random.pick([new Uint8Array(more), random.bytes(more), other.slice(0, more), draft.bytes.slice(-more)]))
}

const splice: Mutation = (random, draft, other) => {
  const from = place(random, draft)
  const to = random.chance(0.5) ? from : random.below(other.byteLength + 1)
  replace(draft, from, draft.bytes.byteLength, other.slice(Math.min(to, other.byteLength)))
}

const repeat: Mutation = (random, draft) => {
  const { from, to } = stretch(random, draft)
  const block = draft.bytes.slice(from, to)
  const times = block.byteLength > 4096 ? 1 : random.pick([1, 1, 2, 7])
  replace(draft, to, to, joined(...Array.from({ length: times }, () => block)))
}

const drop: Mutation = (random, draft) => {
  const { from, to } = stretch(random, draft)
  replace(draft, from, to, new Uint8Array(0))
}

const overwrite: Mutation = (random, draft, other) => {
  const { from, to } = stretch(random, draft)
  const at = random.below(other.byteLength + 1)
  draft.bytes.set(random.chance(0.5) ? random.bytes(to - from) : other.subarray(at, Math.min(at + to - from, other.byteLength)), from)
}

const mutations: readonly Mutation[] = [flipBits, flipBits, setByte, setByte, setField, setField, setField, setField, fillField, swapFields, cut, extend, splice, repeat, drop, overwrite]

/** Between two values, most of the time. */
function place(random: Random, { bytes, fields }: Draft): number {
  return fields.length > 0 && random.chance(0.7) ? random.pick(fields).at : random.below(bytes.byteLength + 1)
}

function stretch(random: Random, draft: Draft): { readonly from: number; readonly to: number } {
  const one = place(random, draft)
  const two = random.chance(0.5) ? place(random, draft) : Math.min(one + 1 + random.below(64), draft.bytes.byteLength)
  return { from: Math.min(one, two), to: Math.max(one, two) }
}

function replace(draft: Draft, from: number, to: number, by: Uint8Array): void {
  draft.bytes = joined(draft.bytes.subarray(0, from), by, draft.bytes.subarray(to))
  draft.fields = draft.fields.filter(({ at, length }) => at + length <= from)
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function valueOf(bytes: Uint8Array, { at, length, kind }: Field): number {
  let value = 0
  for (let byte = 0; byte < length; byte++) {
    const from = kind === 'big' ? bytes[at + byte] : bytes[at + length - 1 - byte]
    value = kind === 'varint' ? value * 128 + ((from ?? 0) & 0x7f) : value * 256 + (from ?? 0)
  }
  return value
}

function put(draft: Draft, field: Field, wanted: number): void {
  const value = Math.max(0, wanted)
  if (field.kind === 'varint') {
    const encoded: number[] = []
    for (let left = value; ; left = Math.floor(left / 128)) {
      encoded.push((left % 128) + (left >= 128 ? 128 : 0))
      if (left < 128) break
    }
    const shift = encoded.length - field.length
    const kept = draft.fields
    replace(draft, field.at, field.at + field.length, Uint8Array.from(encoded))
    if (shift === 0) draft.fields = kept
    return
  }
  let left = value
  for (let byte = 0; byte < field.length; byte++) {
    draft.bytes[field.kind === 'little' ? field.at + byte : field.at + field.length - 1 - byte] = left % 256
    left = Math.floor(left / 256)
  }
}
