// The tour holds, and it sees damage. Needs real mounts.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'

// Real derivations of keys, real mounts: slow on a busy machine, never stuck.
t.setTimeout(600_000)

const program = join(import.meta.dirname, '../../bin/vaultfs.js')
const temporary = mkdtempSync(join(tmpdir(), 'vaultfs-tours-'))
t.teardown(() => {
  rmSync(temporary, { recursive: true })
})
const tour = (...words: readonly string[]) =>
  spawnSync('env', ['-u', 'NODE_OPTIONS', process.execPath, program, 'tour', ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'], HOME: temporary, TMPDIR: temporary } })

if (!existsSync('/dev/fuse')) t.comment('skipped: no /dev/fuse')
else {
  const whole = tour()
  t.equal(whole.status, 0, whole.stdout + whole.stderr)
  t.match(whole.stdout, /no difference/)
  const damaged = tour('--damage')
  t.equal(damaged.status, 76, damaged.stdout + damaged.stderr)
  t.match(damaged.stdout, /large: /, 'the file is named')
  t.strictSame(readdirSync(temporary), [], 'nothing is left behind')
}
