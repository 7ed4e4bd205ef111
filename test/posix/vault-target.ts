// A vault made for one run: its store on a loop image of its own for root (suites fill their filesystem), mounted for all
// users, and taken away at the end whatever happened. The daemon is another process: this one may use the mount.
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { execFile } from 'node:child_process'
import { findMount } from '../../native-deps/fuse/mount-table.js'
import { programFolders } from './packages.js'

const exec = promisify(execFile)
const imageSize = '4G'
const isRoot = process.geteuid?.() === 0

export interface VaultTargetOptions {
  /** An empty folder off the mount; everything is in it. */
  readonly folder: string
  readonly vaultfs: string
  readonly driver: 'kernel' | 'fuse-native'
}

export class VaultTarget {
  readonly mountPoint: string
  readonly stateHome: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly #options: VaultTargetOptions
  readonly #disk: string
  readonly #secret: readonly string[]

  constructor(options: VaultTargetOptions) {
    const { folder } = options
    this.#options = options
    this.mountPoint = join(folder, 'mnt')
    this.#disk = join(folder, 'disk')
    this.stateHome = join(folder, 'state')
    this.#secret = ['--passphrase-file', join(folder, 'passphrase')]
    this.env = {
      ...process.env, PATH: programFolders.join(':'), HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run'), XDG_STATE_HOME: this.stateHome,
      XDG_CONFIG_HOME: join(folder, 'config'), XDG_DATA_HOME: join(folder, 'data'), VAULTFS_GUARD: 'mode',
    }
  }

  async open(): Promise<void> {
    const { folder } = this.#options
    // Other users have to get to the mount.
    chmodSync(folder, 0o711)
    for (const path of [this.mountPoint, this.#disk, join(folder, 'run')]) mkdirSync(path, { mode: 0o755 })
    writeFileSync(join(folder, 'passphrase'), 'posix\n', { mode: 0o600 })
    if (isRoot) {
      const image = join(folder, 'image')
      await this.#run('truncate', '-s', imageSize, image)
      await this.#run('mkfs.ext4', '-q', '-F', image)
      await this.#run('mount', '-o', 'loop', image, this.#disk)
    }
    await this.mount('--create', '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1')
  }

  async mount(...more: readonly string[]): Promise<void> {
    const { vaultfs, driver } = this.#options
    const others = isRoot ? ['--allow-other'] : []
    await this.#run(vaultfs, 'mount', this.mountPoint, '--store', this.#store, '--driver', driver, ...others, ...this.#secret, ...more)
  }

  async unmount(): Promise<void> {
    await this.#run(this.#options.vaultfs, 'unmount', this.mountPoint)
  }

  /** Rejects, with what is damaged, when anything is. */
  async verify(): Promise<void> {
    await this.#run(this.#options.vaultfs, 'verify', '--store', this.#store, ...this.#secret)
  }

  /** The daemon's own word: mounted, unmounting or failsafe. */
  async state(): Promise<string> {
    const report: unknown = JSON.parse(await this.#run(this.#options.vaultfs, 'status', this.mountPoint, '--json'))
    return typeof report === 'object' && report !== null && 'state' in report ? String(report.state) : 'unknown'
  }

  get daemonLog(): string {
    return join(this.#store, 'daemon.log')
  }

  /** Takes everything away; says what it could not. */
  async close(): Promise<readonly string[]> {
    const left: string[] = []
    const last = async (what: string, work: () => Promise<unknown>): Promise<void> => {
      await work().catch((error: unknown) => { left.push(`${what}: ${messageOf(error)}`) })
    }
    if (findMount(this.mountPoint) !== undefined)
      await last('unmount', () => this.unmount().catch(() => this.#run(this.#options.vaultfs, 'unmount', this.mountPoint, '--lazy')))
    if (findMount(this.#disk) !== undefined) await last('the disk of the store', () => this.#run('umount', this.#disk))
    if (left.length === 0) rmSync(this.#options.folder, { recursive: true, force: true })
    return left
  }

  get #store(): string {
    return join(this.#disk, 'store')
  }

  async #run(program: string, ...args: readonly string[]): Promise<string> {
    return (await exec(program, args, { env: this.env, cwd: '/', timeout: 600_000, maxBuffer: 64 * 1024 * 1024 })).stdout
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
