// Registry, runtime folder, mount table, mount point, lock and log file: what the commands keep on a machine.

import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DaemonLog } from '../../bin/daemon-log.js'
import { MountPointGuard, prepareMountPoint, restoreMountPoint } from '../../bin/mount-point.js'
import { readMountTable, realMountPoint } from '../../bin/mount-table.js'
import { holdersOf } from '../../bin/open-files.js'
import { Registry } from '../../bin/registry.js'
import { runtimeFiles } from '../../bin/runtime-folder.js'
import { readSettings } from '../../bin/settings.js'
import { StoreLock } from '../../bin/store-lock.js'

const home = realpathSync(mkdtempSync(join(tmpdir(), 'vaultfs-places-')))
t.teardown(() => {
  rmSync(home, { recursive: true, force: true })
})
const isRoot = process.getuid?.() === 0

t.test('the registry keeps a vault by its store', async (t) => {
  const registry = new Registry(join(home, 'state'))
  t.strictSame(registry.list(), [])
  const one = { name: 'a', store: '/s/a', mountPoint: '/m', mountPointMode: null }
  const two = { name: 'b', store: '/s/b', mountPoint: '/m', mountPointMode: 0o755, socket: '/run/b.sock', pid: 5 }
  registry.put(one)
  registry.put(two)
  t.strictSame(registry.ofStore('/s/a'), one)
  t.strictSame(registry.ofMountPoint('/m'), two, 'the one that is mounted')
  t.equal(registry.list().length, 2)
  registry.remove('/s/b')
  registry.remove('/s/b')
  t.strictSame(registry.ofMountPoint('/m'), one)
  writeFileSync(join(home, 'state/vaultfs/vaults/broken.json'), '{')
  t.equal(registry.list().length, 1, 'a broken file is no vault')
})

t.test('the runtime folder is private, or refused', async (t) => {
  const settings = { ...readSettings({}, { HOME: home }), temporaryFolder: home }
  const { socket } = runtimeFiles(settings, '/s/a')
  const folder = join(home, `vaultfs-${process.getuid?.() ?? 0}`)
  t.ok(socket.startsWith(`${folder}/`))
  t.not(runtimeFiles(settings, '/s/b').socket, socket, 'one a store')
  chmodSync(folder, 0o755)
  runtimeFiles(settings, '/s/a')
  t.equal(statSync(folder).mode & 0o777, 0o700, 'closed again')
  rmSync(folder, { recursive: true })
  symlinkSync('/', folder)
  t.throws(() => runtimeFiles(settings, '/s/a'), { code: 'denied' }, 'a link in its place')
  rmSync(folder)
  t.notMatch(runtimeFiles({ ...settings, runtimeFolder: join(home, 'x'.repeat(100)) }, '/s/a').socket, 'xxx', 'a path too long for a socket is left alone')
  t.equal(runtimeFiles({ ...settings, runtimeFolder: join(home, 'run') }, '/s/a').socket.startsWith(join(home, 'run/vaultfs/')), true)
})

t.test('the mount table is read as the kernel writes it', async (t) => {
  const table = join(home, 'mountinfo')
  writeFileSync(table, '36 35 0:98 / /mnt/with\\040space rw,noatime master:1 - fuse.vaultfs vaultfs:a\\134b rw\n37 35 0:99 / /x rw - ext4 /dev/sda rw\n')
  t.strictSame(readMountTable(table), [
    { mountPoint: '/mnt/with space', type: 'fuse.vaultfs', source: 'vaultfs:a\\b' },
    { mountPoint: '/x', type: 'ext4', source: '/dev/sda' },
  ])
  mkdirSync(join(home, 'real'))
  symlinkSync(join(home, 'real'), join(home, 'link'))
  t.equal(realMountPoint(join(home, 'link')), join(home, 'real'))
  t.equal(realMountPoint(join(home, 'link/new')), join(home, 'real/new'))
  t.equal(realMountPoint('/proc'), '/proc')
})

t.test('a mount point is empty, a folder, and outside of the store', async (t) => {
  const store = join(home, 'store')
  const inside = join(home, 'full')
  mkdirSync(join(inside, 'x'), { recursive: true })
  t.throws(() => prepareMountPoint(inside, store), { code: 'mount-point', message: /not empty/ })
  writeFileSync(join(home, 'file'), '')
  t.throws(() => prepareMountPoint(join(home, 'file'), store), { code: 'mount-point', message: /not a folder/ })
  t.throws(() => prepareMountPoint(join(store, 'mnt'), store), { code: 'mount-point', message: /within each other/ })
  t.throws(() => prepareMountPoint(home, store), { code: 'mount-point' })
  t.notOk(existsSync(store), 'nothing was made')
  const made = prepareMountPoint(join(home, 'new/Vault'), store)
  t.strictSame(made, { path: join(home, 'new/Vault'), originalMode: null })
  t.equal(statSync(made.path).mode & 0o777, 0o700)
})

t.test('an unmounted mount point refuses writes, and can be given back', async (t) => {
  const path = join(home, 'guarded')
  mkdirSync(path, { mode: 0o750 })
  const { originalMode } = prepareMountPoint(path, join(home, 'store'))
  MountPointGuard.hold(path, 'immutable')?.seal()
  t.equal(statSync(path).mode & 0o777, 0o500)
  let refused = false
  try {
    writeFileSync(join(path, 'x'), '')
  } catch {
    refused = true
  }
  if (isRoot && !refused) t.comment('skipped: this file system has no immutable flag')
  else t.ok(refused, 'from root too')
  MountPointGuard.hold(path, 'immutable')?.seal()
  restoreMountPoint(path, originalMode)
  t.equal(statSync(path).mode & 0o777, 0o750)
  writeFileSync(join(path, 'x'), '')
  MountPointGuard.hold(path, 'none')
  MountPointGuard.hold(path, 'immutable')?.undo()
  writeFileSync(join(path, 'x'), 'a mount that failed leaves it as it was')
  t.equal(statSync(path).mode & 0o777, 0o750)
  rmSync(join(path, 'x'))
  MountPointGuard.hold(path, 'immutable')?.seal()
  restoreMountPoint(path, null)
  t.notOk(existsSync(path), 'one that we made goes away')
})

t.test('one process holds a store, and its death frees it', async (t) => {
  const store = join(home, 'locked')
  mkdirSync(store)
  const lock = StoreLock.tryTake(store)
  t.ok(lock)
  t.equal(StoreLock.tryTake(store), undefined, 'not twice')
  await t.rejects(StoreLock.take(store, () => false), { code: 'locked' })
  let asked = 0
  const waiting = StoreLock.take(store, () => {
    if (++asked === 2) lock?.release()
    return true
  })
  const second = await waiting
  second.release()
  second.release()
  const script = `import { StoreLock } from ${JSON.stringify(new URL('../../bin/store-lock.js', import.meta.url).href)}
    if (StoreLock.tryTake(${JSON.stringify(store)}) === undefined) process.exit(3)
    process.kill(process.pid, 'SIGKILL')`
  t.equal(spawnSync(process.execPath, ['--input-type=module', '-e', script]).signal, 'SIGKILL')
  const third = StoreLock.tryTake(store)
  t.ok(third, 'free after a kill')
  third?.release()
  await t.rejects(StoreLock.take(join(home, 'nowhere'), () => false), { code: 'not-found' })
})

t.test('the log is rotated, keeps its level, and stays on one line', async (t) => {
  const folder = join(home, 'logs')
  mkdirSync(folder)
  const also: string[] = []
  const log = new DaemonLog({ path: join(folder, 'daemon.log'), level: 'info', also: (line) => also.push(line) })
  log.log('debug', 'not this')
  log.log('info', 'early')
  t.strictSame(readdirSync(folder), [], 'nothing before it is opened')
  log.open()
  log.log('warn', 'two\nlines', { reason: 'a\nb' })
  t.match(readFileSync(join(folder, 'daemon.log'), 'utf8'), /^\S+ info early\n\S+ warn two\\nlines reason="a\\nb"\n$/)
  t.equal(also.length, 2)
  const long = 'x'.repeat(1024 * 1024)
  for (let at = 0; at < 30; at++) log.log('info', long)
  t.strictSame(readdirSync(folder).sort(), ['daemon.log', 'daemon.log.1', 'daemon.log.2', 'daemon.log.3', 'daemon.log.4'])
  t.equal(statSync(join(folder, 'daemon.log')).mode & 0o777, 0o600)
})

t.test('who holds a folder is found', async (t) => {
  const held = join(home, 'held')
  mkdirSync(held)
  t.strictSame(holdersOf(held), [])
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', `
    import { holdersOf } from ${JSON.stringify(new URL('../../bin/open-files.js', import.meta.url).href)}
    console.log(holdersOf(${JSON.stringify(held)}).some(({ pid }) => pid === process.pid))`], { cwd: held, encoding: 'utf8' })
  t.equal(result.stdout.trim(), 'true')
})
