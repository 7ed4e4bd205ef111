// mkdir(2).
import t from 'tap'
import { must } from '../call-results.js'
import { posixMount, user, whyNoPosixMount } from '../posix-mount.js'
import { creates } from './creation.js'
import { refusesPaths } from './path-errors.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()

t.test('mkdir', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('modes, owners, times', async (t) => {
    await creates(t, mount, { name: 'mkdir', type: 'directory', make: (as, path, mode) => as.mkdir(path, mode) })
  })
  await t.test('links between directories', async (t) => {
    const room = await mount.room()
    for (let each = 1; each <= 5; each++) {
      t.equal(await root.mkdir(`${room}/${each}`), 0)
      t.equal((await must(root.stat(room))).nlink, 2 + each)
      t.equal((await must(root.stat(`${room}/${each}/..`))).ino, (await must(root.stat(room))).ino)
      t.equal((await must(root.stat(`${room}/${each}/.`))).nlink, 2)
    }
    t.equal(await root.mkdir(`${room}/slash/`), 0, 'a slash at the end')
    for (const [path, error] of [['.', 'EEXIST'], ['..', 'EEXIST'], ['1/.', 'EEXIST'], ['new/.', 'ENOENT'], ['/', 'EEXIST']] as const) {
      t.equal(await root.mkdir(path === '/' ? '/' : `${room}/${path}`), error, path)
    }
    await must(root.mkdir(`${room}/gone`))
    await must(root.chdir(`${room}/gone`))
    await must(root.rmdir(`${room}/gone`))
    t.equal(await root.mkdir('in-it'), 'ENOENT', 'in a directory that is removed')
    await must(root.chdir('/'))
  })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'mkdir', call: (as, path) => as.mkdir(path), wants: 'nothing', follows: false, changesFolder: true })
    const room = await mount.room({ owner: user, mode: 0o300 })
    t.equal(await mount.as(user).mkdir(`${room}/made`), 0, 'reading the folder is not needed')
  })
})
