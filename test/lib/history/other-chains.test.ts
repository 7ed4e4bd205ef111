// What a store says of the chains of other devices: what it follows, and what it refuses when one is missing or another.
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { decodeEntry, entryLengthAt } from '../../../lib/format/manifest-entry.js'
import { readOtherChains } from '../../../lib/history/other-chains.js'
import { openEntryBody } from '../../../lib/manifest/entry-author.js'
import type { EntryBody } from '../../../lib/format/entry-body.js'
import { hex } from '../../../lib/terms/bytes.js'
import { anotherDevice, newFolder, rebuildTestStore, removeFolder, testKeys, TestVault, type TestDevice } from '../../support/open-vault.js'
import { TestClock } from '../../support/test-clock.js'
import { Hand } from '../../support/vault-hand.js'

t.setTimeout(120_000)
const clock = new TestClock()

/** A store that has the chains of the other one, and the device's own keys. */
async function brought(from: string, device: TestDevice): Promise<string> {
  const store = await newFolder()
  mkdirSync(join(store, 'cache'))
  for (const name of ['manifest', 'cache/segments']) cpSync(join(from, name), join(store, name), { recursive: true })
  await rebuildTestStore(store, clock, { device })
  return store
}

async function write(store: string | undefined, device: TestDevice | undefined, ...names: readonly string[]): Promise<string> {
  const test = await TestVault.open({ clock, ...(store === undefined ? {} : { store }), ...(device === undefined ? {} : { device }) })
  const hand = new Hand(test)
  for (const name of names) {
    await hand.write(name, name)
    await test.vault.publishAll()
  }
  await test.leave()
  return test.store
}

async function bodies(store: string, { page, identity }: TestDevice): Promise<EntryBody[]> {
  const bytes = new Uint8Array(readFileSync(join(store, 'manifest', `${hex(identity.member.deviceId)}.chain`)))
  const found: EntryBody[] = []
  for (let at = 0; at < bytes.byteLength;) {
    const length = entryLengthAt(bytes.subarray(at)) ?? Infinity
    found.push(openEntryBody(decodeEntry(bytes.subarray(at, at + length)), page))
    at += length
  }
  return found
}

t.test('lamport and dependencies, from device to device', async (t) => {
  const [first, second, third] = [await testKeys(), await anotherDevice(51), await anotherDevice(52)]
  const one = await write(undefined, undefined, 'a', 'b')
  const alone = await bodies(one, first)
  t.same(alone.map(({ lamport, deps }) => [lamport, deps.length]), alone.map((_, index) => [index + 1, 0]), 'one device alone')
  const two = await write(await brought(one, second), second, 'c', 'd')
  const behind = await bodies(two, second)
  t.same(behind.map(({ lamport }) => lamport), behind.map((_, index) => alone.length + index + 1))
  for (const { deps } of behind) t.same(deps.map(({ deviceId, sequence }) => [hex(deviceId), sequence]), [[hex(first.identity.member.deviceId), alone.length]])
  const three = await write(await brought(two, third), third, 'e')
  const [last] = (await bodies(three, third)).slice(-1)
  t.equal(last?.deps.length, 2)
  t.ok((last?.lamport ?? 0) > alone.length + behind.length)
  t.teardown(() => { for (const store of [one, two, three]) removeFolder(store) })
  const chain = (store: string, { identity }: TestDevice): string => join(store, 'manifest', `${hex(identity.member.deviceId)}.chain`)
  const opened = (store: string, device: TestDevice): Promise<unknown> => TestVault.open({ store, clock, device }).then((test) => test.close())
  const folder = { directory: join(three, 'manifest'), page: third.page, vaultId: third.header.vaultId, ownerPublicKey: third.header.ownerPublicKey }
  const own = { deviceId: third.identity.member.deviceId, sequence: 1000 }

  t.test('without a mark it is read from its beginning', async (t) => {
    const before = await readOtherChains(folder, own)
    for (const name of readdirSync(folder.directory)) if (name.endsWith('.mark') && !name.startsWith(hex(own.deviceId))) rmSync(join(folder.directory, name))
    t.same(await readOtherChains(folder, own), before)
  })

  t.test('a chain that was followed is missing', async (t) => {
    const bytes = readFileSync(chain(three, first))
    rmSync(chain(three, first))
    await t.rejects(opened(three, third), { code: 'chain-broken', message: /this device has followed entry \d+/ })
    await t.rejects(rebuildTestStore(three, clock, { device: third }), { code: 'chain-broken' })
    // What the second one says can't be folded without the first.
    const { heads } = await readOtherChains(folder, own)
    t.same(heads, [])
    writeFileSync(chain(three, first), bytes)
    await opened(three, third)
  })

  t.test('another device has more now than the catalog was made of', async (t) => {
    const more = await write(two, second, 'f')
    cpSync(chain(more, second), chain(three, second))
    await t.rejects(opened(three, third), { code: 'corrupt', next: /vaultfs rebuild/ })
    await rebuildTestStore(three, clock, { device: third })
    const test = await TestVault.open({ store: three, clock, device: third })
    t.equal(await new Hand(test).text('f'), 'f')
    await test.close()
  })

  t.test('another device has seen entries of ours that are gone', async (t) => {
    const bodiesOf = await bodies(two, second)
    truncateSync(chain(two, first), 0)
    rmSync(join(two, 'manifest', `${hex(first.identity.member.deviceId)}.mark`))
    t.ok(bodiesOf.length > 0)
    await t.rejects(opened(two, first), { code: 'chain-broken', message: /another device has seen entry \d+/ })
  })
})
