// The kernel driver on a real mount, over the in-memory tree.
import fs from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { passingInoMin, type Attributes, type Handler } from '../../native-deps/fuse/handler.js'
import type { MemoryTree } from '../model/memory-tree.js'
import { deferred, mountTree, python, run, until, whyNoMounts, type Fixture } from './fuse-fixture.js'

// The machine may be busy with other suites.
t.setTimeout(300_000)

const skip = whyNoMounts

async function namesAndContent(t: Test, { folder }: Fixture): Promise<void> {
  const at = (name: string): string => join(folder, name)
  await fs.mkdir(at('folder'))
  await fs.writeFile(at('folder/file'), 'some content')
  t.equal(await fs.readFile(at('folder/file'), 'utf8'), 'some content')
  await fs.appendFile(at('folder/file'), ', and more')
  t.equal((await fs.stat(at('folder/file'))).size, 22)
  await fs.link(at('folder/file'), at('second'))
  t.equal((await fs.stat(at('second'))).nlink, 2)
  t.equal((await fs.stat(at('second'))).ino, (await fs.stat(at('folder/file'))).ino)
  await fs.symlink('folder/file', at('arrow'))
  t.equal(await fs.readlink(at('arrow')), 'folder/file')
  await fs.rename(at('folder/file'), at('moved'))
  await fs.truncate(at('moved'), 4)
  t.equal(await fs.readFile(at('second'), 'utf8'), 'some')
  await fs.chmod(at('moved'), 0o640)
  await fs.utimes(at('moved'), 1000.25, 2000.5)
  const stat = await fs.stat(at('moved'))
  t.match({ mode: stat.mode & 0o7777, atime: stat.atimeMs, mtime: stat.mtimeMs }, { mode: 0o640, atime: 1000250, mtime: 2000500 })
  t.same((await fs.readdir(folder)).sort(), ['arrow', 'folder', 'moved', 'second'])
  await t.rejects(fs.rmdir(at('moved')), { code: 'ENOTDIR' })
  await t.rejects(fs.readFile(at('missing')), { code: 'ENOENT' })
  await t.rejects(fs.writeFile(at('n'.repeat(256)), ''), { code: 'ENAMETOOLONG' })
  await fs.writeFile(at('n'.repeat(255)), 'x')
  await run('find', [folder, '-mindepth', '1', '-delete'])
  t.same(await fs.readdir(folder), [])
}

t.test('names and content', { skip }, async (t) => namesAndContent(t, await mountTree(t)))
t.test('the same with answers that come later', { skip }, async (t) => {
  const fixture = await mountTree(t, { wrap: deferred })
  await namesAndContent(t, fixture)
  t.same(fixture.logged, [])
})
t.test('the same with polling and without caches', { skip }, async (t) =>
  namesAndContent(t, await mountTree(t, { spinMicroseconds: 50, entrySeconds: 0, attributeSeconds: 0 })))

t.test('large files, whole and in pieces, answered at once and later', { skip }, async (t) => {
  for (const options of [{}, { wrap: deferred }, { writeback: true }]) {
    const { folder } = await mountTree(t, options)
    const data = Buffer.alloc(5 * 1024 * 1024 + 77)
    for (let at = 0; at < data.length; at++) data[at] = (at * 31 + (at >> 12)) & 255
    await Promise.all([0, 1, 2, 3].map((each) => fs.writeFile(join(folder, `file${each}`), data)))
    await run('sh', ['-c', `sync -f "$1/file0"; cmp "$1/file0" "$1/file3"`, 'sh', folder])
    t.ok(data.equals(await fs.readFile(join(folder, 'file2'))))
    const file = await fs.open(join(folder, 'file1'), 'r+')
    await file.write(Buffer.from('patch'), 0, 5, 1_000_001)
    await file.sync()
    const { buffer } = await file.read(Buffer.alloc(7), 0, 7, 1_000_000)
    await file.close()
    t.equal(buffer.toString('latin1', 1, 6), 'patch')
  }
})

t.test('a folder of thousands, listed with attributes while it shrinks', { skip }, async (t) => {
  const { folder, tree } = await mountTree(t)
  await python('for i in range(3000): os.close(os.open(a[0] + "/file%05d" % i, os.O_CREAT))', folder)
  t.equal((await fs.readdir(folder)).length, 3000)
  t.match(await run('sh', ['-c', 'ls -l "$1" | wc -l', 'sh', folder]), /^\s*3001\s*$/)
  const left = await python(`
it = os.scandir(a[0]); seen = [next(it).name for i in range(1000)]
for name in seen: os.unlink(a[0] + "/" + name)
seen += [entry.name for entry in it]
print(len(seen), len(set(seen)), len(os.listdir(a[0])))`, folder)
  t.equal(left.trim(), '3000 3000 2000')
  t.equal(tree.state.node(1)?.names?.count, 2000)
})

t.test('flags of rename', { skip }, async (t) => {
  const { folder } = await mountTree(t)
  const out = await python(`
os.chdir(a[0])
def rename(one, two, flags):
  return ctypes.get_errno() if c.renameat2(-100, one.encode(), -100, two.encode(), flags) else 0
open("a", "w").write("a"); open("b", "w").write("b"); os.mkdir("d"); os.mkdir("d/e")
print(rename("a", "b", 1) == errno.EEXIST, rename("a", "b", 2), open("a").read(), open("b").read())
print(rename("a", "d", 2), os.path.isdir("a"), open("d").read(), os.stat(".").st_nlink)
print(rename("a", "a/e/f", 0) == errno.EINVAL, rename("b", "c", 4), os.stat("b").st_rdev, open("c").read())`, folder)
  t.same(out.trim().split('\n'), ['True 0 b a', '0 True b 3', 'True 0 0 a'])
})

t.test('holes, reservations and copies within the mount', { skip }, async (t) => {
  const { folder, tree } = await mountTree(t)
  let copies = 0
  const copy = tree.copyFileRange.bind(tree)
  tree.copyFileRange = (from, to, length) => (copies++, copy(from, to, length))
  const out = await python(`
os.chdir(a[0])
f = os.open("f", os.O_RDWR | os.O_CREAT)
def fallocate(mode, offset, length):
  return ctypes.get_errno() if c.fallocate64(f, mode, ctypes.c_int64(offset), ctypes.c_int64(length)) else 0
os.pwrite(f, b"x" * 65536, 0)
print(fallocate(3, 4096, 8192), os.pread(f, 2, 4095), os.fstat(f).st_blocks, os.fstat(f).st_size)
print(os.lseek(f, 0, os.SEEK_HOLE), os.lseek(f, 4096, os.SEEK_DATA), fallocate(1, 65536, 65536), os.fstat(f).st_size)
print(fallocate(0, 65536, 65536), os.fstat(f).st_size, fallocate(16, 0, 10), os.pread(f, 2, 9), fallocate(8, 0, 4096) == errno.EOPNOTSUPP)
g = os.open("g", os.O_RDWR | os.O_CREAT)
print(os.copy_file_range(f, g, 20000, 4, 1), os.fstat(g).st_size, os.pread(g, 3, 0))
os.ftruncate(g, 1 << 43); os.pwrite(g, b"end", (1 << 43) - 3); print(os.fstat(g).st_size == 1 << 43, os.pread(g, 9, (1 << 43) - 3))`, folder)
  t.same(out.trim().split('\n'), [
    "0 b'x\\x00' 112 65536", '4096 12288 0 65536', "0 131072 0 b'\\x00x' True", "20000 20001 b'\\x00\\x00\\x00'", "True b'end'",
  ])
  t.equal(copies, 1)
})

t.test('extended attributes, access lists and birth times', { skip }, async (t) => {
  const { folder } = await mountTree(t)
  const out = await python(`
os.chdir(a[0]); os.umask(0o022)
open("f", "w").close(); os.setxattr("f", "user.colour", b"blue"); os.setxattr("f", "user.empty", b"")
print(os.getxattr("f", "user.colour"), sorted(os.listxattr("f")))
def refused(call):
  try: call()
  except OSError as e: return errno.errorcode[e.errno]
print(refused(lambda: os.getxattr("f", "user.none")), refused(lambda: os.setxattr("f", "user.colour", b"", os.XATTR_CREATE)), refused(lambda: os.setxattr("f", "odd.name", b"")))
os.removexattr("f", "user.colour"); print(os.listxattr("f"))
big = os.urandom(65536); os.setxattr("f", "user.big", big); print(os.getxattr("f", "user.big") == big)
acl = struct.pack("<I" + "HHI" * 5, 2, 1, 7, 0xffffffff, 2, 7, 1234, 4, 5, 0xffffffff, 16, 7, 0xffffffff, 32, 0, 0xffffffff)
os.mkdir("d"); os.setxattr("d", "system.posix_acl_default", acl)
os.close(os.open("d/f", os.O_CREAT, 0o666)); os.mkdir("d/e", 0o777)
print(oct(os.stat("d/f").st_mode), len(os.getxattr("d/f", "system.posix_acl_access")), os.getxattr("d/e", "system.posix_acl_default") == acl)
os.chmod("d/f", 0o640); print([struct.unpack_from("<HHI", os.getxattr("d/f", "system.posix_acl_access"), 4 + 8 * i)[1] for i in range(5)])`, folder)
  t.same(out.trim().split('\n'), [
    "b'blue' ['user.colour', 'user.empty']", 'ENODATA EEXIST ENOTSUP', "['user.empty']", 'True', '0o100660 44 True', '[6, 7, 5, 4, 0]',
  ])
  const birth = (await fs.stat(join(folder, 'f'))).birthtimeMs
  t.ok(birth > Date.now() - 60_000 && birth <= Date.now(), 'statx tells when it was made')
})

t.test('an unlinked file lives until the kernel forgets it', { skip }, async (t) => {
  const { folder, tree } = await mountTree(t)
  const file = await fs.open(join(folder, 'f'), 'w+')
  await file.writeFile('kept')
  const { ino } = await file.stat()
  await fs.unlink(join(folder, 'f'))
  t.equal((await file.stat()).nlink, 0)
  t.equal((await file.read(Buffer.alloc(4), 0, 4, 0)).buffer.toString(), 'kept')
  t.ok(tree.state.node(ino))
  await file.close()
  await until(() => tree.state.node(ino) === undefined)
  t.equal(tree.state.orphans.size, 0)
})

t.test('a temporary file without a name, and the name it may get', { skip }, async (t) => {
  const { folder, tree } = await mountTree(t)
  const out = await python(`
f = os.open(a[0], os.O_TMPFILE | os.O_RDWR, 0o600); os.write(f, b"tmp")
g = os.open(a[0], os.O_TMPFILE | os.O_RDWR, 0o600)
print(os.fstat(f).st_nlink, os.listdir(a[0])); c.linkat(-100, b"/proc/self/fd/%d" % f, -100, (a[0] + "/named").encode(), 0x400); print(os.fstat(f).st_nlink, open(a[0] + "/named").read())`, folder)
  t.same(out.trim().split('\n'), ['0 []', '1 tmp'])
  await until(() => tree.state.nodes.size === 2)
})

t.test('a file handle is good after the kernel forgot the inode', { skip: skip || (process.geteuid?.() === 0 ? false : 'needs root') }, async (t) => {
  const { folder, mount } = await mountTree(t, { entrySeconds: 3600, attributeSeconds: 3600 })
  await fs.mkdir(join(folder, 'd'))
  await fs.writeFile(join(folder, 'd/f'), 'by handle')
  const { ino } = await fs.stat(join(folder, 'd/f'))
  const handle = (await python(`
h = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128)); m = ctypes.c_int()
if c.name_to_handle_at(-100, (a[0] + "/d/f").encode(), h, ctypes.byref(m), 0): raise OSError(ctypes.get_errno(), "name_to_handle_at")
print(h.raw[:8 + struct.unpack_from("I", h.raw)[0]].hex())`, folder)).trim()
  mount.invalidateEntry(1, 'd')
  await until(() => !mount.watchForget(ino))
  const open = `
m = os.open(a[0], os.O_RDONLY); f = c.open_by_handle_at(m, bytes.fromhex(a[1]), os.O_RDONLY)
print(os.read(f, 99) if f >= 0 else errno.errorcode[ctypes.get_errno()])`
  t.equal((await python(open, folder, handle)).trim(), "b'by handle'")
  await fs.unlink(join(folder, 'd/f'))
  t.equal((await python(open, folder, handle)).trim(), 'ESTALE')
})

t.test('passing numbers are forgotten aloud, and a name may be absent for no time at all', { skip }, async (t) => {
  const forgotten: number[] = []
  const asked = { passing: 0, absent: 0 }
  const wrap = (tree: MemoryTree): Handler => new Proxy<Handler>(tree, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (property === 'forgotten') return (inos: readonly number[]) => forgotten.push(...inos)
      if (typeof member !== 'function') return member
      return (...args: readonly unknown[]): unknown => {
        const root = (): Attributes => Reflect.apply(target.getattr, target, [1]) as Attributes
        if (property === 'lookup' && args[1] === 'passing') return { ...root(), ino: passingInoMin + ++asked.passing, entrySeconds: 0 }
        if (property === 'lookup' && args[1] === 'absent') return { ...root(), ino: 0, entrySeconds: 100 * asked.absent++ }
        if (property === 'getattr' && Number(args[0]) >= passingInoMin) return { ...root(), ino: args[0] }
        return Reflect.apply(member, target, args)
      }
    },
  })
  const { folder, mount } = await mountTree(t, { wrap, entrySeconds: 3600, attributeSeconds: 3600 })
  for (let at = 1; at <= 3; at++) t.equal((await fs.stat(join(folder, 'passing'))).ino, passingInoMin + asked.passing)
  mount.invalidateEntry(1, 'passing')
  await until(() => forgotten.length === asked.passing)
  t.same(forgotten.sort(), Array.from({ length: asked.passing }, (_, at) => passingInoMin + at + 1), 'each once')
  for (let at = 0; at < 4; at++) await t.rejects(fs.stat(join(folder, 'absent')), { code: 'ENOENT' })
  t.equal(asked.absent, 2, 'the second answer was to be remembered')
})
