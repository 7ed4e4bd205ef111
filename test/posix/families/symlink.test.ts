// symlink(2) and readlink(2).
import t from 'tap'
import { isErrno, must } from '../call-results.js'
import { fileTypes, makeFile, posixMount, whyNoPosixMount } from '../posix-mount.js'
import { creates } from './creation.js'
import { refusesPaths } from './path-errors.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()

t.test('symlink', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('owners, times', async (t) => {
    await creates(t, mount, { name: 'symlink', type: 'symlink', make: (as, path) => as.symlink('test', path) })
  })
  await t.test('targets are kept as they are', async (t) => {
    const room = await mount.room()
    const long = 't'.repeat(256)
    for (const [at, target] of ['test', '.', '/', 'no/such//place/', long, `${long}/${long}`, 'ä ö\n"', 'x'.repeat(4095)].entries()) {
      t.equal(await root.symlink(target, `${room}/${at}`), 0)
      t.same(await root.readlink(`${room}/${at}`), Buffer.from(target), `a target of ${target.length}`)
      const { type, size, mode, nlink } = await must(root.lstat(`${room}/${at}`))
      t.strictSame([type, size, mode, nlink], ['symlink', Buffer.byteLength(target), 0o777, 1])
    }
    t.equal(await root.symlink('', `${room}/empty`), 'ENOENT', 'an empty target')
    t.equal(await root.symlink('x'.repeat(4096), `${room}/long`), 'ENAMETOOLONG', 'a target of 4096 bytes')
    for (const address of [0, 8]) t.equal(await root.symlink(address, `${room}/address`), 'EFAULT')
    t.equal(isErrno(await root.lstat(`${room}/long`)), true)
  })
  await t.test('what it leads to', async (t) => {
    const room = await mount.room()
    for (const type of fileTypes) {
      if (type === 'symlink') continue
      await makeFile(root, type, `${room}/${type}`)
      await must(root.symlink(type, `${room}/to-${type}`))
      const [target, through, itself] = [await must(root.stat(`${room}/${type}`)), await must(root.stat(`${room}/to-${type}`)), await must(root.lstat(`${room}/to-${type}`))]
      t.strictSame([through.ino, through.type], [target.ino, type])
      t.strictSame([itself.type, itself.ino === target.ino], ['symlink', false])
      t.equal(await root.readlink(`${room}/${type}`), 'EINVAL', `readlink of a ${type}`)
    }
    await must(root.unlink(`${room}/regular`))
    t.equal(await root.stat(`${room}/to-regular`), 'ENOENT')
    await must(root.mkdir(`${room}/to-regular-folder`))
    // Through forty links, and no further.
    let to = `${room}/directory`
    for (let each = 1; each <= 41; each++) {
      await must(root.symlink(to, `${room}/chain-${each}`))
      to = `${room}/chain-${each}`
      t.equal(isErrno(await root.stat(to)), each > 40, `${each} links`)
    }
  })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'symlink', call: (as, path) => as.symlink('test', path), wants: 'nothing', follows: false, changesFolder: true })
  })
})
