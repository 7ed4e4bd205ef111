// Every script of this folder, one subtest each; and that the runner itself can fail.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../tidy/source.js'
import { runScript } from './script.js'

// Real derivations of keys, real mounts: slow on a busy machine, never stuck.
t.setTimeout(600_000)

const folder = join(projectRoot(import.meta.dirname), 'test/cli')

t.strictSame(runScript('$ echo a\nstdout a\nexit 0\n').failures, [])
t.match(runScript('$ false\nexit 0\n').failures, [/exit 1, not 0/], 'a wrong exit code is seen')
t.match(runScript('$ echo a\nstdout b\n').failures, [/does not match/])
t.match(runScript('remember x\n$ echo >> x\nunchanged x\n-- x --\n').failures, [/was changed/])
t.match(runScript('frob\n').failures, [/no such step/])

for (const name of readdirSync(folder).filter((one) => one.endsWith('.txt')).sort())
  t.test(name, { timeout: 600_000 }, async (t) => {
    const { skipped, failures, steps } = runScript(readFileSync(join(folder, name), 'utf8'))
    if (skipped !== undefined) {
      t.comment(`skipped: ${name}: ${skipped}`)
      t.pass(`skipped: ${skipped}`)
      return
    }
    t.ok(steps > 0)
    t.strictSame(failures, [], `${steps} steps`)
  })
