// The catalog is derived: deleted, or put back as an older copy, it loses nothing while the log has the records; and
// where the log has them no more, the vault does not open with a hole in it.
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Catalog } from '../../lib/catalog/catalog.js'
import { newFolder, removeFolder, request, TestVault, testKeys } from '../support/open-vault.js'
import { Random } from './random.js'
import { VaultPair } from './vault-pair.js'
import { randomStep } from './vault-steps.js'

t.setTimeout(300_000)

function catalogFiles(store: string): string[] {
  return readdirSync(store).filter((name) => name.startsWith('catalog.db'))
}

async function steps(pair: VaultPair, count: number): Promise<void> {
  for (let left = count; left > 0; left--) await randomStep(pair)
}

for (const [seed, how] of [[1, 'deleted'], [2, 'an older copy']] as const) {
  t.test(`the catalog is ${how}: the log has what it lacks`, async (t) => {
    const pair = new VaultPair(new Random(seed))
    const copy = await newFolder()
    await pair.open()
    await steps(pair, 60)
    await pair.closeLogged()
    const { store } = pair.vault
    if (how !== 'deleted') for (const name of catalogFiles(store)) cpSync(join(store, name), join(copy, name))
    await pair.open()
    await steps(pair, 60)
    await pair.closeLogged()
    for (const name of catalogFiles(store)) rmSync(join(store, name))
    mkdirSync(copy, { recursive: true })
    for (const name of readdirSync(copy)) cpSync(join(copy, name), join(store, name))
    await pair.open()
    await pair.compare()
    await pair.compareSettled()
    t.pass('the tree is the model')
    await pair.remove()
    removeFolder(copy)
  })
}

t.test('the log is trimmed only behind what is published, applied and checkpointed (vault-upkeep.ts: shrinkLog)', async (t) => {
  const test = await TestVault.open()
  const { log, unpublished, feed } = test.vault.parts
  const trims: number[] = []
  const trim = log.trim.bind(log)
  log.trim = (lsn) => {
    trims.push(lsn)
    trim(lsn)
  }
  const make = async (name: string): Promise<number> => {
    const made = await test.operations.create(1, name, 0o644, 0, 0, request)
    if (typeof made === 'number') throw new Error(`create answers ${String(made)}`)
    await test.operations.write(made.attributes.ino, 0, 0, Buffer.alloc(50_000, name), { fromCache: false, killSuidGid: false, append: false })
    await test.operations.fsync(made.attributes.ino)
    return made.attributes.ino
  }
  await make('a')
  await test.settle()
  const ino = await make('b')
  const first = unpublished.entries.get(ino)?.firstLsn ?? 0
  await test.shrinkLog()
  t.equal(trims.length, 2)
  t.ok(trims.every((lsn) => lsn <= first), `trimmed to ${trims.join()}, needed from ${String(first)}`)
  await test.settle()
  const last = trims.at(-1) ?? 0
  t.ok(last > first && last <= feed.appliedLsn + 1, `trimmed to ${String(last)}, applied to ${String(feed.appliedLsn)}`)
  // Without its write-ahead part: what the checkpoint brought to the disk.
  const folder = await newFolder()
  cpSync(join(test.store, 'catalog.db'), join(folder, 'catalog.db'))
  const { page } = await testKeys()
  const catalog = new Catalog({ path: join(folder, 'catalog.db'), key: page.key('catalog'), cacheBytes: 65536, sliceMs: 5, monotonicMs: () => 0, breathe: () => Promise.resolve() })
  t.ok(catalog.marks().appliedLsn >= last - 1, `checkpointed to ${String(catalog.marks().appliedLsn)}`)
  catalog.close()
  removeFolder(folder)
  await test.remove()
})

t.test('a catalog that lacks what the log gave up is refused (vault-open.ts: the first record)', async (t) => {
  const test = await TestVault.open()
  const made = await test.operations.create(1, 'large', 0o644, 0, 0, request)
  if (typeof made === 'number') throw new Error('create failed')
  const block = Buffer.alloc(1024 * 1024, 'x')
  for (let written = 0; written < 140; written++) {
    await test.operations.write(made.attributes.ino, 0, (written % 4) * block.byteLength, block, { fromCache: false, killSuidGid: false, append: false })
    await test.operations.fsync(made.attributes.ino)
  }
  await test.settle()
  t.ok(test.vault.parts.log.sizeBytes < 100 * 1024 * 1024, `${String(test.vault.parts.log.sizeBytes)} bytes of log are left`)
  await test.close()
  for (const name of catalogFiles(test.store)) rmSync(join(test.store, name))
  await t.rejects(TestVault.open({ store: test.store }), { code: 'corrupt' })
  removeFolder(test.store)
})

t.test('a rename over a file has the new content in the log before (renames.ts: the drain)', async (t) => {
  const test = await TestVault.open()
  const write = async (name: string, bytes: Buffer): Promise<void> => {
    const made = await test.operations.create(1, name, 0o644, 0, 0, request)
    if (typeof made === 'number') throw new Error(`create answers ${String(made)}`)
    await test.operations.write(made.attributes.ino, 0, 0, bytes, { fromCache: false, killSuidGid: false, append: false })
  }
  await write('a', Buffer.alloc(30_000, 'old'))
  await write('b', Buffer.alloc(40_000, 'new'))
  const { log } = test.vault.parts
  const order: string[] = []
  const [append, appendSealed] = [log.append.bind(log), log.appendSealed.bind(log)]
  log.append = (kind, body) => {
    order.push('rename')
    return append(kind, body)
  }
  log.appendSealed = (kind, body, extent) => {
    order.push('content')
    return appendSealed(kind, body, extent)
  }
  t.equal(await test.operations.rename(1, 'b', 1, 'a', 0, request), 0)
  test.operations.afterBatch()
  await test.spill()
  t.ok(order.includes('content') && order.indexOf('rename') > order.lastIndexOf('content'), order.join())
  const image = await test.crashImage()
  const after = await TestVault.open({ store: image })
  const found = await after.operations.lookup(1, 'a')
  t.equal(typeof found === 'number' ? found : found.size, 40_000)
  const bytes = typeof found === 'number' ? found : await after.operations.read(found.ino, 0, 0, 40_000)
  t.ok(typeof bytes !== 'number' && Buffer.compare(bytes, Buffer.alloc(40_000, 'new')) === 0, 'the whole new content')
  await after.remove()
  await test.remove()
})

t.test('names that exchange their places in the listing exchange them in the catalog', async (t) => {
  const test = await TestVault.open()
  const made = new Map<string, number>()
  for (const name of 'abcde') {
    const created = await test.operations.create(1, name, 0o644, 0, 0, request)
    if (typeof created !== 'number') made.set(name, created.attributes.ino)
  }
  await test.apply()
  const rename = async (from: string, to: string): Promise<void> => { t.equal(await test.operations.rename(1, from, 1, to, 0, request), 0, `${from} to ${to}`) }
  for (const [from, to] of [['a', 'x'], ['b', 'a'], ['x', 'b'], ['d', 'y'], ['c', 'd'], ['y', 'c'], ['e', 'f'], ['f', 'e']] as const) await rename(from, to)
  const listed = (vault: TestVault): string[] => {
    const names: string[] = []
    vault.vault.tree.list(1, 0, ({ name, ino }) => names.push(`${name} ${String(ino)}`) > 0)
    return names
  }
  const inoOf = (name: string): string => String(made.get(name))
  const wanted = [`b ${inoOf('a')}`, `a ${inoOf('b')}`, `d ${inoOf('c')}`, `c ${inoOf('d')}`, `e ${inoOf('e')}`]
  t.strictSame(listed(test), wanted, 'before it is applied')
  await test.apply()
  t.strictSame(listed(test), wanted, 'from the catalog')
  await test.close()
  const again = await TestVault.open({ store: test.store })
  t.strictSame(listed(again), wanted, 'opened again')
  await again.remove()
})
