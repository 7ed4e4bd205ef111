// How a mount of the kernel driver begins, is disturbed, and ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { VaultError } from '../../lib/terms/errors.js'
import { builtPath } from '../../native-deps/addon.js'
import { mountKernel } from '../../native-deps/fuse/driver.js'
import type { Handler, Request } from '../../native-deps/fuse/handler.js'
import { findMount } from '../../native-deps/fuse/mount-table.js'
import { mountFuseNative } from '../../native-deps/fuse-native.js'
import { MemoryTree } from '../model/memory-tree.js'
import { clock, mountTree, run, until, whyNoMounts } from './fuse-fixture.js'

t.setTimeout(300_000)
const skip = whyNoMounts
const isRoot = process.geteuid?.() === 0
const mountMemory = fileURLToPath(new URL('../posix/mount-memory.js', import.meta.url))

t.test('a change behind the kernel\'s back shows after an invalidation', { skip }, async (t) => {
  const { folder, tree, mount } = await mountTree(t, { entrySeconds: 3600, attributeSeconds: 3600 })
  const path = join(folder, 'f')
  await fs.writeFile(path, 'old')
  t.equal((await fs.stat(path)).size, 3)
  const ino = tree.state.node(1)?.names?.get('f') ?? 0
  tree.state.node(ino)?.content?.write(0, Buffer.from('newer'))
  t.equal((await fs.stat(path)).size, 3, 'the kernel answers from its cache')
  mount.invalidateInode(ino, 0, 0)
  await until(async () => (await fs.readFile(path, 'utf8')) === 'newer')

  await t.rejects(fs.stat(join(folder, 'later')), { code: 'ENOENT' })
  const node = tree.state.node(ino)
  const root = tree.state.node(1)
  if (node === undefined || root === undefined) throw new Error('the tree lost its entries')
  tree.state.bind(root, 'later', node)
  await t.rejects(fs.stat(join(folder, 'later')), { code: 'ENOENT' }, 'that there is none is cached too')
  mount.invalidateEntry(1, 'later')
  await until(() => fs.stat(join(folder, 'later')).then(() => true, () => false))
})

t.test('more invalidations than the native queue holds are all delivered', { skip }, async (t) => {
  const { folder, tree, mount } = await mountTree(t, { entrySeconds: 3600, attributeSeconds: 3600 })
  await fs.writeFile(join(folder, 'f'), 'old')
  for (let each = 0; each < 100_000; each++) mount.invalidateEntry(1, `nothing${each}`)
  const ino = tree.state.node(1)?.names?.get('f') ?? 0
  tree.state.node(ino)?.content?.write(0, Buffer.from('new'))
  mount.invalidateInode(ino, 0, 0)
  await mount.settled()
  t.equal(await fs.readFile(join(folder, 'f'), 'utf8'), 'new', 'once it is settled nobody waits')
})

t.test('an interrupted open is answered once and ends', { skip }, async (t) => {
  let waiting: Request | undefined
  let aborted = 0
  const { folder, tree } = await mountTree(t)
  await fs.writeFile(join(folder, 'f'), 'x')
  // Not a read: the kernel sends INTERRUPT only for what the caller itself waits for, not for readahead.
  tree.open = (_ino: number, _flags: number, _kill: boolean, request?: Request) =>
    new Promise((resolve) => {
      waiting = request
      request?.onAbort(() => {
        aborted++
        resolve(-4)
      })
    })
  const child = spawn('cat', [join(folder, 'f')], { stdio: 'ignore' })
  await until(() => waiting !== undefined)
  child.kill('SIGTERM')
  const [, signal] = await once(child, 'exit')
  t.equal(signal, 'SIGTERM')
  t.equal(aborted, 1)
  Reflect.deleteProperty(tree, 'open')
  t.equal(await fs.readFile(join(folder, 'f'), 'utf8'), 'x', 'the mount goes on')
})

t.test('a handler that throws or rejects is answered EIO and heard of', { skip }, async (t) => {
  const { folder, tree, logged } = await mountTree(t)
  tree.mkdir = () => {
    throw new Error('broken now')
  }
  tree.symlink = async () => {
    throw new Error('broken later')
  }
  await t.rejects(fs.mkdir(join(folder, 'd')), { code: 'EIO' })
  await t.rejects(fs.symlink('x', join(folder, 'l')), { code: 'EIO' })
  t.match(logged, [/^error: operation 9 /, /^error: operation 6 /])
  tree.afterBatch = () => {
    throw new Error('the log is broken')
  }
  await t.rejects(fs.writeFile(join(folder, 'f'), 'x'), { code: 'EIO' }, 'nothing is acknowledged without afterBatch')
})

t.test('what changes something is acknowledged after afterBatch, at once and later', { skip }, async (t) => {
  for (const later of [false, true]) {
    const logged = new Set<string>()
    const pending = new Set<string>()
    const { folder } = await mountTree(t, {
      wrap: (tree): Handler => {
        const mkdir = tree.mkdir.bind(tree)
        tree.mkdir = (parent, name, mode, umask, request) => {
          pending.add(name)
          const answer = mkdir(parent, name, mode, umask, request)
          return later ? Promise.resolve().then(() => answer) : answer
        }
        tree.afterBatch = () => {
          for (const name of pending) logged.add(name)
          pending.clear()
        }
        return tree
      },
    })
    for (let each = 0; each < 100; each++) {
      await fs.mkdir(join(folder, `d${each}`))
      if (!logged.has(`d${each}`)) t.fail(`d${each} was acknowledged before it was logged`)
    }
    t.equal(logged.size, 100)
  }
})

t.test('unmounting: busy, lazily, from outside', { skip }, async (t) => {
  const busy = await mountTree(t)
  const file = await fs.open(join(busy.folder, 'f'), 'w')
  await t.rejects(busy.mount.unmount({ lazy: false }), { code: 'busy' })
  await file.write('still works')
  await busy.mount.unmount({ lazy: true })
  t.equal(findMount(busy.folder), undefined)
  await file.write(', and after')
  await file.close()
  await busy.mount.closed

  const plain = await mountTree(t)
  await plain.mount.unmount({ lazy: false })
  await plain.mount.closed
  await plain.mount.unmount({ lazy: false })
  t.equal(findMount(plain.folder), undefined)
  t.equal(plain.mount.watchForget(1), false)
  plain.mount.invalidateInode(1, 0, 0)

  const outside = await mountTree(t)
  await run(isRoot ? 'umount' : 'fusermount3', isRoot ? [outside.folder] : ['-u', outside.folder])
  await outside.mount.closed
})

t.test('mount points that can\'t be', { skip }, async (t) => {
  const tree = new MemoryTree(clock, { uid: 0, gid: 0 })
  const options = {
    source: 'vaultfs:test', allowOther: false, readOnly: false, spinMicroseconds: 0, entrySeconds: 1, attributeSeconds: 1, writeback: false,
  }
  const log = { log: () => undefined }
  await t.rejects(mountKernel({ ...options, mountPoint: '/nowhere/at/all' }, tree, log), { code: 'mount-point', subject: '/nowhere/at/all' })
  await t.rejects(mountKernel({ ...options, mountPoint: '/dev/null' }, tree, log), { code: 'mount-point' })
})

t.test('read-only, and a name that has to be escaped', { skip }, async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'vaultfs-fuse-'))
  const folder = join(parent, 'a b\\c')
  await fs.mkdir(folder)
  t.teardown(() => rmSync(parent, { recursive: true }))
  const tree = new MemoryTree(clock, { uid: 0, gid: 0 })
  const mount = await mountKernel(
    { mountPoint: folder, source: 'vaultfs:a,b', allowOther: false, readOnly: true, spinMicroseconds: 0, entrySeconds: 1, attributeSeconds: 1, writeback: false },
    tree, { log: () => undefined },
  )
  t.ok(findMount(folder))
  t.match(readFileSync('/proc/self/mounts', 'utf8'), /vaultfs:a,b [^\n]*a\\040b\\134c fuse.vaultfs ro,/)
  await t.rejects(fs.mkdir(join(folder, 'd')), { code: 'EROFS' })
  await mount.unmount({ lazy: false })
})

t.test('the supervisor takes the mount of a killed daemon away', { skip: skip || (existsSync(builtPath('supervisor', 'vaultfs-supervisor')) ? false : 'not built') }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-fuse-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const daemon = spawn(process.execPath, [mountMemory, folder, '--supervise', ...(isRoot ? [] : ['--private'])], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(daemon.stdout, 'data')
  const file = await fs.open(join(folder, 'f'), 'w')
  t.ok(findMount(folder))
  daemon.kill('SIGKILL')
  await until(() => findMount(folder) === undefined)
  await file.close().catch((error: NodeJS.ErrnoException) => t.match(error.code, /ENOTCONN|ECONNABORTED/))
  t.same(await fs.readdir(folder), [], 'the folder answers again')
})

/** In a mount namespace of its own, with a /dev/fuse that is open to all, as installing fuse3 leaves it. */
const asNobody = `
set -e
mknod "$1/fuse" c 10 229; chmod 666 "$1/fuse"; mount --bind "$1/fuse" /dev/fuse
mkdir "$1/m"; chown 65534:65534 "$1/m"
cd /; setpriv --reuid 65534 --regid 65534 --clear-groups -- "$2" "$3" "$1/m" --private --supervise > "$1/out" 2>&1 &
daemon=$!
for i in $(seq 600); do if grep -q mounted "$1/out" || ! kill -0 $daemon 2>/dev/null; then break; fi; sleep 0.05; done
grep -q mounted "$1/out" || { cat "$1/out"; exit 1; }
setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'echo content > "$1/f"; cat "$1/f"; stat -c "%u %g" "$1/f"' sh "$1/m"
grep "$1/m" /proc/self/mounts
kill -TERM $daemon; wait $daemon
if grep -q "$1/m" /proc/self/mounts; then echo left; fi
`
const noSetuid = isRoot && existsSync('/usr/bin/fusermount3') && existsSync('/usr/bin/setpriv') ? false : 'needs root, fusermount3 and setpriv'

t.test('as an ordinary user, through fusermount3', { skip: skip || noSetuid }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-fuse-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  await fs.chmod(folder, 0o755)
  const out = await run('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', asNobody, 'sh', folder, process.execPath, mountMemory])
  t.match(out, /^content\n65534 65534\nvaultfs:memory [^\n]* fuse.vaultfs rw,nosuid,nodev,[^\n]*user_id=65534[^\n]*\n$/)
})

t.test('the portable driver: what it can do', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-fuse-'))
  // Only when it is not mounted any more: this thread would wait for itself.
  t.teardown(() => rmdirSync(folder))
  const tree = new MemoryTree(clock, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 })
  const mount = await mountFuseNative(
    { mountPoint: folder, source: 'vaultfs:test', allowOther: false, readOnly: false, spinMicroseconds: 0, entrySeconds: 1, attributeSeconds: 0, writeback: false },
    tree, { log: (_, message) => t.fail(message) },
  ).catch((error: unknown) => {
    if (error instanceof VaultError && error.code === 'missing-dependency') return undefined
    throw error
  })
  if (mount === undefined) {
    await t.test('on libfuse 2', { skip: 'no libfuse 2 here' }, () => undefined)
    return
  }
  t.teardown(() => mount.unmount({ lazy: true }))
  const at = (name: string): string => join(folder, name)
  await fs.mkdir(at('d'))
  await fs.writeFile(at('d/f'), Buffer.alloc(300_000, 'z'))
  t.equal((await fs.stat(at('d/f'))).nlink, 1)
  await fs.link(at('d/f'), at('g'))
  t.equal((await fs.stat(at('d/f'))).nlink, 2, 'the kernel keeps no attributes of the other name')
  await fs.rename(at('d/f'), at('h'))
  t.equal((await fs.stat(at('g'))).ino, (await fs.stat(at('h'))).ino)
  t.equal((await fs.readFile(at('g'))).filter((byte) => byte === 'z'.charCodeAt(0)).length, 300_000)
  await fs.truncate(at('g'), 3)
  t.equal(await fs.readFile(at('h'), 'utf8'), 'zzz')
  await fs.symlink('g', at('l'))
  t.same((await fs.readdir(folder)).sort(), ['d', 'g', 'h', 'l'])
  await t.rejects(fs.rmdir(at('g')), { code: 'ENOTDIR' })
  await t.rejects(fs.stat(at('none')), { code: 'ENOENT' })
  const [longest, long] = ['ä'.repeat(127) + 'x', 'ä'.repeat(128)]
  await fs.mkdir(at(longest))
  await fs.rmdir(at(longest))
  await t.rejects(fs.stat(at(long)), { code: 'ENAMETOOLONG' })
  await t.rejects(fs.mkdir(at(long)), { code: 'ENAMETOOLONG' })
  await t.rejects(fs.rename(at('g'), at(long)), { code: 'ENAMETOOLONG' })
  await t.rejects(fs.stat(at(`${long}/f`)), { code: 'ENAMETOOLONG' })
  const file = await fs.open(at('g'))
  await t.rejects(mount.unmount({ lazy: false }), { code: 'busy' })
  await file.close()
  await mount.unmount({ lazy: false })
  await mount.closed
  t.equal(findMount(folder), undefined)
})
