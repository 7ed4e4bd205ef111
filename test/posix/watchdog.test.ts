// The watchdog sees a request that nobody answers, names it, and is quiet while a mount works, whatever the load.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { mountTree, until, whyNoMounts } from '../native-deps/fuse-fixture.js'
import { Watchdog } from './watchdog.js'

t.setTimeout(120_000)
const skip = whyNoMounts
const openOpcode = 14

t.test('one unanswered request is told of amid others that are answered', { skip }, async (t) => {
  const { folder, tree, mount } = await mountTree(t)
  await fs.writeFile(join(folder, 'f'), 'x')
  const ino = (await fs.stat(join(folder, 'f'))).ino
  let release: ((status: number) => void) | undefined
  tree.open = () => new Promise((resolve) => { release = resolve })
  const told: string[] = []
  const watchdog = new Watchdog({ mountPoint: folder, stuckMs: 300, counts: () => Promise.resolve(mount.requests()), onStuck: (why) => { told.push(why) } })
  const stuck = spawn('cat', [join(folder, 'f')], { stdio: 'ignore', cwd: '/' })
  await until(() => release !== undefined)
  await until(async () => {
    await fs.mkdir(join(folder, 'd'))
    await fs.rmdir(join(folder, 'd'))
    return told.length > 0
  })
  t.match(told, [new RegExp(`opcode ${openOpcode}, inode ${ino}\\)`)])
  t.match(mount.requests(), { waiting: 1, oldest: { opcode: openOpcode, ino } })
  release?.(-4)
  await once(stuck, 'exit')
  t.equal(watchdog.end().stuck, told[0])
  t.match(mount.requests(), { waiting: 0, oldest: null })
})

t.test('a daemon that says nothing is told of', { skip }, async (t) => {
  const { folder } = await mountTree(t)
  const told: string[] = []
  const watchdog = new Watchdog({ mountPoint: folder, stuckMs: 200, counts: () => new Promise(() => undefined), onStuck: (why) => { told.push(why) } })
  await until(() => told.length > 0)
  t.match(told, [/the daemon has not said how it is/])
  watchdog.end()
})

t.test('a mount that works is not barked at, and answers are counted', { skip }, async (t) => {
  const { folder, mount } = await mountTree(t)
  const told: string[] = []
  const watchdog = new Watchdog({ mountPoint: folder, stuckMs: 30_000, counts: () => Promise.resolve(mount.requests()), onStuck: (why) => { told.push(why) } })
  const before = mount.requests().answered
  for (let each = 0; each < 50; each++) {
    await fs.writeFile(join(folder, 'f'), String(each))
    watchdog.look()
  }
  t.ok(mount.requests().answered >= before + 100, 'an open and a write for each file')
  t.match(watchdog.end(), { stuck: undefined })
  t.strictSame(told, [])
})
