// What must hold of a merged state, checked against what the devices wrote: every name is in sight, nothing goes without
// somebody's word, and every content is there that nobody replaced or removed knowing of it.
import type { Database } from '../../native-deps/sqlite.js'
import { sha256 } from '../../native-deps/sodium.js'
import type { FoldEntry } from '../../lib/history/fold.js'
import { hex } from '../../lib/terms/bytes.js'
import { rootIno } from '../../lib/tree/entry.js'
import { isDirectoryRecord } from '../../lib/history/version-attributes.js'
import type { Chain } from './merge-device.js'
import { rowsOf } from './merge-view.js'

interface NameRow { parent: number; name: string; ino: number; told: string | null }
interface EntryRow { ino: number; id: Buffer; origin: number | null; attributes: Buffer; bytes: Buffer | null }

/** Breaches of the rules in words, at most a few. */
export function breaches(database: Database, chains: readonly Chain[]): string[] {
  return new MergedState(database).breaches(chains).slice(0, 5)
}

class MergedState {
  readonly #names: readonly NameRow[]
  readonly #entries: ReadonlyMap<number, EntryRow>
  readonly #found: string[] = []

  constructor(database: Database) {
    this.#names = rowsOf<NameRow>(database, 'SELECT parent, name, ino, told FROM dirent')
    const rows = rowsOf<EntryRow>(database, 'SELECT version.ino AS ino, id, origin, attributes, bytes FROM version JOIN node USING (ino) LEFT JOIN content USING (content)')
    this.#entries = new Map(rows.map((row) => [row.ino, row]))
    const doubles = rowsOf<{ name: string }>(database, 'SELECT name FROM dirent GROUP BY parent, name HAVING count(*) > 1').map(({ name }) => name)
    if (doubles.length > 0) this.#found.push(`names that mean two things: ${doubles.join()}`)
  }

  breaches(chains: readonly Chain[]): string[] {
    this.#checkPlaces()
    this.#checkEntries(chains)
    this.#checkContents(chains)
    return this.#found
  }

  #checkPlaces(): void {
    const placed = new Set(this.#names.map(({ ino }) => ino))
    for (const { parent, name, ino } of this.#names) {
      if (!this.#reachesRoot(parent)) this.#found.push(`${JSON.stringify(name)} in ${parent} is out of sight`)
      if (Buffer.from(name, 'latin1').byteLength > 255) this.#found.push(`${JSON.stringify(name)} is too long`)
      const entry = this.#entries.get(ino)
      const folder = this.#entries.get(parent)
      if (entry === undefined) this.#found.push(`${JSON.stringify(name)} means entry ${ino}, which is gone`)
      if (folder === undefined || !isDirectoryRecord(folder.attributes)) this.#found.push(`${JSON.stringify(name)} is in ${parent}, which is no folder`)
      if (entry !== undefined && isDirectoryRecord(entry.attributes) && this.#names.filter((each) => each.ino === ino).length > 1) this.#found.push(`folder ${ino} has two places`)
    }
    for (const ino of this.#entries.keys()) if (ino !== rootIno && !placed.has(ino)) this.#found.push(`entry ${ino} has no name`)
  }

  #reachesRoot(folder: number): boolean {
    const way = new Set<number>()
    for (let at: number | undefined = folder; at !== undefined && !way.has(at); at = this.#names.find(({ ino }) => ino === at)?.parent) {
      if (at === rootIno) return true
      way.add(at)
    }
    return false
  }

  /** Whoever was created is there, unless somebody told his end. */
  #checkEntries(chains: readonly Chain[]): void {
    const ended = new Set<string>()
    for (const { operations } of entriesOf(chains)) for (const each of operations) if (each.kind === 'trash') ended.add(hex(each.id))
    const there = new Set([...this.#entries.values()].map(({ id }) => hex(id)))
    for (const { operations } of entriesOf(chains)) {
      for (const each of operations) {
        if (each.kind === 'create' && !there.has(hex(each.id)) && !ended.has(hex(each.id))) this.#found.push(`${hex(each.id)} is gone, and nobody removed it`)
      }
    }
  }

  #checkContents(chains: readonly Chain[]): void {
    const shown = new Map<string, Set<string>>()
    for (const { id, origin, bytes } of this.#entries.values()) {
      const owner = hex(origin === null ? id : this.#entries.get(origin)?.id ?? id)
      shown.set(owner, (shown.get(owner) ?? new Set()).add(hex(bytes ?? new Uint8Array(0))))
    }
    for (const entry of entriesOf(chains)) {
      for (const each of entry.operations) {
        if (each.kind !== 'content' || each.content.byteLength === 0 || shown.get(hex(each.id))?.has(hex(each.content)) === true) continue
        if (!isOverwritten(entry, each, chains)) this.#found.push(`${Buffer.from(each.content).toString()} of ${hex(each.id)} is lost`)
      }
    }
  }
}

interface Written {
  readonly id: Uint8Array
  readonly content: Uint8Array
}

/** Whether somebody who had seen it replaced it, or told the end of its entry. */
function isOverwritten(entry: FoldEntry, { id, content }: Written, chains: readonly Chain[]): boolean {
  const hash = hex(sha256(content))
  return entriesOf(chains).some((later) => hasSeen(later, entry) && later.operations.some((each) => {
    if (each.kind === 'trash') return hex(each.id) === hex(id)
    return each.kind === 'content' && hex(each.id) === hex(id) && each.bases.some((base) => hex(base) === hash)
  })) || entriesOf(chains).some((other) => other.operations.some((each) => each.kind === 'content' && hex(each.id) === hex(id) &&
    // Two wrote the same: who knew one of them replaced both.
    (each.bases.some((base) => hex(base) === hash))))
}

function entriesOf(chains: readonly Chain[]): FoldEntry[] {
  return chains.flatMap(({ entries }) => entries)
}

function hasSeen(later: FoldEntry, entry: FoldEntry): boolean {
  if (hex(later.deviceId) === hex(entry.deviceId)) return later.sequence > entry.sequence
  return later.deps.some(({ deviceId, sequence }) => hex(deviceId) === hex(entry.deviceId) && sequence >= entry.sequence)
}
