// `npm run test:out-of-memory`, as root: in a control group with a limit the kernel kills the daemon while a neighbour takes
// all the memory there is. Its heir has to go on: no call may fail, and everything has to be there.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until, VaultRig } from './torture/vault-rig.js'

const deathsInGroup = 2
const groupMib = 500
/** Version 1 and 2 of control groups. */
const groups = [['/sys/fs/cgroup/memory', 'memory.limit_in_bytes'], ['/sys/fs/cgroup', 'memory.max']] as const

async function inVault(work: (vault: VaultRig) => Promise<void>): Promise<void> {
  const vault = new VaultRig(mkdtempSync(join(tmpdir(), 'vaultfs-memory-')), undefined, 'resume')
  try {
    vault.create()
    await work(vault)
    vault.unmount()
    vault.verify()
  } finally {
    await vault.close()
    rmSync(vault.folder, { recursive: true, force: true })
  }
}

async function smallGroup(vault: VaultRig, root: string, limit: string): Promise<void> {
  const group = join(root, `vaultfs-test-${String(process.pid)}`)
  const enter = (folder: string): void => { writeFileSync(join(folder, 'cgroup.procs'), String(process.pid)) }
  mkdirSync(group)
  try {
    writeFileSync(join(group, limit), String(groupMib * 1024 * 1024))
    enter(group)
    await vault.mount().finally(() => { enter(root) })
    for (let death = 0; death < deathsInGroup; death++) await killedByKernel(vault, group)
    vault.unmount()
  } finally {
    await vault.close()
    await until(() => spawnSync('rmdir', [group], { stdio: 'ignore' }).status === 0 || !existsSync(group), `${group} is not empty`)
  }
}

async function killedByKernel(vault: VaultRig, group: string): Promise<void> {
  const file = await open(join(vault.mountPoint, 'file'), 'a')
  await file.write('before')
  const stat = `/proc/${String(vault.pid)}/stat`
  // The neighbour is larger by then: the kernel is told whom to take.
  writeFileSync(`/proc/${String(vault.pid)}/oom_score_adj`, '1000')
  const eater = spawn(process.execPath, ['-e', `
    const { readFileSync, writeFileSync } = require('node:fs'); writeFileSync('${group}/cgroup.procs', String(process.pid)); const eaten = []
    const lives = () => { try { return !/\\) [ZX] /.test(readFileSync('${stat}', 'latin1')) } catch { return false } }
    while (lives()) eaten.push(Buffer.alloc(4 << 20, 1))`], { stdio: ['ignore', 'ignore', 'inherit'] })
  await new Promise((resolve) => { eater.once('exit', resolve) })
  const began = performance.now()
  await file.write(' and after, ')
  console.log(`killed by the kernel in a group of ${String(groupMib)} MiB: the next call took ${((performance.now() - began) / 1000).toFixed(1)} s`)
  await vault.resumed()
  await file.close()
  if (!readFileSync(join(vault.mountPoint, 'file'), 'utf8').endsWith('before and after, ')) throw new Error('what was written is not there')
}

const [root, limit] = groups.find(([folder]) => existsSync(join(folder, 'memory.stat'))) ?? []
if (process.geteuid?.() !== 0 || root === undefined || limit === undefined) console.log('skipped: a control group with a limit takes root and a memory controller')
else await inVault((vault) => smallGroup(vault, root, limit))
