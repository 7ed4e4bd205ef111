// chown(2), lchown(2) and fchown(2): who may give away what, and what a file loses by it.
import t, { type Test } from 'tap'
import { openFlags } from '../call-flags.js'
import { must, type FileType } from '../call-results.js'
import { fileTypes, makeFile, makeOwned, posixMount, stranger, superuser, user, whyNoPosixMount, type PosixMount } from '../posix-mount.js'
import type { Identity, SystemCalls } from '../system-calls.js'
import { refusesPaths } from './path-errors.js'
import { changed, movesTimes, untouched } from './times-moved.js'

t.setTimeout(300_000)
const skip = whyNoPosixMount()
const same = -1
/** Of the groups 65532 (its own) and 65531. */
const member: Identity = { uid: user.uid, gid: 65532, groups: [65531] }

t.test('chown', { skip }, async (t) => {
  const mount = await posixMount(t)

  await t.test('the superuser gives away everything', async (t) => { await givenAway(t, mount) })
  await t.test('owners and groups: who may', async (t) => { await whoMay(t, mount) })
  await t.test('set-id bits and capabilities fall', async (t) => { await bitsFall(t, mount) })
  await t.test('times', async (t) => { await times(t, mount) })
  await t.test('paths', async (t) => {
    await refusesPaths(t, mount, { name: 'chown', call: (as, path) => as.chown(path, same, 65534), wants: 'regular', follows: true, changesFolder: false })
    await refusesPaths(t, mount, { name: 'chown of a directory', call: (as, path) => as.chown(path, same, 65534), wants: 'directory', follows: true, changesFolder: false })
    await refusesPaths(t, mount, { name: 'lchown', call: (as, path) => as.lchown(path, same, 65534), wants: 'symlink', follows: false, changesFolder: false })
    t.equal(await mount.root.fchown(999, 1, 1), 'EBADF')
  })
})

async function owner(mount: PosixMount, path: string): Promise<string> {
  const { uid, gid } = await must(mount.root.lstat(path))
  return `${uid}:${gid}`
}

async function givenAway(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  for (const type of fileTypes) {
    const path = `${room}/${type}`
    await makeFile(root, type, path)
    t.equal(await owner(mount, path), '0:0')
    for (const [uid, gid, comes] of [[123, 456, '123:456'], [same, 7, '123:7'], [9, same, '9:7'], [same, same, '9:7'], [4_294_967_294, 4_000_000_000, '4294967294:4000000000'], [0, 0, '0:0']] as const) {
      t.equal(await root.lchown(path, uid, gid), 0)
      t.equal(await owner(mount, path), comes, `lchown of a ${type} to ${uid}:${gid}`)
    }
    if (type === 'symlink') continue
    t.equal(await root.chown(path, 12, 34), 0)
    t.equal(await owner(mount, path), '12:34', `chown of a ${type}`)
    await must(root.symlink(path, `${path}-link`))
    t.equal(await root.chown(`${path}-link`, 56, 78), 0)
    t.strictSame([await owner(mount, path), await owner(mount, `${path}-link`)], ['56:78', '0:0'], `a ${type} through a link`)
    t.equal(await root.lchown(`${path}-link`, 1, 2), 0)
    t.strictSame([await owner(mount, path), await owner(mount, `${path}-link`)], ['56:78', '1:2'], `a link to a ${type}`)
    if (type !== 'regular' && type !== 'directory') continue
    const fd = await must(root.open(path, openFlags.readOnly))
    t.equal(await root.fchown(fd, 90, 91), 0)
    t.equal(await owner(mount, path), '90:91', `an open ${type}`)
    await must(root.close(fd))
  }
}

async function whoMay(t: Test, mount: PosixMount): Promise<void> {
  const room = await mount.room()
  const ways: readonly { readonly name: string; readonly types: readonly FileType[]; change(as: SystemCalls, path: string, uid: number, gid: number): Promise<unknown> }[] = [
    { name: 'chown', types: fileTypes.filter((type) => type !== 'symlink'), change: (as, path, uid, gid) => as.chown(path, uid, gid) },
    { name: 'lchown', types: fileTypes, change: (as, path, uid, gid) => as.lchown(path, uid, gid) },
  ]
  const callers: readonly Identity[] = [superuser, member, stranger, { uid: stranger.uid, gid: 65532, groups: [65531] }]
  const asked = [same, 65534, 65533, 65532, 65531, 0]
  for (const { name, types, change } of ways) for (const type of types) {
    const path = `${room}/${name}-${type}`
    await makeFile(mount.root, type, path)
    for (const caller of callers) for (const uid of [same, user.uid, stranger.uid]) for (const gid of asked) {
      await must(mount.root.lchown(path, user.uid, 65533))
      const owns = caller.uid === user.uid
      const belongs = gid === caller.gid || caller.groups?.includes(gid) === true
      // An owner may name himself, and a group that he is in or that it has already; -1 asks for nothing.
      const may = caller.uid === 0 || ((uid === same || (owns && uid === user.uid)) && (gid === same || (owns && (belongs || gid === 65533))))
      const what = `${name} of a ${type} of 65534:65533 to ${uid}:${gid} by ${caller.uid}:${caller.gid}`
      t.equal(await change(mount.as(caller), path, uid, gid), may ? 0 : 'EPERM', what)
      const comes = may ? `${uid === same ? user.uid : uid}:${gid === same ? 65533 : gid}` : '65534:65533'
      t.equal(await owner(mount, path), comes, what)
    }
  }
}

async function bitsFall(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const types = fileTypes.filter((type) => type !== 'symlink')
  for (const type of types) for (const caller of [superuser, member]) for (const mode of [0o6555, 0o4711, 0o2755, 0o6745, 0o1777]) {
    for (const [uid, gid] of [[user.uid, 65531], [same, 65531], [user.uid, same], [same, same]] as const) {
      const path = `${room}/${type}`
      await makeOwned(mount, type, path, { uid: user.uid, gid: 65532 })
      await must(root.chmod(path, mode))
      t.equal(await mount.as(caller).chown(path, uid, gid), 0)
      const left = type === 'directory' ? mode : mode & ~0o4000 & ((mode & 0o010) === 0 ? ~0 : ~0o2000)
      t.equal((await must(root.stat(path))).mode.toString(8), left.toString(8), `a ${type} of ${mode.toString(8)}, to ${uid}:${gid} by ${caller.uid}`)
      await must(type === 'directory' ? root.rmdir(path) : root.unlink(path))
    }
  }
  await must(root.mknod(`${room}/program`, 0o100755))
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex')
  await must(root.setxattr(`${room}/program`, 'security.capability', capability))
  t.same(await root.getxattr(`${room}/program`, 'security.capability'), capability)
  t.equal(await root.chown(`${room}/program`, 65534, same), 0)
  t.equal(await root.getxattr(`${room}/program`, 'security.capability'), 'ENODATA')
}

async function times(t: Test, mount: PosixMount): Promise<void> {
  const room = await mount.room()
  for (const type of fileTypes) {
    const path = `${room}/${type}`
    await makeOwned(mount, type, path, user)
    const watched = [{ path, moves: changed }, { path: room, moves: untouched }]
    await movesTimes(t, mount, `lchown of a ${type}`, { call: () => mount.root.lchown(path, 65534, 65533) }, watched)
    await movesTimes(t, mount, `lchown of a ${type} to what it has`, { call: () => mount.root.lchown(path, 65534, 65533) }, watched)
    await movesTimes(t, mount, `lchown of a ${type} by its owner`, { call: () => mount.as(member).lchown(path, same, 65531) }, watched)
    for (const caller of [superuser, stranger]) {
      // Linux moves it even then; POSIX leaves it free.
      await movesTimes(t, mount, `lchown of a ${type} to nothing by ${caller.uid}`, { call: () => mount.as(caller).lchown(path, same, same) }, watched)
    }
    await movesTimes(t, mount, `lchown of a ${type} that is refused`, { call: () => mount.as(stranger).lchown(path, 65533, same), outcome: 'EPERM' }, [{ path, moves: untouched }])
  }
}
