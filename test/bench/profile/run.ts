// `npm run bench:profile -- OUT.svg 'COMMAND'`: where a mounted vault's processor time goes. COMMAND is a shell's, with $MNT;
// a new vault is mounted with V8's profiler on in all of its threads, COMMAND is run, everything is published, and OUT.svg
// has a flame graph of each thread that did something. What native code takes shows as the function that called it.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { thriftFlags } from '../../../bin/thrift-flags.js'
import { mountAt } from '../../../bin/mount-table.js'
import { until } from '../../fault/torture/vault-rig.js'
import { projectRoot } from '../../tidy/source.js'
import { drawFlames, flameOf, type CpuProfile } from './flame-graph.js'

const [out, command] = process.argv.slice(2)
if (out === undefined || command === undefined) throw new Error("give OUT.svg and 'COMMAND'")
/** Microseconds. */
const sampling = '500'
/** Of work, in milliseconds: threads with less are not drawn. */
const workMin = 20

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-profile-'))
const [mountPoint, profiles] = [join(folder, 'Vault'), join(folder, 'profiles')]
const program = join(projectRoot(import.meta.dirname), 'dist/bin/vaultfs.js')
const environment = { ...process.env, HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run'), VAULTFS_GUARD: 'mode', MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '1048576', MNT: mountPoint }

function run(args: readonly string[], profiled: boolean): void {
  // As the launcher has it, or memory would behave otherwise.
  const flags = profiled ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`, `--cpu-prof-interval=${sampling}`] : []
  const { status, stderr } = spawnSync(process.execPath, [...thriftFlags, ...flags, program, ...args], { env: environment, encoding: 'utf8', cwd: '/' })
  if (status !== 0) throw new Error(`vaultfs ${args[0] ?? ''} ended with ${String(status)}: ${stderr}`)
}

try {
  for (const each of [profiles, mountPoint, join(folder, 'run')]) mkdirSync(each, { mode: 0o700 })
  writeFileSync(join(folder, 'passphrase'), 'profile\n', { mode: 0o600 })
  const store = ['--store', join(folder, 'store'), '--passphrase-file', join(folder, 'passphrase')]
  run(['init', ...store, '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1'], false)
  run(['mount', mountPoint, ...store, '--after-crash', 'detach'], true)
  // The command that mounted has a profile of its own.
  for (const name of readdirSync(profiles)) rmSync(join(profiles, name))
  const began = performance.now()
  const { status } = spawnSync('bash', ['-c', command], { env: environment, stdio: 'inherit' })
  console.log(`${command}: ${((performance.now() - began) / 1000).toFixed(2)} s, ended with ${String(status)}`)
  run(['unmount', mountPoint], false)
  await until(() => readdirSync(profiles).some((name) => /\.0\.\d+\.cpuprofile$/.test(name)), 'the daemon left no profile')
  const flames = readdirSync(profiles).sort().map((name) => {
    const thread = /\.(\d+)\.\d+\.cpuprofile$/.exec(name)?.[1] ?? '?'
    return flameOf(JSON.parse(readFileSync(join(profiles, name), 'utf8')) as CpuProfile, thread === '0' ? 'main thread' : `worker ${thread}`)
  }).filter(({ root }) => root.microseconds / 1000 >= workMin)
  writeFileSync(out, drawFlames(flames))
  for (const { title, root } of flames) console.log(`${title}: ${(root.microseconds / 1000).toFixed(0)} ms`)
} finally {
  if (mountAt(mountPoint) !== undefined) spawnSync('umount', ['-l', mountPoint])
  rmSync(folder, { recursive: true, force: true })
}
