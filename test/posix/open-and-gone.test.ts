// Whoever has something open keeps it: replaced by rename, unlinked, removed, or moved elsewhere.
import t from 'tap'
import { openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { posixMount, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { create, readWrite, readOnly, writeOnly } = openFlags

t.test('what is open', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount
  const other = mount.process()
  const written = async (path: string, content: string): Promise<void> => {
    const fd = await must(root.open(path, create | writeOnly, 0o644))
    await must(root.write(fd, content))
    await must(root.close(fd))
  }

  await t.test('a file that another one replaces', async (t) => {
    const room = await mount.room()
    await written(`${room}/file`, 'old content')
    await written(`${room}/new`, 'new')
    const fd = await must(root.open(`${room}/file`, readWrite))
    const before = await must(root.fstat(fd))
    t.equal(await other.rename(`${room}/new`, `${room}/file`), 0)
    const after = await must(root.fstat(fd))
    t.strictSame([after.ino, after.size, after.nlink, after.mtime, after.btime], [before.ino, 11, 0, before.mtime, before.btime])
    t.same(await root.pread(fd, 100, 0), Buffer.from('old content'))
    t.equal(await root.pwrite(fd, 'OLD', 0), 3)
    t.equal(await root.ftruncate(fd, 5), 0)
    t.equal(await root.fchmod(fd, 0o600), 0)
    t.equal(await root.fsync(fd), 0)
    t.same(await root.pread(fd, 100, 0), Buffer.from('OLD c'))
    t.equal((await must(root.fstat(fd))).mode, 0o600)
    t.same(await root.pread(await must(root.open(`${room}/file`, readOnly)), 100, 0), Buffer.from('new'), 'the name is the new one')
    t.equal((await must(root.stat(`${room}/file`))).mode, 0o644)
    await must(root.close(fd))
  })
  await t.test('a file whose every name goes, while two have it open', async (t) => {
    const room = await mount.room()
    await written(`${room}/file`, 'x'.repeat(300_000))
    const [fd, second] = [await must(root.open(`${room}/file`, readOnly)), await must(other.open(`${room}/file`, readWrite))]
    await must(root.unlink(`${room}/file`))
    if (mount.vault !== undefined) await mount.vault.publish()
    await must(other.pwrite(second, 'yy', 200_000))
    t.same((await must(root.pread(fd, 4, 199_999))), Buffer.from('xyyx'), 'what one writes the other reads')
    await must(other.close(second))
    t.equal((await must(root.pread(fd, 300_000, 0))).length, 300_000)
    t.equal((await must(root.fstat(fd))).nlink, 0)
    const proc = await must(root.open(`/proc/self/fd/${fd}`, readOnly))
    t.same(await root.pread(proc, 2, 200_000), Buffer.from('yy'), 'opened again by its place in /proc')
    for (const one of [fd, proc]) await must(root.close(one))
  })
  await t.test('a directory that is removed', async (t) => {
    const room = await mount.room()
    await must(root.mkdir(`${room}/folder`))
    const fd = await must(root.open(`${room}/folder`, readOnly))
    await must(other.chdir(`${room}/folder`))
    await must(root.rmdir(`${room}/folder`))
    t.match(await root.fstat(fd), { type: 'directory', nlink: 0 })
    t.equal(await root.getdents(fd, 4096), 'ENOENT', 'nothing in it, not even the dots')
    t.equal(await root.openat(fd, 'file', create | writeOnly, 0o644), 'ENOENT')
    t.equal(await other.mkdir('sub'), 'ENOENT', 'nothing can be made in it by whoever is there')
    t.equal(await other.link(`${room}/x`, 'y'), 'ENOENT')
    t.equal(await other.stat('x'), 'ENOENT')
    t.match(await other.stat('.'), { nlink: 0 })
    t.match(await other.stat('..'), { ino: (await must(root.stat(room))).ino }, 'it still knows where it was')
    t.equal(await root.fchmod(fd, 0o700), 0)
    await must(root.mkdir(`${room}/folder`))
    t.not((await must(root.stat(`${room}/folder`))).ino, (await must(root.fstat(fd))).ino)
    t.equal(await root.rename(`${room}/folder`, `${room}/again`), 0)
    await must(other.chdir('/'))
    await must(root.close(fd))
  })
  await t.test('a directory that another one replaces, and one that moves', async (t) => {
    const room = await mount.room()
    for (const name of ['old', 'new', 'new/inside', 'elsewhere']) await must(root.mkdir(`${room}/${name}`))
    const fd = await must(root.open(`${room}/old`, readOnly))
    const moving = await must(root.open(`${room}/new`, readOnly))
    await must(root.rename(`${room}/new`, `${room}/old`))
    t.equal((await must(root.fstat(fd))).nlink, 0)
    t.equal(await root.openat(fd, 'x', create | writeOnly, 0o644), 'ENOENT')
    await must(root.rename(`${room}/old`, `${room}/elsewhere/deep`))
    const made = await must(root.openat(moving, 'file', create | writeOnly, 0o644))
    await must(root.close(made))
    t.equal((await must(root.stat(`${room}/elsewhere/deep/file`))).type, 'regular', 'who has it open works in it, wherever it is')
    t.equal((await must(root.stat(`${room}/elsewhere/deep/inside`))).type, 'directory')
  })
  await t.test('handles lead to what is there, by whatever name, and to nothing when it is gone', async (t) => {
    const room = await mount.room()
    await written(`${room}/file`, 'content')
    const place = await must(root.open(mount.folder, readOnly))
    const handle = await must(root.nameToHandle(`${room}/file`))
    const folder = await must(root.nameToHandle(room))
    await must(root.rename(`${room}/file`, `${room}/renamed`))
    const fd = await must(root.openByHandle(place, handle, readOnly))
    t.same(await root.read(fd, 100), Buffer.from('content'))
    t.equal((await must(root.fstat(await must(root.openByHandle(place, folder, readOnly))))).type, 'directory')
    await must(root.close(fd))
    await must(root.unlink(`${room}/renamed`))
    // The kernel holds the file until its release, for which nobody waits, was answered.
    let again = await root.openByHandle(place, handle, readOnly)
    for (let attempt = 0; typeof again === 'number' && attempt < 100; attempt++) {
      await must(root.close(again))
      await new Promise((resolve) => setTimeout(resolve, 50))
      again = await root.openByHandle(place, handle, readOnly)
    }
    t.equal(again, 'ESTALE')
  })
})
