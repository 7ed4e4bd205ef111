// rmdir(2).
import t from 'tap'
import { must } from '../call-results.js'
import { fileTypes, makeFile, makeOwned, notDirectories, posixMount, removeFile, user, whyNoPosixMount } from '../posix-mount.js'
import { refusesPaths } from './path-errors.js'
import { obeysSticky } from './sticky-folder.js'
import { modified, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()

t.test('rmdir', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('removes, and moves the times of the folder', async (t) => {
    const room = await mount.room()
    await makeOwned(mount, 'directory', `${room}/one`, user)
    const refused = { call: () => mount.as(user).rmdir(`${room}/one`), outcome: 'EACCES' }
    await movesTimes(t, mount, 'a rmdir that is refused', refused, [{ path: room, moves: untouched }, { path: `${room}/one`, moves: untouched }])
    t.equal((await must(root.stat(room))).nlink, 3)
    await movesTimes(t, mount, 'rmdir', { call: () => root.rmdir(`${room}/one`) }, [{ path: room, moves: modified }])
    t.equal((await must(root.stat(room))).nlink, 2)
    t.equal(await root.lstat(`${room}/one`), 'ENOENT')
    t.equal(await root.rmdir(`${room}/one`), 'ENOENT')
    await must(root.mkdir(`${room}/two`))
    t.equal(await root.rmdir(`${room}/two/`), 0, 'a slash at the end')
  })
  await t.test('not what is not empty', async (t) => {
    for (const type of fileTypes) {
      const room = await mount.room()
      await must(root.mkdir(`${room}/folder`))
      await makeFile(root, type, `${room}/folder/${type}`)
      await movesTimes(t, mount, `a ${type} in it`, { call: () => root.rmdir(`${room}/folder`), outcome: 'ENOTEMPTY' }, [{ path: room, moves: untouched }, { path: `${room}/folder`, moves: untouched }])
      await removeFile(root, `${room}/folder/${type}`)
      t.equal(await root.rmdir(`${room}/folder`), 0, `the ${type} is gone`)
    }
  })
  await t.test('only directories', async (t) => {
    const room = await mount.room()
    await must(root.mkdir(`${room}/test`))
    for (const type of notDirectories) {
      await makeFile(root, type, `${room}/${type}`)
      // The link leads to a directory: it is not followed.
      t.equal(await root.rmdir(`${room}/${type}`), 'ENOTDIR', `a ${type}`)
    }
    t.equal(await root.rmdir(`${room}/symlink/`), 'ENOTDIR')
    for (const [path, error] of [['test/.', 'EINVAL'], ['test/..', 'ENOTEMPTY'], ['.', 'EINVAL'], ['..', 'ENOTEMPTY']] as const) {
      t.equal(await root.rmdir(`${room}/${path}`), error, path)
    }
    t.equal(await root.rmdir(mount.folder), mount.vault === undefined ? 'ENOTEMPTY' : 'EBUSY', 'a mount point')
  })
  await t.test('sticky folders', async (t) => {
    await obeysSticky(t, mount, { name: 'rmdir', types: ['directory'], call: (as, path) => as.rmdir(path) })
  })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'rmdir', call: (as, path) => as.rmdir(path), wants: 'directory', follows: false, changesFolder: true })
  })
})
