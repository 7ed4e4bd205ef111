// A store that goes back behind what this machine has seen of it: read-only until somebody says that it is meant.
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HeadMark } from '../../../lib/vault-head-mark.js'
import { silent } from '../../../lib/terms/log.js'
import { newFolder, removeFolder, testKeys, TestVault, type OpenTestVault } from '../../support/open-vault.js'
import { Hand } from '../../support/vault-hand.js'

t.setTimeout(120_000)

interface Machine {
  readonly store: string
  readonly folder: string
  open(options?: Partial<OpenTestVault>): Promise<Hand>
}

async function machine(): Promise<Machine> {
  const { header, identity } = await testKeys()
  const [folder, first] = [await newFolder(), await TestVault.open()]
  await first.close()
  const { store, clock } = first
  t.teardown(() => { for (const each of [folder, store]) removeFolder(each) })
  return {
    store, folder,
    open: async (options = {}) => {
      clock.advance(10_000)
      const headMark = new HeadMark({ folder: join(folder, 'heads'), vaultId: header.vaultId, deviceId: identity.member.deviceId, logger: silent })
      return new Hand(await TestVault.open({ store, clock, headMark, ...options }))
    },
  }
}

/** One mount, in which the file is written. */
async function write({ open }: Machine, text: string, options: Partial<OpenTestVault> = {}): Promise<void> {
  const hand = await open(options)
  t.equal(hand.test.opened.lack, undefined, `${text}: nothing is missing`)
  await hand.write('file', text)
  await hand.test.leave()
}

async function copy({ store }: Machine): Promise<string> {
  const folder = await newFolder()
  t.teardown(() => { removeFolder(folder) })
  cpSync(store, folder, { recursive: true })
  return folder
}

function putBack({ store }: Machine, from: string, names: readonly string[] = readdirSync(from)): void {
  for (const name of names) {
    for (const end of ['', '-wal', '-shm']) rmSync(join(store, name + end), { recursive: true, force: true })
    cpSync(join(from, name), join(store, name), { recursive: true })
  }
}

t.test('a whole store of before', async (t) => {
  const here = await machine()
  await write(here, 'one')
  const old = await copy(here)
  await write(here, 'two')
  putBack(here, old)
  const hand = await here.open()
  t.match(hand.test.opened.lack, /manifest entry \d+, this machine has seen \d+/)
  t.equal(await hand.text('file'), 'one')
  await t.rejects(hand.write('file', 'no'), 'nothing can be changed')
  await hand.test.close()
  await write(here, 'three', { acceptOlder: true })
  const branch = await copy(here)
  putBack(here, old)
  await write(here, 'other', { acceptOlder: true })
  putBack(here, branch)
  const forked = await here.open()
  t.match(forked.test.opened.lack, /entry \d+ is another one/, 'another branch of the same length')
  await forked.test.close()
})

t.test('only catalog and log of before: in itself it fits', async (t) => {
  const here = await machine()
  await write(here, 'one')
  const old = await copy(here)
  await write(here, 'two')
  putBack(here, old, ['catalog.db', 'log'])
  const hand = await here.open()
  t.match(hand.test.opened.lack, /log ends with record \d+, this machine has seen \d+/)
  await hand.test.close()
})

t.test('a kill, a machine that has not seen it, a damaged note: mounted as ever', async (t) => {
  const here = await machine()
  await write(here, 'one')
  const killed = await here.open()
  await killed.write('file', 'two')
  await killed.test.spill()
  await killed.test.vault.syncLog()
  const image = await killed.test.crashImage()
  await killed.test.close()
  t.teardown(() => { removeFolder(image) })
  putBack(here, image)
  await write(here, 'three')
  const [name = ''] = readdirSync(join(here.folder, 'heads'))
  const path = join(here.folder, 'heads', name)
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.match(readFileSync(path, 'utf8'), /^\{"sequence":\d+,"hash":"[0-9a-f]{64}","lastLsn":\d+\}\n$/)
  writeFileSync(path, 'garbage')
  await write(here, 'four')
  rmSync(path)
  await write(here, 'five')
})
