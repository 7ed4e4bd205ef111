// unlink(2): names go, what is open stays.
import t, { type Test } from 'tap'
import { openFlags } from '../call-flags.js'
import { must } from '../call-results.js'
import { makeFile, makeOwned, notDirectories, posixMount, user, whyNoPosixMount, type PosixMount } from '../posix-mount.js'
import { refusesPaths } from './path-errors.js'
import { obeysSticky } from './sticky-folder.js'
import { changed, modified, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()

t.test('unlink', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('every type, and its times', async (t) => { await everyType(t, mount) })
  await t.test('directories are not unlinked', async (t) => {
    const room = await mount.room()
    await must(root.mkdir(`${room}/folder`))
    t.equal(await root.unlink(`${room}/folder`), 'EISDIR')
    t.equal(await root.unlink(`${room}/folder/`), 'EISDIR')
    t.equal(await root.unlink(`${room}/.`), 'EISDIR')
    await makeFile(root, 'regular', `${room}/file`)
    t.equal(await root.unlink(`${room}/file/`), 'ENOTDIR', 'a slash at the end')
    await must(root.symlink('folder', `${room}/link`))
    t.equal(await root.unlink(`${room}/link/`), 'ENOTDIR', 'a link with a slash at the end')
    t.equal(await root.unlink(`${room}/link`), 0, 'a link to a directory')
    t.equal((await must(root.stat(`${room}/folder`))).type, 'directory')
  })
  await t.test('what is open stays', async (t) => {
    const room = await mount.room()
    const fd = await must(root.open(`${room}/file`, openFlags.create | openFlags.readWrite, 0o644))
    await must(root.write(fd, 'Hello, World!'))
    await movesTimes(t, mount, 'unlink of an open file', { call: () => root.unlink(`${room}/file`) }, [{ path: room, moves: modified }])
    t.equal((await must(root.fstat(fd))).nlink, 0)
    t.same(await root.pread(fd, 100, 0), Buffer.from('Hello, World!'))
    await must(root.pwrite(fd, 'more', 100_000))
    t.equal((await must(root.fstat(fd))).size, 100_004)
    await makeFile(root, 'regular', `${room}/file`)
    t.not((await must(root.stat(`${room}/file`))).ino, (await must(root.fstat(fd))).ino, 'the name is free for another')
    t.same(await root.pread(fd, 100, 100_000), Buffer.from('more'))
    await must(root.close(fd))
  })
  await t.test('sticky folders', async (t) => {
    await obeysSticky(t, mount, { name: 'unlink', types: notDirectories, call: (as, path) => as.unlink(path) })
  })
  await t.test('paths', async (t) => {
    for (const wants of ['regular', 'symlink'] as const) {
      await refusesPaths(t, mount, { name: `unlink of a ${wants}`, call: (as, path) => as.unlink(path), wants, follows: false, changesFolder: true })
    }
  })
})

async function everyType(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  for (const type of notDirectories) {
    const room = await mount.room()
    const [path, other] = [`${room}/one`, `${room}/two`]
    await makeOwned(mount, type, path, user)
    await movesTimes(t, mount, `unlink of a ${type} that is refused`, { call: () => mount.as(user).unlink(path), outcome: 'EACCES' }, [{ path, moves: untouched }, { path: room, moves: untouched }])
    await must(root.link(path, other))
    await movesTimes(t, mount, `unlink of one name of a ${type}`, { call: () => root.unlink(path) }, [{ path: other, moves: changed }, { path: room, moves: modified }])
    t.equal(await root.lstat(path), 'ENOENT')
    t.equal((await must(root.lstat(other))).nlink, 1)
    await movesTimes(t, mount, `unlink of the last name of a ${type}`, { call: () => root.unlink(other) }, [{ path: room, moves: modified }])
    t.equal(await root.lstat(other), 'ENOENT')
    t.equal(await root.unlink(other), 'ENOENT')
  }
}
