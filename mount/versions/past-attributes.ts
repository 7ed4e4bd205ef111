// What a stat shows of the past: real modes, owners and times, and for how long the kernel may answer by itself.
import { modeType, type Entry, type Moment } from '../../lib/tree/entry.js'
import type { Attributes } from '../../native-deps/fuse/handler.js'

/** What is over stays as it was: ten years are more than any mount lives. */
const foreverSec = 10 * 366 * 24 * 3600
/** Of a name that moves on with time, and of `.versions` itself, in which names come and go. */
const movingSec = 1

/** `settled`: the name leads to the same for ever. */
export function pastAttributes(ino: number, entry: Entry, settled = true): Attributes {
  const isDirectory = (entry.mode & modeType.mask) === modeType.directory
  const size = isDirectory ? 4096 : (entry.target?.byteLength ?? entry.size)
  return {
    ino, mode: entry.mode, uid: entry.uid, gid: entry.gid, rdev: entry.rdev, size,
    // Of a directory 1 says that its subdirectories are not counted: find and its like then look at each entry.
    nlink: isDirectory ? 1 : Math.max(entry.nlink, 1),
    blocks: isDirectory ? 8 : entry.blocks,
    atimeSec: entry.atimeSec, atimeNsec: entry.atimeNsec, mtimeSec: entry.mtimeSec, mtimeNsec: entry.mtimeNsec,
    ctimeSec: entry.ctimeSec, ctimeNsec: entry.ctimeNsec, btimeSec: entry.btimeSec, btimeNsec: entry.btimeNsec,
    entrySeconds: settled ? foreverSec : movingSec, attributeSeconds: foreverSec,
  }
}

/** `.versions`: changed now, since the kernel keeps a listing for as long as its directory did not change. */
export function gateAttributes(ino: number, { uid, gid }: Pick<Entry, 'uid' | 'gid'>, { sec, nsec }: Moment): Attributes {
  return {
    ino, mode: modeType.directory | 0o555, uid, gid, rdev: 0, size: 4096, nlink: 1, blocks: 8,
    atimeSec: sec, atimeNsec: nsec, mtimeSec: sec, mtimeNsec: nsec, ctimeSec: sec, ctimeNsec: nsec, btimeSec: sec, btimeNsec: nsec,
    entrySeconds: movingSec, attributeSeconds: movingSec,
  }
}

/** No such name, and the kernel must ask again: tomorrow, or after a snapshot, there may be. */
export const absentNow: Attributes = {
  ino: 0, mode: 0, nlink: 0, uid: 0, gid: 0, rdev: 0, size: 0, blocks: 0, atimeSec: 0, atimeNsec: 0, mtimeSec: 0,
  mtimeNsec: 0, ctimeSec: 0, ctimeNsec: 0, btimeSec: 0, btimeNsec: 0, entrySeconds: 0,
}
