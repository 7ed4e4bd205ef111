// A node as a user runs it, `vaultfs node run`, in a namespace of its own; it can be killed and started again.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { thriftFlags } from '../../../bin/thrift-flags.js'
import { until } from '../torture/vault-rig.js'
import { projectRoot } from '../../tidy/source.js'

const vaultfs = join(projectRoot(import.meta.dirname), 'bin/vaultfs')
const direct = join(projectRoot(import.meta.dirname), 'dist/bin/vaultfs.js')

export interface NodePlace {
  /** Its data; is made. */
  readonly data: string
  readonly name: string
  /** `host:port`. */
  readonly listen: string
  /** Where clients reach it; absent: where it listens. */
  readonly advertise?: string
  /** Words before the command. */
  readonly inside: readonly string[]
}

export class NodeProcess {
  readonly #place: NodePlace
  #process: ChildProcess | undefined
  starts = 0

  constructor(place: NodePlace) {
    this.#place = place
    this.#run('init', '--data', place.data, '--name', place.name, '--listen', place.listen, '--advertise', place.advertise ?? place.listen)
  }

  get data(): string {
    return this.#place.data
  }

  get name(): string {
    return this.#place.name
  }

  get lives(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Resolves when it answers on its port. */
  async start(): Promise<void> {
    const { inside, data, listen } = this.#place
    // Without the launcher: a SIGKILL of that would leave the node alive.
    const [program = process.execPath, ...args] = [...inside, process.execPath, ...thriftFlags, direct, 'node', 'run', '--data', data]
    const log = openSync(`${data}.log`, 'a')
    this.#process = spawn(program, args, { stdio: ['ignore', log, log] })
    this.starts++
    const [host = '', port = ''] = listen.split(':')
    const [probe = 'bash', ...words] = [...inside, 'bash', '-c', `exec 3<>/dev/tcp/${host}/${port}`]
    await until(() => !this.lives || spawnSync(probe, words, { stdio: 'ignore' }).status === 0, `node ${this.#place.name} does not answer: see ${data}.log`)
    if (!this.lives) throw new Error(`node ${this.#place.name} ended: see ${data}.log`)
  }

  /** SIGKILL, now. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  invite(): string {
    return this.#run('invite', '--data', this.#place.data).split('\n').find((line) => line.trim().startsWith('vfsn1_'))?.trim() ?? ''
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#process?.kill(signal)
    await until(() => !this.lives, `node ${this.#place.name} survives ${signal}`)
  }

  #run(...args: readonly string[]): string {
    const { status, stdout, stderr } = spawnSync(vaultfs, ['node', ...args], { encoding: 'utf8', cwd: '/' })
    if (status !== 0) throw new Error(`vaultfs node ${args[0] ?? ''} ended with ${String(status)}: ${stdout}${stderr}`)
    return stdout
  }
}
