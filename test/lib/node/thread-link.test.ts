// Threads that end when nobody told them to, and a node that ends when its storage does not answer any more.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../../bin/system-sources.js'
import { DiskStorage } from '../../../lib/node/disk/disk-storage.js'
import type { RecordStorage } from '../../../lib/node/node-storage.js'
import { ThreadLink } from '../../../lib/node/thread-link.js'
import { concatBytes, hex } from '../../../lib/terms/bytes.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { silent, type Logger } from '../../../lib/terms/log.js'
import { encodeFrames } from '../../../lib/wire/blob-frames.js'
import { MemoryNodeStorage, NodeMemory } from '../../support/memory-node-storage.js'
import { inviteTo, startTestNode } from '../../support/node.js'
import { pairTestDevice, TestClient, TestOwner, testBlobs } from '../../support/node-client.js'
import { vaultNamed } from './storage-contract.js'

interface Calls {
  fall(): void
  close(): void
}

const link = new URL('../../../lib/node/thread-link.js', import.meta.url).href
const entry = new URL(`data:text/javascript,import { parentPort } from "node:worker_threads"; import { answerCalls } from "${link}"; answerCalls(parentPort, { fall: () => { setImmediate(() => { throw new Error("it fell") }); return new Promise(() => undefined) }, close: () => undefined })`)

function collecting(): { readonly logger: Logger; readonly said: string[] } {
  const said: string[] = []
  return { said, logger: { log: (level, message) => { said.push(`${level} ${message}`) } } }
}

t.test('a thread that falls is heard of once, and one that is closed is not', async (t) => {
  const broken: VaultError[] = []
  const { logger, said } = collecting()
  const begin = (): ThreadLink<Calls> => new ThreadLink<Calls>({ entry, name: 'a thread', setup: undefined, logger, onBroken: (error) => { broken.push(error) } })
  const closed = begin()
  await closed.alive()
  await closed.close()
  await t.rejects(closed.alive(), { code: 'io' })
  t.same([broken, said], [[], []])
  const falling = begin()
  await t.rejects(falling.call('fall'), { code: 'io', message: /it fell/ })
  await t.rejects(falling.alive(), { code: 'io' })
  await falling.close()
  t.match([broken.length, broken[0], said], [1, { code: 'io' }, ['error a thread ended']])
})

t.test('a vault that could not be opened once can be opened later', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'vaultfs-node-'))
  const storage = new DiskStorage({ directory, use: 'serve', clock: systemClock, logger: silent })
  t.teardown(async () => {
    await storage.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const [vault, inTheWay] = [storage.vault(vaultNamed(1)), join(directory, 'vaults', hex(vaultNamed(1)))]
  mkdirSync(dirname(inTheWay), { recursive: true })
  writeFileSync(inTheWay, '')
  await t.rejects(vault.statistics())
  rmSync(inTheWay)
  t.match(await vault.statistics(), { blobs: 0 })
  t.ok(existsSync(inTheWay))
  await storage.alive()
})

t.test('closing a node whose storage fails ends its thread all the same', async (t) => {
  const memory = new MemoryNodeStorage(new NodeMemory())
  let fails = false
  const failing = (records: RecordStorage): RecordStorage => ({
    get: (name) => records.get(name), remove: (name) => records.remove(name), list: (prefix) => records.list(prefix),
    put: (name, expected, bytes) => (fails ? Promise.reject(new VaultError('io', 'the disk is gone')) : records.put(name, expected, bytes)),
  })
  const { logger, said } = collecting()
  const node = await startTestNode(t, {
    logger, storage: { records: memory.records, alive: () => memory.alive(), close: () => memory.close(), vault: (id) => {
      const vault = memory.vault(id)
      return Object.assign(vault, { records: failing(vault.records) })
    } },
  })
  const device = await new TestOwner(1).device(1)
  await pairTestDevice(device, await inviteTo(node))
  const client = new TestClient({ place: node.place, identity: device.parts.identity })
  t.teardown(() => { client.close() })
  t.equal((await client.ask('putBlobs', { body: concatBytes(...encodeFrames(testBlobs(1, 2))) })).status, 200)
  await node.running.alive()
  fails = true
  await node.stop()
  t.ok(said.includes('error what a vault wrote today was not noted'))
  await t.rejects(node.running.alive(), { code: 'io' }, 'its thread has ended')
})
