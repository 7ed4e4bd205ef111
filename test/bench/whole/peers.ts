// The same work on other filesystems and on a mounted vault, by the script that the peers were measured with: it is
// given by its path, and prints medians and ratios. Takes root, the peers' packages, and many minutes.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from '../../tidy/source.js'

export interface PeersRun {
  /** The path of run.sh. */
  readonly script: string
  readonly targets: readonly string[]
  readonly repetitions: number
  /** Large files in MiB, and everything else at the same ratio. */
  readonly bigMib: number
}

/** What the script does with a vault; it evaluates these. */
function commands(): Record<string, string> {
  const program = join(projectRoot(import.meta.dirname), 'bin/vaultfs')
  return {
    vaultfs_INIT: `${program} init --store $BACK --passphrase-file $PASSFILE --recovery later --kdf-memory-mib 64 --kdf-passes 1`,
    vaultfs_MOUNT: `${program} mount $MNT --store $BACK --passphrase-file $PASSFILE --guard mode`,
    vaultfs_UMOUNT: `${program} unmount $MNT`,
    vaultfs_SETTLE: `${program} sync $MNT`,
    vaultfs_SNAPSHOT: `${program} snapshot one --mountpoint $MNT`,
    vaultfs_LISTVER: "ls $MNT/.versions | tail -1 | { read at; find $MNT/.versions/$at/tree1 -type f | wc -l; }",
    vaultfs_VERSION: `${program} --version`,
  }
}

/** Its tables, Markdown. */
export function runPeers({ script, targets, repetitions, bigMib }: PeersRun): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-peers-'))
  try {
    const share = bigMib / 1024
    const scaled = (usual: number): string => String(Math.max(1, Math.round(usual * share)))
    const env = {
      ...process.env, ...commands(), HOME: folder, XDG_RUNTIME_DIR: folder, NAME: 'run', OUT: folder, BENCH_DIR: join(folder, 'work'), INPUT: join(folder, 'input'),
      BENCH_LOCK: join(folder, 'lock'), REPS: String(repetitions), BIG_MIB: String(bigMib), RND_MIB: scaled(256), FILES: scaled(10_000), META_N: scaled(10_000), GIT_FILES: scaled(3000),
    }
    const { status } = spawnSync(script, [...targets, 'cmd:vaultfs'], { env, stdio: ['ignore', 'inherit', 'inherit'] })
    if (status !== 0) throw new Error(`${script} ended with ${String(status)}`)
    return readFileSync(join(folder, 'run.md'), 'utf8').replaceAll(folder, '…').trimEnd().split('\n')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
