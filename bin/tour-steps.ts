// The steps of the tour. Every step runs the program itself as a child, so the tour shows what a script would see; it
// lives in a temporary folder of its own, registry and sockets included.

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { isRecord } from '../lib/control/messages.js'
import { VaultError } from '../lib/terms/errors.js'
import { packageRoot } from '../native-deps/addon.js'
import { damageStore } from './damage.js'
import { detachMount } from './detach.js'
import { compareFolders } from './folder-comparison.js'
import { restoreMountPoint } from './mount-point.js'
import { isVault, mountAt } from './mount-table.js'
import { bytesText } from './report.js'
import { environmentWith } from './settings.js'

/** Larger than what the cache keeps in rows, so that a segment file is used (and can be damaged). */
const largeFileBytes = 6 * 1024 * 1024
/** The least that every reader accepts: this vault lives for a minute. */
const cheapKdf = ['--kdf-memory-mib', '64', '--kdf-passes', '1'] as const

interface TourOptions {
  readonly say: (line: string) => void
  readonly folder: string | undefined
  readonly damage: boolean
  readonly driver: string
}

export class Tour {
  readonly #options: TourOptions
  readonly #home: string
  readonly #store: string
  readonly #mountPoint: string
  readonly #original: string
  readonly #environment: NodeJS.ProcessEnv

  constructor(options: TourOptions) {
    this.#options = options
    this.#home = mkdtempSync(join(tmpdir(), 'vaultfs-tour-'))
    this.#store = join(this.#home, 'store')
    this.#mountPoint = join(this.#home, 'Vault')
    this.#original = join(this.#home, 'original')
    this.#environment = environmentWith({
      XDG_DATA_HOME: this.#home, XDG_STATE_HOME: join(this.#home, 'state'), XDG_CONFIG_HOME: join(this.#home, 'config'),
      XDG_RUNTIME_DIR: join(this.#home, 'runtime'),
    })
  }

  /** The differences seen. */
  async walk(): Promise<readonly string[]> {
    const { say } = this.#options
    const began = performance.now()
    const passphrase = join(this.#home, 'passphrase')
    writeFileSync(passphrase, randomBytes(24).toString('base64'), { mode: 0o600 })
    const opening = ['--store', this.#store, '--passphrase-file', passphrase]
    const mounting = ['mount', this.#mountPoint, ...opening, '--driver', this.#options.driver, '--guard', 'mode', '--after-crash', 'detach']
    mkdirSync(join(this.#home, 'runtime'), { mode: 0o700 })
    this.#makeOriginal()

    this.#run('make a vault', ['init', ...opening, '--recovery', 'later', ...cheapKdf])
    this.#run('mount it', mounting)
    const inside = join(this.#mountPoint, 'copy')
    this.#timed('copy a folder in', () => {
      copyFolder(this.#original, inside)
    })
    const differences = [...this.#compare('compare', inside)]
    this.#killDaemon()
    if (this.#options.damage) {
      this.#run('mount it again', mounting)
      this.#run('publish', ['sync', this.#mountPoint])
      this.#run('unmount', ['unmount', this.#mountPoint])
      say(`  damaged ${damageStore(this.#store)} of the store`)
    }
    this.#run('mount it again', mounting)
    differences.push(...this.#compare('compare again', inside))
    this.#run('unmount', ['unmount', this.#mountPoint])
    this.#run('mount once more, from what was published', mounting)
    differences.push(...this.#compare('compare once more', inside))
    differences.push(...this.#goBack(inside))
    this.#run('unmount', ['unmount', this.#mountPoint])
    say(`${differences.length === 0 ? 'no difference' : `${differences.length} differences`}, ${((performance.now() - began) / 1000).toFixed(1)} s in all`)
    return differences
  }

  /** Loses work as people do, looks into the past, and brings it back: what `.versions` showed, and what is there after. */
  #goBack(inside: string): readonly string[] {
    this.#run('name this state', ['snapshot', 'before', '--mountpoint', this.#mountPoint])
    this.#timed('overwrite a file, delete the others', () => {
      writeFileSync(join(inside, 'large'), randomBytes(largeFileBytes / 2))
      for (const name of readdirSync(inside)) if (name !== 'large') rmSync(join(inside, name), { recursive: true })
    })
    this.#run('publish that', ['sync', this.#mountPoint])
    const differences = this.#compare('compare copy/.versions/before', join(inside, '.versions', 'before'))
    this.#run('restore copy@before', ['restore', `${inside}@before`, '--yes'])
    return [...differences, ...this.#compare('compare what came back', inside)]
  }

  /** Leaves no mount and, unless asked to, no file behind. */
  cleanUp(keep: boolean): void {
    if (isVault(mountAt(this.#mountPoint))) spawnSync(process.execPath, this.#command(['unmount', '--lazy', this.#mountPoint]), { env: this.#environment, stdio: 'ignore' })
    if (isVault(mountAt(this.#mountPoint))) detachMount(this.#mountPoint)
    if (keep) return this.#options.say(`kept: ${this.#home}`)
    if (existsSync(this.#mountPoint)) restoreMountPoint(this.#mountPoint, null)
    rmSync(this.#home, { recursive: true, force: true })
  }

  #makeOriginal(): void {
    const folder = this.#options.folder
    mkdirSync(this.#original)
    if (folder === undefined) {
      const root = packageRoot()
      for (const name of ['lib', 'bin', 'mount', 'native-deps']) {
        const from = join(root, name)
        if (existsSync(from)) cpSync(from, join(this.#original, name), { recursive: true, filter: (path) => !path.endsWith('/build') })
      }
    } else cpSync(folder, join(this.#original, 'folder'), { recursive: true, verbatimSymlinks: true })
    writeFileSync(join(this.#original, 'large'), randomBytes(largeFileBytes))
  }

  #compare(title: string, copy: string): readonly string[] {
    return this.#timed(title, () => {
      const { files, bytes, differences } = compareFolders(this.#original, copy)
      this.#options.say(`  ${files} files, ${bytesText(bytes)}: ${differences.length === 0 ? 'all the same' : `${differences.length} differ`}`)
      for (const difference of differences.slice(0, 10)) this.#options.say(`  ! ${difference}`)
      return differences
    })
  }

  #killDaemon(): void {
    const result = spawnSync(process.execPath, this.#command(['status', this.#mountPoint, '--json']), { env: this.#environment, encoding: 'utf8' })
    const status: unknown = result.status === 0 ? JSON.parse(result.stdout) : undefined
    const pid = isRecord(status) ? status['pid'] : undefined
    if (typeof pid !== 'number') throw new VaultError('io', `status did not tell the daemon's process: ${result.stderr.trim()}`)
    process.kill(pid, 'SIGKILL')
    this.#options.say('kill the daemon: SIGKILL, in the middle of its work')
  }

  #run(title: string, words: readonly string[]): void {
    this.#timed(title, () => {
      const result = spawnSync(process.execPath, this.#command(words), { env: this.#environment, encoding: 'utf8' })
      if (result.status !== 0) throw new VaultError('io', `'${title}' failed: ${result.stderr.trim().replace(/^vaultfs: /, '')}`, { next: 'run the tour with --keep and look at daemon.log in its store' })
    })
  }

  #command(words: readonly string[]): string[] {
    return [...process.execArgv, join(import.meta.dirname, 'vaultfs.js'), ...words]
  }

  #timed<Result>(title: string, work: () => Result): Result {
    const began = performance.now()
    const result = work()
    this.#options.say(`${title}: ${((performance.now() - began) / 1000).toFixed(1)} s`)
    return result
  }
}

/** As cp -a does it: cpSync makes folders by the umask. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
  for (const item of readdirSync(from, { recursive: true, withFileTypes: true })) {
    const path = join(item.parentPath, item.name)
    if (item.isDirectory()) chmodSync(join(to, relative(from, path)), statSync(path).mode & 0o7777)
  }
}
