// The past of merged devices, said a second time without the tables' help: what was current when each position was
// folded, which moments a retention leaves, and which rows those need.
import type { Database } from '../../native-deps/sqlite.js'
import type { FoldEntry } from '../../lib/history/fold.js'
import { Lookups } from '../../lib/history/lookups.js'
import { Moments } from '../../lib/history/moments.js'
import { selectKept, type Candidate } from '../../lib/history/retention.js'
import { hex } from '../../lib/terms/bytes.js'
import { rootIno } from '../../lib/tree/entry.js'
import { rowsOf, versionedAttributes } from './merge-view.js'

interface CurrentRow { parent: number; name: string; ino: number; id: Buffer; attributes: Buffer; bytes: Buffer | null }

function line(path: string, id: Uint8Array, attributes: Uint8Array, content: Uint8Array | null): string {
  return `${JSON.stringify(path)} ${hex(id)} ${versionedAttributes(attributes)} ${hex(content ?? new Uint8Array(0))}`
}

/** Everything below the root that the current rows hold. */
export function treeNow(database: Database): string[] {
  const rows = rowsOf<CurrentRow>(database, `SELECT parent, name, dirent.ino AS ino, id, attributes, bytes FROM dirent
    JOIN node ON node.ino = dirent.ino JOIN version ON version.ino = dirent.ino LEFT JOIN content USING (content)`)
  const lines: string[] = []
  const visit = (folder: number, path: string): void => {
    for (const { parent, name, ino, id, attributes, bytes } of rows) {
      if (parent !== folder) continue
      lines.push(line(`${path}/${name}`, id, attributes, bytes))
      visit(ino, `${path}/${name}`)
    }
  }
  visit(rootIno, '')
  return lines.sort()
}

const asked = new WeakMap<Database, { readonly lookups: Lookups; readonly moments: Moments }>()

/** One for each database: what a statement holds outside of the heap is not collected soon. */
function lookupsOf(database: Database): Lookups {
  const moments = asked.get(database)?.moments ?? new Moments(database)
  const lookups = asked.get(database)?.lookups ?? new Lookups(database, moments)
  asked.set(database, { lookups, moments })
  moments.changed()
  lookups.changed()
  return lookups
}

/** The same as questions about the position answer it: listed, looked up by name and found by version. */
export function treeAt(database: Database, position: number): string[] {
  const lookups = lookupsOf(database)
  const lines: string[] = []
  const visit = (folder: number, path: string): void => {
    for (let after = 0; ;) {
      const page = lookups.list(position, folder, after, 3)
      for (const { name, entry, cookie } of page) {
        const named = lookups.lookup(position, folder, name)
        if (named?.version !== entry.version || lookups.version(entry.version)?.ino !== entry.ino) lines.push(`${path}/${name} is listed and not found`)
        lines.push(line(`${path}/${name}`, entry.id, entry.attributes, entry.content))
        visit(entry.ino, `${path}/${name}`)
        after = cookie
      }
      if (page.length < 3) return
    }
  }
  visit(rootIno, '')
  return lines.sort()
}

export interface KeptByHand {
  readonly positions: ReadonlySet<number>
  readonly snapshots: ReadonlyMap<string, number>
  /** Of the last one that let go of anything; 0: none did. */
  readonly lastForget: number
}

/** What stays after all the forgetting that the entries, in their order, tell of. */
export function keptByHand(entries: readonly FoldEntry[]): KeptByHand {
  let moments: Candidate[] = []
  const snapshots = new Map<string, number>()
  let lastForget = 0
  entries.forEach(({ sec, operations }, index) => {
    const position = index + 1
    moments.unshift({ position, sec })
    for (const operation of operations) {
      if (operation.kind === 'snapshot') {
        const wished = Buffer.from(operation.name).toString()
        let name = wished
        for (let number = 2; snapshots.has(name); number++) name = `${wished} (${number})`
        snapshots.set(name, position)
      } else if (operation.kind === 'forget') {
        for (const name of operation.drop) snapshots.delete(Buffer.from(name).toString())
        const kept = selectKept(moments, new Set(snapshots.values()), operation.policy, operation.nowSec)
        if (kept.size < moments.length) lastForget = position
        moments = moments.filter((each) => kept.has(each.position))
      }
    }
  })
  return { positions: new Set(moments.map(({ position }) => position)), snapshots, lastForget }
}

/** Of lines that begin with the positions at which a row began and ended, those that one of the moments needs. */
export function neededLines(lines: readonly string[], kept: ReadonlySet<number>): string[] {
  return lines.filter((each) => {
    const [began, ended] = stretch(each)
    return [...kept].some((position) => position >= began && position < ended)
  })
}

export function stretch(text: string): readonly [began: number, ended: number] {
  const [began, ended] = text.split(' ', 2).map(Number)
  return [began ?? 0, ended ?? 0]
}
