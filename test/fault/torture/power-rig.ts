// A disk that loses what was not synced: ext4 (or xfs) on a loop image, shut down without flushing its journal and mounted
// again. As root; needs xfs_io (xfsprogs) and mkfs.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { mountAt } from '../../../bin/mount-table.js'
import { until } from './vault-rig.js'

const sizeMib = 1024
const lettingGoMs = 120_000

export class PowerRig {
  readonly disk: string
  readonly filesystem: 'ext4' | 'xfs'
  readonly #image: string

  constructor(folder: string, filesystem: 'ext4' | 'xfs') {
    this.filesystem = filesystem
    this.disk = join(folder, 'disk')
    this.#image = join(folder, 'image')
  }

  create(): void {
    mkdirSync(this.disk, { recursive: true, mode: 0o700 })
    rmSync(this.#image, { force: true })
    must('truncate', '-s', `${String(sizeMib)}M`, this.#image)
    must(`mkfs.${this.filesystem}`, '-q', this.filesystem === 'xfs' ? '-f' : '-F', this.#image)
    this.attach()
  }

  attach(): void {
    must('mount', '-o', 'loop', this.#image, this.disk)
  }

  /** From here on nothing more is written. Whoever holds files open there has to be killed next. */
  cut(): void {
    must('xfs_io', '-x', '-c', 'shutdown', this.disk)
  }

  /**
   * The disk comes back as it was at the cut. Another mount namespace may keep the old filesystem alive, and a loop mount
   * of the same file would meet it again: so the image is copied.
   */
  async restart(): Promise<void> {
    for (const pid of this.#holders()) kill(pid)
    await this.detach()
    must('cp', '--sparse=always', this.#image, `${this.#image}.next`)
    renameSync(`${this.#image}.next`, this.#image)
    this.attach()
  }

  /** Whoever had files open there may be on its way out still: a process that was killed writes its last, and waits for the disk. */
  async detach(): Promise<void> {
    const isGone = (): boolean => mountAt(this.disk) === undefined || spawnSync('umount', [this.disk], { stdio: 'ignore' }).status === 0
    await until(isGone, () => `${this.disk} is held by ${[...this.#holders()].join(', ') || 'somebody'}`, lettingGoMs)
  }

  /** Processes with a file of it open, or mapped, or a folder of it as theirs. */
  #holders(): ReadonlySet<number> {
    const found = new Set<number>()
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      for (const path of linksOf(pid)) if (path === this.disk || path.startsWith(`${this.disk}/`)) found.add(Number(pid))
    return found
  }
}

function linksOf(pid: string): readonly string[] {
  const folders = ['fd', 'map_files'].map((name) => `/proc/${pid}/${name}`)
  const entries = folders.flatMap((folder) => attempt(() => readdirSync(folder).map((name) => join(folder, name))) ?? [])
  return [...entries, `/proc/${pid}/cwd`].flatMap((path) => attempt(() => readlinkSync(path)) ?? [])
}

/** Processes come and go meanwhile. */
function attempt<Value>(look: () => Value): Value | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}

function kill(pid: number): void {
  attempt(() => process.kill(pid, 'SIGKILL'))
}

function must(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`)
}
