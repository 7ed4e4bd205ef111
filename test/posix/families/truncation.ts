// What truncate(2) and ftruncate(2) have in common: a size, and everything that comes of a new one.
import type { Test } from 'tap'
import { openFlags } from '../call-flags.js'
import { isErrno, must } from '../call-results.js'
import { user, type PosixMount } from '../posix-mount.js'
import type { SystemCalls } from '../system-calls.js'
import { modified, movesTimes, untouched } from './times-moved.js'

export interface Truncation {
  readonly name: string
  cut(as: SystemCalls, path: string, size: number): Promise<unknown>
  /** Whether a size that it has already moves the times. */
  readonly sameSizeMoves: boolean
}

/** A page, a chunk, a hole that is stored and one that is not, and a byte to each side. */
const sizes = [0, 1, 511, 4095, 4096, 4097, 12_345, 65_535, 65_536, 65_537, 1_234_567]

export async function cutsAndGrows(t: Test, mount: PosixMount, { name, cut }: Truncation): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  for (const from of sizes) for (const to of sizes) {
    const path = `${room}/${from}-${to}`
    const fd = await must(root.open(path, openFlags.create | openFlags.readWrite, 0o644))
    const content = pattern(from)
    if (from > 0) await must(root.write(fd, content))
    t.equal(await cut(root, path, to), 0)
    const wanted = Buffer.alloc(to)
    content.copy(wanted, 0, 0, Math.min(from, to))
    const { size } = await must(root.fstat(fd))
    const got = await must(root.pread(fd, to + 10, 0))
    t.ok(size === to && got.equals(wanted), `${name}: ${from} to ${to} bytes`)
    await must(root.close(fd))
    await must(root.unlink(path))
  }
}

/** What is cut off does not come back: not by growing, not by a write behind it. */
export async function forgets(t: Test, mount: PosixMount, { name, cut }: Truncation): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const path = `${room}/file`
  const fd = await must(root.open(path, openFlags.create | openFlags.readWrite, 0o644))
  for (const at of [1, 100, 4000, 4096, 5000, 70_000]) {
    await must(root.pwrite(fd, pattern(80_000), 0))
    await must(root.fsync(fd))
    t.equal(await cut(root, path, at), 0)
    t.equal(await cut(root, path, 80_000), 0)
    t.ok((await must(root.pread(fd, 80_000, 0))).subarray(at).every((byte) => byte === 0), `${name}: zeros from ${at} on`)
    t.equal(await cut(root, path, at), 0)
    await must(root.pwrite(fd, 'x', at + 5000))
    t.ok((await must(root.pread(fd, 5000, at))).every((byte) => byte === 0), `${name}: zeros between ${at} and a write behind it`)
  }
}

export async function truncationTimes(t: Test, mount: PosixMount, { name, cut, sameSizeMoves }: Truncation): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const path = `${room}/file`
  await must(root.close(await must(root.open(path, openFlags.create | openFlags.writeOnly, 0o644))))
  for (const size of [123, 7, 0, 5_000_000]) {
    await movesTimes(t, mount, `${name} to ${size} bytes`, { call: () => cut(root, path, size) }, [{ path, moves: modified }, { path: room, moves: untouched }])
  }
  await movesTimes(t, mount, `${name} to the same size`, { call: () => cut(root, path, 5_000_000) }, [{ path, moves: sameSizeMoves ? modified : untouched }])
}

/** Sizes that can't be. */
export async function refusesSizes(t: Test, mount: PosixMount, { name, cut }: Truncation): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const path = `${room}/file`
  await must(root.close(await must(root.open(path, openFlags.create | openFlags.writeOnly, 0o644))))
  const before = await root.stat(path)
  for (const size of [-1, -999_999]) t.equal(await cut(root, path, size), 'EINVAL', `${name} to ${size}`)
  t.strictSame(await root.stat(path), before)
  // Too large for a filesystem, or not: it says so or does it.
  for (const size of [999_999_999_999_999, Number.MAX_SAFE_INTEGER]) {
    const outcome = await cut(root, path, size)
    if (isErrno(outcome)) t.strictSame([outcome, await root.stat(path)], ['EFBIG', before], `${name} to ${size}`)
    else t.equal((await must(root.stat(path))).size, size, `${name} to ${size}`)
  }
}

/** The right to write counts. */
export async function needsWriting(t: Test, mount: PosixMount, cut: (as: SystemCalls, path: string, size: number) => Promise<unknown>): Promise<void> {
  const { root } = mount
  const room = await mount.room()
  const path = `${room}/file`
  await must(root.close(await must(root.open(path, openFlags.create | openFlags.writeOnly, 0o644))))
  const classes = [[user.uid, 0, 0o200], [0, user.gid, 0o020], [0, 0, 0o002]] as const
  for (const [uid, gid, needed] of classes) for (const mode of [0o777, 0o777 & ~needed, needed, 0]) {
    await must(root.chown(path, uid, gid))
    await must(root.chmod(path, mode))
    const may = (mode & needed) !== 0
    const before = await must(root.stat(path))
    t.equal(await cut(mount.as(user), path, 5), may ? 0 : 'EACCES', `${mode.toString(8)} of ${uid}:${gid}`)
    if (!may) t.strictSame(await root.stat(path), before)
  }
}

/** No two pages alike. */
export function pattern(bytes: number): Buffer {
  const content = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at++) content[at] = 1 + ((at * 31 + (at >> 8) * 7) % 251)
  return content
}
