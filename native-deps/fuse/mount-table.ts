// What the kernel says is mounted: /proc/self/mountinfo. Never stat(2) on our own mount point: the answer would have to
// come from the thread that waits for it.
import { readFileSync } from 'node:fs'

export interface MountRecord {
  readonly id: number
  /** "major:minor" of the mounted filesystem. */
  readonly device: string
}

/** The topmost mount at this absolute path, without symbolic links. */
export function findMount(mountPoint: string): MountRecord | undefined {
  let found: MountRecord | undefined
  for (const line of readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
    const [id, , device, , at] = line.split(' ')
    if (id === undefined || device === undefined || at === undefined) continue
    if (unescape(at) === mountPoint) found = { id: Number(id), device }
  }
  return found
}

/** Blanks, tabs, newlines and backslashes are written as three octal digits; the rest is bytes. */
function unescape(text: string): string {
  const bytes = text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
