// The runner from outside: what it says and ends with on a mount that is right, on one that is not, and
// when what it was asked for is not here.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Handler } from '../../native-deps/fuse/handler.js'
import { mountTree, whyNoMounts } from '../native-deps/fuse-fixture.js'
import { hasProgram } from './packages.js'

t.setTimeout(300_000)
const skip = whyNoMounts !== false ? whyNoMounts : hasProgram('python3') ? false : 'no python3'
const logs = mkdtempSync(join(tmpdir(), 'vaultfs-posix-test-'))
t.teardown(() => { rmSync(logs, { recursive: true, force: true }) })

interface Ran {
  readonly code: number
  readonly lines: readonly string[]
}

function run(...args: readonly string[]): Promise<Ran> {
  const { FSX, ...env } = process.env
  return new Promise((resolve) => {
    execFile(process.execPath, [join(import.meta.dirname, 'run.js'), '--quick', '--logs', logs, ...args], { cwd: '/', env }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code), lines: stdout.trimEnd().split('\n') })
    })
  })
}

t.test('a mount that is right', { skip }, async (t) => {
  const { folder } = await mountTree(t)
  const { code, lines } = await run('--on', folder, '--only', 'rename-atomic,fsx')
  t.equal(lines.at(-1), '17 passed, 0 failed')
  t.ok(lines.some((line) => line.startsWith('missing: fsx: set FSX to')), 'what is missing is said')
  t.equal(code, 0)
})

t.test('a mount that now and then can not open what it has just looked up, as one that opens by path', { skip }, async (t) => {
  let opened = 0
  const { folder } = await mountTree(t, {
    wrap: (tree): Handler => {
      const open = tree.open.bind(tree)
      tree.open = (ino, flags, killSuidGid) => (++opened % 5 === 0 ? -2 : open(ino, flags, killSuidGid))
      return tree
    },
  })
  const { code, lines } = await run('--on', folder, '--only', 'rename-atomic')
  t.match(lines.join('\n'), /^FAIL rename-atomic: replaced by rename: reader \d, \w+: after \d+ times: ENOENT/m)
  t.match(lines.at(-1), /^\d+ passed, [1-9]\d* failed$/)
  t.equal(code, 1)
})

t.test('nothing of what was asked for is here', { skip }, async (t) => {
  const { folder } = await mountTree(t)
  t.match(await run('--on', folder, '--only', 'fsx'), { code: 2 })
  t.match(await run('--on', folder, '--only', 'no-such-suite'), { code: 2 })
})
