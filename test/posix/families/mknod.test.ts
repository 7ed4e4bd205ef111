// mknod(2): every type it makes, and the numbers of devices.
import t from 'tap'
import { nodeTypes } from '../call-flags.js'
import { must } from '../call-results.js'
import { device, posixMount, user, whyNoPosixMount } from '../posix-mount.js'
import { creates } from './creation.js'
import { refusesPaths } from './path-errors.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const plain = ['regular', 'fifo', 'socket'] as const
const devices = ['char', 'block'] as const

t.test('mknod', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('modes, owners, times', async (t) => {
    for (const type of plain) {
      await creates(t, mount, { name: `mknod of a ${type}`, type, make: (as, path, mode) => as.mknod(path, nodeTypes[type] | mode) })
    }
  })
  await t.test('devices', async (t) => {
    const room = await mount.room({ mode: 0o777 })
    for (const type of devices) {
      // makedev(3): the low eight bits of each, then twelve more of the major and of the minor number.
      for (const [major, minor] of [[1, 2], [0, 0], [255, 255], [8, 300], [4095, 1_048_575]] as const) {
        const path = `${room}/${type}-${major}-${minor}`
        const number = ((minor & 0xff) | ((major & 0xfff) << 8)) + (minor >> 8) * 2 ** 20
        t.equal(await root.mknod(path, nodeTypes[type] | 0o640, number), 0)
        const made = await must(root.lstat(path))
        t.strictSame([made.type, made.mode, made.major, made.minor, made.size], [type, 0o640, major, minor, 0], `${type} ${major}:${minor}`)
        t.equal(await root.mknod(path, nodeTypes[type] | 0o777, device), 'EEXIST')
      }
      t.equal(await mount.as(user).mknod(`${room}/by-user`, nodeTypes[type] | 0o644, device), 'EPERM', `a ${type} by a user`)
    }
    t.equal(await mount.as(user).mknod(`${room}/whiteout`, nodeTypes.char, 0), 0, 'but for the one that stands for nothing')
    t.equal(await root.mknod(`${room}/directory`, 0o040755, 0), 'EPERM')
    t.equal(await root.mknod(`${room}/link`, 0o120777, 0), 'EINVAL')
    t.equal(await root.mknod(`${room}/plain`, 0o644, 0), 0)
    t.equal((await must(root.lstat(`${room}/plain`))).type, 'regular', 'no type is a regular file')
  })
  await t.test('paths', async (t) => {
    for (const type of [...plain, ...devices]) {
      const changesFolder = type === 'regular' || type === 'fifo' || type === 'socket'
      const number = changesFolder ? 0 : device
      // The right to make a device is asked for first: a user has not got it.
      if (changesFolder) await refusesPaths(t, mount, { name: `mknod of a ${type}`, call: (as, path) => as.mknod(path, nodeTypes[type] | 0o644, number), wants: 'nothing', follows: false, changesFolder })
      else {
        const room = await mount.room()
        await must(root.mknod(`${room}/file`, 0o100644))
        t.equal(await root.mknod(`${room}/file/last`, nodeTypes[type] | 0o644, number), 'ENOTDIR')
        t.equal(await root.mknod(`${room}/nothing/last`, nodeTypes[type] | 0o644, number), 'ENOENT')
        t.equal(await root.mknod(`${room}/${'n'.repeat(256)}`, nodeTypes[type] | 0o644, number), 'ENAMETOOLONG')
      }
    }
  })
})
