// link(2) and linkat(2): one inode by several names.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { at, openFlags } from '../call-flags.js'
import { must } from '../call-results.js'
import { fileTypes, makeFile, makeOwned, noWays, posixMount, removeFile, user, whyNoPosixMount, type PosixMount } from '../posix-mount.js'
import { refusesPaths } from './path-errors.js'
import { changed, modified, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()

t.test('link', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('one inode', async (t) => { await oneInode(t, mount) })
  await t.test('times', async (t) => {
    for (const type of noWays) {
      const room = await mount.room()
      const path = `${room}/one`
      await makeOwned(mount, type, path, user)
      await movesTimes(t, mount, `link of a ${type}`, { call: () => root.link(path, `${room}/two`) }, [{ path, moves: changed }, { path: room, moves: modified }])
      const refused = { call: () => mount.as(user).link(path, `${room}/three`), outcome: 'EACCES' }
      await movesTimes(t, mount, `link of a ${type} that is refused`, refused, [{ path, moves: untouched }, { path: room, moves: untouched }])
    }
  })
  await t.test('refusals', async (t) => {
    const room = await mount.room({ mode: 0o777 })
    await makeFile(root, 'regular', `${room}/file`)
    await must(root.mkdir(`${room}/folder`))
    await must(root.chown(`${room}/folder`, user.uid, user.gid))
    for (const as of [root, mount.as(user)]) t.equal(await as.link(`${room}/folder`, `${room}/other`), 'EPERM', `a directory, by ${as.identity.uid}`)
    for (const type of fileTypes) {
      await makeFile(root, type, `${room}/taken-${type}`)
      t.equal(await root.link(`${room}/file`, `${room}/taken-${type}`), 'EEXIST', `to the name of a ${type}`)
    }
    t.equal((await must(root.stat(`${room}/file`))).nlink, 1)
    t.equal(await root.link(`${room}/file`, `${room}/file`), 'EEXIST')
    t.equal(await root.link(`${room}/file`, join(tmpdir(), `vaultfs-nothing-${process.pid}`)), 'EXDEV', 'another filesystem')
    t.equal(await root.link(`${room}/file`, `${room}/new/`), 'ENOENT', 'a slash at the end')
    t.equal(await root.link(`${room}/file/`, `${room}/new`), 'ENOTDIR')
  })
  await t.test('linkat', async (t) => { await byDescriptor(t, mount) })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'link from', call: (as, path, room) => as.link(path, `${room}/made`), wants: 'regular', follows: false, changesFolder: false })
    await refusesPaths(t, mount, { name: 'link to', call: (as, path, room) => as.link(typeof path === 'string' && !path.startsWith('/') ? 'other' : `${room}/other`, path), wants: 'nothing', follows: false, changesFolder: true, other: 'regular' })
  })
})

async function oneInode(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  await must(root.mkdir(`${room}/below`))
  for (const type of [...noWays, 'symlink'] as const) {
    const names = ['one', 'two', 'below/three'].map((name) => `${room}/${name}`)
    const [one = '', two = '', three = ''] = names
    await makeFile(root, type, one)
    if (type === 'regular') {
      const fd = await must(root.open(one, openFlags.writeOnly))
      await must(root.write(fd, 'content'))
      t.equal(await root.link(one, two), 0)
      t.equal((await must(root.stat(two))).size, 7, 'its true size, while it is open and being written')
      await must(root.write(fd, ' and more'))
      t.equal((await must(root.stat(two))).size, 16)
      await must(root.close(fd))
    } else t.equal(await root.link(one, two), 0)
    t.equal(await root.link(two, three), 0)
    await must(root.lchown(two, 65534, 65533))
    if (type !== 'symlink') await must(root.chmod(three, 0o201))
    const first = await must(root.lstat(one))
    t.strictSame([first.type, first.nlink, first.uid, first.gid], [type, 3, 65534, 65533])
    for (const name of names) t.strictSame(await root.lstat(name), first, `a ${type}: the same by each name`)
    for (const [index, name] of names.entries()) {
      await must(root.unlink(name))
      t.equal(await root.lstat(name), 'ENOENT')
      for (const left of names.slice(index + 1)) t.strictSame([(await must(root.lstat(left))).ino, (await must(root.lstat(left))).nlink], [first.ino, 2 - index])
    }
  }
}

async function byDescriptor(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  await makeFile(root, 'regular', `${room}/file`)
  await must(root.symlink('file', `${room}/link`))
  const ino = async (name: string): Promise<number> => (await must(root.lstat(`${room}/${name}`))).ino
  t.equal(await root.linkat(at.cwd, `${room}/link`, at.cwd, `${room}/to-link`, 0), 0)
  t.equal(await ino('to-link'), await ino('link'), 'without a flag the link itself')
  t.equal(await root.linkat(at.cwd, `${room}/link`, at.cwd, `${room}/to-file`, at.symlinkFollow), 0)
  t.equal(await ino('to-file'), await ino('file'), 'with AT_SYMLINK_FOLLOW what it leads to')
  const fd = await must(root.open(`${room}/file`, openFlags.readOnly))
  t.equal(await root.linkat(fd, '', at.cwd, `${room}/by-fd`, at.emptyPath), 0)
  t.equal(await ino('by-fd'), await ino('file'), 'AT_EMPTY_PATH')
  t.equal(await root.linkat(at.cwd, `/proc/self/fd/${fd}`, at.cwd, `${room}/by-proc`, at.symlinkFollow), 0)
  t.equal(await ino('by-proc'), await ino('file'), 'by its place in /proc')
  t.equal(await root.linkat(fd, '', at.cwd, `${room}/without`, 0), 'ENOENT', 'an empty path without the flag')
  t.equal(await root.linkat(at.cwd, `${room}/file`, at.cwd, `${room}/x`, 0x8000), 'EINVAL', 'a flag that there is not')
  for (const name of ['file', 'to-file', 'by-proc', 'by-fd']) await removeFile(root, `${room}/${name}`)
  t.equal((await must(root.fstat(fd))).nlink, 0)
  t.equal(await root.linkat(fd, '', at.cwd, `${room}/again`, at.emptyPath), 'ENOENT', 'what has lost its last name gets no new one')
  await must(root.close(fd))
}
