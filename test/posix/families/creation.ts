// What every call that makes a name has in common: mode and umask, owner and group, times, and that a name is taken.
import type { Test } from 'tap'
import { must, type FileType } from '../call-results.js'
import { fileTypes, makeFile, removeFile, stranger, superuser, user, type PosixMount } from '../posix-mount.js'
import type { Identity, SystemCalls } from '../system-calls.js'
import { modified, movesTimes, isNew } from './times-moved.js'

export interface Creation {
  readonly name: string
  readonly type: FileType
  make(as: SystemCalls, path: string, mode: number): Promise<unknown>
}

/** A link's mode is its own. */
const hasModes = ({ type }: Creation): boolean => type !== 'symlink'

export async function creates(t: Test, mount: PosixMount, creation: Creation): Promise<void> {
  if (hasModes(creation)) await modes(t, mount, creation)
  await owners(t, mount, creation)
  await times(t, mount, creation)
  await taken(t, mount, creation)
}

async function modes(t: Test, mount: PosixMount, { name, type, make }: Creation): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const path = `${room}/made`
  for (const umask of [0, 0o022, 0o077, 0o070, 0o501, 0o777]) for (const mode of [0, 0o755, 0o644, 0o151, 0o345, 0o777, 0o1755, 0o6755]) {
    await must(root.umask(umask))
    t.equal(await make(root, path, mode), 0)
    const made = await must(root.lstat(path))
    // mkdir(2) takes permissions and the sticky bit; what set-id bits would mean there is set by chmod(2) only.
    const wanted = (type === 'directory' ? mode & 0o1777 : mode) & ~umask
    t.strictSame([made.type, made.mode.toString(8)], [type, wanted.toString(8)], `${name} of ${mode.toString(8)} under ${umask.toString(8)}`)
    await removeFile(root, path)
  }
  await must(root.umask(0))
}

async function owners(t: Test, mount: PosixMount, { name, type, make }: Creation): Promise<void> {
  const { root } = mount
  const callers: readonly Identity[] = [superuser, user, stranger, { uid: 65534, gid: 65533, groups: [65532] }]
  for (const folderMode of [0o777, 0o2777, 0o3777]) for (const folderGid of [0, 65532]) {
    const room = await mount.room()
    await must(root.chown(room, 5, folderGid))
    await must(root.chmod(room, folderMode))
    for (const caller of callers) {
      const path = `${room}/made`
      t.equal(await make(mount.as(caller), path, 0o644), 0)
      const made = await must(root.lstat(path))
      const inherits = (folderMode & 0o2000) !== 0
      const what = `${name} by ${caller.uid}:${caller.gid} in a folder ${folderMode.toString(8)} of group ${folderGid}`
      t.strictSame([made.uid, made.gid], [caller.uid, inherits ? folderGid : caller.gid], what)
      if (type !== 'symlink') t.equal(made.mode & 0o7000, inherits && type === 'directory' ? 0o2000 : 0, `${what}: set-gid goes on in directories`)
      await removeFile(root, path)
    }
  }
}

async function times(t: Test, mount: PosixMount, { name, make }: Creation): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const { ctime } = await must(root.stat(room))
  await movesTimes(t, mount, name, { call: () => make(root, `${room}/made`, 0o755) }, [{ path: room, moves: modified }])
  t.ok(isNew(await must(root.lstat(`${room}/made`)), ctime), `${name}: all its times are the moment`)
}

async function taken(t: Test, mount: PosixMount, { name, make }: Creation): Promise<void> {
  const { root } = mount
  for (const type of fileTypes) {
    const room = await mount.room()
    await makeFile(root, type, `${room}/made`)
    const before = [await root.lstat(`${room}/made`), await root.stat(room)]
    t.equal(await make(root, `${room}/made`, 0o755), 'EEXIST', `${name} where there is a ${type}`)
    t.strictSame([await root.lstat(`${room}/made`), await root.stat(room)], before, `${name} where there is a ${type}: it is as it was`)
  }
}
