// The kernel shows what its FUSE connections wait for in a filesystem of its own, which a container often does not mount.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'

const exec = promisify(execFile)
const folder = '/sys/fs/fuse/connections'

/** Has it shown, where root may; answers how to undo that. */
export async function connectionsShown(): Promise<() => Promise<void>> {
  const nothing = (): Promise<void> => Promise.resolve()
  if (/ fusectl /.test(readFileSync('/proc/self/mounts', 'utf8')) || process.geteuid?.() !== 0) return nothing
  try {
    await exec('mount', ['-t', 'fusectl', 'fusectl', folder])
  } catch {
    // The watchdog then says what it does not see.
    return nothing
  }
  return async () => { await exec('umount', [folder]).catch(() => undefined) }
}
