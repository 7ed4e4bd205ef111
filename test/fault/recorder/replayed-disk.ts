// The disk of a recording as a loss of power leaves it, one cut after another, each not before the one before. What is safe
// is applied to the recording's base, which moves on with it; the rest to a copy that is mounted, and thrown away.
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { mountAt } from '../../../bin/mount-table.js'
import { until } from '../torture/vault-rig.js'
import { survivors, type Cut, type Piece } from './cut.js'
import type { DiskEvent } from './journal.js'
import { must, type Filesystem } from './recorder-rig.js'

export class ReplayedDisk {
  /** Where a cut's filesystem is mounted. */
  readonly disk: string
  readonly #folder: string
  readonly #base: string
  readonly #events: readonly DiskEvent[]
  readonly #filesystem: Filesystem
  #applied = 0
  #made = 0
  #device: string | undefined

  /** `base` is a copy of the caller's. */
  constructor(base: string, folder: string, { events, filesystem }: { readonly events: readonly DiskEvent[]; readonly filesystem: Filesystem }) {
    this.#base = base
    this.#events = events
    this.#filesystem = filesystem
    this.disk = join(folder, 'disk')
    this.#folder = folder
    mkdirSync(this.disk, { recursive: true, mode: 0o700 })
  }

  /**
   * Of the cut, before its filesystem was mounted and repaired by its own journal. A file of its own each time: another
   * mount namespace may keep the one before alive, and a loop device of the same file would show that again.
   */
  get image(): string {
    return join(this.#folder, `image-${String(this.#made)}`)
  }

  make(cut: Cut): void {
    this.remove()
    this.#made++
    if (cut.safe < this.#applied) throw new Error('cuts go forward only')
    write(this.#base, this.#events.slice(this.#applied, cut.safe).filter((event) => event.kind === 'write'))
    this.#applied = cut.safe
    must('cp', '--sparse=always', this.#base, this.image)
    write(this.image, survivors(this.#events, cut))
  }

  /** Throws when the filesystem does not come back. */
  mount(): void {
    this.#device = must('losetup', '--find', '--show', this.image).trim()
    // For the same reason: XFS would not mount what it takes for the one before.
    must('mount', '-t', this.#filesystem, ...(this.#filesystem === 'xfs' ? ['-o', 'nouuid'] : []), this.#device, this.disk)
  }

  async unmount(): Promise<void> {
    await until(() => mountAt(this.disk) === undefined || spawnSync('umount', [this.disk], { stdio: 'ignore' }).status === 0, `${this.disk} can't be unmounted`)
    if (this.#device !== undefined) must('losetup', '--detach', this.#device)
    this.#device = undefined
  }

  remove(): void {
    rmSync(this.image, { force: true })
  }
}

function write(path: string, pieces: readonly Piece[]): void {
  const fd = openSync(path, 'r+')
  try {
    for (const { offset, bytes } of pieces)
      if (writeSync(fd, bytes, 0, bytes.byteLength, offset) !== bytes.byteLength) throw new Error(`${path} takes no more`)
  } finally {
    closeSync(fd)
  }
}
