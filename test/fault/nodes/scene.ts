// A vault, mounted by a daemon, and its nodes, each a process of its own behind a link that can fail: set up as a user does
// it, by the commands alone.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mountAt } from '../../../bin/mount-table.js'
import { runtimeFiles } from '../../../bin/runtime-folder.js'
import { readSettings } from '../../../bin/settings.js'
import { projectRoot } from '../../tidy/source.js'
import { until } from '../torture/vault-rig.js'
import { Network } from './network.js'
import { NodeProcess } from './node-process.js'

const vaultfs = join(projectRoot(import.meta.dirname), 'bin/vaultfs')
const port = 7100

export interface Outcome {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export class Scene {
  readonly folder: string
  readonly network: Network
  readonly nodes: readonly NodeProcess[]
  readonly mountPoint: string
  readonly store: string
  readonly #environment: NodeJS.ProcessEnv

  private constructor(folder: string, network: Network, nodes: readonly NodeProcess[]) {
    this.folder = folder
    this.network = network
    this.nodes = nodes
    this.mountPoint = join(folder, 'Vault')
    this.store = join(folder, 'store')
    this.#environment = environmentIn(folder)
  }

  /** A mounted vault whose nodes are paired. */
  static async open(folder: string, count: number): Promise<Scene> {
    const network = await Network.open(count)
    try {
      const nodes = Array.from({ length: count }, (_, index) => new NodeProcess({
        data: join(folder, `node-${String(index)}`), name: `node-${String(index)}`, listen: `${network.address(index)}:${String(port)}`, inside: network.inside(network.node(index)),
      }))
      const scene = new Scene(folder, network, nodes)
      prepareHome(folder)
      mkdirSync(scene.mountPoint, { mode: 0o700 })
      scene.must('init', ...scene.secret(), '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1')
      scene.mount()
      for (const node of nodes) {
        await node.start()
        writeFileSync(join(folder, 'code'), `${node.invite()}\n`, { mode: 0o600 })
        scene.must('peer', 'add', '--code-file', join(folder, 'code'), '--name', node.name, scene.mountPoint)
      }
      return scene
    } catch (error) {
      network.close()
      throw error
    }
  }

  secret(): readonly string[] {
    return ['--store', this.store, '--passphrase-file', join(this.folder, 'passphrase')]
  }

  mount(): void {
    this.must('mount', this.mountPoint, ...this.secret())
  }

  unmount(): void {
    if (mountAt(this.mountPoint) !== undefined) this.must('unmount', this.mountPoint)
  }

  /** In the client's network. */
  run(...args: readonly string[]): Outcome {
    const [program = 'nsenter', ...words] = [...this.network.inside(this.network.client), vaultfs, ...args]
    const { status, stdout, stderr } = spawnSync(program, words, { env: this.#environment, encoding: 'utf8', timeout: 20 * 60_000, cwd: '/' })
    return { status, stdout, stderr }
  }

  must(...args: readonly string[]): string {
    const { status, stdout, stderr } = this.run(...args)
    if (status !== 0) throw new Error(`vaultfs ${args.join(' ')} ended with ${String(status)}: ${stdout}${stderr}`)
    return stdout
  }

  /** SIGKILL to the daemon; resolves when another one goes on with the mount. */
  async killDaemon(): Promise<void> {
    const { pidFile } = runtimeFiles(readSettings({}, this.#environment, 'scene'), this.store)
    const now = (): number => Number(readFileSync(pidFile, 'latin1'))
    const before = now()
    process.kill(before, 'SIGKILL')
    await until(() => now() !== before && mountAt(this.mountPoint) !== undefined, 'no other daemon goes on', 60_000)
  }

  async close(): Promise<void> {
    spawnSync('umount', ['-l', this.mountPoint], { stdio: 'ignore' })
    for (const node of this.nodes) await node.kill()
    this.network.close()
  }
}

/** Another machine, as far as a vault can tell. */
export function environmentIn(home: string): NodeJS.ProcessEnv {
  return { ...process.env, HOME: home, XDG_RUNTIME_DIR: join(home, 'run'), XDG_STATE_HOME: join(home, 'state'), VAULTFS_GUARD: 'mode' }
}

export function prepareHome(home: string): void {
  mkdirSync(join(home, 'run'), { recursive: true, mode: 0o700 })
  writeFileSync(join(home, 'passphrase'), 'scene\n', { mode: 0o600 })
}
