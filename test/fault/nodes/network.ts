// Network namespaces of their own for a vault's daemon and its nodes, each node at the end of a link that can be slow, lossy
// or cut. Needs root and ip(8). Nothing outside of them is touched.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { python } from '../../support/python.js'
import { projectRoot } from '../../tidy/source.js'

export interface LinkState {
  readonly delayMs: number
  readonly jitterMs: number
  /** 100: the cable is cut. */
  readonly lossPercent: number
}

export const goodLink: LinkState = { delayMs: 0, jitterMs: 0, lossPercent: 0 }
export const cutLink: LinkState = { delayMs: 0, jitterMs: 0, lossPercent: 100 }

/** Why there can be none, for an announced skip; undefined: there can. */
export function networkLacks(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces'
  if (spawnSync('ip', ['netns', 'list'], { stdio: 'ignore' }).status !== 0) return 'needs ip(8) with network namespaces'
  return spawnSync('test', ['-c', '/dev/net/tun']).status === 0 ? undefined : 'needs /dev/net/tun'
}

export class Network {
  readonly #names: string[] = []
  readonly #links: ChildProcess[] = []
  readonly #tag = `vfs${process.pid.toString(36)}`

  /** One for the client, `client`, and one for each node. */
  static async open(nodes: number): Promise<Network> {
    const network = new Network()
    try {
      network.#add(network.client)
      for (let index = 0; index < nodes; index++) await network.#addNode(index)
    } catch (error) {
      network.close()
      throw error
    }
    return network
  }

  get client(): string {
    return `${this.#tag}c`
  }

  node(index: number): string {
    return `${this.#tag}n${String(index)}`
  }

  /** Of the node, as the client reaches it. */
  address(index: number): string {
    return `10.93.${String(index)}.2`
  }

  setLink(index: number, { delayMs, jitterMs, lossPercent }: LinkState): void {
    this.#links[index]?.stdin?.write(`${String(delayMs)} ${String(jitterMs)} ${String(lossPercent)}\n`)
  }

  /** The words before a command that is to run there. Mounts are everybody's: `ip netns exec` would hide them. */
  inside(namespace: string): readonly [string, ...string[]] {
    return ['nsenter', `--net=/run/netns/${namespace}`, '--']
  }

  close(): void {
    for (const link of this.#links) link.stdin?.end()
    for (const name of this.#names.splice(0)) spawnSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
  }

  #add(name: string): void {
    ip('netns', 'add', name)
    this.#names.push(name)
    ip('-n', name, 'link', 'set', 'lo', 'up')
  }

  async #addNode(index: number): Promise<void> {
    const name = this.node(index)
    this.#add(name)
    const program = join(projectRoot(import.meta.dirname), 'test/fault/nodes/delay-link.py')
    const link = spawn(python(), [program, this.client, `10.93.${String(index)}.1`, name, this.address(index)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#links.push(link)
    await new Promise<void>((resolve, reject) => {
      link.stdout.once('data', () => { resolve() })
      link.once('exit', (code) => { reject(new Error(`the link ended with ${String(code)}`)) })
    })
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
