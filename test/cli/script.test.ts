// That every script is run, and that the runner itself can fail.
import { readdirSync } from 'node:fs'
import t from 'tap'
import { runScript } from './script.js'
import { scriptFolder, scripts } from './scripts.js'

t.strictSame(Object.values(scripts).flat().sort(), readdirSync(scriptFolder).filter((name) => name.endsWith('.txt')).sort())
t.strictSame(runScript('$ echo a\nstdout a\nexit 0\n').failures, [])
t.match(runScript('$ false\nexit 0\n').failures, [/exit 1, not 0/], 'a wrong exit code is seen')
t.match(runScript('$ echo a\nstdout b\n').failures, [/does not match/])
t.match(runScript('remember x\n$ echo >> x\nunchanged x\n-- x --\n').failures, [/was changed/])
t.match(runScript('frob\n').failures, [/no such step/])
