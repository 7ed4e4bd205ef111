// The part of verifying that compares the catalog with the newest folded state. One old page put back is sound by itself,
// so nothing but this finds it (SECURITY, Catalog). The catalog runs ahead of the manifest: a row that differs is only a
// candidate, until it stays the same over two looks between which nothing of it was, or became, unpublished.
import { sha256 } from '../native-deps/sodium.js'
import { CatalogInventory, type StoredEntry, type StoredName } from './catalog/inventory.js'
import { decodeBlobReference } from './format/blob-reference.js'
import { CurrentRows, type CurrentName } from './history/current-rows.js'
import { equalBytes, hex } from './terms/bytes.js'
import { limits } from './terms/limits.js'
import { damageOf, finding, pathOrEntry, rebuildNext, type VerifyContext } from './vault-verify-context.js'
import { catalogFault } from './vault-verify-entry.js'
import type { BlobLedger } from './vault-verify-ledger.js'
import type { NamePlace } from './vault-verify-messages.js'
import type { VerifiedPast } from './vault-verify-past.js'

const subject = 'catalog.db'
const looksMax = 5

interface Parts {
  readonly catalog: CatalogInventory
  readonly past: VerifiedPast
  readonly ledger: BlobLedger
  /** Brings the folded state up to that entry of ours; answers false when it can't be brought there. */
  readonly foldTo: (sequence: number) => Promise<boolean>
}

/** Something that differs, and how it did when it was looked at last. */
interface Candidate {
  readonly ino: number | undefined
  readonly place: NamePlace | undefined
  seen: string | undefined
}

export class CatalogCheck {
  readonly #context: VerifyContext
  readonly #parts: Parts
  readonly #rows: CurrentRows
  #candidates: Candidate[] = []
  #done = 0
  #total = 0
  #told = 0
  unpublished = 0

  constructor(context: VerifyContext, parts: Parts) {
    this.#context = context
    this.#parts = parts
    this.#rows = new CurrentRows(parts.past.database)
  }

  async run(): Promise<void> {
    try {
      this.#total = this.#parts.catalog.count()
      await this.#entries()
      await this.#names()
      await this.#look()
      await this.#marks()
      await this.#chunks()
    } catch (error) {
      await this.#context.found(finding({ kind: 'catalog', subject, message: damageOf(error), next: rebuildNext }))
    }
    const more = this.#told - limits.verifiedRowsTold
    if (more > 0) await this.#context.found(finding({ kind: 'catalog', subject, message: `${more} more rows differ from the manifest`, next: rebuildNext }))
  }

  /** Both sides by number, a batch at a time. */
  async #entries(): Promise<void> {
    const { catalog } = this.#parts
    const limit = limits.verifyRowsBatch
    for (let after = 0; after !== Infinity;) {
      const [stored, told] = [catalog.entries(after, limit), this.#rows.entries(after, limit)]
      const end = Math.min(endOf(stored, limit, ({ ino }) => ino), endOf(told, limit, ({ ino }) => ino))
      const expected = new Map(told.filter(({ ino }) => ino <= end).map((each) => [each.ino, each]))
      for (const entry of stored.filter(({ ino }) => ino <= end)) {
        if (catalogFault(entry, expected.get(entry.ino), this.#rows) !== undefined) this.#suspect({ ino: entry.ino })
        expected.delete(entry.ino)
        this.#done++
      }
      for (const ino of expected.keys()) this.#suspect({ ino })
      after = end
      await this.#turn()
    }
  }

  async #names(): Promise<void> {
    const { catalog } = this.#parts
    const limit = limits.verifyRowsBatch
    for (let after: NamePlace | undefined = { parent: 0, name: '' }; after !== undefined;) {
      const [stored, told]: [StoredName[], CurrentName[]] = [catalog.names(after, limit), this.#rows.namesBehind(after, limit)]
      const end = earlier(stored.length < limit ? undefined : stored.at(-1), told.length < limit ? undefined : told.at(-1))
      const isIn = (place: NamePlace): boolean => end === undefined || compare(place, end) <= 0
      const expected = new Map(told.filter(isIn).map((each) => [keyOf(each), each]))
      for (const each of stored.filter(isIn)) {
        if (expected.get(keyOf(each))?.ino !== each.ino) this.#suspect({ place: each })
        expected.delete(keyOf(each))
        this.#done++
      }
      for (const place of expected.values()) this.#suspect({ place })
      after = end
      await this.#turn()
    }
  }

  /** Marks that lag behind would give numbers out a second time. */
  async #marks(): Promise<void> {
    const { ino, cookie, nextIno, nextCookie } = this.#parts.catalog.numbers()
    if ((ino === 0 || nextIno > ino) && (cookie === 0 || nextCookie > cookie)) return
    await this.#tell({ subject, path: null }, 'it would give out a number that is in use')
  }

  /** What the catalog knows for deduplication: a wrong row would give later writes the bytes of others. */
  async #chunks(): Promise<void> {
    const { catalog, ledger } = this.#parts
    for (let after: Uint8Array = new Uint8Array(0); ;) {
      const batch = catalog.chunks(after, limits.verifyRowsBatch)
      if (batch.length === 0) return
      const wrong = ledger.database.transaction(() => batch.filter(({ chunkId, reference }) => {
        const decoded = decodeBlobReference(reference)
        ledger.add(decoded)
        return !equalBytes(decoded.chunkId, chunkId)
      }))
      for (const { chunkId } of wrong) await this.#tell({ subject: `chunk ${hex(chunkId)}`, path: null }, 'its row refers to another chunk')
      after = batch.at(-1)?.chunkId ?? after
      this.#done += batch.length
      await this.#turn()
    }
  }

  async #turn(): Promise<void> {
    if (this.#candidates.length >= limits.verifyCandidatesMax) await this.#look()
    await this.#context.step('catalog', Math.min(this.#done, this.#total), this.#total)
  }

  #suspect({ ino, place }: { readonly ino?: number; readonly place?: NamePlace }): void {
    this.#candidates.push({ ino, place: place === undefined ? undefined : { parent: place.parent, name: place.name }, seen: undefined })
  }

  /** Those that still differ, and in the same way as at the look before, are told; what changes all the time is left. */
  async #look(): Promise<void> {
    let left = this.#candidates
    this.#candidates = []
    for (let looks = 0; left.length > 0 && looks < looksMax; looks++) {
      left = await this.#published(left)
      const still: Candidate[] = []
      for (const candidate of left) {
        const now = this.#difference(candidate)
        if (now === undefined) continue
        if (candidate.seen === now.state) await this.#tell(this.#whereIs(candidate), now.fault)
        else still.push({ ...candidate, seen: now.state })
      }
      left = still
    }
  }

  async #published(candidates: readonly Candidate[]): Promise<Candidate[]> {
    const [entries, names] = [candidates.filter(({ place }) => place === undefined), candidates.filter(({ place }) => place !== undefined)]
    const settled = await this.#context.settle({ inos: entries.map(({ ino }) => ino ?? 0), names: names.flatMap(({ place }) => place ?? []) })
    const isFolded = await this.#parts.foldTo(settled.sequence)
    const left = !isFolded ? [] : [...entries.filter((_, at) => settled.inos[at] === false), ...names.filter((_, at) => settled.names[at] === false)]
    this.unpublished += candidates.length - left.length
    return left
  }

  #difference({ ino = 0, place }: Candidate): { readonly fault: string; readonly state: string } | undefined {
    const { catalog } = this.#parts
    if (place === undefined) {
      const [stored, told] = [catalog.entry(ino), this.#rows.entry(ino)]
      const fault = catalogFault(stored, told, this.#rows)
      if (fault === undefined) return undefined
      return { fault, state: stateOf(stored, told?.record, told?.content) }
    }
    const [stored, told] = [catalog.name(place)?.ino, this.#rows.name(place)?.ino]
    if (stored === told) return undefined
    const fault = told === undefined ? 'the name is not in the manifest' : stored === undefined ? 'the name is missing' : `the name means entry ${stored} instead of ${told}`
    return { fault, state: `${String(stored)} ${String(told)}` }
  }

  #whereIs({ ino = 0, place }: Candidate): ReturnType<typeof pathOrEntry> {
    const { past } = this.#parts
    if (place === undefined) return pathOrEntry(past.pathNow(ino), ino)
    const folder = past.pathNow(place.parent)
    return pathOrEntry(folder === undefined || folder === '' ? place.name : `${folder}/${place.name}`, 0)
  }

  async #tell(where: ReturnType<typeof pathOrEntry>, fault: string): Promise<void> {
    if (this.#told++ >= limits.verifiedRowsTold) return
    await this.#context.found(finding({ kind: 'catalog', ...where, message: `the catalog differs from the manifest: ${fault}`, next: rebuildNext }))
  }
}

/** Up to where a batch tells everything that there is. */
function endOf<Row>(batch: readonly Row[], limit: number, keyOfRow: (row: Row) => number): number {
  const last = batch.at(-1)
  return batch.length < limit || last === undefined ? Infinity : keyOfRow(last)
}

function earlier(one: NamePlace | undefined, other: NamePlace | undefined): NamePlace | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return compare(one, other) <= 0 ? one : other
}

/** As SQLite orders them: names are characters below U+0100, whose order is that of their bytes. */
function compare(one: NamePlace, other: NamePlace): number {
  if (one.parent !== other.parent) return one.parent - other.parent
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0
}

function keyOf({ parent, name }: NamePlace): string {
  return `${parent}/${name}`
}

function stateOf(stored: StoredEntry | undefined, ...told: readonly (Buffer | null | undefined)[]): string {
  const parts = [stored?.id, stored?.attributes, stored?.xattrs, stored?.content, ...told]
  return hex(sha256(Buffer.concat(parts.flatMap((part) => [Buffer.from(`${part?.byteLength ?? -1}:`), part ?? Buffer.alloc(0)]))))
}
