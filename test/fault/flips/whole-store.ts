// A small store with a bit of everything in it, as an unmount, or a kill, leaves it, and what must be read from it.
import { execFileSync } from 'node:child_process'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Hand } from '../../support/vault-hand.js'
import { newFolder, removeFolder, request, testKeys, TestVault } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'
import type { TestClock } from '../../support/test-clock.js'

export interface WholeStore {
  readonly store: string
  /** As it was at the first snapshot, and a while before the end. */
  readonly before: string
  readonly clock: TestClock
  /** By path; null: a folder. */
  readonly expected: ReadonlyMap<string, Buffer | null>
  /** As it was published last: without what only the log has. */
  readonly published: ReadonlyMap<string, Buffer | null>
  remove(): void
}

const plain = { fromCache: false, killSuidGid: false, append: false }

export async function wholeStore(): Promise<WholeStore> {
  const { headerBytes, deviceFile } = await testKeys()
  const hand = await Hand.open()
  const { test } = hand
  for (const name of ['header', 'header.backup']) writeFileSync(join(test.store, name), headerBytes)
  for (const name of ['device', 'device.backup']) writeFileSync(join(test.store, name), deviceFile)
  const expected = new Map<string, Buffer | null>()
  const put = async (path: string, bytes: Uint8Array | string): Promise<void> => {
    await hand.write(path, bytes)
    expected.set(path, Buffer.from(bytes))
  }
  const folder = async (path: string): Promise<void> => {
    await hand.mkdir(path)
    expected.set(path, null)
  }
  await folder('docs')
  await put('docs/notes', randomBytes(1, 40_000))
  await put('docs/small', 'a few bytes')
  // Many runs with holes between: a tree of pages.
  await put('sparse', randomBytes(2, 10_000))
  for (let at = 1; at <= 24; at++) await hand.operations.write(hand.ino('sparse'), 0, at * 200_000, Buffer.from(randomBytes(100 + at, 4000)), plain, request)
  const sparse = Buffer.alloc(24 * 200_000 + 4000)
  sparse.set(randomBytes(2, 10_000))
  for (let at = 1; at <= 24; at++) sparse.set(randomBytes(100 + at, 4000), at * 200_000)
  expected.set('sparse', sparse)
  await hand.snapshot('first')
  await test.settle()
  const before = await copyOf(test)
  await put('docs/notes', randomBytes(3, 40_000))
  await put('twin', randomBytes(4, 40_000))
  for (let at = 0; at < 30; at++) await put(`docs/file ${at}`, randomBytes(200 + at, at < 25 ? 300 : 6000))
  await test.settle()
  const published = new Map([...expected].map(([path, bytes]) => [path, bytes === null ? null : Buffer.from(bytes)]))
  test.clock.advance(10_000)
  await folder('late')
  await put('late/logged', randomBytes(5, 90_000))
  await hand.rename('docs/small', 'late/moved')
  expected.set('late/moved', expected.get('docs/small') ?? null)
  expected.delete('docs/small')
  await hand.operations.write(hand.ino('docs/notes'), 0, 1000, Buffer.from('overwritten'), plain, request)
  expected.get('docs/notes')?.write('overwritten', 1000)
  await test.spill()
  await test.vault.syncLog()
  await test.apply()
  await hand.operations.setattr(hand.ino('twin'), { mode: 0o600 }, request)
  await test.spill()
  await test.close()
  return { store: test.store, before, clock: test.clock, expected, published, remove: () => { for (const each of [test.store, before]) removeFolder(each) } }
}

/** As a kill would leave it, without what the next mount makes anew at once. */
async function copyOf(test: TestVault): Promise<string> {
  return await test.crashImage()
}

/** A copy of a store, to be damaged. */
export async function copyStore(store: string): Promise<string> {
  const copy = await newFolder()
  execFileSync('cp', ['-r', '--sparse=always', `${store}/.`, copy])
  return copy
}

/** Names below it, and sizes in bytes. */
export function filesOf(store: string): { readonly name: string; readonly size: number }[] {
  return readdirSync(store, { recursive: true, withFileTypes: true }).filter((item) => item.isFile())
    .map(({ parentPath, name }) => join(parentPath, name)).map((path) => ({ name: path.slice(store.length + 1), size: statSync(path).size }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
}
