// Histories of several devices, merged a second time by the reader that was made from MERGE.md: one tree, conflict names
// and copies included, one root of the state, and the same moments that stay. How many and from which seed on: node …/merge.test.js 500 1.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { argv } from 'node:process'
import t from 'tap'
import { encodeOperation } from '../../lib/format/operations.js'
import { Lookups } from '../../lib/history/lookups.js'
import { Moments } from '../../lib/history/moments.js'
import { StatePages, stateRoot } from '../../lib/history/state-pages.js'
import type { StateCursor } from '../../lib/store/history-port.js'
import { hex } from '../../lib/terms/bytes.js'
import { KeyedHasher } from '../../native-deps/blake3.js'
import type { Database } from '../../native-deps/sqlite.js'
import { MergeDevice } from '../model/merge-device.js'
import { treeNow } from '../model/merge-past.js'
import { rowsOf } from '../model/merge-view.js'
import { MergeWorld } from '../model/merge-world.js'
import { Random } from '../model/random.js'
import { readerFolder, whyNoReader } from './second-reader.js'

const histories = Number(argv[2] ?? 25)
const firstSeed = Number(argv[3] ?? 1)

t.setTimeout(300_000)

interface Merged {
  readonly tree: readonly string[]
  readonly root: string
  readonly records: number
  readonly kept: readonly string[]
}

/** Moments that are not let go of, with their names as Python shows a list. */
function keptOf(database: Database): string[] {
  const names = rowsOf<{ name: string; position: number }>(database, 'SELECT name, position FROM snapshot ORDER BY name')
  return rowsOf<{ position: number }>(database, 'SELECT position FROM moment WHERE kept = 1 ORDER BY position')
    .map(({ position }) => `${position} [${names.filter((each) => each.position === position).map(({ name }) => `'${name}'`).join(', ')}]`)
}

const pageKey = Buffer.alloc(32, 9)

function rootOf(database: Database): { readonly root: string; readonly records: number } {
  const moments = new Moments(database)
  const hasher = new KeyedHasher(pageKey)
  const position = rowsOf<{ position: number }>(database, 'SELECT max(position) AS position FROM moment')[0]?.position ?? 0
  const pages = new StatePages(database, moments, new Lookups(database, moments))
  const ids: Uint8Array[] = []
  let records = 0
  let cursor: StateCursor | undefined
  do {
    const part = pages.part(position, cursor)
    ids.push(...part.pages.map((page) => hasher.digest(page)))
    records += part.records
    cursor = part.next
  } while (cursor !== undefined)
  return { root: hex(stateRoot(ids, records, hasher)), records }
}

t.test('several devices: the same tree', { skip: whyNoReader }, (t) => {
  const devices = Array.from({ length: 5 }, () => new MergeDevice())
  t.teardown(() => { for (const device of devices) device.close() })
  const told: string[] = []
  const wanted: Merged[] = []
  for (let seed = firstSeed; seed < firstSeed + histories; seed++) {
    const sharing = [0.1, 0.3, 0.6][seed % 3] ?? 0
    const world = new MergeWorld(new Random(seed), { devices: 2 + (seed % 4), rounds: 40, sharing, forgetting: seed % 2 === 0 ? 0.3 : 0, isLastSilent: seed % 5 === 0 }, devices)
    world.begin()
    world.run()
    world.end()
    const [first] = world.devices
    if (first === undefined) throw new Error('no device')
    wanted.push({ tree: treeNow(first.database), kept: keptOf(first.database), ...rootOf(first.database) })
    told.push(JSON.stringify({
      pageKey: hex(pageKey),
      entries: world.entries.map(({ deviceId, sequence, lamport, sec, deps, operations }) => ({
        device: hex(deviceId), sequence, lamport, sec, dependencies: deps.map((each) => [hex(each.deviceId), each.sequence]), operations: operations.map((operation) => hex(encodeOperation(operation))),
      })),
    }))
  }
  const { stdout, stderr, status } = spawnSync('/usr/bin/python3', ['-B', join(readerFolder, 'merged.py')], { input: told.join('\n'), encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 })
  t.equal(status, 0, stderr)
  const trees = stdout.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Merged)
  t.equal(trees.length, histories)
  let names = 0
  for (const [at, { tree, root, records, kept }] of trees.entries()) {
    names += tree.length
    const [found, other] = [new Set(tree), new Set(wanted[at]?.tree)]
    const difference = [...tree.filter((line) => !other.has(line)).map((line) => `read: ${line}`), ...(wanted[at]?.tree ?? []).filter((line) => !found.has(line)).map((line) => `wanted: ${line}`)]
    t.same(difference.slice(0, 6), [], `seed ${firstSeed + at}`)
    t.same(kept, wanted[at]?.kept, `seed ${firstSeed + at}, the moments that stay`)
    t.same({ root, records }, { root: wanted[at]?.root, records: wanted[at]?.records }, `seed ${firstSeed + at}, the state's root`)
  }
  t.ok(names > histories, `${names} names`)
  t.ok(trees.some(({ tree }) => tree.some((line) => line.includes('(conflict, '))), 'there were conflicts')
  t.end()
})
