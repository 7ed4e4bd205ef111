// Blobs that the vault's owner wants gone, and when. A mark that is taken back is off the disk before anybody hears that
// the blob is here, so no crash can delete what a device has been told it may rely on. What is due goes in steps, and
// nobody is answered about marked blobs during one. Every change is by compare and replace: several processes may serve one
// storage, and who comes second looks again.
import { ByteReader } from '../format/reader.js'
import { ByteWriter } from '../format/writer.js'
import { hex, type BlobId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import type { DeletionIntent } from '../wire/owner-records.js'
import { decodeMarked, encodeMarked, type MarkedBlobs } from './deletion-record.js'
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

interface Known {
  readonly version: number
  readonly marked: MarkedBlobs
}

const prefix = 'deletion/'
const endedPrefix = 'deletion-ended/'
const nothing: ReadonlySet<string> = new Set()

export class DeletionMarks {
  readonly #storage: VaultStorage
  readonly #rules: DeletionRules
  readonly #intents = new Map<string, Known>()
  /** Marks and removals, one at a time. */
  readonly #queue = new WorkQueue()
  /** A look at what other processes marked that has not begun yet. */
  #look: Promise<void> | undefined

  private constructor(storage: VaultStorage, rules: DeletionRules) {
    this.#storage = storage
    this.#rules = rules
  }

  static async open(storage: VaultStorage, rules: DeletionRules): Promise<DeletionMarks> {
    const marks = new DeletionMarks(storage, rules)
    await marks.#reload()
    return marks
  }

  get waiting(): readonly WaitingIntent[] {
    return [...this.#intents].map(([intentId, { marked }]) => ({ intentId, dueSec: marked.dueSec, blobs: marked.blobs.size + marked.removing.size }))
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
      if (this.waiting.reduce((sum, { blobs }) => sum + blobs, blobIds.length) > nodeLimits.markedBlobsMax) {
        throw new VaultError('too-many', `at most ${nodeLimits.markedBlobsMax} blobs of a vault are marked at a time`, { next: 'wait until the first of them are gone' })
      }
      const marked: MarkedBlobs = { dueSec: nowSec + this.#rules.delaySec, sec, blobs: new Set(blobIds.map(hex)), removing: nothing, removingSec: 0 }
      if (!await this.#write(name, 0, marked)) throw changedMeanwhile()
      // From here on it is known when they came.
      await this.#storage.storedSec([])
    })
  }

  /** Rejects 'not-found'. */
  cancel(intentId: string): Promise<void> {
    return this.#queue.run(async () => {
      if (this.#storage.isShared) await this.#reload()
      for (let attempt = 0; attempt < nodeLimits.changeAttempts; attempt++) {
        const known = this.#intents.get(intentId)
        if (known === undefined) throw new VaultError('not-found', 'no such intent waits here')
        if (await this.#write(intentId, known.version, { ...known.marked, blobs: nothing })) return
        await this.#reload()
      }
      throw changedMeanwhile()
    })
  }

  /**
   * Takes the marks off these blobs, then answers what `work` answers; nothing of them is removed before it is done. What
   * has no mark costs nothing, but a look where other processes may have marked it. Rejects 'busy' for what another process is removing.
   */
  async sparing<Result>(blobIds: readonly BlobId[], work: () => Promise<Result>): Promise<Result> {
    if (this.#storage.isShared) await this.#looked()
    if (this.#intents.size === 0) return work()
    const names = blobIds.map(hex)
    if (!names.some((name) => this.#isMarked(name))) return work()
    return this.#queue.run(async () => {
      for (let attempt = 0; !await this.#spare(names); attempt++) {
        if (attempt === nodeLimits.changeAttempts) throw changedMeanwhile()
        await this.#reload()
      }
      return work()
    })
  }

  /** Removes what is due and old enough; answers how many, and how many bytes. */
  async removeDue(nowSec: number): Promise<{ readonly blobs: number; readonly bytes: number }> {
    await this.#queue.run(() => this.#reload())
    let [blobs, bytes] = [0, 0]
    for (const [intentId, { marked }] of [...this.#intents]) {
      if (marked.dueSec > nowSec) continue
      const names = [...marked.blobs]
      for (let at = 0; at < names.length; at += nodeLimits.deletionBatch) {
        const removed = await this.#queue.run(() => this.#removeBatch(intentId, names.slice(at, at + nodeLimits.deletionBatch), nowSec))
        blobs += removed.blobs
        bytes += removed.bytes
      }
      await this.#queue.run(() => this.#finish(intentId, nowSec))
    }
    await this.#forgetEnded(nowSec)
    return { blobs, bytes }
  }

  /** False: another process changed an intent. */
  async #spare(names: readonly string[]): Promise<boolean> {
    for (const [intentId, { version, marked }] of [...this.#intents]) {
      if (names.some((name) => marked.removing.has(name))) throw new VaultError('busy', 'one of these blobs is just being removed', { next: 'try again in a while' })
      if (!names.some((name) => marked.blobs.has(name))) continue
      const blobs = new Set(marked.blobs)
      for (const name of names) blobs.delete(name)
      if (!await this.#write(intentId, version, { ...marked, blobs })) return false
    }
    return true
  }

  /** Claimed first, then removed, then forgotten: at no moment could another process say that one of them is here. */
  async #removeBatch(intentId: string, names: readonly string[], nowSec: number): Promise<{ readonly blobs: number; readonly bytes: number }> {
    const known = this.#intents.get(intentId)
    // Some may have been spared meanwhile, or all; what somebody else is removing is his to end.
    if (known === undefined || known.marked.removing.size > 0) return { blobs: 0, bytes: 0 }
    const ids = idsOf(names.filter((name) => known.marked.blobs.has(name)))
    const [stored, lengths] = [await this.#storage.storedSec(ids), await this.#storage.lengths(ids)]
    const old = ids.filter((_, index) => (stored[index] ?? Infinity) <= nowSec - this.#rules.keepSec)
    const oldIds = new Set(old)
    const leaving = new Set(ids.filter((id, index) => stored[index] === undefined || oldIds.has(id)).map(hex))
    if (leaving.size === 0) return { blobs: 0, bytes: 0 }
    const blobs = new Set([...known.marked.blobs].filter((name) => !leaving.has(name)))
    const claimed: MarkedBlobs = { ...known.marked, blobs, removing: new Set(old.map(hex)), removingSec: nowSec }
    if (!await this.#write(intentId, known.version, claimed)) {
      await this.#reload()
      return { blobs: 0, bytes: 0 }
    }
    if (old.length > 0) {
      await this.#storage.remove(old)
      if (!await this.#write(intentId, known.version + 1, { ...claimed, removing: nothing })) await this.#reload()
    }
    return { blobs: old.length, bytes: ids.reduce((sum, id, index) => sum + (oldIds.has(id) ? (lengths[index] ?? 0) : 0), 0) }
  }

  /** What a process that ended left half removed is removed, once it is certain that it ended. */
  async #finish(intentId: string, nowSec: number): Promise<void> {
    const known = this.#intents.get(intentId)
    if (known === undefined || known.marked.removing.size === 0 || nowSec - known.marked.removingSec < nodeLimits.removalTakenOverSec) return
    // By the claim anew the other one, should it live, can't end its own.
    if (!await this.#write(intentId, known.version, { ...known.marked, removingSec: nowSec })) return await this.#reload()
    await this.#storage.remove(idsOf([...known.marked.removing]))
    if (!await this.#write(intentId, known.version + 1, { ...known.marked, removing: nothing })) await this.#reload()
  }

  #isMarked(name: string): boolean {
    for (const { marked } of this.#intents.values()) if (marked.blobs.has(name) || marked.removing.has(name)) return true
    return false
  }

  /** An intent that marks nothing any more has ended. */
  async #write(intentId: string, version: number, marked: MarkedBlobs): Promise<boolean> {
    const hasEnded = marked.blobs.size + marked.removing.size === 0
    // Remembered for as long as it could be shown again.
    if (hasEnded) await this.#storage.records.put(endedPrefix + intentId, 0, new ByteWriter(8).u64(marked.sec).take())
    if (!await this.#storage.records.put(prefix + intentId, version, encodeMarked(marked))) return false
    if (hasEnded) {
      await this.#storage.records.remove(prefix + intentId)
      this.#intents.delete(intentId)
    } else this.#intents.set(intentId, { version: version + 1, marked })
    return true
  }

  /** Whoever asks while one runs waits, with all who do, for the next. */
  #looked(): Promise<void> {
    this.#look ??= this.#queue.run(async () => {
      this.#look = undefined
      await this.#reload('new')
    })
    return this.#look
  }

  async #reload(which: 'all' | 'new' = 'all'): Promise<void> {
    const names = await this.#storage.records.list(prefix)
    const found = new Set(names.map((name) => name.slice(prefix.length)))
    for (const intentId of [...this.#intents.keys()]) if (!found.has(intentId)) this.#intents.delete(intentId)
    for (const intentId of found) {
      // Others only take marks off it: whoever would write it finds out.
      if (which === 'new' && this.#intents.has(intentId)) continue
      const record = await this.#storage.records.get(prefix + intentId)
      if (record === undefined) this.#intents.delete(intentId)
      else if (record.version !== this.#intents.get(intentId)?.version) this.#intents.set(intentId, { version: record.version, marked: decodeMarked(record.bytes) })
    }
  }

  async #forgetEnded(nowSec: number): Promise<void> {
    for (const name of await this.#storage.records.list(endedPrefix)) {
      const record = await this.#storage.records.get(name)
      if (record !== undefined && nowSec - new ByteReader(record.bytes, 'ended deletion').u64() > 2 * nodeLimits.deletionAgeMaxSec) await this.#storage.records.remove(name)
    }
  }
}

function idsOf(names: readonly string[]): BlobId[] {
  return names.map((name) => new Uint8Array(Buffer.from(name, 'hex')) as Uint8Array as BlobId)
}

function changedMeanwhile(): VaultError {
  return new VaultError('busy', 'another process changed the intents', { next: 'Try again.' })
}
