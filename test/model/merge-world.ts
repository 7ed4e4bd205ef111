// Several devices that work apart, from one seed: they make entries in their own views, and get those of others in random
// batches, late or soon. In the end everybody has everything.
import type { Operation } from '../../lib/format/operations.js'
import type { RetentionPolicy } from '../../lib/terms/retention.js'
import type { FoldEntry } from '../../lib/history/fold.js'
import type { DeviceId, EntryId } from '../../lib/terms/bytes.js'
import { Author, attributesOf } from './merge-author.js'
import { MergeDevice, memberOperation, type Chain } from './merge-device.js'
import { rowsOf, viewOf } from './merge-view.js'
import type { Random } from './random.js'

export const rootId = Buffer.from([...new Uint8Array(15), 1]) as Uint8Array as EntryId

export interface WorldOptions {
  readonly devices: number
  readonly rounds: number
  /** Chance that a device tells others what it has: 1 lets nothing ever be concurrent. */
  readonly sharing: number
  /** Chance that an entry forgets, or names a moment. */
  readonly forgetting: number
  /** The last device is not heard of before it has something to say. */
  readonly isLastSilent: boolean
}

const names = ['laptop', 'phone/2', '\u00e4rger', 'x'.repeat(60), '']
const startSec = 1_700_000_000

export class MergeWorld {
  readonly chains: Chain[]
  readonly devices: readonly MergeDevice[]
  readonly #random: Random
  readonly #options: WorldOptions
  #texts = 0
  #inos = 0
  #nowSec = startSec

  /** `devices`: as many as there are chains, or more. */
  constructor(random: Random, options: WorldOptions, devices: readonly MergeDevice[]) {
    this.devices = devices.slice(0, options.devices)
    this.#random = random
    this.#options = options
    this.chains = names.slice(0, options.devices).map((name) => ({ deviceId: random.bytes(16) as Uint8Array as DeviceId, name, entries: [] }))
  }

  /** The first device makes the root; the others come when they have that. */
  begin(): void {
    this.chains.forEach((chain, index) => {
      const device = this.devices[index]
      if (device === undefined) throw new Error('more chains than devices')
      device.begin(chain, this.chains)
      this.deliver(device)
      if (this.#options.isLastSilent && index > 0 && index === this.chains.length - 1) return
      const attributes = attributesOf({ id: rootId, isDirectory: true, size: 0, sec: startSec, permissions: 0o755 })
      device.publish([memberOperation(chain.deviceId, chain.name), ...(index === 0 ? [{ kind: 'create', id: rootId, ino: 1, attributes } as const] : [])], this.#tick())
    })
  }

  run(): void {
    const { rounds, sharing } = this.#options
    for (let round = 0; round < rounds; round++) {
      const device = this.#random.pick(this.devices)
      if (this.#random.chance(0.7)) this.author(device)
      if (sharing === 1) for (const each of this.devices) this.deliver(each)
      else if (this.#random.chance(sharing)) this.#share(this.#random.pick(this.devices))
      if (this.#random.chance(0.03)) device.crash()
      if (this.#random.chance(0.03)) device.reopen()
    }
  }

  /** Everybody gets everything. */
  end(): void {
    for (const device of this.devices) this.deliver(device)
  }

  deliver(device: MergeDevice): void {
    for (const chain of device.received) chain.receive(Infinity)
    device.catchUp()
  }

  author(device: MergeDevice): void {
    const author = new Author(viewOf(device.database), this.#random, {
      nextIno: () => 2 ** 50 + ++this.#inos,
      wishedIno: () => 2 + this.#random.below(100),
      uniqueText: () => Buffer.from(`text ${++this.#texts}${'.'.repeat(this.#random.below(20))}`),
      sec: this.#nowSec,
    })
    author.act(1 + this.#random.below(5))
    const operations = [...author.operations(), ...this.#keeping(device)]
    if (operations.length > 0) this.#publish(device, operations)
  }

  /** All entries in their order. */
  get entries(): FoldEntry[] {
    return this.chains.flatMap(({ entries }) => entries).sort((a, b) => (a.lamport === b.lamport ? Buffer.compare(a.deviceId, b.deviceId) : a.lamport - b.lamport))
  }

  forget(policy: RetentionPolicy): void {
    this.devices[0]?.publish([{ kind: 'forget', nowSec: this.#nowSec, policy, drop: [] }], this.#tick())
    this.end()
  }

  /** Whoever has everything says so: the others learn that he has. */
  acknowledge(): void {
    for (const device of this.devices) this.#publish(device, [])
    this.end()
  }

  #publish(device: MergeDevice, operations: readonly Operation[]): void {
    const { deviceId, name, entries } = device.chain
    device.publish(entries.length === 0 ? [memberOperation(deviceId, name), ...operations] : operations, this.#tick())
  }

  /** A few entries of some chains, folded at once or one by one. */
  #share(device: MergeDevice): void {
    for (const chain of device.received) {
      if (this.#random.chance(0.5)) chain.receive(1 + this.#random.below(6))
      if (this.#random.chance(0.3)) device.catchUp()
    }
    device.catchUp()
  }

  #keeping(device: MergeDevice): Operation[] {
    if (!this.#random.chance(this.#options.forgetting)) return []
    const below = (limit: number): number => this.#random.below(limit)
    const snapshots = rowsOf<{ name: string }>(device.database, 'SELECT name FROM snapshot').map(({ name }) => name)
    if (this.#random.chance(0.4)) return [{ kind: 'snapshot', name: Buffer.from(this.#random.pick(['one', 'two', 'three'])), sec: this.#nowSec, nsec: 0 }]
    const policy = { withinSec: below(20_000), hourly: below(4), daily: below(3), weekly: below(2), monthly: below(2), offsetMin: below(600) - 300 }
    const drop = this.#random.chance(0.5) && snapshots.length > 0 ? [Buffer.from(this.#random.pick(snapshots))] : []
    return [{ kind: 'forget', nowSec: this.#nowSec, policy, drop }]
  }

  /** Clocks differ, and go back. */
  #tick(): number {
    this.#nowSec += this.#random.below(7200)
    return this.#nowSec - (this.#random.chance(0.2) ? this.#random.below(20_000) : 0)
  }
}
