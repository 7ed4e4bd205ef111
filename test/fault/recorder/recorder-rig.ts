// A filesystem on a loop device whose disk is recorded: ext4 or XFS, on an image in a filesystem of ours (recorded-disk.ts).
// The loop device writes through: a write is asked of the image before the filesystem hears that it is done, and a flush is
// an fsync(2) of the image. As root.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { mountAt } from '../../../bin/mount-table.js'
import { until } from '../torture/vault-rig.js'

export type Filesystem = 'ext4' | 'xfs'

const sizeMib = 1024
/** Small journals, and nothing left for later: so that what is recorded is the vault's doing. */
const makers: Readonly<Record<Filesystem, readonly string[]>> = {
  ext4: ['mkfs.ext4', '-q', '-F', '-J', 'size=16', '-N', '8192', '-E', 'lazy_itable_init=0,lazy_journal_init=0'],
  xfs: ['mkfs.xfs', '-q', '-f', '-l', 'size=64m'],
}

/** Why nothing can be recorded here; undefined: it can. */
export function whyNoRecorder(filesystem: Filesystem): string | undefined {
  if (process.geteuid?.() !== 0) return 'only root may make loop devices'
  for (const path of ['/dev/fuse', '/dev/loop-control']) if (!existsSync(path)) return `no ${path}`
  for (const program of ['losetup', `mkfs.${filesystem}`]) if (spawnSync(program, ['-V'], { stdio: 'ignore' }).error !== undefined) return `no ${program}`
  const { status } = spawnSync('losetup', ['--find'], { stdio: 'ignore' })
  return status === 0 ? undefined : 'no loop device is to be had'
}

export class RecorderRig {
  /** Where the filesystem is mounted while it is recorded. */
  readonly disk: string
  /** The disk before anything was recorded. */
  readonly base: string
  readonly journal: string
  readonly #filesystem: Filesystem
  readonly #image: string
  readonly #served: string
  #server: ChildProcess | undefined
  #device: string | undefined

  constructor(folder: string, filesystem: Filesystem) {
    this.#filesystem = filesystem
    this.disk = join(folder, 'disk')
    this.base = join(folder, 'base')
    this.journal = join(folder, 'journal')
    this.#image = join(folder, 'image')
    this.#served = join(folder, 'served')
  }

  async begin(): Promise<void> {
    for (const each of [this.disk, this.#served]) mkdirSync(each, { recursive: true, mode: 0o700 })
    rmSync(this.base, { force: true })
    must('truncate', '-s', `${String(sizeMib)}M`, this.base)
    const [program = '', ...options] = makers[this.#filesystem]
    must(program, ...options, this.base)
    must('cp', '--sparse=always', this.base, this.#image)
    const server = spawn(process.execPath, [join(import.meta.dirname, 'serve-disk.js'), this.#served, this.#image, this.journal], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' })
    this.#server = server
    let said = ''
    server.stdout.setEncoding('utf8').on('data', (text: string) => { said += text })
    await until(() => said.includes('mounted') || server.exitCode !== null, 'the recorder does not begin')
    this.#device = must('losetup', '--find', '--show', join(this.#served, 'image')).trim()
    must('mount', '-t', this.#filesystem, this.#device, this.disk)
  }

  /** The recording is whole afterwards. May be called twice. */
  async end(): Promise<void> {
    await until(() => mountAt(this.disk) === undefined || spawnSync('umount', [this.disk], { stdio: 'ignore' }).status === 0, `${this.disk} can't be unmounted`)
    if (this.#device !== undefined) must('losetup', '--detach', this.#device)
    this.#device = undefined
    await until(() => mountAt(this.#served) === undefined || spawnSync('umount', [this.#served], { stdio: 'ignore' }).status === 0, `${this.#served} can't be unmounted`)
    const server = this.#server
    await until(() => server === undefined || server.exitCode !== null || server.signalCode !== null, 'the recorder does not end')
    rmSync(this.#image, { force: true })
  }
}

export function must(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`)
  return stdout
}
