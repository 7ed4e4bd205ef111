// Rabin's rolling hash under a polynomial of our own, by our addon (rabin/), or where that doesn't load by rabin-native:
// the same cuts. The package has one public polynomial and no setting for it; ours is written into its state, a private
// field of one exact version whose layout is checked. Traps: shared memory crashes it, building a chunker costs a
// millisecond (the state is restored from a template), and it hashes bytes before the minimum that can't matter: the
// window is 64 bytes, so a search begins 64 bytes before the earliest cut.

import { Chunker } from 'rabin-native'
import { invariant, VaultError } from '../lib/terms/errors.js'
import { loadAddon } from './addon.js'

export interface RabinBounds {
  /** No cut is nearer to the last one than this; at least the window's 64 bytes. */
  readonly bytesMin: number
  readonly bytesMax: number
  /** A cut is where the lowest so many bits of the hash are zero: one in 2^maskBits places. */
  readonly maskBits: number
}

export const rabinWindowBytes = 64
export const rabinDegree = 53

// The state of librabin 2e4f70b, bytes from the beginning.
const stateBytes = 4240
const tablesBytes = 4096
const at = { modTable: 0, outTable: 2048, count: 4176, minimum: 4188, maximum: 4192, mask: 4200, polynomial: 4208, degree: 4216, shift: 4220 }
const defaults = { polynomial: 0x3da3358b4dc173n, bytesMin: 512 * 1024, bytesMax: 8 * 1024 * 1024, mask: 0xfffffn }

/** The addon is the fast one; `package` is for the cross-check. */
export type RabinEngine = 'addon' | 'package'

/** Finds where chunks end. */
export interface RabinCutter {
  /**
   * Length of the chunk that begins at `from`, or 0 when no cut lies before `until`. Depends on nothing before `from`.
   */
  next(bytes: Uint8Array, from: number, until: number): number
  /** Whether the bytes may also lie in shared memory. */
  readonly acceptsShared: boolean
  /** The tables tell the polynomial. */
  wipe(): void
}

interface RabinAddon {
  next(tables: Uint8Array, bytes: Uint8Array, from: number, until: number, minimum: number, maximum: number, maskBits: number): number
}

/** `polynomial` is irreducible and of degree 53, or the cuts are poor. */
export function openCutter(polynomial: bigint, bounds: RabinBounds, engine?: RabinEngine): RabinCutter {
  invariant(polynomial >> BigInt(rabinDegree) === 1n, 'a polynomial of degree 53')
  invariant(bounds.bytesMin >= rabinWindowBytes && bounds.bytesMax >= bounds.bytesMin, 'bounds of chunks')
  if (engine === 'package') return new PackageCutter(polynomial, bounds)
  let addon: RabinAddon
  try {
    addon = loadAddon('rabin') as RabinAddon
  } catch (error) {
    if (engine === 'addon') throw error
    return new PackageCutter(polynomial, bounds)
  }
  const tables = new Uint8Array(tablesBytes)
  writeTables(new DataView(tables.buffer), polynomial)
  return {
    acceptsShared: true,
    next: (bytes, from, until) => addon.next(tables, bytes, from, until, bounds.bytesMin, bounds.bytesMax, bounds.maskBits),
    wipe: () => { tables.fill(0) },
  }
}

class PackageCutter implements RabinCutter {
  readonly acceptsShared = false
  readonly #chunker: Chunker
  readonly #state: Uint8Array
  readonly #template: Uint8Array
  readonly #skip: number
  readonly #bounds: RabinBounds

  constructor(polynomial: bigint, bounds: RabinBounds) {
    this.#chunker = new Chunker({ minSize: defaults.bytesMin, maxSize: defaults.bytesMax })
    const handle = this.#chunker._handle
    checkLayout(handle)
    this.#bounds = bounds
    this.#skip = bounds.bytesMin - rabinWindowBytes
    this.#state = new Uint8Array(handle)
    const view = new DataView(handle)
    writeTables(view, polynomial)
    view.setBigUint64(at.polynomial, polynomial, true)
    view.setUint32(at.minimum, bounds.bytesMin, true)
    view.setUint32(at.maximum, bounds.bytesMax, true)
    view.setBigUint64(at.mask, (1n << BigInt(bounds.maskBits)) - 1n, true)
    // What stands before the window counts, though it is not hashed.
    view.setUint32(at.count, this.#skip, true)
    this.#template = this.#state.slice()
  }

  next(bytes: Uint8Array, from: number, until: number): number {
    invariant(!(bytes.buffer instanceof SharedArrayBuffer), 'rabin-native crashes on shared memory')
    if (until - from < this.#bounds.bytesMin) return 0
    this.#state.set(this.#template)
    // Searching past the maximum would only make the first cut again.
    const end = Math.min(until, from + this.#bounds.bytesMax)
    const search = this.#chunker.push(bytes.subarray(from + this.#skip, end))
    const found = search.next()
    if (found.done === true) return 0
    search.return()
    return found.value.length
  }

  wipe(): void {
    this.#state.fill(0)
    this.#template.fill(0)
  }
}

function checkLayout(handle: ArrayBuffer): void {
  const view = new DataView(handle)
  const expected = handle.byteLength === stateBytes
    && view.getBigUint64(at.polynomial, true) === defaults.polynomial && view.getBigUint64(at.mask, true) === defaults.mask
    && view.getUint32(at.minimum, true) === defaults.bytesMin && view.getUint32(at.maximum, true) === defaults.bytesMax
    && view.getInt32(at.degree, true) === rabinDegree && view.getInt32(at.shift, true) === rabinDegree - 8
  const tables = new DataView(new ArrayBuffer(tablesBytes))
  if (expected) writeTables(tables, defaults.polynomial)
  const theirs = Buffer.from(handle, 0, tablesBytes)
  if (!expected || !theirs.equals(Buffer.from(tables.buffer))) {
    throw new VaultError('missing-dependency', 'rabin-native: its state is not laid out as in version 2.0.0', {
      subject: 'rabin-native', next: 'Install exactly the versions of the lock file with `npm ci`.',
    })
  }
}

/**
 * mod[b]: b·x^53 reduced, with b·x^53 itself, so that one exclusive-or takes away the top byte and adds its remainder;
 * out[b]: b·x^(8·63), what a byte has become when it leaves the window. Both are linear in b.
 */
function writeTables(view: DataView, polynomial: bigint): void {
  const mod = Array.from({ length: 8 }, (_, bit) => {
    const high = 1n << BigInt(rabinDegree + bit)
    return reduce(high, polynomial) | high
  })
  const out = Array.from({ length: 8 }, (_, bit) => {
    let power = 1n << BigInt(bit)
    for (let byte = 1; byte < rabinWindowBytes; byte++) power = reduce(power << 8n, polynomial)
    return power
  })
  for (let value = 0; value < 256; value++) {
    view.setBigUint64(at.modTable + value * 8, combined(mod, value), true)
    view.setBigUint64(at.outTable + value * 8, combined(out, value), true)
  }
}

function combined(ofBits: readonly bigint[], value: number): bigint {
  return ofBits.reduce((sum, part, bit) => ((value >> bit) & 1) === 0 ? sum : sum ^ part, 0n)
}

/** Remainder over GF(2); `value` is at most 8 degrees above the polynomial. */
function reduce(value: bigint, polynomial: bigint): bigint {
  let rest = value
  for (let bit = rabinDegree + 8; bit >= rabinDegree; bit--) {
    if (((rest >> BigInt(bit)) & 1n) === 1n) rest ^= polynomial << BigInt(bit - rabinDegree)
  }
  return rest
}
