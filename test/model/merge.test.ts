// Several devices that work apart come to one and the same state, in which nothing that anybody wrote is lost: random
// histories from seeds. How many and from which seed on: node …/merge.test.js 5000 1, or npm run test:merge.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv } from 'node:process'
import t from 'tap'
import { hex } from '../../lib/terms/bytes.js'
import { ManifestFold } from './manifest-fold.js'
import { MergeDevice } from './merge-device.js'
import { keptByHand, neededLines, stretch, treeAt, treeNow } from './merge-past.js'
import { breaches } from './merge-rules.js'
import { currentState, pastState, rowsOf } from './merge-view.js'
import { MergeWorld, type WorldOptions } from './merge-world.js'
import { Random } from './random.js'

const histories = Number(argv[2] ?? 40)
const firstSeed = Number(argv[3] ?? 1)
const devicesMax = 5

t.setTimeout(0)
const directory = mkdtempSync(join(tmpdir(), 'vaultfs-merge-'))
// The first one's database is sealed and in a file, which is closed and opened between.
const devices = Array.from({ length: devicesMax }, (_, index) => new MergeDevice(index === 0 ? join(directory, 'history.db') : undefined))
const fresh = new MergeDevice()
t.teardown(() => {
  for (const device of [...devices, fresh]) device.close()
  rmSync(directory, { recursive: true, force: true })
})

function play(seed: number, options: WorldOptions): MergeWorld {
  const world = new MergeWorld(new Random(seed), options, devices)
  world.begin()
  world.run()
  world.end()
  // All entries, each in its order.
  const [chain] = world.chains
  if (chain === undefined) throw new Error('no chain')
  fresh.begin(chain, world.chains)
  world.deliver(fresh)
  return world
}

function firstDifference(one: readonly string[], other: readonly string[]): string {
  const [a, b] = [new Set(one), new Set(other)]
  return [...one.filter((line) => !b.has(line)).slice(0, 3).map((line) => `- ${line}`), ...other.filter((line) => !a.has(line)).slice(0, 3).map((line) => `+ ${line}`)].join('\n')
}

function seeds(): number[] {
  return Array.from({ length: histories }, (_, index) => firstSeed + index)
}

t.test('whatever the order of arrival, one state', (t) => {
  for (const seed of seeds()) {
    const world = play(seed, { devices: 2 + (seed % 4), rounds: 30, sharing: [0.1, 0.3, 0.6][seed % 3] ?? 0, forgetting: 0, isLastSilent: seed % 5 === 0 })
    const [now, past] = [currentState(fresh.database), pastState(fresh.database)]
    for (const { chain, database } of world.devices) {
      const difference = firstDifference(now, currentState(database)) + firstDifference(past, pastState(database))
      if (difference !== '') t.fail(`seed ${seed}: device ${hex(chain.deviceId)} differs\n${difference}`)
    }
    const found = breaches(fresh.database, world.chains)
    if (found.length > 0) t.fail(`seed ${seed}: ${found.join('\n')}`)
    if (fresh.complaints > 0) t.fail(`seed ${seed}: ${fresh.complaints} complaints`)
  }
  t.pass(`${histories} histories`)
  t.end()
})

t.test('when nobody works apart, each operation is what it says', (t) => {
  for (const seed of seeds()) {
    const world = play(seed, { devices: 2 + (seed % 3), rounds: 20, sharing: 1, forgetting: 0, isLastSilent: false })
    const strict = new ManifestFold()
    for (const { operations } of world.entries) strict.fold(operations)
    const names = rowsOf<{ parent: Buffer; name: string; told: string | null; id: Buffer }>(fresh.database, `SELECT parent.id AS parent, name, told, node.id AS id
      FROM dirent JOIN node AS parent ON parent.ino = dirent.parent JOIN node ON node.ino = dirent.ino`)
    const merged = names.map(({ parent, name, told, id }) => `${hex(parent)}/${name} ${told ?? ''} ${hex(id)}`)
    const told = [...strict.names].map(([key, ids]) => `${key}  ${[...ids].join()}`)
    const contents = rowsOf<{ id: Buffer; bytes: Buffer | null }>(fresh.database, 'SELECT id, bytes FROM version JOIN node USING (ino) LEFT JOIN content USING (content)')
    const differences = [
      ...strict.complaints, firstDifference(merged, told),
      firstDifference(contents.map(({ id, bytes }) => `${hex(id)} ${hex(bytes ?? new Uint8Array(0))}`), [...strict.entries].map(([id, { content }]) => `${id} ${hex(content)}`)),
    ].filter((each) => each !== '')
    if (differences.length > 0) t.fail(`seed ${seed}: ${differences.join('\n')}`)
  }
  t.pass(`${histories} histories`)
  t.end()
})

t.test('what retention lets go of, and nothing else, is gone; whatever comes late', (t) => {
  for (const seed of seeds()) {
    const world = play(seed, { devices: 1 + (seed % 4), rounds: 30, sharing: [0.2, 0.5][seed % 2] ?? 0, forgetting: 0.25, isLastSilent: seed % 3 === 0 })
    world.forget({ withinSec: 0, hourly: 8, daily: 3, weekly: 0, monthly: 0, offsetMin: 0 })
    for (let round = 0; round < 3; round++) world.acknowledge()
    const kept = keptByHand(world.entries)
    const { trees, now, past } = withoutForgetting(world)
    const needed = neededLines(past, kept.positions)
    for (const { chain, database } of world.devices) {
      const snapshots = rowsOf<{ name: string; position: number }>(database, 'SELECT name, position FROM snapshot')
      const positions = rowsOf<{ position: number }>(database, 'SELECT position FROM moment WHERE kept = 1').map(({ position }) => position)
      const left = pastState(database)
      // What ended with the last forgetting, or after it, may be there still.
      const extra = neededLines(left, kept.positions).length === left.length ? [] : left.filter((row) => stretch(row)[1] < kept.lastForget && !needed.includes(row))
      const differences = [
        firstDifference([...kept.snapshots].map(([name, position]) => `${name} ${position}`), snapshots.map(({ name, position }) => `${name} ${position}`)),
        firstDifference([...kept.positions].map(String), positions.map(String)),
        firstDifference(now, currentState(database).filter(isOfTree)),
        firstDifference(needed, left.filter((row) => needed.includes(row))), ...extra.slice(0, 3).map((row) => `still there: ${row}`),
        ...positions.map((position) => firstDifference(trees[position] ?? [], treeAt(database, position))),
      ].filter((each) => each !== '')
      if (differences.length > 0) t.fail(`seed ${seed}: device ${hex(chain.deviceId)}: ${differences.slice(0, 3).join('\n')}`)
    }
  }
  t.pass(`${histories} histories`)
  t.end()
})

/** The same entries, nobody ever forgetting: the state at each position, and at the end. */
function withoutForgetting(world: MergeWorld): { readonly trees: readonly (readonly string[])[]; readonly now: readonly string[]; readonly past: readonly string[] } {
  const chains = world.chains.map((chain) => ({
    ...chain, entries: chain.entries.map((entry) => ({ ...entry, operations: entry.operations.filter(({ kind }) => kind !== 'forget') })),
  }))
  const [chain] = chains
  if (chain === undefined) throw new Error('no chain')
  fresh.begin(chain, chains)
  const trees: (readonly string[])[] = [[]]
  for (const each of fresh.received) each.receive(Infinity)
  fresh.catchUp(() => trees.push(treeNow(fresh.database)))
  return { trees, now: currentState(fresh.database).filter(isOfTree), past: pastState(fresh.database) }
}

function isOfTree(line: string): boolean {
  return !line.startsWith('kept') && !line.startsWith('snapshot')
}
