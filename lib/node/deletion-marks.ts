// Blobs that the vault's owner wants gone, and when. A mark that is taken back is off the disk before anybody hears that
// the blob is here, so no crash can delete what a device has been told it may rely on. What is due goes in small steps,
// and nobody is answered about marked blobs during one.
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import { hex, type BlobId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import type { DeletionIntent } from '../wire/owner-records.js'
import { nodeLimits } from './node-limits.js'
import type { VaultStorage } from './node-storage.js'
import { WorkQueue } from './work-queue.js'

export interface WaitingIntent {
  readonly intentId: string
  /** By the node's clock, seconds since 1970. */
  readonly dueSec: number
  readonly blobs: number
}

export interface DeletionRules {
  readonly delaySec: number
  /** The least time that a blob is kept. */
  readonly keepSec: number
}

interface Intent {
  readonly intentId: string
  readonly dueSec: number
  /** By which it was signed. */
  readonly sec: number
  /** Names in hexadecimal. */
  readonly blobs: Set<string>
  version: number
}

const prefix = 'deletion/'
const endedPrefix = 'deletion-ended/'

export class DeletionMarks {
  readonly #storage: VaultStorage
  readonly #rules: DeletionRules
  readonly #intents = new Map<string, Intent>()
  /** Marks and removals, one at a time. */
  readonly #queue = new WorkQueue()

  private constructor(storage: VaultStorage, rules: DeletionRules) {
    this.#storage = storage
    this.#rules = rules
  }

  static async open(storage: VaultStorage, rules: DeletionRules): Promise<DeletionMarks> {
    const marks = new DeletionMarks(storage, rules)
    await marks.#load()
    return marks
  }

  get waiting(): readonly WaitingIntent[] {
    return [...this.#intents.values()].map(({ intentId, dueSec, blobs }) => ({ intentId, dueSec, blobs: blobs.size }))
  }

  /** Marks the blobs. Durable when it resolves; the same intent twice is one. Rejects 'invalid' and 'too-many'. */
  add({ intentId, sec, blobIds }: DeletionIntent, nowSec: number): Promise<void> {
    return this.#queue.run(async () => {
      const name = hex(intentId)
      if (this.#intents.has(name)) return
      // An old one that is shown again must not mark what was stored since.
      if (Math.abs(nowSec - sec) > nodeLimits.deletionAgeMaxSec) throw new VaultError('invalid', "the intent is not of these days by the node's clock", { next: 'sign a new one; look at the clocks of both machines' })
      if (await this.#storage.records.get(endedPrefix + name) !== undefined) throw new VaultError('invalid', 'the intent has been carried out or taken back', { next: 'sign a new one' })
      if (this.#intents.size >= nodeLimits.deletionsMax) throw new VaultError('too-many', `${this.#intents.size} intents are waiting`, { next: 'wait until the first of them are carried out' })
      const intent: Intent = { intentId: name, dueSec: nowSec + this.#rules.delaySec, sec, blobs: new Set(blobIds.map(hex)), version: 0 }
      await this.#write(intent)
      this.#intents.set(name, intent)
      // From here on it is known when they came.
      await this.#storage.storedSec([])
    })
  }

  /** Rejects 'not-found'. */
  cancel(intentId: string): Promise<void> {
    return this.#queue.run(async () => {
      const intent = this.#intents.get(intentId)
      if (intent === undefined) throw new VaultError('not-found', 'no such intent waits here')
      await this.#end(intent)
    })
  }

  /**
   * Takes the marks off these blobs, then answers what `work` answers; nothing of them is removed before it is done. What
   * has no mark costs nothing.
   */
  async sparing<Result>(blobIds: readonly BlobId[], work: () => Promise<Result>): Promise<Result> {
    if (!this.#isAnyMarked(blobIds)) return work()
    return this.#queue.run(async () => {
      const names = blobIds.map(hex)
      for (const intent of [...this.#intents.values()]) {
        const marked = names.filter((name) => intent.blobs.has(name))
        if (marked.length === 0) continue
        for (const name of marked) intent.blobs.delete(name)
        await this.#save(intent)
      }
      return work()
    })
  }

  /** Removes what is due and old enough; answers how many, and how many bytes. */
  async removeDue(nowSec: number): Promise<{ readonly blobs: number; readonly bytes: number }> {
    let [blobs, bytes] = [0, 0]
    for (const intent of [...this.#intents.values()].filter(({ dueSec }) => dueSec <= nowSec)) {
      const names = [...intent.blobs]
      for (let at = 0; at < names.length || at === 0; at += nodeLimits.deletionBatch) {
        const batch = names.slice(at, at + nodeLimits.deletionBatch)
        const removed = await this.#queue.run(() => this.#removeBatch(intent, batch, nowSec))
        blobs += removed.blobs
        bytes += removed.bytes
      }
    }
    await this.#forgetEnded(nowSec)
    return { blobs, bytes }
  }

  async #removeBatch(intent: Intent, names: readonly string[], nowSec: number): Promise<{ readonly blobs: number; readonly bytes: number }> {
    // Some may have been spared meanwhile, or all.
    if (!this.#intents.has(intent.intentId)) return { blobs: 0, bytes: 0 }
    const ids = names.filter((name) => intent.blobs.has(name)).map((name) => new Uint8Array(Buffer.from(name, 'hex')) as Uint8Array as BlobId)
    const [stored, lengths] = [await this.#storage.storedSec(ids), await this.#storage.lengths(ids)]
    const gone = ids.filter((_, index) => stored[index] === undefined)
    const old = ids.filter((_, index) => (stored[index] ?? Infinity) <= nowSec - this.#rules.keepSec)
    const bytes = ids.reduce((sum, _, index) => sum + ((stored[index] ?? Infinity) <= nowSec - this.#rules.keepSec ? (lengths[index] ?? 0) : 0), 0)
    if (old.length > 0) await this.#storage.remove(old)
    for (const id of [...old, ...gone]) intent.blobs.delete(hex(id))
    if (old.length + gone.length > 0 || intent.blobs.size === 0) await this.#save(intent)
    return { blobs: old.length, bytes }
  }

  #isAnyMarked(blobIds: readonly BlobId[]): boolean {
    if (this.#intents.size === 0) return false
    const names = blobIds.map(hex)
    return [...this.#intents.values()].some(({ blobs }) => names.some((name) => blobs.has(name)))
  }

  async #save(intent: Intent): Promise<void> {
    if (intent.blobs.size === 0) await this.#end(intent)
    else await this.#write(intent)
  }

  /** Remembered for as long as it could be shown again. */
  async #end(intent: Intent): Promise<void> {
    await this.#storage.records.put(endedPrefix + intent.intentId, 0, new ByteWriter(8).u64(intent.sec).take())
    await this.#storage.records.remove(prefix + intent.intentId)
    this.#intents.delete(intent.intentId)
  }

  async #write(intent: Intent): Promise<void> {
    const writer = new ByteWriter(20 + 32 * intent.blobs.size).u64(intent.dueSec).u64(intent.sec).u32(intent.blobs.size)
    for (const name of intent.blobs) writer.bytes(Buffer.from(name, 'hex'))
    if (!await this.#storage.records.put(prefix + intent.intentId, intent.version, writer.take())) {
      throw new VaultError('busy', 'another process changed the intent', { next: 'Try again.' })
    }
    intent.version++
  }

  async #load(): Promise<void> {
    for (const name of await this.#storage.records.list(prefix)) {
      const record = await this.#storage.records.get(name)
      if (record === undefined) continue
      const reader = new ByteReader(record.bytes, 'deletion')
      const [dueSec, sec, count] = [reader.u64(), reader.u64(), reader.u32()]
      const blobs = new Set(Array.from({ length: count }, () => hex(reader.bytes(32))))
      const intentId = name.slice(prefix.length)
      this.#intents.set(intentId, { intentId, dueSec, sec, blobs, version: record.version })
    }
  }

  async #forgetEnded(nowSec: number): Promise<void> {
    for (const name of await this.#storage.records.list(endedPrefix)) {
      const record = await this.#storage.records.get(name)
      if (record !== undefined && nowSec - new ByteReader(record.bytes, 'ended deletion').u64() > 2 * nodeLimits.deletionAgeMaxSec) await this.#storage.records.remove(name)
    }
  }
}
