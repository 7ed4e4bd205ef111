// Every kind of damage to every file of a store: a bit of each class in each region, cut, emptied, deleted, exchanged, and
// an old copy put back alone.
import { cpSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { segmentPath } from '../../../lib/cache/segment-files.js'
import { openPlain } from '../../../native-deps/sqlite.js'
import { Random } from '../../model/random.js'
import { overwrite, StoreDamage } from '../verify/damage.js'
import type { Damage } from './trial.js'
import { filesOf, type WholeStore } from './whole-store.js'

const bitClasses = { low: 0x01, high: 0x80 } as const
const keyFiles = /^(header|device)(\.backup)?$/

/** `perFile`: places of each file at which a bit is flipped, spread over it and over its beginning. */
export function flips({ store }: WholeStore, perFile: number, random: Random): Damage[] {
  return filesOf(store).filter(({ size }) => size > 0).flatMap(({ name, size }) => {
    const places = new Set<number>()
    for (let index = 0; index < perFile; index++) {
      const from = Math.floor((size * index) / perFile)
      places.add(from + random.below(Math.max(1, Math.floor(size / perFile))))
      // Most of the structure lies there.
      places.add(random.below(Math.min(size, 128)))
    }
    return [...places].sort((one, other) => one - other).map((at, index) => flip(name, at, Object.values(bitClasses)[index % 2] ?? 1))
  })
}

/** Places that were met with something else than what is promised. */
export function knownPlaces(): Damage[] {
  // SQLite's write version: with another one it takes the file for one that may only be read.
  // And the name of a column.
  return [flip('cache/cache.db', 18, 0x80), { what: 'a column of cache/cache.db called otherwise', names: ['cache/cache.db'], apply: renameColumn }]
}

function renameColumn(store: string): void {
  const path = join(store, 'cache/cache.db')
  const at = readFileSync(path).indexOf('blobs INTEGER NOT NULL')
  overwrite(path, at, Buffer.from('clobs'))
}

function flip(name: string, at: number, mask: number): Damage {
  return {
    what: `${name} byte ${at} ^ ${mask.toString(16)}`, names: [name], withKeys: keyFiles.test(name),
    apply: (store) => {
      const path = join(store, name)
      overwrite(path, at, Buffer.from([(readFileSync(path)[at] ?? 0) ^ mask]))
    },
  }
}

export function cuts({ store }: WholeStore): Damage[] {
  return filesOf(store).flatMap(({ name, size }) => [0, Math.floor(size / 2), size - 1].filter((length) => length >= 0 && length < size).map((length) => ({
    what: `${name} cut to ${length} of ${size}`, names: [name], withKeys: keyFiles.test(name), apply: (copy: string) => { truncateSync(join(copy, name), length) },
  })))
}

export function removals({ store }: WholeStore): Damage[] {
  return filesOf(store).map(({ name }) => ({ what: `${name} deleted`, names: [name], withKeys: keyFiles.test(name), apply: (copy: string) => { rmSync(join(copy, name)) } }))
}

export function exchanges({ store }: WholeStore): Damage[] {
  const entries = new StoreDamage(store).entries()
  const chain = entries.path.slice(store.length + 1)
  const twins = entries.places.flatMap((one, index) => entries.places.slice(index + 1).filter((other) => other.end - other.start === one.end - one.start).map((other) => ({ one, other })))
  const swapped = (path: string, one: number, other: number, length: number): void => {
    const bytes = readFileSync(path)
    overwrite(path, one, bytes.subarray(other, other + length))
    overwrite(path, other, bytes.subarray(one, one + length))
  }
  const ofEntries = twins.slice(0, 2).map(({ one, other }) => ({
    what: `entries at ${one.start} and ${other.start} of the manifest exchanged`, names: [chain],
    apply: (copy: string) => { swapped(join(copy, chain), one.start, other.start, one.end - one.start) },
  }))
  return [...ofEntries, ...blobTwins(store).map(({ name, one, other, length }) => ({
    what: `blobs at ${one} and ${other} of ${name} exchanged`, names: [name], apply: (copy: string) => { swapped(join(copy, name), one, other, length) },
  }))]
}

function blobTwins(store: string): { readonly name: string; readonly one: number; readonly other: number; readonly length: number }[] {
  const index = openPlain(join(store, 'cache/cache.db'), { readOnly: true })
  const rows = index.prepare<[], { segment: number; length: number; one: number; other: number }>(
    'SELECT segment, length, min(offset) AS one, max(offset) AS other FROM blobs GROUP BY segment, length HAVING count(*) > 1 ORDER BY length DESC LIMIT 2',
  ).all()
  index.close()
  return rows.map(({ segment, ...place }) => ({ ...place, name: segmentPath(join(store, 'cache'), segment).slice(store.length + 1) }))
}

/** A database, or the log, as it was some time ago, beside all the rest. */
export function rollbacks({ store, before }: WholeStore): Damage[] {
  return ['catalog.db', 'history.db', 'cache/cache.db', 'log'].map((name) => ({
    what: `an old ${name}`, names: filesOf(store).map((file) => file.name).filter((file) => file === name || file.startsWith(`${name}/`)),
    apply: (copy) => {
      for (const end of ['', '-wal', '-shm']) rmSync(join(copy, name + end), { recursive: true, force: true })
      for (const end of ['', '-wal']) {
        const old = filesOf(before).some((file) => file.name === name + end || file.name.startsWith(`${name}${end}/`))
        if (old) cpSync(join(before, name + end), join(copy, name + end), { recursive: true })
      }
    },
  }))
}
