// A vault on a real mount that can be ended in a bad way: by a kill of its daemon at a chosen moment. What is mounted and
// ended is a daemon as `vaultfs mount` starts it.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DaemonRequest } from '../../../bin/daemon-request.js'
import { StartingDaemon } from '../../../bin/daemon-start.js'
import { mountAt } from '../../../bin/mount-table.js'
import { runtimeFiles } from '../../../bin/runtime-folder.js'
import { readSettings, type Settings } from '../../../bin/settings.js'
import { ControlClient } from '../../../lib/control/client.js'
import { projectRoot } from '../../tidy/source.js'

/** When a daemon dies: after so long, or when it makes its Nth call of a kind, of whichever thread. */
export type Moment = { readonly afterMs: number } | { readonly call: string; readonly number: number }

export const passphrase = 'torture\n'
const patienceMs = 30_000
const vaultfs = join(projectRoot(import.meta.dirname), 'bin/vaultfs')

export class VaultRig {
  readonly folder: string
  readonly mountPoint: string
  readonly store: string
  readonly #secret: string
  readonly #environment: NodeJS.ProcessEnv
  #pid = 0
  #tracer: ChildProcess | undefined

  /** `disk` is where the store lies; everything else is in `folder`, but for what is remembered of the store, which may lie elsewhere. */
  constructor(folder: string, disk = folder, afterCrash: Settings['afterCrash'] = 'detach', state = join(folder, 'state')) {
    this.folder = folder
    this.mountPoint = join(folder, 'Vault')
    this.store = join(disk, 'store')
    this.#secret = join(folder, 'passphrase')
    this.#environment = { ...process.env, HOME: folder, XDG_RUNTIME_DIR: join(folder, 'run'), XDG_STATE_HOME: state, VAULTFS_GUARD: 'mode', VAULTFS_AFTER_CRASH: afterCrash }
  }

  create(): void {
    this.prepare()
    rmSync(this.store, { recursive: true, force: true })
    this.run('init', '--store', this.store, '--passphrase-file', this.#secret, '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1')
  }

  /** What a store that is there already is mounted with. */
  prepare(): void {
    for (const each of [this.folder, join(this.folder, 'run'), this.mountPoint]) mkdirSync(each, { recursive: true, mode: 0o700 })
    writeFileSync(this.#secret, passphrase, { mode: 0o600 })
  }

  run(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(vaultfs, args, { env: this.#environment, encoding: 'utf8', timeout: 5 * 60_000, cwd: '/' })
    if (status !== 0) throw new Error(`vaultfs ${args[0] ?? ''} ended with ${String(status)}: ${stdout}${stderr}`)
    return stdout
  }

  async mount(): Promise<void> {
    await until(() => mountAt(this.mountPoint) === undefined, 'the dead mount does not go away')
    const settings = readSettings({}, this.#environment, 'torture')
    const request: DaemonRequest = {
      store: this.store, name: 'torture', mountPoint: this.mountPoint, mountPointMode: 0o700, allowOther: false, readOnly: false, writeback: false, showVersions: false, acceptOlder: false, settings, connection: null, place: null,
    }
    const { pid } = await new StartingDaemon(request).finish(request, { kind: 'passphrase', passphrase: Uint8Array.from(Buffer.from(passphrase.trimEnd())) })
    this.#pid = pid
  }

  get pid(): number {
    return this.#pid
  }

  /** Resolves when another daemon goes on with the mount of the one that `kill` ended. */
  async resumed(): Promise<void> {
    const { pidFile } = runtimeFiles(readSettings({}, this.#environment, 'torture'), this.store)
    const now = (): number => Number(readStat(pidFile))
    await until(() => now() > 0 && now() !== this.#pid && existsSync(`/proc/${String(now())}`), 'no other daemon goes on')
    this.#pid = now()
  }

  /** Publishes; fails when the daemon dies meanwhile, as it may. */
  async publish(): Promise<void> {
    const client = await ControlClient.connect(runtimeFiles(readSettings({}, this.#environment, 'torture'), this.store).socket)
    try {
      await client.sync(() => undefined)
    } finally {
      client.close()
    }
  }

  /** System calls of the daemon that say they succeeded and do nothing, from now on: a disk that lies. */
  async swallow(calls: readonly string[]): Promise<void> {
    await this.inject(`${calls.join(',')}:retval=0`)
  }

  /** What strace's inject= says happens to its calls, from now on. */
  async inject(what: string): Promise<void> {
    await this.#trace([`inject=${what}`])
  }

  /** Its calls are its own again. */
  async leaveAlone(): Promise<void> {
    const tracer = this.#tracer
    tracer?.kill('SIGTERM')
    await until(() => tracer === undefined || tracer.exitCode !== null || tracer.signalCode !== null, 'strace does not let go')
    this.#tracer = undefined
  }

  /** Resolves when the daemon is dead; it is helped along when its moment does not come. */
  async kill(moment: Moment): Promise<void> {
    if ('call' in moment) await this.#trace([`inject=${moment.call}:signal=SIGKILL:when=${String(moment.number)}`])
    const limit = performance.now() + ('call' in moment ? 2000 : moment.afterMs)
    while (performance.now() < limit && this.#lives()) await pause(Math.min(20, Math.max(1, limit - performance.now())))
    await this.end()
  }

  /** It stays, and does nothing any more. */
  hang(): void {
    process.kill(this.#pid, 'SIGSTOP')
  }

  /** At once. */
  async end(): Promise<void> {
    try {
      process.kill(this.#pid, 'SIGKILL')
    } catch {
      // It is dead already.
    }
    await until(() => !this.#lives(), 'the daemon survives SIGKILL')
    this.#tracer?.kill('SIGKILL')
    this.#tracer = undefined
  }

  unmount(): void {
    if (mountAt(this.mountPoint) !== undefined) this.run('unmount', this.mountPoint)
  }

  /** Everything that is stored, read and compared; throws with what it found. */
  verify(): void {
    this.run('verify', '--store', this.store, '--passphrase-file', this.#secret)
  }

  /** Whatever goes on with the mount ends too: without a mount there is nothing to go on with. */
  async close(): Promise<void> {
    spawnSync('umount', ['-l', this.mountPoint], { stdio: 'ignore' })
    if (this.#pid > 0) await this.end()
  }

  #lives(): boolean {
    const folder = `/proc/${String(this.#pid)}`
    // Its first thread may be gone while others still hold its files.
    return this.#pid > 0 && existsSync(folder) && (!/\) [ZX] /.test(readStat(`${folder}/stat`)) || readTasks(folder) > 1)
  }

  async #trace(expressions: readonly string[]): Promise<void> {
    const tracer = spawn('strace', ['-f', '-qq', '-p', String(this.#pid), '-o', '/dev/null', ...expressions.flatMap((each) => ['-e', each])], { stdio: 'ignore' })
    this.#tracer = tracer
    const attached = (): boolean => /^TracerPid:\s*[1-9]/m.test(readStat(`/proc/${String(this.#pid)}/status`))
    await until(() => attached() || !this.#lives() || tracer.exitCode !== null, 'strace does not attach')
    // Its other threads come at once after.
    await pause(100)
  }
}

function readTasks(folder: string): number {
  try {
    return readdirSync(`${folder}/task`).length
  } catch {
    return 0
  }
}

function readStat(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export async function until(condition: () => boolean, otherwise: string | (() => string), withinMs = patienceMs): Promise<void> {
  for (const limit = performance.now() + withinMs; !condition();) {
    if (performance.now() > limit) throw new Error(typeof otherwise === 'string' ? otherwise : otherwise())
    await pause(10)
  }
}
