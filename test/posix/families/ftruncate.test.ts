// ftruncate(2): of an open file.
import t from 'tap'
import { openFlags } from '../call-flags.js'
import { must } from '../call-results.js'
import { posixMount, user, whyNoPosixMount } from '../posix-mount.js'
import type { SystemCalls } from '../system-calls.js'
import { openAndClose, refusesPaths } from './path-errors.js'
import { startProgram } from './running-program.js'
import { cutsAndGrows, forgets, needsWriting, refusesSizes, truncationTimes, type Truncation } from './truncation.js'
import { movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const truncation: Truncation = { name: 'ftruncate', cut, sameSizeMoves: true }

async function cut(as: SystemCalls, path: string, size: number, flags: number = openFlags.writeOnly): Promise<unknown> {
  const fd = await as.open(path, flags)
  if (typeof fd !== 'number') return fd
  const outcome = await as.ftruncate(fd, size)
  await must(as.close(fd))
  return outcome
}

t.test('ftruncate', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('sizes', async (t) => {
    await cutsAndGrows(t, mount, truncation)
    await forgets(t, mount, truncation)
  })
  await t.test('times', async (t) => { await truncationTimes(t, mount, truncation) })
  await t.test('sizes that can not be', async (t) => { await refusesSizes(t, mount, truncation) })
  await t.test('rights: of the open, not of the moment', async (t) => {
    await needsWriting(t, mount, cut)
    const room = await mount.room({ mode: 0o777 })
    for (const as of [root, mount.as(user)]) for (const mode of [0, 0o444]) {
      const path = `${room}/${as.identity.uid}-${mode}`
      const fd = await must(as.open(path, openFlags.create | openFlags.readWrite, mode))
      t.equal(await as.ftruncate(fd, 5), 0, `a new file of mode ${mode.toString(8)} for ${as.identity.uid}`)
      await must(root.chown(path, 1, 1))
      t.equal(await as.ftruncate(fd, 9), 0, 'and after it was given away')
      await must(as.close(fd))
    }
  })
  await t.test('not for writing', async (t) => {
    const room = await mount.room()
    const path = `${room}/file`
    await must(root.mknod(path, 0o100644))
    for (const as of [root, mount.as(user)]) {
      await movesTimes(t, mount, `O_RDONLY of ${as.identity.uid}`, { call: () => cut(as, path, 123, openFlags.readOnly), outcome: 'EINVAL' }, [{ path, moves: untouched }])
    }
    const folder = await must(root.open(room, openFlags.readOnly))
    t.equal(await root.ftruncate(folder, 0), 'EINVAL', 'a directory')
    t.equal(await root.ftruncate(999, 0), 'EBADF')
    await must(root.mkfifo(`${room}/fifo`))
    const fifo = await must(root.open(`${room}/fifo`, openFlags.readWrite))
    t.equal(await root.ftruncate(fifo, 0), 'EINVAL', 'a fifo')
    const path2 = await must(root.open(path, openFlags.path))
    t.equal(await root.ftruncate(path2, 0), 'EBADF', 'O_PATH')
    for (const fd of [folder, fifo, path2]) await must(root.close(fd))
  })
  await t.test('a program that runs can not be opened for it', async (t) => {
    const room = await mount.room()
    const program = await startProgram(mount, `${room}/program`)
    t.equal(await cut(root, `${room}/program`, 123), 'ETXTBSY')
    await program.end()
  })
  await t.test('paths, on the way to the open file', async (t) => {
    await refusesPaths(t, mount, { name: 'open to cut', call: (as, path) => openAndClose(as, path, openFlags.writeOnly), wants: 'regular', follows: true, changesFolder: false })
  })
})
