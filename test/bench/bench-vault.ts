// A vault that a bench mounts in a folder of its own, through the command as users have it, and takes away afterwards.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { mountAt } from '../../bin/mount-table.js'
import type { StatusReport } from '../../lib/control/daemon-port.js'
import { projectRoot } from '../tidy/source.js'

const program = join(projectRoot(import.meta.dirname), 'bin/vaultfs')

export class BenchVault {
  readonly folder = mkdtempSync(join(tmpdir(), 'vaultfs-bench-'))
  readonly mountPoint = join(this.folder, 'Vault')
  readonly store = join(this.folder, 'store')
  readonly #passphraseFile = join(this.folder, 'passphrase')

  /** Makes the vault, or copies a store that is not mounted; it is not mounted yet. The cost of a new one's key is the least that a reader accepts. */
  constructor(kept?: { readonly store: string; readonly passphraseFile: string }) {
    for (const each of [this.mountPoint, join(this.folder, 'run')]) mkdirSync(each, { mode: 0o700 })
    if (kept !== undefined) {
      execFileSync('cp', ['-a', '--sparse=always', kept.store, this.store])
      execFileSync('cp', [kept.passphraseFile, this.#passphraseFile])
      return
    }
    writeFileSync(this.#passphraseFile, 'bench\n', { mode: 0o600 })
    this.vaultfs('init', '--store', this.store, '--passphrase-file', this.#passphraseFile, '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1')
  }

  /** What it said on standard output. */
  vaultfs(...words: readonly string[]): string {
    const env = { ...process.env, HOME: this.folder, XDG_RUNTIME_DIR: join(this.folder, 'run'), VAULTFS_GUARD: 'mode' }
    return execFileSync(program, words, { env, encoding: 'utf8', cwd: '/', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 256 * 1024 * 1024 })
  }

  mount(...options: readonly string[]): void {
    this.vaultfs('mount', this.mountPoint, '--store', this.store, '--passphrase-file', this.#passphraseFile, ...options)
  }

  unmount(): void {
    this.vaultfs('unmount', this.mountPoint)
  }

  /** Resolved when everything is published and durable. */
  sync(): void {
    this.vaultfs('sync', this.mountPoint)
  }

  status(): StatusReport {
    return JSON.parse(this.vaultfs('status', this.mountPoint, '--json')) as StatusReport
  }

  /** Processor milliseconds of the daemon, all threads. */
  processorMs(pid: number): number {
    const fields = readFileSync(`/proc/${String(pid)}/stat`, 'latin1').replace(/^.*\) /s, '').split(' ')
    return (Number(fields[11]) + Number(fields[12])) * 10
  }

  /** Whatever state it is in. */
  remove(): void {
    if (mountAt(this.mountPoint) !== undefined) {
      try {
        this.unmount()
      } catch {
        spawnSync('umount', ['-l', this.mountPoint])
      }
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}
