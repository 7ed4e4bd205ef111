// rename(2): what moves, what it replaces, and what stays as it was.
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { must, type FileType } from '../call-results.js'
import { fileTypes, makeFile, makeOwned, notDirectories, posixMount, removeFile, stranger, superuser, user, whyNoPosixMount, type PosixMount } from '../posix-mount.js'
import { refusesPaths } from './path-errors.js'
import { obeysSticky } from './sticky-folder.js'
import { changed, modified, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()

t.test('rename', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('each type to a free name, and over each type', async (t) => { await everyPair(t, mount) })
  await t.test('times', async (t) => { await times(t, mount) })
  await t.test('hard links', async (t) => { await hardLinks(t, mount) })
  await t.test('directories', async (t) => { await directories(t, mount) })
  await t.test('sticky folders', async (t) => {
    const types: readonly FileType[] = notDirectories
    await obeysSticky(t, mount, { name: 'rename out of', types, call: (as, path, aside) => as.rename(path, aside) })
    await obeysSticky(t, mount, { name: 'rename inside of', types, call: (as, path) => as.rename(path, `${path}-new`).then((outcome) => (outcome === 0 ? as.rename(`${path}-new`, path) : outcome)) })
    for (const aside of types) await obeysSticky(t, mount, { name: `rename of a ${aside} over what is in`, types, aside, call: (as, path, from) => as.rename(from, path) })
    await obeysSticky(t, mount, { name: 'rename of a directory over one in', types: ['directory'], aside: 'directory', call: (as, path, from) => as.rename(from, path) })
  })
  await t.test('another folder changes what `..` is: that takes the right to write in the directory', async (t) => {
    for (const owner of [user, stranger, superuser]) for (const mode of [0o755, 0o555, 0o777]) {
      const [from, to] = [await mount.room({ owner: user }), await mount.room({ owner: user })]
      await makeOwned(mount, 'directory', `${from}/folder`, owner)
      await must(root.chmod(`${from}/folder`, mode))
      const may = (owner === user && mode !== 0o555) || mode === 0o777
      t.equal(await mount.as(user).rename(`${from}/folder`, `${to}/folder`), may ? 0 : 'EACCES', `${mode.toString(8)} of ${owner.uid} to another folder`)
      t.equal(await mount.as(user).rename(`${may ? to : from}/folder`, `${may ? to : from}/other`), 0, 'inside of the same folder it does not')
    }
  })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'rename from', call: (as, path, room) => as.rename(path, `${room}/made`), wants: 'regular', follows: false, changesFolder: true })
    await refusesPaths(t, mount, { name: 'rename of a directory from', call: (as, path, room) => as.rename(path, `${room}/made`), wants: 'directory', follows: false, changesFolder: true })
    await refusesPaths(t, mount, { name: 'rename to', call: (as, path, room) => as.rename(typeof path === 'string' && !path.startsWith('/') ? 'other' : `${room}/other`, path), wants: 'nothing', follows: false, changesFolder: true, other: 'regular' })
  })
})

async function everyPair(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const [from, to] = [`${room}/from`, `${room}/to`]
  for (const type of fileTypes) {
    await makeOwned(mount, type, from, user)
    const moved = await must(root.lstat(from))
    t.equal(await root.rename(from, from), 0, `a ${type} to its own name`)
    for (const over of [undefined, ...fileTypes]) {
      if (over !== undefined) await makeFile(root, over, to)
      const replaced = over === undefined ? undefined : await must(root.lstat(to))
      const outcome = over === undefined || (over === 'directory') === (type === 'directory') ? 0 : over === 'directory' ? 'EISDIR' : 'ENOTDIR'
      const what = `a ${type} over ${over === undefined ? 'nothing' : `a ${over}`}`
      t.equal(await root.rename(from, to), outcome, what)
      if (outcome === 0) {
        const { ino, type: kept, uid, mode, mtime, nlink } = await must(root.lstat(to))
        t.strictSame({ ino, kept, uid, mode, mtime, nlink }, { ino: moved.ino, kept: type, uid: user.uid, mode: moved.mode, mtime: moved.mtime, nlink: moved.nlink }, `${what}: it is the same`)
        t.equal(await root.lstat(from), 'ENOENT', `${what}: the old name is gone`)
        await must(root.rename(to, from))
      } else {
        t.strictSame(await root.lstat(to), replaced, `${what}: it is as it was`)
        t.equal((await must(root.lstat(from))).ino, moved.ino)
        await removeFile(root, to)
      }
    }
    await removeFile(root, from)
  }
}

async function times(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  for (const type of fileTypes) {
    const [room, other] = [await mount.room(), await mount.room()]
    await makeFile(root, type, `${room}/one`)
    await makeFile(root, type, `${other}/two`)
    await movesTimes(t, mount, `rename of a ${type}`, { call: () => root.rename(`${room}/one`, `${room}/two`) }, [{ path: `${room}/one`, after: `${room}/two`, moves: changed }, { path: room, moves: modified }])
    await movesTimes(t, mount, `rename of a ${type} over another elsewhere`, { call: () => root.rename(`${room}/two`, `${other}/two`) }, [{ path: `${room}/two`, after: `${other}/two`, moves: changed }, { path: room, moves: modified }, { path: other, moves: modified }])
    await movesTimes(t, mount, `rename of a ${type} to its own name`, { call: () => root.rename(`${other}/two`, `${other}/two`) }, [{ path: `${other}/two`, moves: untouched }, { path: other, moves: untouched }])
    const refused = { call: () => mount.as(user).rename(`${other}/two`, `${other}/three`), outcome: 'EACCES' }
    await movesTimes(t, mount, `rename of a ${type} that is refused`, refused, [{ path: `${other}/two`, moves: untouched }, { path: other, moves: untouched }])
  }
}

async function hardLinks(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  for (const type of notDirectories) {
    const room = await mount.room()
    await makeFile(root, type, `${room}/from`)
    await makeFile(root, type, `${room}/to`)
    await must(root.link(`${room}/to`, `${room}/link`))
    await movesTimes(t, mount, `over one name of a ${type}`, { call: () => root.rename(`${room}/from`, `${room}/to`) }, [{ path: `${room}/link`, moves: changed }])
    t.equal((await must(root.lstat(`${room}/link`))).nlink, 1)
    await must(root.link(`${room}/to`, `${room}/same`))
    // Two names of one file: POSIX says that nothing happens.
    await movesTimes(t, mount, `over another name of the same ${type}`, { call: () => root.rename(`${room}/to`, `${room}/same`) }, [{ path: `${room}/to`, moves: untouched }, { path: room, moves: untouched }])
    t.equal((await must(root.lstat(`${room}/to`))).nlink, 2)
  }
}

async function directories(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  for (const name of ['a', 'b', 'a/sub', 'a/sub/deep', 'full', 'empty']) await must(root.mkdir(`${room}/${name}`))
  for (const [from, to, error] of [
    ['a', 'a/sub', 'EINVAL'], ['a', 'a/sub/deep/new', 'EINVAL'], ['a', 'a/new', 'EINVAL'], ['a/sub/.', 'x', 'EBUSY'], ['a/sub/..', 'x', 'EBUSY'],
    ['a', 'b/.', 'EBUSY'], ['a/sub/deep', 'a', 'ENOTEMPTY'],
  ] as const) t.equal(await root.rename(`${room}/${from}`, `${room}/${to}`), error, `${from} to ${to}`)
  for (const type of fileTypes) {
    await makeFile(root, type, `${room}/full/${type}`)
    t.equal(await root.rename(`${room}/empty`, `${room}/full`), 'ENOTEMPTY', `over a directory with a ${type}`)
    await removeFile(root, `${room}/full/${type}`)
  }
  t.equal(await root.rename(`${room}/full`, `${room}/empty`), 0, 'over an empty one')
  const links = async (name: string): Promise<number> => (await must(root.stat(`${room}/${name}`))).nlink
  t.strictSame([await links('a'), await links('b')], [3, 2])
  t.equal(await root.rename(`${room}/a/sub`, `${room}/b/moved`), 0)
  t.strictSame([await links('a'), await links('b')], [2, 3])
  t.equal((await must(root.stat(`${room}/b/moved/..`))).ino, (await must(root.stat(`${room}/b`))).ino, '`..` is the new folder')
  t.equal((await must(root.stat(`${room}/b/moved/deep`))).type, 'directory')
  await must(root.mkdir(`${room}/a/moved`))
  t.equal(await root.rename(`${room}/a/moved/`, `${room}/a/slash/`), 0, 'a slash at the end of a directory')
  await makeFile(root, 'regular', `${room}/file`)
  t.equal(await root.rename(`${room}/file`, `${room}/new/`), 'ENOTDIR', 'and of a file')
  t.equal(await root.rename(`${room}/file`, join(tmpdir(), `vaultfs-nothing-${process.pid}`)), 'EXDEV', 'another filesystem')
}
