// A program that lies on the mount and runs from there, until its standard input ends.
import { readFileSync, realpathSync } from 'node:fs'
import { openFlags } from '../call-flags.js'
import { must } from '../call-results.js'
import type { PosixMount } from '../posix-mount.js'

export interface RunningProgram {
  end(): Promise<number>
}

/** A copy of cat(1). */
export async function startProgram(mount: PosixMount, path: string): Promise<RunningProgram> {
  const { root } = mount
  const fd = await must(root.open(path, openFlags.create | openFlags.writeOnly, 0o755))
  await must(root.write(fd, readFileSync(realpathSync('/bin/cat'))))
  await must(root.close(fd))
  const program = await must(root.execute(path))
  return { end: () => must(root.finish(program)) }
}
