// The header of a vault as a node keeps it. A device may replace it, and a device that was broken into could replace it with
// noise: so what was replaced is kept, for many days at the least, for who needs it (FORMAT §11).
import { decodeHeader, type EncodedHeader } from '../format/vault-header.js'
import { equalBytes, type VaultId } from '../terms/bytes.js'
import type { Clock } from '../terms/clock.js'
import { VaultError } from '../terms/errors.js'
import { nodeLimits } from './node-limits.js'
import type { RecordStorage } from './node-storage.js'
import { BusyFor } from './retry-after.js'
import { WorkQueue } from './work-queue.js'

const recordName = 'header'
/** Then the second at which it was replaced, in twelve digits. */
export const replacedPrefix = 'header-before/'
const daySec = 24 * 3600

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
    return (await this.#records.get(recordName))?.bytes
  }

  /** Throws 'exists' for an older one, 'busy' when it was replaced often today, and what decodeHeader throws. */
  async put(bytes: Uint8Array): Promise<void> {
    const { header } = decoded(bytes)
    if (!equalBytes(header.vaultId, this.#vaultId)) throw new VaultError('corrupt', 'the header is of another vault')
    await this.#queue.run(async () => {
      for (;;) {
        const known = await this.#records.get(recordName)
        const generation = known === undefined ? 0 : decodeHeader(known.bytes, recordName).header.generation
        if (header.generation < generation) throw new VaultError('exists', `generation ${generation} of the header is here already`, { subject: String(generation) })
        if (known !== undefined && equalBytes(known.bytes, bytes)) return
        if (known !== undefined) await this.#keep(known.bytes)
        if (await this.#records.put(recordName, known?.version ?? 0, bytes)) return
      }
    })
  }

  async #keep(replaced: Uint8Array): Promise<void> {
    const { sec } = this.#clock.now()
    const names = await this.#records.list(replacedPrefix)
    const today = names.filter((name) => Number(name.slice(replacedPrefix.length)) > sec - daySec)
    if (today.length >= nodeLimits.headersPerDayMax) {
      throw new BusyFor(`the header was replaced ${today.length} times today`, daySec, 'try again tomorrow')
    }
    for (const name of names.slice(0, Math.max(0, names.length + 1 - nodeLimits.headersKeptMax))) await this.#records.remove(name)
    // Of two in one second the first is kept: who replaces it this fast was the same.
    await this.#records.put(`${replacedPrefix}${String(sec).padStart(12, '0')}`, 0, replaced)
  }
}

function decoded(bytes: Uint8Array): EncodedHeader {
  try {
    return decodeHeader(bytes, recordName)
  } catch (error) {
    // Of a file it would be somebody else's; of a body it is no body of ours.
    if (error instanceof VaultError && error.code === 'not-a-vault') throw new VaultError('invalid', 'that is no header of a vault')
    throw error
  }
}
