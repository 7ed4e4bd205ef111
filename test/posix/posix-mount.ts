// A vault on a mount of this process, and processes of several users that make system calls on it. Needs root: the calls
// are made as other users, and the mount is for all of them. POSIX_FOLDER names a folder of another filesystem to make
// them on instead: ext4 has to pass what these tests demand of a vault.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { limits } from '../../lib/terms/limits.js'
import { mountTestVault, type MountedTestVault } from '../mount/mounted-vault.js'
import { must, type FileType, type PathArgument } from './call-results.js'
import { nodeTypes } from './call-flags.js'
import { SystemCalls, type Identity } from './system-calls.js'

/** Users that no machine has, and groups that they may belong to. */
export const user: Identity = { uid: 65534, gid: 65534 }
export const stranger: Identity = { uid: 65533, gid: 65533 }
export const superuser: Identity = { uid: 0, gid: 0 }

export interface PosixMount {
  readonly folder: string
  /** undefined: another filesystem is being looked at. */
  readonly vault: MountedTestVault | undefined
  readonly root: SystemCalls
  /** One process for each identity, however often it is asked for. */
  as(identity: Identity): SystemCalls
  /** Another process, of the test's own. */
  process(identity?: Identity): SystemCalls
  /** An empty directory of its own: its path. */
  room(room?: Room): Promise<string>
}

export interface Room {
  readonly mode?: number
  readonly owner?: Identity
}

const otherFolder = process.env['POSIX_FOLDER']

/** Why such tests can't run here. */
export function whyNoPosixMount(): string | false {
  if (otherFolder === undefined && !existsSync('/dev/fuse')) return 'no /dev/fuse'
  return process.geteuid?.() === 0 ? false : 'several users need root'
}

export async function posixMount(t: Test): Promise<PosixMount> {
  const vault = otherFolder === undefined ? await mountTestVault(t) : undefined
  const folder = vault?.folder ?? mkdtempSync(join(otherFolder ?? '', 'posix-'))
  if (vault === undefined) t.teardown(() => { rmSync(folder, { recursive: true }) })
  const processes = new Map<string, SystemCalls>()
  const others: SystemCalls[] = []
  t.teardown(async () => {
    for (const one of [...processes.values(), ...others]) await one.end()
  })
  const as = (identity: Identity): SystemCalls => {
    const key = JSON.stringify([identity.uid, identity.gid, identity.groups ?? []])
    const known = processes.get(key)
    if (known !== undefined) return known
    const made = new SystemCalls(identity)
    processes.set(key, made)
    return made
  }
  const fresh = (identity = superuser): SystemCalls => {
    const made = new SystemCalls(identity)
    others.push(made)
    return made
  }
  const root = as(superuser)
  let rooms = 0
  const room = async ({ mode = 0o755, owner = superuser }: Room = {}): Promise<string> => {
    const path = `${folder}/room-${rooms++}`
    await must(root.mkdir(path, mode))
    await must(root.chown(path, owner.uid, owner.gid))
    await must(root.chmod(path, mode))
    return path
  }
  await must(root.chmod(folder, 0o755))
  return { folder, vault, root, as, process: fresh, room }
}

export const fileTypes: readonly FileType[] = ['regular', 'directory', 'fifo', 'block', 'char', 'socket', 'symlink']
export const notDirectories = fileTypes.filter((type) => type !== 'directory')
/** What a path can't go through. */
export const noWays = notDirectories.filter((type) => type !== 'symlink')

/** Major 1, minor 2: what it stands for is never opened. */
export const device = (1 << 8) | 2

/** Makes a file of that type; a link points to `test`, which is not there. */
export async function makeFile(as: SystemCalls, type: FileType, path: string, mode = type === 'directory' ? 0o755 : 0o644): Promise<void> {
  if (type === 'directory') await must(as.mkdir(path, mode))
  else if (type === 'symlink') await must(as.symlink('test', path))
  else if (type === 'socket') await bind(as, path, mode)
  else if (type === 'fifo') await must(as.mkfifo(path, mode))
  else await must(as.mknod(path, nodeTypes[type] | mode, type === 'regular' ? 0 : device))
}

/** A socket's path has 107 bytes: it is made in its folder. */
async function bind(as: SystemCalls, path: string, mode: number): Promise<void> {
  const slash = path.lastIndexOf('/')
  await must(as.chdir(path.slice(0, slash)))
  await must(as.bind(path.slice(slash + 1)))
  await must(as.chdir('/'))
  await must(as.chmod(path, mode))
}

/** Such a file with an owner, made by the superuser. */
export async function makeOwned(mount: PosixMount, type: FileType, path: string, owner: Identity): Promise<void> {
  await makeFile(mount.root, type, path)
  await must(mount.root.lchown(path, owner.uid, owner.gid))
}

export async function removeFile(as: SystemCalls, path: PathArgument): Promise<void> {
  const removed = await as.unlink(path)
  if (removed === 'EISDIR') await must(as.rmdir(path))
  else await must(Promise.resolve(removed))
}

/** A relative path of exactly so many bytes whose last component is `last`; what leads to it is made, from where `as` is. */
export async function longPath(as: SystemCalls, bytes: number, last: string): Promise<string> {
  let way = ''
  for (let left = bytes - last.length; left > 0; left = bytes - last.length - way.length) {
    const wanted = Math.min(limits.nameBytesMax, left - 1)
    // One byte would be left over for the next one: a slash without a name.
    way += `${'d'.repeat(left - wanted === 2 ? wanted - 1 : wanted)}/`
    const made = await as.mkdir(way)
    if (made !== 'EEXIST') await must(Promise.resolve(made))
  }
  return way + last
}
