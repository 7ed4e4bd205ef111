// Times: birth, nanoseconds, before 1970; what moves them and what does not. Reading never does (noatime).
import t from 'tap'
import { mapFlag, mapProtection, openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { changed, isNew, modified, movesTimes, untouched } from './families/times-moved.js'
import { fileTypes, makeFile, posixMount, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const { create, readWrite, readOnly, append } = openFlags

t.test('times', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount

  await t.test('birth', async (t) => {
    const room = await mount.room()
    for (const type of fileTypes) {
      const path = `${room}/${type}`
      const { ctime } = await must(root.stat(room))
      await makeFile(root, type, path)
      const made = await must(root.lstat(path))
      // A socket's mode is set after it was made. The clock of another filesystem may be too coarse to tell.
      t.ok(type === 'socket' || mount.vault === undefined || isNew(made, ctime), `a ${type} is born with its first change`)
      await must(root.lchown(path, 1, 1))
      await must(root.utimens(path, [1, 1], [2, 2], 0x100))
      await must(root.rename(path, `${path}-moved`))
      t.equal((await must(root.lstat(`${path}-moved`))).btime, made.btime, `a ${type}: nothing moves it`)
    }
  })
  await t.test('what is written, read and mapped', async (t) => {
    const room = await mount.room()
    const path = `${room}/file`
    const fd = await must(root.open(path, create | readWrite, 0o644))
    const file = (moves: typeof changed) => [{ path, moves }, { path: room, moves: untouched }]
    const done = (call: () => Promise<unknown>, outcome: unknown = 0) => ({ call, outcome })
    await movesTimes(t, mount, 'write', done(() => root.write(fd, 'x'.repeat(5000)), 5000), file(modified))
    await movesTimes(t, mount, 'pwrite over it', done(() => root.pwrite(fd, 'y', 0), 1), file(modified))
    await movesTimes(t, mount, 'write of nothing', done(() => root.pwrite(fd, '', 0), 0), file(untouched))
    await movesTimes(t, mount, 'fsync', done(() => root.fsync(fd)), file(untouched))
    await movesTimes(t, mount, 'close', done(async () => await root.close(await must(root.open(path, readWrite | append)))), file(untouched))
    await must(root.utimens(path, [1000, 5], [2000, 6]))
    const old = await must(root.stat(path))
    await must(root.pread(fd, 5000, 0))
    const reading = await must(root.open(path, readOnly | openFlags.direct))
    await must(root.readDirect(reading, 4096, 0))
    await must(root.getdents(await must(root.open(room, readOnly)), 32_768))
    if (mount.vault !== undefined) t.strictSame(await root.stat(path), old, 'reading leaves all four as they are')
    const map = await must(root.map(fd, 4096, mapFlag.shared, mapProtection.read | mapProtection.write))
    await must(root.mapWrite(map, 0, 'mapped'))
    await must(root.msync(map))
    t.ok((await must(root.stat(path))).mtime > old.ctime, 'a store through a mapping moves it by msync')
    await must(root.unmap(map))
  })
  await t.test('attributes move the time of change only', async (t) => {
    const room = await mount.room()
    const path = `${room}/file`
    await makeFile(root, 'regular', path)
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      setxattr: () => root.setxattr(path, 'user.a', Buffer.from('1')), 'setxattr of the same': () => root.setxattr(path, 'user.a', Buffer.from('1')),
      removexattr: () => root.removexattr(path, 'user.a'), chmod: () => root.chmod(path, 0o600), chown: () => root.chown(path, 1, 1), link: () => root.link(path, `${room}/other`),
    }
    if (mount.vault === undefined) return
    for (const [name, call] of Object.entries(calls)) await movesTimes(t, mount, name, { call }, [{ path, moves: changed }])
    await movesTimes(t, mount, 'removexattr of what is not there', { call: () => root.removexattr(path, 'user.a'), outcome: 'ENODATA' }, [{ path, moves: untouched }])
  })
  await t.test('they are kept, published and read anew', async (t) => {
    const room = await mount.room()
    const set = [[-123_456_789, 987_654_321], [1, 1], [4_294_967_296, 999_999_999]] as const
    for (const [at, time] of set.entries()) {
      await makeFile(root, 'regular', `${room}/${at}`)
      await must(root.utimens(`${room}/${at}`, time, set[(at + 1) % 3] ?? time))
    }
    const before = []
    for (const at of set.keys()) before.push(await must(root.stat(`${room}/${at}`)))
    if (mount.vault === undefined) return
    const state = await mount.vault.publish()
    for (const [at, stat] of before.entries()) {
      t.strictSame(await root.stat(`${room}/${at}`), stat)
      const past = await must(root.stat(`${mount.folder}/.versions/${state}/${room.slice(mount.folder.length + 1)}/${at}`))
      t.strictSame([past.atime, past.btime, past.ctime, past.mtime], [stat.atime, stat.btime, stat.ctime, stat.mtime], 'and in the past')
    }
  })
})
