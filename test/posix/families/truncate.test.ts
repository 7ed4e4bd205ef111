// truncate(2): by a path.
import t from 'tap'
import { fileTypes, makeFile, posixMount, whyNoPosixMount } from '../posix-mount.js'
import { must } from '../call-results.js'
import { refusesPaths } from './path-errors.js'
import { startProgram } from './running-program.js'
import { cutsAndGrows, forgets, needsWriting, refusesSizes, truncationTimes, type Truncation } from './truncation.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const truncation: Truncation = { name: 'truncate', cut: (as, path, size) => as.truncate(path, size), sameSizeMoves: true }

t.test('truncate', { skip }, async (t) => {
  const mount = await posixMount(t)

  await t.test('sizes', async (t) => {
    await cutsAndGrows(t, mount, truncation)
    await forgets(t, mount, truncation)
  })
  await t.test('times', async (t) => { await truncationTimes(t, mount, truncation) })
  await t.test('sizes that can not be', async (t) => { await refusesSizes(t, mount, truncation) })
  await t.test('rights', async (t) => { await needsWriting(t, mount, truncation.cut) })
  await t.test('other types', async (t) => {
    const room = await mount.room()
    for (const type of fileTypes) {
      if (type === 'regular' || type === 'symlink') continue
      await makeFile(mount.root, type, `${room}/${type}`)
      t.equal(await mount.root.truncate(`${room}/${type}`, 123), type === 'directory' ? 'EISDIR' : 'EINVAL', `a ${type}`)
    }
    await makeFile(mount.root, 'regular', `${room}/file`)
    await must(mount.root.symlink(`${room}/file`, `${room}/link`))
    t.equal(await mount.root.truncate(`${room}/link`, 99), 0)
    t.equal((await must(mount.root.stat(`${room}/file`))).size, 99, 'through a link')
  })
  await t.test('a program that runs', async (t) => {
    const room = await mount.room()
    const program = await startProgram(mount, `${room}/program`)
    t.equal(await mount.root.truncate(`${room}/program`, 123), 'ETXTBSY')
    await program.end()
    t.equal(await mount.root.truncate(`${room}/program`, 123), 0)
  })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'truncate', call: (as, path) => as.truncate(path, 123), wants: 'regular', follows: true, changesFolder: false })
  })
})
