// What every call that takes a path must refuse, in the same words: each family names its calls, and they are held
// against the same table. A refused call leaves the folder and what is in it as they were.
import type { Test } from 'tap'
import { openFlags } from '../call-flags.js'
import { badAddresses, isErrno, must, type FileType, type PathArgument } from '../call-results.js'
import { longPath, makeFile, makeOwned, noWays, removeFile, superuser, user, type PosixMount } from '../posix-mount.js'
import type { SystemCalls } from '../system-calls.js'

export interface PathCall {
  readonly name: string
  call(as: SystemCalls, path: PathArgument, room: string): Promise<unknown>
  /** What has to be there for it to succeed: nothing of that name, or such a file. */
  readonly wants: 'nothing' | FileType
  /** Whether a symbolic link at the end of the path leads on. */
  readonly follows: boolean
  /** Whether success needs the right to write in the folder. */
  readonly changesFolder: boolean
  /** Made in the folder as `other` before each call: of use to `call`. */
  readonly other?: FileType
}

const nameBytesMax = 255
const pathBytesMax = 4095
/** MAXSYMLINKS of <linux/namei.h>. */
const linksFollowedMax = 40

interface Refusal {
  readonly why: string
  readonly error: string
  /** As whom; the superuser when left away. */
  readonly as?: typeof user
  /** Answers the path to call with. */
  prepare(mount: PosixMount, room: string): Promise<PathArgument>
}

export async function refusesPaths(t: Test, mount: PosixMount, call: PathCall): Promise<void> {
  for (const refusal of refusalsOf(call)) {
    const room = await mount.room()
    const path = await refusal.prepare(mount, room)
    if (call.other !== undefined) await makeOwned(mount, call.other, `${room}/other`, refusal.as ?? superuser)
    const before = [await mount.root.stat(room), await mount.root.stat(`${room}/way`)]
    t.equal(await call.call(mount.as(refusal.as ?? superuser), path, room), refusal.error, `${call.name}: ${refusal.error}, ${refusal.why}`)
    t.strictSame([await mount.root.stat(room), await mount.root.stat(`${room}/way`)], before, `${call.name}: ${refusal.why}: the folder is as it was`)
    await must(mount.root.chdir('/'))
  }
  await longest(t, mount, call)
}

function refusalsOf(call: PathCall): Refusal[] {
  return [...ways(call), ...names(call), ...loops(call), ...rights(call), ...addresses()]
}

function ways(call: PathCall): Refusal[] {
  const through = noWays.map((type) => ({
    why: `through a ${type} file`, error: 'ENOTDIR',
    prepare: async ({ root }: PosixMount, room: string) => {
      await makeFile(root, type, `${room}/way`)
      return `${room}/way/last`
    },
  }))
  const dangling = {
    why: 'through a link to nothing', error: 'ENOENT',
    prepare: async ({ root }: PosixMount, room: string) => {
      await must(root.symlink(`${room}/nothing`, `${room}/way`))
      return `${room}/way/last`
    },
  }
  const missing = { why: 'through what is not there', error: 'ENOENT', prepare: (_: PosixMount, room: string) => Promise.resolve(`${room}/nothing/last`) }
  const empty = { why: 'an empty path', error: 'ENOENT', prepare: () => Promise.resolve('') }
  if (call.wants === 'nothing') return [...through, dangling, missing, empty]
  const last = { why: 'what is not there', error: 'ENOENT', prepare: (_: PosixMount, room: string) => Promise.resolve(`${room}/nothing`) }
  return [...through, dangling, missing, empty, last, ...(call.follows ? [{ ...dangling, why: 'a link to nothing', prepare: danglingLast }] : [])]
}

async function danglingLast({ root }: PosixMount, room: string): Promise<string> {
  await must(root.symlink(`${room}/nothing`, `${room}/last`))
  return `${room}/last`
}

function names(call: PathCall): Refusal[] {
  const long = 'n'.repeat(nameBytesMax + 1)
  return [
    { why: 'a name of 256 bytes', error: 'ENAMETOOLONG', prepare: (_, room) => Promise.resolve(`${room}/${long}`) },
    { why: 'a way through a name of 256 bytes', error: 'ENAMETOOLONG', prepare: (_, room) => Promise.resolve(`${room}/${long}/last`) },
    // 256 bytes, but 128 letters: it is bytes that count.
    { why: 'a name of 128 letters of two bytes', error: 'ENAMETOOLONG', prepare: (_, room) => Promise.resolve(`${room}/${'ä'.repeat(128)}`) },
    {
      why: 'a path of 4096 bytes', error: 'ENAMETOOLONG',
      prepare: async ({ root }, room) => {
        await must(root.chdir(room))
        const path = await longPath(root, pathBytesMax, 'l')
        if (call.wants !== 'nothing') await makeFile(root, call.wants, path)
        return `${path}l`
      },
    },
  ]
}

function loops(call: PathCall): Refusal[] {
  const inCircle = (last: string) => async ({ root }: PosixMount, room: string) => {
    await must(root.symlink(`${room}/one`, `${room}/two`))
    await must(root.symlink(`${room}/two`, `${room}/one`))
    return `${room}/${last}`
  }
  const chain = async ({ root }: PosixMount, room: string): Promise<string> => {
    let to = room
    for (let each = 0; each <= linksFollowedMax; each++) {
      await must(root.symlink(to, `${room}/link-${each}`))
      to = `${room}/link-${each}`
    }
    return `${to}/last`
  }
  return [
    { why: 'through a circle of links', error: 'ELOOP', prepare: inCircle('one/last') },
    { why: 'through the same circle, begun elsewhere', error: 'ELOOP', prepare: inCircle('two/last') },
    { why: 'through 41 links', error: 'ELOOP', prepare: chain },
    ...(call.follows ? [{ why: 'a circle of links', error: 'ELOOP', prepare: inCircle('one') }] : []),
  ]
}

/** Search on the way, for each class that the kernel may put the caller in; and writing in the folder itself. */
function rights(call: PathCall): Refusal[] {
  const classes = [
    { who: 'owner', uid: user.uid, gid: 0, denied: 0o100 },
    { who: 'group', uid: 0, gid: user.gid, denied: 0o010 },
    { who: 'other', uid: 0, gid: 0, denied: 0o001 },
  ]
  return classes.flatMap(({ who, uid, gid, denied }) => {
    const inFolder = (mode: number, depth: string) => async (mount: PosixMount, room: string) => {
      const { root } = mount
      await must(root.mkdir(`${room}/way`))
      if (depth !== '') await must(root.mkdir(`${room}/way/${depth}`))
      const folder = depth === '' ? `${room}/way` : `${room}/way/${depth}`
      if (call.wants !== 'nothing') await makeOwned(mount, call.wants, `${folder}/last`, user)
      if (depth !== '') await must(root.chown(folder, user.uid, user.gid))
      await must(root.chown(`${room}/way`, uid, gid))
      await must(root.chmod(`${room}/way`, mode))
      return `${folder}/last`
    }
    return [
      { why: `no search in the folder for its ${who}`, error: 'EACCES', as: user, prepare: inFolder(0o777 & ~denied, '') },
      { why: `no search above the folder for its ${who}`, error: 'EACCES', as: user, prepare: inFolder(0o777 & ~denied, 'below') },
      ...(call.changesFolder ? [{ why: `no writing in the folder for its ${who}`, error: 'EACCES', as: user, prepare: inFolder(0o777 & ~(denied << 1), '') }] : []),
    ]
  })
}

function addresses(): Refusal[] {
  return badAddresses.map((address) => ({ why: `the address ${address}`, error: 'EFAULT', prepare: () => Promise.resolve(address) }))
}

/** The longest name and the longest path are not too long. */
async function longest(t: Test, mount: PosixMount, call: PathCall): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  await must(root.chdir(room))
  for (const path of ['n'.repeat(nameBytesMax), await longPath(root, pathBytesMax, 'l')]) {
    if (call.wants !== 'nothing') await makeFile(root, call.wants, path)
    if (call.other !== undefined) await makeFile(root, call.other, 'other')
    t.notOk(isErrno(await call.call(root, path, room)), `${call.name}: a path of ${path.length} bytes`)
    for (const left of [path, 'other', 'made']) if (!isErrno(await root.lstat(left))) await removeFile(root, left)
  }
  await must(root.chdir('/'))
}

/** Opens, and closes what it got: the error, or 0. */
export async function openAndClose(as: SystemCalls, path: PathArgument, flags: number = openFlags.readOnly, mode = 0o644): Promise<unknown> {
  const fd = await as.open(path, flags, mode)
  return typeof fd === 'number' ? await as.close(fd) : fd
}
