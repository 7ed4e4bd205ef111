// Filesystems on which the same program is run: a vault, and those peers whose programs are installed.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BenchVault } from '../bench-vault.js'

export interface Target {
  readonly mountPoint: string
  /** What it still has in memory or in a log is where it stays. */
  settle(): void
  remove(): void
}

export type TargetName = 'plain' | 'gocryptfs' | 'vaultfs'

export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
}

/** Mounted, everybody may come in: databases don't run as root. */
export function openTarget(name: TargetName): Target {
  if (name === 'vaultfs') return openVault()
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-programs-'))
  const mountPoint = join(folder, 'mnt')
  const back = join(folder, 'back')
  for (const each of [mountPoint, back]) mkdirSync(each)
  execFileSync('chmod', ['755', folder])
  if (name === 'gocryptfs') {
    const passphrase = join(folder, 'passphrase')
    writeFileSync(passphrase, 'bench\n', { mode: 0o600 })
    execFileSync('gocryptfs', ['-init', '-q', '-scryptn', '10', '-passfile', passphrase, back], { stdio: 'ignore' })
    execFileSync('gocryptfs', ['-q', '-allow_other', '-passfile', passphrase, back, mountPoint], { stdio: 'ignore' })
  }
  return {
    mountPoint,
    settle: () => { execFileSync('sync', ['-f', back]) },
    remove: () => {
      if (name === 'gocryptfs') spawnSync('fusermount3', ['-uz', mountPoint])
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function openVault(): Target {
  const vault = new BenchVault()
  execFileSync('chmod', ['755', vault.folder])
  vault.mount('--allow-other')
  return { mountPoint: vault.mountPoint, settle: () => { vault.sync() }, remove: () => { vault.remove() } }
}
