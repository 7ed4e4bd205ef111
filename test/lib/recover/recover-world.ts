// A vault with a past, two nodes in memory that have all of it, and a device that has nothing yet.
import { join } from 'node:path'
import { headerForNodes } from '../../../lib/crypto/header-for-nodes.js'
import { silent } from '../../../lib/terms/log.js'
import { retentionDefault } from '../../../lib/terms/retention.js'
import { Nodes, type NodeNote } from '../../../lib/vault-nodes.js'
import type { OpenStore } from '../../../lib/vault-open.js'
import { recoverStore, type RecoveredStore } from '../../../lib/vault-recover.js'
import type { PeerPort } from '../../../lib/store/peer-port.js'
import { MemoryNode, MemoryPeer } from '../../support/memory-peer.js'
import { uploadBlobs, uploadChain } from '../../support/node-upload.js'
import { anotherDevice, newFolder, owner, removeFolder, testKeys, TestVault, type TestDevice } from '../../support/open-vault.js'
import { randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { TestClock } from '../../support/test-clock.js'
import { Hand } from '../../support/vault-hand.js'

export class RecoverWorld {
  readonly nodes: readonly [MemoryNode, MemoryNode] = [new MemoryNode(), new MemoryNode()]
  readonly picture: Readonly<Record<string, string>>
  readonly device: TestDevice
  readonly clock: TestClock
  readonly #stores: string[] = []

  private constructor(picture: Readonly<Record<string, string>>, device: TestDevice, clock: TestClock) {
    this.picture = picture
    this.device = device
    this.clock = clock
  }

  /** The second node has only what there was at the snapshot. */
  static async make(): Promise<RecoverWorld> {
    const hand = await Hand.open()
    const { test } = hand
    const { store, clock } = test
    await hand.mkdir('docs')
    for (let number = 0; number < 6; number++) await hand.write(`docs/noise${number}`, randomBytes(number, 40_000 + 9000 * number))
    await hand.write('note', 'one')
    await hand.snapshot('first')
    const world = new RecoverWorld({}, await anotherDevice(77), clock)
    const { identity: { member, record } } = await testKeys()
    const send = async (node: MemoryNode): Promise<void> => {
      const peer = new MemoryPeer('upload', node)
      await uploadBlobs(store, peer)
      await uploadChain(store, peer, member.deviceId)
    }
    await test.settle()
    await send(world.nodes[1])
    await hand.write('note', 'two')
    await hand.remove('docs/noise0')
    await hand.write('late', randomBytes(99, 30_000))
    await test.settle()
    Object.assign(world.picture, await hand.picture(''))
    await test.close()
    for (const node of world.nodes) {
      if (node === world.nodes[0]) await send(node)
      node.members.push(record)
      node.header = headerForNodes(await testKeys())
    }
    removeFolder(store)
    return world
  }

  /** The second node gets what it lacks. */
  catchUp(): void {
    const [one, two] = this.nodes
    for (const [id, bytes] of one.blobs) two.blobs.set(id, bytes)
    for (const [device, entries] of one.chains) two.chains.set(device, [...entries])
  }

  peers(): [MemoryPeer, MemoryPeer] {
    return [new MemoryPeer('one', this.nodes[0]), new MemoryPeer('two', this.nodes[1])]
  }

  async newStore(): Promise<string> {
    const store = await newFolder()
    this.#stores.push(store)
    return store
  }

  options(store: string): OpenStore {
    return {
      store, ...this.device, readOnly: false, bulkThreads: 1, retention: { ...retentionDefault, offsetMin: 0 }, owner, clock: this.clock,
      entropy: seededEntropy(5), logger: silent,
    }
  }

  async recover(store: string, peers: readonly PeerPort[], signal = new AbortController().signal): Promise<RecoveredStore & { readonly notes: readonly string[] }> {
    const notes: NodeNote[] = []
    const recovered = await recoverStore({ ...this.options(store), nodes: new Nodes(peers, (note) => { notes.push(note) }), signal, onProgress: () => undefined })
    return { ...recovered, notes: notes.map(({ node, message }) => `${node}: ${message}`) }
  }

  /** What is in the store that was recovered, and what there was at the snapshot. */
  async look(store: string): Promise<{ readonly picture: Record<string, string>; readonly findings: readonly string[]; readonly snapshots: readonly string[] }> {
    const test = await TestVault.open({ store, clock: this.clock, device: this.device })
    try {
      const findings: string[] = []
      await test.opened.verifier.verify({ onProgress: () => undefined, onFinding: ({ path, subject, message }) => { findings.push(`${path ?? subject}: ${message}`) } })
      const picture = findings.length > 0 ? {} : await new Hand(test).picture('')
      return { picture, findings, snapshots: (await test.vault.parts.history.snapshots()).map(({ name }) => name) }
    } finally {
      await test.close()
    }
  }

  chainPath(store: string, device: string): string {
    return join(store, 'manifest', `${device}.chain`)
  }

  remove(): void {
    for (const store of this.#stores) removeFolder(store)
  }
}
