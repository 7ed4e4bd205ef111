// utimensat(2) and futimens(3): which times, to the nanosecond, and who may.
import t, { type Test } from 'tap'
import { at, openFlags, timeNow, timeOmit, type TimeArgument } from '../call-flags.js'
import { must, type Stat } from '../call-results.js'
import { fileTypes, makeFile, makeOwned, posixMount, stranger, superuser, user, whyNoPosixMount, type PosixMount } from '../posix-mount.js'
import { refusesPaths } from './path-errors.js'
import { changed, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const one: TimeArgument = [1_900_000_000, 123_456_789]
const two: TimeArgument = [1_950_000_000, 987_654_321]
const nanoseconds = ([sec, nsec]: TimeArgument): bigint => BigInt(sec) * 1_000_000_000n + BigInt(nsec)

t.test('utimensat', { skip }, async (t) => {
  const mount = await posixMount(t)

  await t.test('every type', async (t) => {
    const room = await mount.room()
    for (const type of fileTypes) {
      const path = `${room}/${type}`
      await makeFile(mount.root, type, path)
      const before = await must(mount.root.lstat(path))
      t.equal(await mount.root.utimens(path, one, two, at.symlinkNoFollow), 0)
      const after = await must(mount.root.lstat(path))
      t.strictSame([after.atime, after.mtime, after.btime], [nanoseconds(one), nanoseconds(two), before.btime], `a ${type}`)
      t.ok(after.ctime > before.ctime)
    }
  })
  await t.test('every moment is kept', async (t) => { await moments(t, mount) })
  await t.test('now, and as it is', async (t) => { await nowAndOmit(t, mount) })
  await t.test('through links', async (t) => {
    const { root } = mount
    const room = await mount.room()
    await makeFile(root, 'regular', `${room}/file`)
    await must(root.symlink('file', `${room}/link`))
    await must(root.utimens(`${room}/link`, [5, 5], [6, 6], at.symlinkNoFollow))
    t.equal(await root.utimens(`${room}/link`, one, two), 0)
    const [file, link] = [await must(root.stat(`${room}/file`)), await must(root.lstat(`${room}/link`))]
    t.strictSame([file.atime, file.mtime, link.mtime], [nanoseconds(one), nanoseconds(two), 6_000_000_006n])
    for (const wrong of [[0, 1_000_000_000], [0, -1]] as const) {
      t.equal(await root.utimens(`${room}/file`, wrong, one), 'EINVAL', `${wrong[1]} nanoseconds`)
      t.equal(await root.utimens(`${room}/file`, one, wrong), 'EINVAL', `${wrong[1]} nanoseconds`)
    }
    t.equal(await root.utimens(`${room}/file`, one, two, 0x4000), 'EINVAL', 'a flag that there is not')
  })
  await t.test('who may', async (t) => { await whoMay(t, mount) })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'utimensat', call: (as, path) => as.utimens(path === 0 ? 8 : path, one, two), wants: 'regular', follows: true, changesFolder: false })
    await refusesPaths(t, mount, { name: 'utimensat of a link', call: (as, path) => as.utimens(path === 0 ? 8 : path, one, two, at.symlinkNoFollow), wants: 'symlink', follows: false, changesFolder: false })
  })
})

async function moments(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const fd = await must(root.open(`${room}/file`, openFlags.create | openFlags.readWrite, 0o644))
  // Long before 1970 ext4 has no times; a vault keeps what 64 bits hold.
  const far: readonly TimeArgument[] = mount.vault === undefined ? [] : [[-5_000_000_000, 1], [100_000_000_000, 999_999_999]]
  const kept: readonly TimeArgument[] = [[0, 0], [0, 1], [1, 999_999_999], [-1, 999_999_999], [-1, 0], [-1_000_000_000, 5], [2_147_483_647, 1], [2_147_483_648, 2], [4_294_967_295, 3], [4_294_967_296, 4], ...far]
  for (const atime of kept) for (const mtime of kept) {
    t.equal(await root.utimens(`${room}/file`, atime, mtime), 0)
    const set = await must(root.stat(`${room}/file`))
    t.strictSame([set.atime, set.mtime], [nanoseconds(atime), nanoseconds(mtime)], `${atime.join('.')} and ${mtime.join('.')}`)
    t.equal(await root.futimens(fd, mtime, atime), 0)
    const again = await must(root.fstat(fd))
    t.strictSame([again.atime, again.mtime], [nanoseconds(mtime), nanoseconds(atime)], 'the other way round, of the open file')
  }
}

async function nowAndOmit(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const path = `${room}/file`
  await makeFile(root, 'regular', path)
  const values: readonly TimeArgument[] = [timeNow, timeOmit, one]
  for (const atime of values) for (const mtime of values) {
    await must(root.utimens(path, [1000, 1], [2000, 2]))
    const before = await must(root.stat(path))
    t.equal(await root.utimens(path, atime, mtime), 0)
    const after = await must(root.stat(path))
    const comes = (time: 'atime' | 'mtime', value: TimeArgument): boolean => {
      if (value === timeOmit) return after[time] === before[time]
      return value === timeNow ? isNow(after, time, before.ctime) : after[time] === nanoseconds(value)
    }
    const what = `${nameOf(atime)} and ${nameOf(mtime)}`
    t.ok(comes('atime', atime) && comes('mtime', mtime), what)
    // Omitting both changes nothing at all.
    t.equal(after.ctime > before.ctime, atime !== timeOmit || mtime !== timeOmit, `${what}: the time of change`)
  }
  await must(root.utimens(path, [1000, 1], [2000, 2]))
  const { ctime } = await must(root.stat(path))
  t.equal(await root.utimensNow(path), 0)
  const now = await must(root.stat(path))
  t.ok(isNow(now, 'atime', ctime) && isNow(now, 'mtime', ctime), 'no times at all: both now')
}

const isNow = (stat: Stat, time: 'atime' | 'mtime', since: bigint): boolean => stat[time] >= since && stat[time] < since + 600_000_000_000n
const nameOf = (time: TimeArgument): string => (time === timeNow ? 'now' : time === timeOmit ? 'omitted' : 'a moment')

async function whoMay(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  for (const owner of [superuser, user]) for (const caller of [superuser, user, stranger]) for (const mode of [0o644, 0o666, 0o444, 0o222, 0]) {
    const path = `${room}/${owner.uid}-${caller.uid}-${mode}`
    await makeOwned(mount, 'regular', path, owner)
    await must(root.chmod(path, mode))
    const owns = caller === superuser || caller === owner
    // Who may write may say that it is now, both at once, and nothing else.
    const touches = owns || (mode & 0o002) !== 0 ? 0 : 'EACCES'
    const sets = owns ? 0 : 'EPERM'
    const as = mount.as(caller)
    for (const [atime, mtime, outcome] of [[timeNow, timeNow, touches], [one, two, sets], [timeOmit, two, sets], [one, timeOmit, sets], [timeNow, timeOmit, sets], [timeOmit, timeOmit, 0]] as const) {
      const moves = outcome === 0 && !(atime === timeOmit && mtime === timeOmit)
      const before = await must(root.stat(path))
      t.equal(await as.utimens(path, atime, mtime), outcome, `${nameOf(atime)} and ${nameOf(mtime)} by ${caller.uid}, ${mode.toString(8)} of ${owner.uid}`)
      t.equal((await must(root.stat(path))).ctime > before.ctime, moves)
    }
    t.equal(await as.utimensNow(path), touches, `no times by ${caller.uid}, ${mode.toString(8)} of ${owner.uid}`)
  }
  await movesTimes(t, mount, 'refused', { call: () => mount.as(stranger).utimens(`${room}/0-0-420`, one, two), outcome: 'EPERM' }, [{ path: `${room}/0-0-420`, moves: untouched }])
  await movesTimes(t, mount, 'only the access time', { call: () => root.utimens(`${room}/0-0-420`, timeNow, timeOmit) }, [{ path: `${room}/0-0-420`, moves: ['atime', ...changed] }])
}
