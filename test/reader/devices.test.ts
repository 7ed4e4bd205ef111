// A store of several devices from end to end: the second reader restores what lib makes of the same chains. From which seed:
// node …/devices.test.js 7.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argv } from 'node:process'
import t from 'tap'
import { salvageStore } from '../../lib/vault-salvage.js'
import { TestClock } from '../support/test-clock.js'
import { makeDevicesStore, passphrase } from './devices-store.js'
import { runPython, whyNoReader } from './second-reader.js'

t.setTimeout(300_000)

/** Paths, kinds, modes, times, and every byte. */
function pictureOf(folder: string): string {
  const { stdout, status, stderr } = spawnSync('bash', ['-c', "find . -printf '%P %y %m %T@ %l %n\\n' | LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum"], { cwd: folder, encoding: 'latin1', maxBuffer: 64 * 1024 * 1024 })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

t.test('three devices that worked apart', { skip: whyNoReader }, async (t) => {
  const top = mkdtempSync(join(tmpdir(), 'vaultfs-devices-'))
  t.teardown(() => { rmSync(top, { recursive: true, force: true }) })
  const [store, out, read, secret, words] = ['store', 'out', 'read', 'secret', 'words'].map((name) => join(top, name)) as [string, string, string, string, string]
  for (const folder of [store, out]) mkdirSync(folder)
  const { created: { page, header }, conflicts, kit } = await makeDevicesStore(store, Number(argv[2] ?? 4))
  t.ok(conflicts > 0, `${conflicts} names in conflict`)
  writeFileSync(secret, passphrase)
  writeFileSync(words, kit)
  const problems: unknown[] = []
  // The state as it is shown: a catalog, of which the present would be taken, has no copies that only a conflict shows.
  const { source, files } = await salvageStore({ store, out, page, vaultId: header.vaultId, clock: new TestClock(), at: { kind: 'through', sec: 2_000_000_000 }, allVersions: false, paths: [] }, {
    onProblem: (problem) => { if (problem.kind !== 'note') problems.push(problem) }, onProgress: () => undefined, signal: new AbortController().signal,
  })
  t.same([source, problems], ['manifest', []])
  t.ok(files > 3, `${files} files`)
  for (const [option, file] of [['--passphrase-file', secret], ['--kit-file', words]] as const) {
    const answer = await runPython('vaultfs_reader.py', 'restore', store, read, option, file)
    t.equal(answer.status, 0, answer.stderr)
    t.strictSame(pictureOf(read).split('\n'), pictureOf(join(out, 'files')).split('\n'), option)
    rmSync(read, { recursive: true, force: true })
  }
})
