// chmod(2) and fchmod(2): permissions, sticky and set-id bits, and who may change them.
import t, { type Test } from 'tap'
import { openFlags } from '../call-flags.js'
import { isErrno, must, type FileType } from '../call-results.js'
import { fileTypes, makeFile, makeOwned, posixMount, stranger, superuser, user, whyNoPosixMount, type PosixMount } from '../posix-mount.js'
import type { Identity, SystemCalls } from '../system-calls.js'
import { refusesPaths } from './path-errors.js'
import { changed, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const types = fileTypes.filter((type) => type !== 'symlink')

t.test('chmod', { skip }, async (t) => {
  const mount = await posixMount(t)

  await t.test('every mode, on every type, through links and on open files', async (t) => {
    await everyMode(t, mount)
  })
  await t.test('times', async (t) => {
    const room = await mount.room()
    for (const type of types) {
      const path = `${room}/${type}`
      await makeFile(mount.root, type, path)
      await movesTimes(t, mount, `chmod of a ${type}`, { call: () => mount.root.chmod(path, 0o111) }, [{ path, moves: changed }, { path: room, moves: untouched }])
      await movesTimes(t, mount, `a chmod of a ${type} that is refused`, { call: () => mount.as(user).chmod(path, 0o100), outcome: 'EPERM' }, [{ path, moves: untouched }])
    }
  })
  await t.test('owners', async (t) => {
    const room = await mount.room()
    const callers: readonly Identity[] = [superuser, user, stranger, { uid: 65533, gid: 65534 }, { uid: 65534, gid: 65533 }]
    for (const type of types) for (const owner of [superuser, user, stranger]) for (const caller of callers) {
      const path = `${room}/${type}-${owner.uid}-${caller.uid}-${caller.gid}`
      await makeOwned(mount, type, path, owner)
      const may = caller.uid === 0 || caller.uid === owner.uid
      const what = `${caller.uid}:${caller.gid} and a ${type} of ${owner.uid}`
      t.equal(await mount.as(caller).chmod(path, 0o642), may ? 0 : 'EPERM', what)
      t.equal((await must(mount.root.lstat(path))).mode === 0o642, may, `${what}: its mode`)
      await must(mount.root.symlink(path, `${path}-link`))
      t.equal(await mount.as(caller).chmod(`${path}-link`, 0o421), may ? 0 : 'EPERM', `${what}, through a link`)
    }
  })
  await t.test('set-gid for those who belong to the group only', async (t) => {
    const room = await mount.room()
    const groups: readonly { readonly caller: Identity; readonly belongs: boolean }[] = [
      { caller: user, belongs: true },
      { caller: { uid: user.uid, gid: 65533 }, belongs: false },
      { caller: { uid: user.uid, gid: 65533, groups: [user.gid] }, belongs: true },
      { caller: { uid: user.uid, gid: 65533, groups: [65532, 65531] }, belongs: false },
      { caller: superuser, belongs: true },
    ]
    for (const [at, { caller, belongs }] of groups.entries()) for (const type of types) for (const asked of [0o2755, 0o2745, 0o6755, 0o3755]) {
      const path = `${room}/${at}-${type}-${asked.toString(8)}`
      await makeOwned(mount, type, path, user)
      t.equal(await mount.as(caller).chmod(path, asked), 0)
      const kept = belongs ? asked : asked & ~0o2000
      t.equal((await must(mount.root.stat(path))).mode.toString(8), kept.toString(8), `${asked.toString(8)} of a ${type} by ${JSON.stringify(caller)}`)
    }
  })
  await t.test('set-id bits fall with a write, but not of those who may keep them', async (t) => {
    await fallsWithWrite(t, mount)
  })
  await t.test('paths', async (t) => {
    for (const wants of ['regular', 'directory'] as const satisfies readonly FileType[]) {
      await refusesPaths(t, mount, { name: `chmod of a ${wants}`, call: (as, path) => as.chmod(path, 0o620), wants, follows: true, changesFolder: false })
    }
    t.equal(await mount.root.fchmod(999, 0o644), 'EBADF')
  })
})

async function everyMode(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  for (const type of types) {
    const path = `${room}/${type}`
    await makeFile(root, type, path)
    await must(root.symlink(path, `${path}-link`))
    const link = await must(root.lstat(`${path}-link`))
    // Each bit alone and each missing, and what programs ask for.
    const bits = Array.from({ length: 12 }, (_, at) => 1 << at)
    for (const mode of [...bits, ...bits.map((bit) => 0o7777 & ~bit), 0, 0o7777, 0o644, 0o755, 0o1777, 0o2775, 0o4755]) {
      t.equal(await root.chmod(path, mode), 0)
      const { type: kept, mode: set } = await must(root.stat(path))
      t.strictSame([kept, set], [type, mode], `${mode.toString(8)} of a ${type}`)
    }
    t.equal(await root.chmod(`${path}-link`, 0o222), 0)
    t.equal((await must(root.stat(path))).mode, 0o222, `a ${type} through a link`)
    t.equal((await must(root.lstat(`${path}-link`))).ctime, link.ctime, 'the link itself is as it was')
    if (type === 'socket' || type === 'block' || type === 'char') continue
    const fd = await must(root.open(path, openFlags.readOnly | openFlags.nonBlocking))
    t.equal(await root.fchmod(fd, 0o4711), 0)
    t.equal((await must(root.fstat(fd))).mode, 0o4711, `an open ${type}`)
    t.equal((await must(root.stat(path))).mode, 0o4711, `an open ${type}, by its name`)
    await must(root.close(fd))
  }
}

async function fallsWithWrite(t: Test, mount: PosixMount): Promise<void> {
  const room = await mount.room()
  const source = await must(mount.root.open(`${room}/source`, openFlags.create | openFlags.writeOnly, 0o644))
  await must(mount.root.write(source, 'some bytes'))
  const writes: readonly { readonly name: string; write(as: SystemCalls, path: string): Promise<unknown> }[] = [
    { name: 'write', write: (as, path) => opened(as, path, (fd) => as.write(fd, 'x')) },
    { name: 'pwrite far behind the end', write: (as, path) => opened(as, path, (fd) => as.pwrite(fd, 'x', 100_000)) },
    { name: 'ftruncate', write: (as, path) => opened(as, path, (fd) => as.ftruncate(fd, 7)) },
    { name: 'truncate', write: (as, path) => as.truncate(path, 7) },
    { name: 'open with O_TRUNC', write: (as, path) => as.open(path, openFlags.writeOnly | openFlags.truncate) },
    { name: 'fallocate', write: (as, path) => opened(as, path, (fd) => as.fallocate(fd, 0, 0, 4096)) },
    { name: 'copy_file_range', write: (as, path) => opened(as, path, (fd) => copyInto(as, `${room}/source`, fd)) },
    { name: 'O_DIRECT', write: (as, path) => opened(as, path, (fd) => as.writeDirect(fd, Buffer.alloc(4096, 'x'), 0), openFlags.direct) },
  ]
  for (const { name, write } of writes) for (const mode of [0o4777, 0o2777, 0o6777, 0o6776, 0o6767, 0o2767]) {
    const path = `${room}/${name.replaceAll(' ', '-')}-${mode.toString(8)}`
    for (const caller of [user, superuser]) {
      await must(mount.root.open(path, openFlags.create | openFlags.writeOnly, 0o644))
      await must(mount.root.chmod(path, mode))
      t.notOk(isErrno(await write(mount.as(caller), path)), `${name}: done`)
      // Set-gid without group execution grants nothing; Linux takes it from a file whose group the writer is not in, which
      // a FUSE driver is not told.
      const staysSetGid = (mode & 0o010) === 0 && mount.vault !== undefined
      const left = caller === superuser ? mode : mode & ~0o4000 & (staysSetGid ? ~0 : ~0o2000)
      t.equal((await must(mount.root.stat(path))).mode.toString(8), left.toString(8), `${name} to ${mode.toString(8)} by ${caller.uid}`)
    }
  }
}

async function opened(as: SystemCalls, path: string, work: (fd: number) => Promise<unknown>, flags = 0): Promise<unknown> {
  const fd = await must(as.open(path, openFlags.writeOnly | flags))
  const outcome = await work(fd)
  await must(as.close(fd))
  return outcome
}

async function copyInto(as: SystemCalls, source: string, to: number): Promise<unknown> {
  const from = await must(as.open(source, openFlags.readOnly))
  const outcome = await as.copyFileRange(from, null, to, null, 1)
  await must(as.close(from))
  return outcome
}
