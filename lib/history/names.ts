// Names as operations change them. Of one device's operations each is what it says. Between devices (DESIGN §6): the
// latest claim has the plain name and others stand beside it; a folder has one place and never lies inside of itself;
// what somebody wrote into comes back when another one removed it unknowing.
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
  /** By a move, which gives up another name. */
  readonly moved: boolean
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
  readonly #refused = new Set<number>()

  constructor(context: NameContext) {
    this.#context = context
    this.#rows = context.rows
    this.#causality = context.causality
  }

  begin(position: number): void {
    this.#position = position
    this.#removed = new Map()
    this.#refused.clear()
  }

  /** Entries that lost names since `begin`. */
  get losers(): IterableIterator<number> {
    return this.#removed.keys()
  }

  /** Answers false when the entry did not have the name. */
  unlink(parent: number, told: string, ino: number): boolean {
    const row = this.#rows.direntsTold(parent, told).find((each) => each.ino === ino)
    if (row === undefined) return false
    this.#remove(row)
    return true
  }

  /** The name that a move was from is gone: if another device moved it meanwhile, the later move wins. */
  giveUpMoved(ino: number): void {
    if (this.#causality.alone) return
    for (const row of this.#rows.direntsOf(ino)) {
      if (row.moved === 1 && row.told !== '' && !this.#causality.covers(row.began)) this.#remove(row)
    }
  }

  link(claim: Claim): void {
    const { parent, name, ino, isDirectory } = claim
    if (!this.#causality.alone) {
      this.revive(parent)
      if (isDirectory && this.#isWithin(parent, ino)) {
        // Two moves that together would make a circle: the later one does not happen (Kleppmann et al. 2022).
        this.#refused.add(ino)
        return
      }
    }
    const holders = this.#rows.direntsTold(parent, name)
    if (holders.some((each) => each.ino === ino)) return
    if (isDirectory) for (const row of this.#rows.direntsOf(ino)) this.#remove(row)
    // Whoever knew what the name meant and gave it away took it from that.
    for (const holder of holders) if (this.#causality.covers(holder.began)) this.#remove(holder)
    this.#claim(claim)
  }

  /** Undoes removals that took the last name of something that their author did not know whole. */
  restore(ino: number, isUnknown: (ino: number) => boolean): void {
    const removed = this.#removed.get(ino)
    if (removed === undefined || this.#causality.alone || this.#rows.direntsOf(ino).length > 0) return
    if (!this.#refused.has(ino) && !isUnknown(ino)) return
    for (const { parent, name, told, moved } of removed) {
      if (told === '') continue
      this.revive(parent)
      this.#giveBack({ parent, name: told ?? name, ino, isDirectory: false, moved: moved === 1 })
      return
    }
  }

  /** Whether something was put into the folder that the author did not know of. */
  hasUnknownChild(ino: number): boolean {
    for (const row of this.#rows.children(ino)) if (!this.#causality.covers(row.began)) return true
    return false
  }

  /**
   * Somebody went on with an entry that another device had removed unknowing: it gets its last name back, and so do the
   * folders above it. Not when the author knew of the removal.
   */
  revive(ino: number, depth = 0): void {
    if (ino === rootIno || depth > depthMax || this.#rows.direntsOf(ino).length > 0) return
    const last = this.#rows.lastDirents(ino).find((row) => row.told !== '')
    if (last === undefined || this.#causality.covers(last.ended)) return
    this.reviveVersion(ino)
    this.revive(last.parent, depth + 1)
    this.#giveBack({ parent: last.parent, name: last.told ?? last.name, ino, isDirectory: false, moved: last.moved === 1 })
  }

  reviveVersion(ino: number): void {
    if (this.#rows.version(ino) !== undefined) return
    const last = this.#rows.lastVersion(ino)
    if (last !== undefined) this.#rows.putVersion(ino, last.attributes, last.content, this.#position)
  }

  /** A copy that a conflict needs, beside its origin. */
  putCopy(ino: number, beside: DirentRow, began: number): void {
    const name = this.#conflictName(beside.parent, beside.told ?? beside.name, began)
    this.#rows.putDirent({ parent: beside.parent, name, ino, began: this.#position, moved: 0, told: '' })
  }

  /** Without taking the plain name from who has it. */
  #giveBack(claim: Claim): void {
    const { parent, name, ino, moved } = claim
    // What lies inside of it now would be cut off from the root: then the root takes it.
    const home = this.#isWithin(parent, ino) ? rootIno : parent
    const taken = this.#rows.dirent(home, name) !== undefined
    const shown = taken ? this.#conflictName(home, name, this.#position) : name
    this.#rows.putDirent({ parent: home, name: shown, ino, began: this.#position, moved: moved ? 1 : 0, told: taken ? name : null })
  }

  #claim({ parent, name, ino, moved }: Claim): void {
    const shown = this.#rows.dirent(parent, name)
    if (shown !== undefined) this.#showAs(shown, this.#conflictName(parent, name, shown.began))
    this.#rows.putDirent({ parent, name, ino, began: this.#position, moved: moved ? 1 : 0, told: null })
  }

  #remove(row: DirentRow): void {
    const { parent, name, told, ino } = row
    this.#rows.endDirent(row, this.#position)
    const removed = this.#removed.get(ino)
    if (removed === undefined) this.#removed.set(ino, [row])
    else removed.push(row)
    if (told !== null) return
    // Who stood beside it has the name for itself now.
    const heir = this.#causality.alone ? undefined : this.#rows.direntsTold(parent, name).at(-1)
    if (heir !== undefined) this.#showAs(heir, name)
  }

  #showAs(row: DirentRow, shown: string): void {
    const { parent, ino, moved, told, name } = row
    const raw = told ?? name
    this.#rows.endDirent(row, this.#position)
    this.#rows.putDirent({ parent, name: shown, ino, began: this.#position, moved, told: raw === shown ? null : raw })
  }

  #conflictName(parent: number, name: string, position: number): string {
    const { device, sec } = this.#context.authorOf(position)
    return conflictName(name, device, sec, (taken) => this.#rows.dirent(parent, taken) !== undefined)
  }

  /** Whether `folder` is `ino` or lies below it. */
  #isWithin(folder: number, ino: number): boolean {
    const seen = new Set<number>()
    for (let at: number | undefined = folder; at !== undefined && at !== rootIno && !seen.has(at); at = this.#rows.direntsOf(at)[0]?.parent) {
      if (at === ino) return true
      seen.add(at)
    }
    return false
  }
}

/** Deeper than any path that a system opens. */
const depthMax = 4096
