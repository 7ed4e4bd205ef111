// Where Python lies: `python3` may be a script that looks for the right one, for a second, at each start.
import { execFileSync } from 'node:child_process'

let found: string | undefined

/** The program itself. Throws when there is none. */
export function python(): string {
  found ??= execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()
  return found
}
