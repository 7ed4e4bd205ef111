// One decoder to be fuzzed: how a valid input is made, what decoding one must never do, and what must hold when it says
// yes. Whatever is not a VaultError of a code listed in `refusals` is a finding: a decoder never throws one of the language.
import { VaultError, type ErrorCode } from '../../lib/terms/errors.js'
import type { Random } from '../model/random.js'

/** Where a value lies in a valid input, so that it can be set to what it should not be. */
export interface Field {
  readonly at: number
  readonly length: number
  readonly kind: 'big' | 'little' | 'varint' | 'bytes'
}

export interface Target<Decoded = unknown> {
  readonly name: string
  /** Which bytes they are, and where the format says so. */
  readonly says: string
  /** What a decoder may answer to what it does not take. */
  readonly refusals: readonly ErrorCode[]
  /** Whether one value has one encoding: bytes behind the end are then refused. */
  readonly canonical: boolean
  /** How many trials go into a test run, in thousands. */
  readonly pace?: number
  /** Memory that decoding may ask for beside what follows from the input's length, bytes. */
  readonly memoryBytes?: number
  /** A valid input, by the product's own encoder. */
  make(random: Random): Uint8Array | Promise<Uint8Array>
  /** Throws what it refuses. */
  decode(input: Uint8Array): Decoded | Promise<Decoded>
  /** Throws a Finding when what was decoded can't be what `input` says. `known`: the valid inputs that `input` was made of. */
  judge(decoded: Decoded, input: Uint8Array, known: readonly Uint8Array[]): void
  /** Places of values; without it those that a ByteReader visits. */
  fields?(valid: Uint8Array): readonly Field[]
  /** Makes checksums fit again, as somebody would who has no key. */
  repair?(input: Uint8Array): Uint8Array
  /** Changes a valid input within its language, in place of the mutator for half of the trials; undefined: it can't. */
  vary?(random: Random, valid: Uint8Array): Uint8Array | undefined
}

export class Finding extends Error {}

export function same(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

export function isOneOf(input: Uint8Array, known: readonly Uint8Array[]): boolean {
  return known.some((each) => same(each, input))
}

export function require(condition: boolean, what: string): void {
  if (!condition) throw new Finding(what)
}

/** For decoders that answer undefined. */
export function orRefused<Decoded>(decoded: Decoded | undefined): Decoded {
  if (decoded === undefined) throw new VaultError('corrupt', 'refused')
  return decoded
}

interface Codec<Decoded> {
  readonly name: string
  readonly says: string
  readonly refusals?: readonly ErrorCode[]
  readonly pace?: number
  readonly memoryBytes?: number
  make(random: Random): Uint8Array
  encode(decoded: Decoded): Uint8Array
  decode(input: Uint8Array): Decoded
  /** More that must hold. */
  also?(decoded: Decoded): void
  fields?(valid: Uint8Array): readonly Field[]
  repair?(input: Uint8Array): Uint8Array
}

/** What decodes, encodes to the same bytes. */
export function codecTarget<Decoded>(codec: Codec<Decoded>): Target<Decoded> {
  const { refusals = ['corrupt'], also, ...rest } = codec
  return {
    ...rest, refusals, canonical: true,
    make: (random) => codec.make(random),
    decode: (input) => codec.decode(input),
    judge: (decoded, input) => {
      require(same(codec.encode(decoded), input), 'what decodes encodes to other bytes')
      also?.(decoded)
    },
  }
}
