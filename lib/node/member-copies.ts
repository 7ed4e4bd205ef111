// The members of each vault beside its blobs and chains, for who reads a node's folder, or bucket, without a node. Copies
// only: what counts is access.ts.
import { ByteWriter } from '../format/writer.js'
import { equalBytes, hex } from '../terms/bytes.js'
import type { Logger } from '../terms/log.js'
import type { Access } from './access.js'
import type { NodeStorage } from './node-storage.js'
import { WorkQueue } from './work-queue.js'

const recordName = 'members'

export class MemberCopies {
  readonly #storage: NodeStorage
  readonly #logger: Logger
  readonly #queue = new WorkQueue()
  /** The records as they were written last, by vault. */
  readonly #written = new Map<string, readonly Uint8Array[]>()

  constructor(storage: NodeStorage, logger: Logger) {
    this.#storage = storage
    this.#logger = logger
  }

  /** Never rejects. */
  async follow({ vaults }: Access): Promise<void> {
    await this.#queue.run(async () => {
      for (const { vaultId, members } of vaults) {
        const name = hex(vaultId)
        if (this.#written.get(name) === members) continue
        try {
          const { records } = this.#storage.vault(vaultId)
          const [known, bytes] = [await records.get(recordName), prefixedRecords(members)]
          // When another process is writing it too, it writes the same.
          if (known === undefined || !equalBytes(known.bytes, bytes)) await records.put(recordName, known?.version ?? 0, bytes)
          this.#written.set(name, members)
        } catch (error) {
          this.#logger.log('warn', 'the copy of the member records could not be written', { vault: name.slice(0, 16), reason: error instanceof Error ? error.message : String(error) })
        }
      }
    })
  }
}

/** As PROTOCOL §7 sends them: prefixed, back to back. */
export function prefixedRecords(records: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(512 * Math.max(1, records.length))
  for (const record of records) writer.lengthPrefixed(record)
  return writer.take()
}
