// Directories of the past that the kernel holds. A directory may be reached at several moments and by several names, and
// the kernel wants each of its directories in one place only: so one has a number per entry, moment, and the name by
// which its view was entered. A number is never used again; what the kernel has let go of is forgotten here.
import { limits } from '../../lib/terms/limits.js'
import type { Name } from '../../lib/tree/entry.js'
import { passingInoMin } from '../../native-deps/fuse/handler.js'

/** `.versions` of a directory of the present. */
export interface Gate {
  readonly kind: 'gate'
  readonly key: string
  readonly ino: number
  /** The directory. */
  readonly parent: number
  usedMs: number
}

/** A directory as it was. */
export interface View {
  readonly kind: 'view'
  readonly key: string
  readonly ino: number
  /** Where `..` leads: the gate, or the view above. */
  readonly parent: number
  /** Number of the view that was entered through the gate: this one, or one above it. */
  readonly root: number
  readonly position: number
  /** Which directory, by its number in the present. */
  readonly entry: number
  readonly version: number
  /** By which it was entered. */
  readonly name: Name | undefined
  /** That name leads here for as long as retention keeps the moment. */
  readonly settled: boolean
  usedMs: number
}

export type Place = Gate | View

/** What is looked up may be on its way to the kernel for so long before it counts as held. */
const onItsWayMs = 60_000

export class Places {
  readonly #byIno = new Map<number, Place>()
  readonly #byKey = new Map<string, Place>()
  readonly #nowMs: () => number
  readonly #isHeld: (ino: number) => boolean
  #next: number
  #sweepAt: number = limits.pastPlacesSwept

  /**
   * `isHeld`: whether the kernel has a reference to the number. `nowSec`: a daemon that takes a mount over may not give
   * out a number for the second time, so they begin where no daemon before can have come to.
   */
  constructor(nowMs: () => number, isHeld: (ino: number) => boolean, nowSec: number) {
    this.#next = passingInoMin + (nowSec % 2 ** 31) * 2 ** 19
    this.#nowMs = nowMs
    this.#isHeld = isHeld
  }

  get size(): number {
    return this.#byIno.size
  }

  get(ino: number): Place | undefined {
    return this.#byIno.get(ino)
  }

  gate(parent: number): Gate {
    const key = `${parent}`
    const known = this.#known(key)
    if (known?.kind === 'gate') return known
    return this.#keep({ kind: 'gate', key, ino: this.#next++, parent, usedMs: this.#nowMs() })
  }

  /** The view that is entered by a name. */
  entered(gate: Gate, { name, settled }: { readonly name: Name; readonly settled: boolean }, { position, entry, version }: Pick<View, 'position' | 'entry' | 'version'>): View {
    const key = `${gate.ino} ${position} ${name}`
    const known = this.#known(key)
    if (known?.kind === 'view') return known
    const ino = this.#next++
    return this.#keep({
      kind: 'view', key, ino, parent: gate.ino, root: ino, position, entry, version, name, settled, usedMs: this.#nowMs(),
    })
  }

  /** A directory inside of a view. */
  below({ ino: parent, root, position }: View, { entry, version }: Pick<View, 'entry' | 'version'>): View {
    const key = `${root}/${entry}`
    const known = this.#known(key)
    if (known?.kind === 'view') return known
    return this.#keep({
      kind: 'view', key, ino: this.#next++, parent, root, position, entry, version, name: undefined, settled: true, usedMs: this.#nowMs(),
    })
  }

  /** Of all gates that are there. */
  *gates(): IterableIterator<Gate> {
    for (const place of this.#byIno.values()) if (place.kind === 'gate') yield place
  }

  /** Views that were entered through a gate. */
  *roots(): IterableIterator<View & { readonly name: Name }> {
    for (const place of this.#byIno.values()) if (place.kind === 'view' && place.name !== undefined) yield { ...place, name: place.name }
  }

  /** Told by the kernel; it may have asked for some of them again since. */
  forgotten(inos: readonly number[]): void {
    for (const ino of inos) if (!this.#isHeld(ino)) this.#drop(ino)
  }

  #known(key: string): Place | undefined {
    const known = this.#byKey.get(key)
    if (known !== undefined) known.usedMs = this.#nowMs()
    return known
  }

  #keep<Kept extends Place>(place: Kept): Kept {
    if (this.#byIno.size >= this.#sweepAt) this.#sweep()
    this.#byIno.set(place.ino, place)
    this.#byKey.set(place.key, place)
    return place
  }

  /** An answer that nobody waited for any more never reached the kernel, which then has nothing to forget. */
  #sweep(): void {
    const before = this.#nowMs() - onItsWayMs
    for (const { ino, usedMs } of this.#byIno.values()) if (usedMs < before && !this.#isHeld(ino)) this.#drop(ino)
    this.#sweepAt = Math.max(limits.pastPlacesSwept, this.#byIno.size * 2)
  }

  #drop(ino: number): void {
    const place = this.#byIno.get(ino)
    if (place === undefined) return
    this.#byIno.delete(ino)
    this.#byKey.delete(place.key)
  }
}
