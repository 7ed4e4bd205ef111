// POSIX access lists: what they grant, what the mask takes, what is inherited, and how they go with the mode. Set and
// read by setfacl(1) and getfacl(1) and as the kernel carries them.
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { openFlags } from './call-flags.js'
import { isErrno, must } from './call-results.js'
import { openAndClose } from './families/path-errors.js'
import { posixMount, stranger, superuser, user, whyNoPosixMount, type PosixMount } from './posix-mount.js'
import type { Identity } from './system-calls.js'

t.setTimeout(300_000)
const run = promisify(execFile)
const skip = whyNoPosixMount() !== false ? whyNoPosixMount() : spawnSync('setfacl', ['--version']).error === undefined ? false : 'no setfacl'
const access = 'system.posix_acl_access'
const defaults = 'system.posix_acl_default'
/** ACL_USER_OBJ and so on of <linux/posix_acl.h>. */
const tag = { owner: 1, user: 2, owningGroup: 4, group: 8, mask: 16, other: 32 } as const

function encoded(...entries: readonly (readonly [tag: number, permissions: number, id?: number])[]): Buffer {
  const value = Buffer.alloc(4 + entries.length * 8)
  value.writeUInt32LE(2)
  for (const [at, [kind, permissions, id = 0xffffffff]] of entries.entries()) {
    value.writeUInt16LE(kind, 4 + at * 8)
    value.writeUInt16LE(permissions, 6 + at * 8)
    value.writeUInt32LE(id, 8 + at * 8)
  }
  return value
}

t.test('access lists', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount
  const setfacl = async (...words: readonly string[]): Promise<void> => { await run('setfacl', words, { cwd: '/' }) }
  const getfacl = async (path: string): Promise<string[]> => (await run('getfacl', ['-pcn', path], { cwd: '/' })).stdout.split('\n').filter((line) => line !== '').map((line) => line.replace(/\s*#.*/, ''))

  await t.test('who is granted what', async (t) => { await granted(t, mount) })
  await t.test('the mode and the list say the same', async (t) => {
    const room = await mount.room()
    await must(root.mknod(`${room}/file`, 0o100640))
    await setfacl('-m', 'u:65534:rw,g:65533:r', `${room}/file`)
    t.strictSame(await getfacl(`${room}/file`), ['user::rw-', 'user:65534:rw-', 'group::r--', 'group:65533:r--', 'mask::rw-', 'other::---'])
    t.equal((await must(root.stat(`${room}/file`))).mode, 0o660, 'the group bits are the mask')
    await must(root.chmod(`${room}/file`, 0o604))
    t.strictSame(await getfacl(`${room}/file`), ['user::rw-', 'user:65534:rw-', 'group::r--', 'group:65533:r--', 'mask::---', 'other::r--'])
    t.equal(await openAndClose(mount.as(user), `${room}/file`, openFlags.writeOnly), 'EACCES', 'an empty mask takes what is granted by name')
    await must(root.chmod(`${room}/file`, 0o640))
    t.equal(await openAndClose(mount.as(user), `${room}/file`), 0)
    await setfacl('-b', `${room}/file`)
    t.equal(await root.getxattr(`${room}/file`, access), 'ENODATA')
    t.equal((await must(root.stat(`${room}/file`))).mode, 0o640)
    t.equal(await root.setxattr(`${room}/file`, access, encoded([tag.owner, 7], [tag.owningGroup, 5], [tag.other, 1])), 0)
    t.equal((await must(root.stat(`${room}/file`))).mode, 0o751, 'a list that says no more than a mode is one')
    t.equal(await root.getxattr(`${room}/file`, access), 'ENODATA')
  })
  await t.test('what is inherited', async (t) => {
    const room = await mount.room({ mode: 0o777 })
    await setfacl('-m', 'd:u:65534:rwx,d:g:65533:rx,d:o:-', room)
    await must(root.umask(0o077))
    await must(root.mkdir(`${room}/folder`, 0o777))
    await must(root.mkdir(`${room}/folder/deep`, 0o750))
    t.equal(await openAndClose(root, `${room}/file`, openFlags.create | openFlags.writeOnly, 0o666), 0)
    await must(root.mkfifo(`${room}/fifo`, 0o600))
    await must(root.symlink('file', `${room}/link`))
    await must(root.umask(0))
    t.strictSame((await getfacl(`${room}/file`)).slice(0, 6), ['user::rw-', 'user:65534:rwx', 'group::rwx', 'group:65533:r-x', 'mask::rw-', 'other::---'], 'not by the umask')
    t.equal((await must(root.stat(`${room}/file`))).mode, 0o660)
    t.equal((await must(root.stat(`${room}/folder`))).mode, 0o770)
    t.same(await root.getxattr(`${room}/folder`, defaults), await root.getxattr(room, defaults), 'a directory hands it on')
    t.same(await root.getxattr(`${room}/folder/deep`, defaults), await root.getxattr(room, defaults))
    t.equal((await must(root.stat(`${room}/folder/deep`))).mode, 0o750)
    t.equal((await must(root.stat(`${room}/fifo`))).mode, 0o600)
    t.equal((await must(root.lstat(`${room}/link`))).mode, 0o777)
    const fd = await must(root.open(room, openFlags.unnamed | openFlags.readWrite, 0o666))
    t.equal((await must(root.fstat(fd))).mode, 0o660, 'a nameless file too')
    await must(root.close(fd))
    await setfacl('-k', room)
    t.equal(await root.getxattr(room, defaults), 'ENODATA')
  })
  await t.test('refusals', async (t) => {
    const room = await mount.room({ mode: 0o777 })
    await must(root.mknod(`${room}/file`, 0o100666))
    const list = encoded([tag.owner, 7], [tag.user, 7, 65533], [tag.owningGroup, 5], [tag.mask, 7], [tag.other, 1])
    t.equal(await mount.as(stranger).setxattr(`${room}/file`, access, list), 'EPERM', 'who does not own it')
    t.equal(await root.setxattr(`${room}/file`, defaults, list), 'EACCES', 'a default list of a file')
    await must(root.symlink('file', `${room}/link`))
    t.equal(await root.setxattr(`${room}/link`, access, list, 0, false), 'EOPNOTSUPP', 'a list of a link')
    for (const [what, wrong] of [
      ['no owner', encoded([tag.owningGroup, 5], [tag.other, 1])], ['two others', encoded([tag.owner, 7], [tag.owningGroup, 5], [tag.other, 1], [tag.other, 1])],
      ['a name without a mask', encoded([tag.owner, 7], [tag.user, 7, 65533], [tag.owningGroup, 5], [tag.other, 1])], ['a permission that there is not', encoded([tag.owner, 8], [tag.owningGroup, 5], [tag.other, 1])],
      ['a tag that there is not', encoded([tag.owner, 7], [tag.owningGroup, 5], [tag.other, 1], [64, 1])],
    ] as const) t.equal(await root.setxattr(`${room}/file`, access, wrong), 'EINVAL', what)
    t.equal((await must(root.stat(`${room}/file`))).mode, 0o666)
    t.equal(await root.setxattr(`${room}/file`, access, list), 0)
    t.same(await root.getxattr(`${room}/file`, access), list)
  })
  await t.test('set-gid falls when the group is not one\'s own', async (t) => {
    const room = await mount.room({ mode: 0o777 })
    const list = encoded([tag.owner, 7], [tag.user, 7, 65533], [tag.owningGroup, 5], [tag.mask, 7], [tag.other, 1])
    for (const [caller, kept] of [[user, false], [{ uid: user.uid, gid: 7, groups: [9] }, true], [superuser, true]] as const satisfies readonly (readonly [Identity, boolean])[]) {
      const path = `${room}/${caller.uid}-${caller.gid}`
      await must(root.mknod(path, 0o100755))
      await must(root.chown(path, user.uid, 9))
      await must(root.chmod(path, 0o2755))
      t.equal(await mount.as(caller).setxattr(path, access, list), 0)
      t.equal(((await must(root.stat(path))).mode & 0o2000) !== 0, kept, `${caller.uid}:${caller.gid}`)
    }
  })
  await t.test('kept, published, and read from the past', async (t) => {
    const room = await mount.room()
    await must(root.mknod(`${room}/file`, 0o100640))
    await setfacl('-m', 'u:65534:r', `${room}/file`)
    const before = await must(root.getxattr(`${room}/file`, access))
    if (mount.vault === undefined) return
    const state = await mount.vault.publish()
    await setfacl('-b', `${room}/file`)
    const past = `${mount.folder}/.versions/${state}/${room.slice(mount.folder.length + 1)}/file`
    t.same(await root.getxattr(past, access), before)
    t.equal(await openAndClose(mount.as(user), past), 0, 'and it grants, there')
    t.equal(await openAndClose(mount.as(user), `${room}/file`), 'EACCES', 'but not here any more')
  })
})

/**
 * acl(5), the access check: the first class that fits decides. But Linux looks at no list whose mask grants nothing
 * (acl_permission_check of fs/namei.c): whoever neither owns the file nor belongs to its group is then anybody else.
 */
async function granted(t: Test, mount: PosixMount): Promise<void> {
  const { root } = mount
  const room = await mount.room({ mode: 0o777 })
  const path = `${room}/file`
  await must(root.mknod(path, 0o100000))
  const lists: readonly { readonly named: number; readonly group: number; readonly mask: number }[] = [0, 2, 4, 6].flatMap((named) => [0, 4, 6].flatMap((group) => [0, 4, 6].map((mask) => ({ named, group, mask }))))
  const callers = [
    { who: 'the owner', as: { uid: 65000, gid: 65533 }, may: () => 6 },
    { who: 'a named user', as: { uid: 65534, gid: 65533 }, may: ({ named, mask }: { named: number; mask: number }) => (mask === 0 ? 4 : named & mask) },
    { who: 'a member of a named group', as: { uid: 65001, gid: 65533 }, may: ({ group, mask }: { group: number; mask: number }) => (mask === 0 ? 4 : group & mask) },
    { who: 'a member of it besides', as: { uid: 65001, gid: 65002, groups: [65533] }, may: ({ group, mask }: { group: number; mask: number }) => (mask === 0 ? 4 : group & mask) },
    { who: 'anybody else', as: { uid: 65001, gid: 65001 }, may: () => 4 },
  ] as const
  for (const list of lists) {
    await must(root.chown(path, 65000, 65100))
    t.equal(await root.setxattr(path, access, encoded([tag.owner, 6], [tag.user, list.named, 65534], [tag.owningGroup, 0], [tag.group, list.group, 65533], [tag.mask, list.mask], [tag.other, 4])), 0)
    for (const { who, as, may } of callers) for (const [flags, needs] of [[openFlags.readOnly, 4], [openFlags.writeOnly, 2], [openFlags.readWrite, 6]] as const) {
      const outcome = await openAndClose(mount.as(as), path, flags)
      t.equal(isErrno(outcome) ? outcome : 0, (may(list) & needs) === needs ? 0 : 'EACCES', `${who}, access ${flags}, ${JSON.stringify(list)}`)
    }
  }
}
