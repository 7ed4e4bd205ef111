// O_TMPFILE: a file without a name, which may get one.
import t from 'tap'
import { at, openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { makeFile, notDirectories, posixMount, stranger, user, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { unnamed, readWrite, readOnly, writeOnly, exclusive, create } = openFlags

t.test('O_TMPFILE', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('a file like any other, in no listing', async (t) => {
    const room = await mount.room({ mode: 0o2777 })
    await must(root.chown(room, 0, 65532))
    const before = await must(root.stat(room))
    const as = mount.as(user)
    await must(as.umask(0o027))
    const fd = await must(as.open(room, unnamed | readWrite, 0o666))
    await must(as.umask(0))
    const made = await must(as.fstat(fd))
    t.strictSame([made.type, made.mode, made.nlink, made.uid, made.gid], ['regular', 0o640, 0, user.uid, 65532])
    t.strictSame(await root.stat(room), before, 'the folder is as it was')
    t.strictSame(await root.getdents(await must(root.open(room, readOnly)), 32_768).then((found) => (typeof found === 'string' ? found : found.map(({ name }) => name).sort())), ['.', '..'])
    await must(as.write(fd, 'content'))
    await must(as.fsync(fd))
    t.same(await as.pread(fd, 100, 0), Buffer.from('content'))
    t.equal(await as.linkat(at.cwd, `/proc/self/fd/${fd}`, at.cwd, `${room}/named`, at.symlinkFollow), 0)
    const named = await must(root.stat(`${room}/named`))
    t.strictSame([named.ino, named.nlink, named.size], [made.ino, 1, 7])
    t.equal(await as.linkat(at.cwd, `/proc/self/fd/${fd}`, at.cwd, `${room}/named`, at.symlinkFollow), 'EEXIST')
    t.equal(await as.linkat(at.cwd, `/proc/self/fd/${fd}`, at.cwd, `${room}/twice`, at.symlinkFollow), 0, 'a second name')
    await must(as.close(fd))
    const again = await must(root.open(`${room}/twice`, readOnly))
    t.same(await root.read(again, 100), Buffer.from('content'))
    await must(root.close(again))
  })
  await t.test('named, unnamed again, and gone', async (t) => {
    const room = await mount.room()
    const fd = await must(root.open(room, unnamed | writeOnly, 0o600))
    await must(root.linkat(fd, '', at.cwd, `${room}/file`, at.emptyPath))
    await must(root.unlink(`${room}/file`))
    t.equal((await must(root.fstat(fd))).nlink, 0)
    t.equal(await root.linkat(fd, '', at.cwd, `${room}/file`, at.emptyPath), 'ENOENT', 'the right to a name is used up')
    t.equal(await root.write(fd, 'x'), 1)
    await must(root.close(fd))
  })
  await t.test('refusals', async (t) => {
    const room = await mount.room({ mode: 0o755 })
    for (const type of notDirectories) {
      await makeFile(root, type, `${room}/${type}`)
      t.equal(await root.open(`${room}/${type}`, unnamed | readWrite, 0o600), type === 'symlink' ? 'ENOENT' : 'ENOTDIR', `in a ${type}`)
    }
    t.equal(await root.open(room, unnamed | readOnly, 0o600), 'EINVAL', 'for reading only')
    t.equal(await root.open(room, unnamed | readWrite | create, 0o600), 'EINVAL', 'with O_CREAT')
    t.equal(await mount.as(stranger).open(room, unnamed | readWrite, 0o600), 'EACCES', 'without the right to write in the folder')
    const fd = await must(root.open(room, unnamed | readWrite | exclusive, 0o600))
    t.equal(await root.linkat(fd, '', at.cwd, `${room}/new`, at.emptyPath), 'ENOENT', 'O_EXCL: never a name')
    await must(root.close(fd))
    await must(root.mkdir(`${room}/gone`))
    const folder = await must(root.open(`${room}/gone`, readOnly))
    await must(root.rmdir(`${room}/gone`))
    t.match(await root.openat(folder, '.', unnamed | readWrite, 0o600), mount.vault === undefined ? /EPERM|ENOENT/ : /ENOENT/, 'in a directory that is removed')
    await must(root.close(folder))
  })
  await t.test('many at once', async (t) => {
    const room = await mount.room()
    const files: number[] = []
    for (let each = 0; each < 200; each++) files.push(await must(root.open(room, unnamed | readWrite, 0o600)))
    for (const [each, fd] of files.entries()) await must(root.write(fd, `file ${each}`))
    for (const [each, fd] of files.entries()) t.same(await root.pread(fd, 100, 0), Buffer.from(`file ${each}`))
    t.equal(new Set(await Promise.all(files.map(async (fd) => (await must(root.fstat(fd))).ino))).size, 200)
    for (const fd of files) await must(root.close(fd))
    t.equal(await root.rmdir(room), 0, 'the folder is empty')
  })
})
