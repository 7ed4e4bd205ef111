// The scripts of this folder, parted so that test files of about the same length can run side by side.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../tidy/source.js'
import { runScript } from './script.js'

export const scriptFolder = join(projectRoot(import.meta.dirname), 'test/cli')

export const scripts = {
  everyday: ['keys.txt', 'mount.txt', 'promises.txt', 'recover.txt', 'usage.txt'],
  past: ['past.txt', 'restore-live.txt', 'samba.txt', 'versions.txt'],
  mishaps: ['bad-input.txt', 'bad-machine.txt', 'copies.txt', 'rebuild.txt', 'rollback.txt'],
  nodes: ['devices.txt', 'nodes.txt', 'peers.txt', 'peers-mounted.txt'],
  damage: ['damage.txt', 'repair.txt', 'salvage.txt', 'verify.txt'],
} as const

/** One subtest each. */
export function testScripts(names: readonly string[]): void {
  // Real derivations of keys, real mounts: slow on a busy machine, never stuck.
  t.setTimeout(600_000)
  for (const name of names)
    t.test(name, { timeout: 600_000 }, async (t) => {
      const { skipped, failures, steps } = runScript(readFileSync(join(scriptFolder, name), 'utf8'))
      if (skipped !== undefined) {
        t.comment(`skipped: ${name}: ${skipped}`)
        t.pass(`skipped: ${skipped}`)
        return
      }
      t.ok(steps > 0)
      t.strictSame(failures, [], `${steps} steps`)
    })
}
