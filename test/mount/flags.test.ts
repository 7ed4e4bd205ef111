// chattr(1)'s flags on a real mount: kept through publishing and in the past, and what they forbid is refused, to root too.
import { existsSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Attributes } from '../../native-deps/fuse/handler.js'
import { TestVault } from '../support/open-vault.js'
import { mountTestVault, type MountedTestVault } from './mounted-vault.js'

const without = !existsSync('/dev/fuse') ? 'no /dev/fuse' : process.geteuid?.() === 0 ? false : 'CAP_LINUX_IMMUTABLE needs root'


/** `get` and `put` print FS_IOC_GETFLAGS's number, `getx` and `putx` struct fsxattr's first word; `attempt` prints what became of a call. */
const prelude = `
import errno, fcntl, os, struct, sys
IMMUTABLE, APPEND, NODUMP, NOATIME = 0x10, 0x20, 0x40, 0x80
def put(path, flags): ioctl(path, 0x40086602, struct.pack('<q', flags))
def get(path): return struct.unpack('<i', ioctl(path, 0x80086601, bytes(8))[:4])[0]
def putx(path, *words): ioctl(path, 0x401c5820, struct.pack('<5I8x', *words))
def getx(path): return struct.unpack('<5I8x', ioctl(path, 0x801c581f, bytes(28)))[0]
def ioctl(path, command, value):
  fd = os.open(path, os.O_RDONLY)
  try: return fcntl.ioctl(fd, command, value)
  finally: os.close(fd)
for call in sys.argv[1:]:
  try:
    value = eval(call.strip())
    print('ok' if value is None else value)
  except OSError as error: print(errno.errorcode[error.errno].replace('ENOTSUP', 'EOPNOTSUPP'))
`

/** Each call with what Python says of it: 'ok' for nothing, a value, or the name of the error. One process makes them all. */
async function expect(t: Test, { run }: MountedTestVault, calls: Readonly<Record<string, string | number>>): Promise<void> {
  const answers = (await run('python3 -c "$@"', prelude, ...Object.keys(calls))).trim().split('\n')
  const wanted = Object.entries(calls).map(([call, answer]) => [call, String(answer)])
  t.same(Object.keys(calls).map((call, at) => [call, answers[at]]), wanted)
}

t.test('flags', { skip: without }, async (t) => {
  const vault = await mountTestVault(t)
  await vault.run('echo first > file; mkdir folder; echo x > folder/inside; ln -s file link')

  await t.test('what is not kept is refused, and what a file has is told in both ways', async (t) => {
    await expect(t, vault, {
      'get("file")': 0, 'put("file", NODUMP | NOATIME)': 'ok', ' get("file")': 0xc0, 'getx("file")': 0xc0,
      'putx("file", 8, 0, 0, 0, 0)': 'ok', '  get("file")': 0x10, ' getx("file")': 8,
      'put("file", 8)': 'ok', '  getx("file")': 0x20, 'putx("file", 1, 0, 0, 0, 0)': 'EOPNOTSUPP', 'putx("file", 8, 4096, 0, 0, 0)': 'EOPNOTSUPP', 'putx("file", 8, 0, 0, 7, 0)': 'EOPNOTSUPP',
      'putx("file", 8, 0, 0, 0, 4096)': 'EOPNOTSUPP', 'put("file", 1)': 'EOPNOTSUPP', 'os.listxattr("file")': '[]', 'put("file", 0)': 'ok',
    })
  })

  await t.test('an immutable file', async (t) => {
    const open = 'globals().update(opened=os.open("file", os.O_RDWR))'
    await expect(t, vault, {
      [open]: 'ok', 'put("file", IMMUTABLE)': 'ok', 'os.pwrite(opened, b"later", 0)': 'EPERM', 'os.posix_fallocate(opened, 0, 100)': 'EPERM',
      'os.copy_file_range(opened, opened, 1, 0, 10)': 'EPERM', 'os.ftruncate(opened, 1)': 'EPERM',
      'os.open("file", os.O_WRONLY)': 'EPERM', 'os.open("file", os.O_RDONLY | os.O_TRUNC)': 'EPERM', 'os.truncate("file", 1)': 'EPERM',
      'os.unlink("file")': 'EPERM', 'os.rename("file", "other")': 'EPERM', 'os.rename("link", "file")': 'EPERM', 'os.link("file", "other")': 'EPERM',
      'os.chmod("file", 0o600)': 'EPERM', 'os.chown("file", 1, 1)': 'EPERM', 'os.utime("file")': 'EPERM', 'os.utime("file", (1, 1))': 'EPERM',
      'os.setxattr("file", "user.a", b"b")': 'EPERM', 'os.removexattr("file", "user.a")': 'EPERM',
      'open("file").read().strip()': 'first', 'put("file", 0)': 'ok', ' os.close(os.open("file", os.O_WRONLY))': 'ok',
    })
  })

  await t.test('a file that is appended to only', async (t) => {
    await expect(t, vault, {
      'put("file", APPEND)': 'ok', 'os.write(os.open("file", os.O_WRONLY | os.O_APPEND), b"second\\n")': 7, 'os.utime("file")': 'ok',
      'os.open("file", os.O_WRONLY)': 'EPERM', 'os.open("file", os.O_WRONLY | os.O_APPEND | os.O_TRUNC)': 'EPERM', 'os.truncate("file", 1)': 'EPERM',
      'os.unlink("file")': 'EPERM', 'os.rename("file", "other")': 'EPERM', 'os.link("file", "other")': 'EPERM', 'os.utime("file", (1, 1))': 'EPERM',
      'os.chmod("file", 0o600)': 'EPERM', 'put("file", 0)': 'ok',
    })
    t.equal(await vault.run('cat file'), 'first\nsecond\n')
  })

  await t.test('folders', async (t) => {
    const gone = { 'os.unlink("folder/inside")': 'EPERM', 'os.rename("folder/inside", "out")': 'EPERM', 'os.rename("file", "folder/inside")': 'EPERM' }
    await expect(t, vault, {
      'put("folder", IMMUTABLE)': 'ok', 'os.open("folder/new", os.O_CREAT | os.O_WRONLY)': 'EPERM', 'os.mkdir("folder/new")': 'EPERM',
      'os.symlink("a", "folder/new")': 'EPERM', 'os.mknod("folder/new")': 'EPERM', 'os.link("file", "folder/new")': 'EPERM',
      'os.rename("file", "folder/new")': 'EPERM', 'os.open("folder", os.O_TMPFILE | os.O_WRONLY)': 'EPERM', ...gone,
    })
    await expect(t, vault, { 'put("folder", APPEND)': 'ok', ...gone, 'os.mkdir("folder/new")': 'ok', 'os.rmdir("folder/new")': 'EPERM' })
  })

  await t.test('they are published, show in the past, and can\'t be set there', async (t) => {
    await expect(t, vault, { 'put("file", NODUMP)': 'ok' })
    const state = await vault.publish()
    const past = `.versions/${state}`
    await expect(t, vault, {
      'put("file", 0)': 'ok', 'put("folder", 0)': 'ok', [`get("${past}/file")`]: 0x40, [`get("${past}/folder")`]: 0x20, [`get("${past}")`]: 0,
      [`put("${past}/file", 0)`]: 'EROFS', [`os.listxattr("${past}/file")`]: '[]', 'os.unlink("folder/inside")': 'ok',
    })
  })
})

t.test('a change of a synchronous file is on the disk before it is answered', async (t) => {
  const vault = await TestVault.open()
  t.teardown(() => vault.remove())
  const request = { uid: 0, gid: 0, pid: process.pid, onAbort: () => undefined }
  const plain = { fromCache: false, killSuidGid: false, append: false }
  const inos: number[] = []
  for (const name of ['synchronous', 'usual']) {
    const made = await vault.operations.create(1, name, 0o644, 0, 0, request)
    if (typeof made === 'number') throw new Error(`not made: ${made}`)
    inos.push(made.attributes.ino)
  }
  const [synchronous = 0, usual = 0] = inos
  t.equal(await vault.operations.setflags(synchronous, 0x08), 0)
  vault.operations.afterBatch()
  for (const ino of inos) t.equal(await vault.operations.write(ino, 0, 0, Buffer.from('bytes'), plain), 5)
  const image = await vault.crashImage()
  const crashed = await TestVault.open({ store: image })
  t.teardown(() => crashed.remove())
  t.equal((await crashed.operations.getattr(synchronous) as Attributes).size, 5)
  t.equal((await crashed.operations.getattr(usual) as Attributes).size, 0, 'it is in memory for up to a second')
  t.equal(await vault.operations.write(synchronous, 0, 2 ** 53 - 1, Buffer.from('far'), plain), -27, 'an error stays one')
})
