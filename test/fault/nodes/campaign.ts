// An hour, or a minute, of a vault with nodes while everything between and around them fails: nodes and the daemon are
// killed, links are slow, lose packets, are cut. What a node acknowledged must be on its disk after each of its deaths; at
// the end every node has everything, and each one alone brings the whole vault back on another machine.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { projectRoot } from '../../tidy/source.js'
import { Random } from '../../model/random.js'
import { pause } from '../torture/vault-rig.js'
import { Churn, digestOf } from './churn.js'
import { believedHeld, blobsIn, chainsIn, damagedIn, vaultFolderOf } from './holdings.js'
import { cutLink, goodLink } from './network.js'
import { environmentIn, prepareHome, Scene } from './scene.js'

export interface CampaignOptions {
  readonly folder: string
  readonly seed: number
  readonly nodes: number
  readonly seconds: number
  /** The daemon is killed too. */
  readonly killsDaemon: boolean
  readonly say: (text: string) => void
}

export interface Tally {
  readonly events: Record<string, number>
  steps: number
  writtenBytes: number
  snapshots: number
  /** Acknowledged by a node, looked for on its disk after a kill, all kills together. */
  acknowledged: number
  /** Of blobs and bytes that every node had at the end. */
  blobs: number
  readonly faults: string[]
}

const vaultfs = join(projectRoot(import.meta.dirname), 'bin/vaultfs')

export async function campaign(options: CampaignOptions): Promise<Tally> {
  const { folder, seed, nodes } = options
  const tally: Tally = { events: {}, steps: 0, writtenBytes: 0, snapshots: 0, acknowledged: 0, blobs: 0, faults: [] }
  const scene = await Scene.open(folder, nodes)
  try {
    const run = new Campaign(scene, options, tally)
    await run.storm(new Random(seed))
    await run.settle()
    await run.compare()
  } finally {
    await scene.close()
  }
  return tally
}

class Campaign {
  readonly #scene: Scene
  readonly #options: CampaignOptions
  readonly #tally: Tally
  readonly #churn: Churn
  /** Digests of the folder by the name of the snapshot. */
  readonly #kept = new Map<string, string>()
  readonly #returning = new Map<number, { readonly atMs: number; readonly believed: ReadonlySet<string> }>()

  #nextDaemonMs = 0

  constructor(scene: Scene, options: CampaignOptions, tally: Tally) {
    this.#scene = scene
    this.#options = options
    this.#tally = tally
    mkdirSync(join(scene.mountPoint, 'churn'))
    this.#churn = new Churn(join(scene.mountPoint, 'churn'), options.seed)
  }

  async storm(random: Random): Promise<void> {
    const { seconds, killsDaemon, say } = this.#options
    const end = performance.now() + seconds * 1000
    let told = performance.now()
    while (performance.now() < end) {
      for (let left = 5 + random.below(30); left > 0; left--) this.#churn.step()
      await this.#bringBack()
      const index = random.below(this.#scene.nodes.length)
      const dice = random.below(100)
      if (dice < 25) await this.#killNode(index, random)
      else if (dice < 45) this.#link(index, 'cut', cutLink)
      else if (dice < 60) this.#link(index, 'slow', { delayMs: random.below(200), jitterMs: random.below(50), lossPercent: random.below(6) })
      else if (dice < 80) this.#link(index, 'good', goodLink)
      else if (dice < 90) this.#snapshot()
      else if (dice < 94 && killsDaemon) await this.#killDaemon()
      await pause(200 + random.below(2500))
      if (performance.now() - told > 60_000) {
        told = performance.now()
        say(`${String(Math.round((end - told) / 60_000))} min left; ${JSON.stringify(this.#tally.events)}, ${String(this.#churn.steps)} steps, ${String(this.#tally.faults.length)} faults`)
      }
    }
  }

  /** Everything is well again, and everything goes to every node. */
  async settle(): Promise<void> {
    const { nodes, network } = this.#scene
    for (const index of nodes.keys()) network.setLink(index, goodLink)
    await this.#bringBack(Infinity)
    this.#snapshot()
    this.#scene.must('sync', '--wait', '--timeout', '5m', this.#scene.mountPoint)
    Object.assign(this.#tally, { steps: this.#churn.steps, writtenBytes: this.#churn.writtenBytes, snapshots: this.#kept.size })
  }

  async compare(): Promise<void> {
    const { store, nodes } = this.#scene
    this.#scene.unmount()
    for (const node of nodes) await node.stop()
    const all = blobsIn(store)
    this.#tally.blobs = all.size
    for (const { data, name } of nodes) {
      const folder = vaultFolderOf(data)
      if (folder === undefined) {
        this.#fault(`${name} keeps no vault`)
        continue
      }
      const there = blobsIn(folder)
      this.#expectNone([...all].filter((id) => !there.has(id)), `blobs that ${name} lacks`)
      this.#expectNone(damagedIn(folder), `damaged blobs of ${name}`)
      const chains = chainsIn(folder)
      for (const [chain, bytes] of chainsIn(store)) if (chains.get(chain)?.equals(bytes) !== true) this.#fault(`${name} has another ${chain}`)
    }
    for (const index of nodes.keys()) await this.#recover(index)
  }

  /** A new machine, the paper, and this one node. */
  async #recover(index: number): Promise<void> {
    const { folder, network, nodes } = this.#scene
    const node = nodes[index]
    if (node === undefined) return
    const home = join(folder, `machine-${String(index)}`)
    prepareHome(home)
    const words = join(home, 'words')
    writeFileSync(words, this.#kitWords(), { mode: 0o600 })
    await node.start()
    const address = this.#scene.must('peer', 'list', '--store', this.#scene.store, '--passphrase-file', join(folder, 'passphrase')).split(/\s+/).find((word) => word.startsWith(`${network.address(index)}:`))
    const run = (...args: readonly string[]): void => {
      const [program = 'nsenter', ...inside] = network.inside(network.client)
      const { status, stdout, stderr } = spawnSync(program, [...inside, vaultfs, ...args], { env: environmentIn(home), encoding: 'utf8', cwd: '/' })
      if (status !== 0) throw new Error(`vaultfs ${args[0] ?? ''} from ${node.name} ended with ${String(status)}: ${stdout}${stderr}`)
    }
    const mountPoint = join(home, 'Vault')
    mkdirSync(mountPoint, { mode: 0o700 })
    const store = ['--store', join(home, 'store')]
    run('recover', ...store, '--node', address ?? '', '--recovery-file', words, '--new-passphrase-file', join(home, 'passphrase'))
    run('verify', ...store, '--passphrase-file', join(home, 'passphrase'))
    run('mount', mountPoint, ...store, '--passphrase-file', join(home, 'passphrase'))
    try {
      for (const [snapshot, digest] of this.#kept) {
        const found = digestOf(join(mountPoint, '.versions', snapshot, 'churn'))
        if (found !== digest) this.#fault(`snapshot ${snapshot} from ${node.name} is another one`)
      }
    } finally {
      run('unmount', mountPoint)
      await node.stop()
      rmSync(join(home, 'store'), { recursive: true, force: true })
    }
  }

  #kitWords(): string {
    const text = this.#scene.must('recovery', 'show', ...this.#scene.secret())
    // In columns: each word has its number.
    return [...text.matchAll(/(\d+)\.\s+([a-z]+)/g)].toSorted(([, one], [, other]) => Number(one) - Number(other)).map(([, , word]) => word).join(' ')
  }

  async #killNode(index: number, random: Random): Promise<void> {
    const node = this.#scene.nodes[index]
    if (node === undefined || this.#returning.has(index)) return
    // Before: what is acknowledged between this look and the kill is not counted, and can't be.
    const believed = believedHeld(this.#scene.store)[index] ?? new Set<string>()
    await node.kill()
    this.#note('node killed')
    this.#returning.set(index, { atMs: performance.now() + random.below(8000), believed })
  }

  /** Nodes whose time has come start again, and have what they had acknowledged. */
  async #bringBack(nowMs = performance.now()): Promise<void> {
    for (const [index, { atMs, believed }] of this.#returning) {
      if (atMs > nowMs) continue
      this.#returning.delete(index)
      const node = this.#scene.nodes[index]
      await node?.start()
      const folder = vaultFolderOf(node?.data ?? '')
      const there = folder === undefined ? new Set<string>() : blobsIn(folder)
      this.#tally.acknowledged += believed.size
      this.#expectNone([...believed].filter((id) => !there.has(id)), `blobs that ${node?.name ?? ''} had acknowledged before it was killed`)
    }
  }

  /** Not more often than the supervisor gives a vault another daemon. */
  async #killDaemon(): Promise<void> {
    if (performance.now() < this.#nextDaemonMs) return
    this.#nextDaemonMs = performance.now() + 60_000
    await this.#scene.killDaemon()
    this.#note('daemon killed')
  }

  #link(index: number, what: string, state: Parameters<Scene['network']['setLink']>[1]): void {
    this.#scene.network.setLink(index, state)
    this.#note(`link ${what}`)
  }

  #snapshot(): void {
    const name = `s${String(this.#kept.size)}`
    const digest = digestOf(join(this.#scene.mountPoint, 'churn'))
    this.#scene.must('snapshot', name, '--mountpoint', this.#scene.mountPoint)
    this.#kept.set(name, digest)
    this.#note('snapshot')
  }

  #note(event: string): void {
    this.#tally.events[event] = (this.#tally.events[event] ?? 0) + 1
  }

  #fault(what: string): void {
    this.#tally.faults.push(what)
    this.#options.say(`FAULT ${what}`)
  }

  #expectNone(found: readonly string[], what: string): void {
    if (found.length > 0) this.#fault(`${String(found.length)} ${what}: ${found.slice(0, 3).join(', ')}`)
  }
}
