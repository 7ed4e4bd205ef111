// The header of a vault as a node keeps it. Any device may bring one, and a device that was broken into could bring noise of
// the highest generation: so each that comes is kept beside the newest, for who comes back with the kit (PROTOCOL §7), and no
// flood of one device's drives out what came before it, or from others.
import { decodeHeader, type EncodedHeader } from '../format/vault-header.js'
import { equalBytes, hex, type DeviceId, type VaultId } from '../terms/bytes.js'
import { BusyFor } from '../terms/busy-for.js'
import type { Clock } from '../terms/clock.js'
import { VaultError } from '../terms/errors.js'
import { headersKeptMax, type KeptHeader } from '../wire/kept-headers.js'
import { nodeLimits } from './node-limits.js'
import type { RecordStorage } from './node-storage.js'
import { WorkQueue } from './work-queue.js'

const newestName = 'header'
/** Then the second at which it came, in twelve digits, and the device that brought it; without one: an earlier version wrote it. */
const keptPrefix = 'header-before/'
/** How many came today, of each device: JSON. */
const countsName = 'header-counts'
const daySec = 24 * 3600
const nobody = new Uint8Array(16) as Uint8Array as DeviceId

interface Counts {
  readonly day: number
  readonly devices: Readonly<Record<string, number>>
}

interface Place {
  readonly name: string
  readonly sec: number
  /** In hexadecimal. */
  readonly device: string
}

export class HeaderShelf {
  readonly #records: RecordStorage
  readonly #vaultId: VaultId
  readonly #clock: Clock
  readonly #queue = new WorkQueue()

  constructor(records: RecordStorage, vaultId: VaultId, clock: Clock) {
    this.#records = records
    this.#vaultId = vaultId
    this.#clock = clock
  }

  async get(): Promise<Uint8Array | undefined> {
    return (await this.#records.get(newestName))?.bytes
  }

  /** In the order in which they came. */
  async kept(): Promise<readonly KeptHeader[]> {
    const kept: KeptHeader[] = []
    for (const { name, sec, device } of await this.#places()) {
      const record = await this.#records.get(name)
      if (record !== undefined) kept.push({ sec, deviceId: Uint8Array.from(Buffer.from(device, 'hex')) as Uint8Array as DeviceId, bytes: record.bytes })
    }
    // Two processes at once may have kept one more.
    return kept.slice(0, headersKeptMax)
  }

  /**
   * Throws 'exists' for an older one than the newest here, which is kept nevertheless; 'busy' when the device brought many
   * today, and what decodeHeader throws: then nothing is kept.
   */
  async put(bytes: Uint8Array, deviceId: DeviceId): Promise<void> {
    const { header } = decoded(bytes)
    if (!equalBytes(header.vaultId, this.#vaultId)) throw new VaultError('corrupt', 'the header is of another vault')
    await this.#queue.run(async () => {
      if (await this.#isNewest(bytes)) return
      await this.#count(hex(deviceId))
      const isKept = await this.#keep(bytes, hex(deviceId))
      for (;;) {
        const newest = await this.#records.get(newestName)
        if (newest !== undefined && equalBytes(newest.bytes, bytes)) return
        // One that came before what comes was kept at once, or that another process of this node wrote.
        if (newest !== undefined) await this.#keep(newest.bytes, hex(nobody))
        const generation = newest === undefined ? 0 : decodeHeader(newest.bytes, newestName).header.generation
        if (header.generation < generation) {
          throw new VaultError('exists', `generation ${generation} of the header is here already; this one ${isKept ? 'is kept beside it' : 'is not kept, there is no room'}`, { subject: String(generation) })
        }
        if (await this.#records.put(newestName, newest?.version ?? 0, bytes)) return
      }
    })
  }

  async #isNewest(bytes: Uint8Array): Promise<boolean> {
    const newest = await this.get()
    return newest !== undefined && equalBytes(newest, bytes)
  }

  async #count(device: string): Promise<void> {
    const { sec } = this.#clock.now()
    const day = Math.floor(sec / daySec)
    for (;;) {
      const record = await this.#records.get(countsName)
      const known = record === undefined ? { day, devices: {} } : JSON.parse(Buffer.from(record.bytes).toString('utf8')) as Counts
      const devices = known.day === day ? known.devices : {}
      const count = devices[device] ?? 0
      if (count >= nodeLimits.headersPerDayMax) {
        throw new BusyFor(`this device has brought ${count} headers today`, daySec - (sec % daySec), { next: 'try again tomorrow' })
      }
      const next: Counts = { day, devices: { ...devices, [device]: count + 1 } }
      if (await this.#records.put(countsName, record?.version ?? 0, Buffer.from(JSON.stringify(next)))) return
    }
  }

  /** Answers whether it is there then: else there is no room that may be made. */
  async #keep(bytes: Uint8Array, device: string): Promise<boolean> {
    const places = await this.#places()
    for (const { name } of places) {
      const record = await this.#records.get(name)
      if (record !== undefined && equalBytes(record.bytes, bytes)) return true
    }
    if (!await this.#makeRoom(places, device)) return false
    for (let { sec } = this.#clock.now(); ; sec++) if (await this.#records.put(nameOf(sec, device), 0, bytes)) return true
  }

  /**
   * Of the device that has most of them, with the one that comes, the newest goes, but never its first: what it brought
   * before it was broken into stays. In doubt the one that comes is not kept.
   */
  async #makeRoom(places: readonly Place[], device: string): Promise<boolean> {
    const left = [...places]
    while (left.length >= headersKeptMax) {
      const counts = new Map([[device, 1]])
      for (const place of left) counts.set(place.device, (counts.get(place.device) ?? 0) + 1)
      // The first of equals: the one that comes.
      const [most = device] = [...counts].reduce((one, other) => (other[1] > one[1] ? other : one))
      const at = left.findLastIndex((place) => place.device === most)
      if (at === left.findIndex((place) => place.device === most)) return false
      const [gone] = left.splice(at, 1)
      if (gone !== undefined) await this.#records.remove(gone.name)
    }
    return true
  }

  async #places(): Promise<readonly Place[]> {
    return (await this.#records.list(keptPrefix)).map((name) => {
      const [sec = '0', device = hex(nobody)] = name.slice(keptPrefix.length).split('-')
      return { name, sec: Number(sec), device }
    })
  }
}

function nameOf(sec: number, device: string): string {
  return `${keptPrefix}${String(sec).padStart(12, '0')}-${device}`
}

function decoded(bytes: Uint8Array): EncodedHeader {
  try {
    return decodeHeader(bytes, newestName)
  } catch (error) {
    // Of a file it would be somebody else's; of a body it is no body of ours.
    if (error instanceof VaultError && error.code === 'not-a-vault') throw new VaultError('invalid', 'that is no header of a vault')
    throw error
  }
}
