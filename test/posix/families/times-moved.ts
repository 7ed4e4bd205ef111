// Which times of an entry a call moves, and that it moves no others: looked at before and after, to the nanosecond.
import type { Test } from 'tap'
import { must, type Stat } from '../call-results.js'
import type { PosixMount } from '../posix-mount.js'

type Time = 'atime' | 'btime' | 'ctime' | 'mtime'
const times: readonly Time[] = ['atime', 'btime', 'ctime', 'mtime']

/** What a change of an entry moves, and what a change of its content does. */
export const changed: readonly Time[] = ['ctime']
export const modified: readonly Time[] = ['ctime', 'mtime']
export const untouched: readonly Time[] = []

export interface Watched {
  readonly path: string
  /** Where it is found afterwards, when elsewhere. */
  readonly after?: string
  readonly moves: readonly Time[]
}

/** Does it, demands its outcome, and that of all times of what is watched exactly those named are later than before. */
export async function movesTimes(t: Test, mount: PosixMount, what: string, act: { readonly call: () => Promise<unknown>; readonly outcome?: unknown }, watched: readonly Watched[]): Promise<void> {
  const before: Stat[] = []
  for (const { path } of watched) before.push(await must(mount.root.lstat(path)))
  t.equal(await act.call(), act.outcome ?? 0, what)
  for (const [index, { path, after = path, moves }] of watched.entries()) {
    const [earlier, later] = [before[index], await must(mount.root.lstat(after))]
    if (earlier === undefined) throw new Error('nothing was looked at')
    t.strictSame(moved(earlier, later), moves, `${what}: times of ${path.slice(path.lastIndexOf('/') + 1)}`)
  }
}

/** The times that are later than they were; one that is earlier is named as such. */
function moved(earlier: Stat, later: Stat): string[] {
  return times.filter((time) => later[time] !== earlier[time]).map((time) => (later[time] > earlier[time] ? time : `${time} earlier`))
}

/** Of what has just been made: all four are the same moment, later than `since`. */
export function isNew(made: Stat, since: bigint): boolean {
  return times.every((time) => made[time] === made.ctime) && made.ctime > since
}
