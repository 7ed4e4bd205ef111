// Names as operations change them. Of one device's operations each is what it says. Between devices see MERGE.md: the
// latest claim has the plain name and others stand beside it; a folder has one place and never lies inside of itself;
// what somebody went on with comes back when another one removed it unknowing.
import type { Causality } from './causality.js'
import { conflictName } from './conflict-name.js'
import type { DirentRow, HistoryRows } from './rows.js'

export const rootIno = 1

export interface Claim {
  readonly parent: number
  /** As the manifest gives it. */
  readonly name: string
  readonly ino: number
  readonly isDirectory: boolean
  /** Of the name that a move gave up for it; 0: none. */
  readonly line: number
}

export interface NameContext {
  readonly rows: HistoryRows
  readonly causality: Causality
  /** Name of the device that folded the position, and the time of it. */
  authorOf(position: number): { readonly device: string; readonly sec: number }
}

export class Names {
  readonly #context: NameContext
  readonly #rows: HistoryRows
  readonly #causality: Causality
  #position = 0
  /** Entries that lost a name in the entry being folded, and the names. */
  #removed = new Map<number, DirentRow[]>()
  /** Folders whose move did not happen. */
  readonly #refused = new Set<number>()
  /** Entries that are about to get a place. */
  readonly #returning = new Set<number>()
  /** Of folders into which something was just moved: many are moved into one. */
  readonly #above = new Map<number, ReadonlySet<number>>()

  constructor(context: NameContext) {
    this.#context = context
    this.#rows = context.rows
    this.#causality = context.causality
  }

  begin(position: number): void {
    this.#position = position
    this.#removed = new Map()
    this.#refused.clear()
    this.#above.clear()
  }

  /** Entries that lost names since `begin`. */
  get losers(): IterableIterator<number> {
    return this.#removed.keys()
  }

  unlink(parent: number, told: string, ino: number): void {
    const row = this.#found(parent, told, ino)
    // Another device gave it again meanwhile, which this one did not know.
    if (row !== undefined && this.#causality.covers(row.claimed)) this.#remove(row)
  }

  /** The name that a move is from. Answers its line: where another device moved it meanwhile, the later move wins. */
  leave(parent: number, told: string, ino: number): number {
    const row = this.#found(parent, told, ino)
    if (row !== undefined) {
      this.#remove(row)
      return row.line
    }
    // Told again after a crash.
    if (this.#causality.alone) return 0
    const left = this.#rows.lastDirents(ino).find((each) => each.parent === parent && (each.told ?? each.name) === told)
    const now = left === undefined ? undefined : this.#rows.direntsOf(ino).find(({ line }) => line === left.line)
    if (now !== undefined && !this.#causality.covers(now.claimed)) this.#remove(now)
    return left?.line ?? 0
  }

  link(claim: Claim): void {
    const { parent, name, ino, isDirectory } = claim
    this.revive(parent)
    // Two moves that together would make a circle: the later one does not happen (Kleppmann et al. 2022). One device by
    // itself tells none, but whoever holds its keys may. The same goes for what is put into a file.
    if (ino === rootIno || !this.#rows.isDirectory(parent) || (isDirectory && this.#isWithin(parent, ino))) {
      this.#refused.add(ino)
      return
    }
    const holders = this.#rows.direntsTold(parent, name)
    if (holders.some((each) => each.ino === ino)) return
    if (isDirectory) for (const row of this.#rows.direntsOf(ino)) this.#remove(row)
    // Its end may be told in a later entry. Between devices both are there until then.
    if (this.#causality.alone) for (const holder of holders) this.#remove(holder)
    this.#claim(claim)
  }

  /** Undoes removals that took the last name of something that their author did not know whole. */
  restore(ino: number, isUnknown: (ino: number) => boolean): void {
    const [row] = this.#removed.get(ino) ?? []
    if (row === undefined || this.#rows.direntsOf(ino).length > 0) return
    // Only an empty folder is ever removed: what is in it, its author did not know.
    if (this.#refused.has(ino) || (!this.#causality.alone && (this.#rows.hasChildren(ino) || isUnknown(ino)))) this.#return(row)
  }

  /** Whether another device took away a name that the author believed to be left. */
  hasUnknownRemoval(ino: number): boolean {
    const lost = new Set<number>()
    const lines = new Set<number>()
    // Of each line the row that ended last says how it ended; any may be the one that the author knew.
    return this.#rows.lastDirents(ino).some(({ line, claimed, ended }) => {
      if (!lines.has(line) && !this.#causality.covers(ended)) lost.add(line)
      lines.add(line)
      return lost.has(line) && this.#causality.covers(claimed)
    })
  }

  /**
   * Somebody went on with an entry that another device had removed unknowing: it gets its last name back, and so do the
   * folders above it. Nobody goes on with what has no name where he is.
   */
  revive(ino: number): void {
    if (ino === rootIno || this.#causality.alone || this.#rows.direntsOf(ino).length > 0) return
    const last = this.#rows.lastDirent(ino)
    if (last === undefined) return
    this.reviveVersion(ino)
    this.#return(last)
  }

  reviveVersion(ino: number): void {
    if (this.#rows.version(ino) !== undefined) return
    const last = this.#rows.lastVersion(ino)
    if (last !== undefined) this.#rows.putVersion(ino, last.attributes, last.content, this.#position)
  }

  /** A copy that a conflict needs, beside its origin. */
  putCopy(ino: number, beside: DirentRow, began: number): void {
    const name = this.#conflictName(beside.parent, beside.told ?? beside.name, began)
    this.#rows.putDirent({ parent: beside.parent, name, ino, began: this.#position, claimed: began, line: 0, told: '' })
  }

  endCopy(row: DirentRow): void {
    this.#rows.endDirent(row, this.#position)
    this.#giveOn(row)
  }

  /** The claim is the one that it was, but does not take the plain name from who has it. */
  #return({ parent, name, told, ino, claimed, line }: DirentRow): void {
    const home = this.#homeFor(ino, parent)
    const raw = told ?? name
    const taken = this.#rows.dirent(home, raw) !== undefined
    const shown = taken ? this.#conflictName(home, raw, claimed) : raw
    this.#moves(ino)
    this.#rows.putDirent({ parent: home, name: shown, ino, began: this.#position, claimed, line, told: taken ? raw : null })
  }

  /** The folder, with a place of its own again; the root instead of one that has none, or lies inside of the entry now. */
  #homeFor(ino: number, parent: number): number {
    this.#returning.add(ino)
    if (!this.#returning.has(parent) && this.#returning.size < returningMax) this.revive(parent)
    this.#returning.delete(ino)
    const hasPlace = parent === rootIno || this.#rows.direntsOf(parent).length > 0
    return hasPlace && !this.#isWithin(parent, ino) ? parent : rootIno
  }

  #claim({ parent, name, ino, line }: Claim): void {
    const shown = this.#rows.dirent(parent, name)
    if (shown !== undefined) this.#showAs(shown, this.#conflictName(parent, shown.told === null || shown.told === '' ? name : shown.told, shown.claimed))
    this.#moves(ino)
    this.#rows.putDirent({ parent, name, ino, began: this.#position, claimed: this.#position, line, told: null })
  }

  #found(parent: number, told: string, ino: number): DirentRow | undefined {
    return this.#rows.direntsTold(parent, told).find((each) => each.ino === ino)
  }

  #remove(row: DirentRow): void {
    this.#moves(row.ino)
    this.#rows.endDirent(row, this.#position)
    const removed = this.#removed.get(row.ino)
    if (removed === undefined) this.#removed.set(row.ino, [row])
    else removed.push(row)
    this.#giveOn(row)
  }

  /** Who stood beside it has the name for itself now. */
  #giveOn({ parent, name }: DirentRow): void {
    const heir = this.#causality.alone ? undefined : this.#rows.direntsTold(parent, name).at(-1)
    if (heir !== undefined) this.#showAs(heir, name)
  }

  #showAs(row: DirentRow, shown: string): void {
    const { parent, ino, claimed, line, told, name } = row
    const raw = told ?? name
    this.#rows.endDirent(row, this.#position)
    this.#rows.putDirent({ parent, name: shown, ino, began: this.#position, claimed, line, told: raw === shown ? null : raw })
  }

  #conflictName(parent: number, name: string, position: number): string {
    const { device, sec } = this.#context.authorOf(position)
    return conflictName(name, device, sec, (taken) => this.#rows.dirent(parent, taken) !== undefined)
  }

  /** Whether `folder` is `ino` or lies below it. */
  #isWithin(folder: number, ino: number): boolean {
    if (folder === ino) return true
    const above = this.#above.get(folder)
    if (above === undefined && !this.#rows.hasChildren(ino)) return false
    return (above ?? this.#lookAbove(folder)).has(ino)
  }

  /** The folder and those that it is in. One that is too deep is within everything, and that is not kept. */
  #lookAbove(folder: number): { has(ino: number): boolean } {
    const above = new Set<number>()
    for (let at: number | undefined = folder; at !== undefined && at !== rootIno; at = this.#rows.direntsOf(at)[0]?.parent) {
      above.add(at)
      if (above.size > depthMax) return { has: () => true }
    }
    if (this.#above.size >= aboveKeptMax) this.#above.clear()
    this.#above.set(folder, above)
    return above
  }

  /** An entry gets or loses a place. */
  #moves(ino: number): void {
    for (const [folder, above] of this.#above) if (above.has(ino)) this.#above.delete(folder)
  }
}

/** Deeper than any tree that people make; what is moved further down counts as moved into itself. */
const depthMax = 16_384
/** Folders of which it is known what they are in. */
const aboveKeptMax = 8
/** Folders that come back with one entry. */
const returningMax = 4096
