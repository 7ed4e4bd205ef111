// The past, folded from operations that are signed and sealed well but may say anything: another device may be of another
// version, or in other hands. MERGE.md. What gets into the database must be readable, and every name must lead to the root.
import { openPlain } from '../../../native-deps/sqlite.js'
import { encodeContent, decodeContent } from '../../../lib/content/content-reference.js'
import { decodeOperation, encodeOperation, type Operation } from '../../../lib/format/operations.js'
import { ByteReader } from '../../../lib/format/reader.js'
import { ByteWriter } from '../../../lib/format/writer.js'
import { Fold, type FoldEntry } from '../../../lib/history/fold.js'
import { requireRecords } from '../../../lib/history/entry-records.js'
import { createHistoryTables } from '../../../lib/history/schema.js'
import { isDirectoryRecord, splitRecord } from '../../../lib/history/version-attributes.js'
import type { DeviceId, EntryId } from '../../../lib/terms/bytes.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { decodeAttributes, decodeXattrs } from '../../../lib/tree/entry-codec.js'
import { Random } from '../../model/random.js'
import { Finding, require, type Target } from '../target.js'
import { attributesRecord, contentReference, entry, operation } from './samples.js'

const rootId = new Uint8Array(16) as EntryId
rootId[15] = 1
/** Few, so that operations meet. */
const ids: readonly EntryId[] = [rootId, ...Array.from({ length: 7 }, (_, index) => new Random(index).bytes(16) as Uint8Array as EntryId)]
const names = ['a', 'b', 'c', 'B\xe4r'].map((name) => new Uint8Array(Buffer.from(name, 'latin1')))
const devices = [5, 6].map((byte) => new Uint8Array(16).fill(byte) as Uint8Array as DeviceId)

const database = openPlain(':memory:')
createHistoryTables(database)

interface Folded {
  readonly moments: number
  readonly names: readonly string[]
}

function record(random: Random, id: EntryId, mode: number): Uint8Array {
  return attributesRecord({ ...entry(random), id, mode, target: null })
}

function create(random: Random, at: number): Operation {
  const id = ids[at] ?? rootId
  return { kind: 'create', id, ino: at + 1, attributes: record(random, id, at < 4 ? 0o040755 : 0o100644) }
}

function change(random: Random): Operation {
  const id = random.pick(ids.slice(1))
  const parent = random.pick(ids.slice(0, 4))
  const [name, other] = [random.pick(names), random.pick(names)]
  switch (random.below(9)) {
    case 0: return { kind: 'unlink', id, parent, name }
    case 1: return { kind: 'move', id, fromParent: random.pick(ids.slice(0, 4)), fromName: other, parent, name }
    case 2: return { kind: 'attributes', id, attributes: record(random, id, ids.indexOf(id) < 4 ? 0o040700 : 0o100600) }
    case 3: return { kind: 'content', id, size: random.below(1000), content: encodeContent(contentReference(random)), bases: random.chance(0.5) ? [] : [random.bytes(32)] }
    case 4: return { kind: 'trash', id }
    case 5: return { kind: 'forget', nowSec: 1_700_000_000, policy: { withinSec: 0, hourly: 1, daily: 1, weekly: 0, monthly: 0, offsetMin: 0 }, drop: [] }
    case 6: {
      const any = operation(random)
      return any.kind === 'member' ? { kind: 'trash', id } : any
    }
    default: return { kind: 'link', id, parent, name }
  }
}

/** Device, number of operations, operations; the first entry makes all that the others speak of. */
function make(random: Random): Uint8Array {
  const writer = new ByteWriter(4096)
  // The second one is the other device's: from then on nobody is alone.
  const entries: Operation[][] = [ids.map((_, at) => create(random, at)), []]
  for (let left = 1 + random.below(5); left > 0; left--) entries.push(Array.from({ length: 1 + random.below(6) }, () => change(random)))
  for (const [at, operations] of entries.entries()) {
    writer.u8(at < 2 ? at : random.below(2)).varint(operations.length)
    for (const each of operations) writer.lengthPrefixed(encodeOperation(each))
  }
  return writer.take()
}

function entriesOf(input: Uint8Array): readonly FoldEntry[] {
  const reader = new ByteReader(input, 'entries')
  const entries: FoldEntry[] = []
  const sequences = [0, 0]
  while (reader.remaining > 0) {
    const author = reader.u8() % 2
    const operations: Operation[] = []
    for (let left = reader.varint(); left > 0; left--) operations.push(decodeOperation(reader.lengthPrefixed(1 << 20)))
    const sequence = sequences[author] = (sequences[author] ?? 0) + 1
    const at = entries.length
    const seen = sequences[1 - author] ?? 0
    entries.push({
      deviceId: devices[author] ?? devices[0] as DeviceId, sequence, hash: new Uint8Array(32).fill(at + 1), start: at * 100, end: at * 100 + 100, lamport: at + 1, sec: 1_700_000_000 + at, nsec: 0,
      // Every other entry has not heard of the other device's newest.
      deps: seen > at % 2 ? [{ deviceId: devices[1 - author] ?? devices[0] as DeviceId, sequence: seen - (at % 2) }] : [], operations,
    })
  }
  return entries
}

function folded(input: Uint8Array): Folded {
  const entries = entriesOf(input)
  for (const { operations } of entries) requireRecords(operations)
  database.begin()
  try {
    const fold = new Fold(database)
    for (const each of entries) for (const turn of fold.fold(each)) void turn
    return look()
  } finally {
    database.rollback()
  }
}

function readable(what: string, read: () => unknown): void {
  try {
    read()
  } catch (error) {
    throw new Finding(`${what} that can not be read is in the database: ${error instanceof Error ? error.message : ''}`)
  }
}

/** What is in the database is taken apart as whoever reads the past does it. */
function look(): Folded {
  for (const table of ['version', 'past_version']) {
    for (const { ino, attributes } of database.prepare<[], { ino: number; attributes: Buffer }>(`SELECT ino, attributes FROM ${table}`).all()) {
      readable('a record', () => {
        const split = splitRecord(attributes, ino)
        decodeAttributes(split.attributes, 0, ino)
        if (split.xattrs !== null) decodeXattrs(split.xattrs)
      })
    }
  }
  for (const { bytes } of database.prepare<[], { bytes: Buffer }>('SELECT bytes FROM content').all()) {
    // What nobody can read of it is damaged, and only that; but it is looked for.
    try {
      decodeContent(bytes)
    } catch (error) {
      require(error instanceof VaultError, `content is refused with ${String(error)}`)
    }
  }
  const rows = database.prepare<[], { parent: number; name: string; ino: number }>('SELECT parent, name, ino FROM dirent').all()
  const directories = new Set(database.prepare<[], { ino: number; attributes: Buffer }>('SELECT ino, attributes FROM version').all().filter(({ attributes }) => isDirectoryRecord(attributes)).map(({ ino }) => ino))
  const folders = new Map(rows.filter(({ ino }) => directories.has(ino)).map(({ parent, ino }) => [ino, parent]))
  for (const { ino } of rows) {
    let at = ino
    for (let left = rows.length; at !== 1 && left >= 0; left--) at = folders.get(at) ?? 1
    require(at === 1, `entry ${ino} lies in a circle of folders`)
  }
  return { moments: database.prepare<[], number>('SELECT count(*) FROM moment', 'first').get() ?? 0, names: rows.map(({ name }) => name) }
}

const fold: Target<Folded> = {
  name: 'history-fold', says: 'what entries of two devices make of the past, MERGE.md', canonical: false, refusals: ['corrupt', 'format-unknown'], pace: 0.2, memoryBytes: 1024 * 1024,
  make,
  decode: folded,
  judge: ({ moments, names: shown }, input) => {
    const entries = entriesOf(input)
    require(moments === entries.length, 'a moment too many or too few')
    const told = new Set(entries.flatMap(({ operations }) => operations.flatMap((each) => ('name' in each ? [Buffer.from(each.name).toString('latin1')] : []))))
    for (const name of shown) require([...told].some((each) => name === each || name.includes('conflict') || name.startsWith(each)), `the name ${name}, which nobody told`)
  },
}

export const foldTargets: readonly Target[] = [fold]
