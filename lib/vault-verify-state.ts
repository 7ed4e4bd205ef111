// The part of verifying that makes the whole state once more from the refolded past, as the manifest told it last
// (FORMAT §7.6): the root must be the same, and so must the pages that the cache keeps of it.
import { decodeBlobReference, readBlobReference, type BlobReference } from './format/blob-reference.js'
import { ByteReader } from './format/reader.js'
import type { KeyRing } from './crypto/key-ring.js'
import { Lookups } from './history/lookups.js'
import { Moments } from './history/moments.js'
import type { Refold, ToldState } from './history/refold.js'
import { StatePages, stateRoot } from './history/state-pages.js'
import type { StateCursor } from './store/history-port.js'
import { equalBytes, hex } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import type { BlobOpener } from './workers/blob-opener.js'
import { blobDamageOf, finding, rebuildNext, type VerifyContext } from './vault-verify-context.js'
import type { BlobLedger } from './vault-verify-ledger.js'

interface Parts {
  readonly refold: Refold
  readonly ledger: BlobLedger
  readonly keys: KeyRing
  readonly opener: BlobOpener
}

/** Nothing when no state was told yet, or retention has let go of what it told. */
export async function checkState(context: VerifyContext, { refold, ledger, keys, opener }: Parts): Promise<void> {
  const told = refold.newestState()
  if (told === undefined) return
  const made = await makeState(context, told, refold, keys)
  if (made === undefined) return
  const differs = async (message: string): Promise<void> => {
    await context.found(finding({ kind: 'state', subject: `manifest entry ${told.sequence}`, message, next: rebuildNext }))
  }
  if (!equalBytes(made.root, told.root) || made.records !== told.entries) await differs('the state that it tells is not the one that the entries before it make')
  const kept = pagesBelow(decodeBlobReference(told.index), ledger, opener)
  // A page that can't be opened is found with the blobs.
  if (kept !== undefined && (kept.length !== made.ids.length || kept.some((id, at) => !equalBytes(id, made.ids[at] ?? new Uint8Array(0))))) {
    await differs('the pages of the state that it tells are not those of that state')
  }
}

interface MadeState {
  readonly root: Uint8Array
  readonly ids: readonly Uint8Array[]
  readonly records: number
}

async function makeState(context: VerifyContext, { position }: ToldState, { database }: Refold, keys: KeyRing): Promise<MadeState | undefined> {
  const moments = new Moments(database)
  const pages = new StatePages(database, moments, new Lookups(database, moments))
  const hasher = keys.idHasher('page')
  const ids: Uint8Array[] = []
  let records = 0
  let cursor: StateCursor | undefined
  try {
    do {
      const part = pages.part(position, cursor)
      for (const page of part.pages) ids.push(hasher.digest(page))
      records += part.records
      cursor = part.next
      await context.step('state', records, 0)
    } while (cursor !== undefined)
  } catch (error) {
    if (error instanceof VaultError && error.code === 'stale') return undefined
    throw error
  }
  return { root: stateRoot(ids, records, hasher), ids, records }
}

/** Ids of the lowest pages; undefined when one above them can't be read. All go into the ledger, to be looked at. */
function pagesBelow(reference: BlobReference, ledger: BlobLedger, opener: BlobOpener): Uint8Array[] | undefined {
  ledger.add(reference)
  try {
    const bytes = new Uint8Array(reference.plainLength)
    opener.read(reference, 0, bytes.byteLength, bytes)
    if (bytes[0] === 1) return [reference.chunkId]
    const reader = new ByteReader(bytes.subarray(1), `state page ${hex(reference.blobId)}`)
    const below = Array.from({ length: reader.varint() }, () => readBlobReference(reader)).map((each) => pagesBelow(each, ledger, opener))
    return below.some((ids) => ids === undefined) ? undefined : below.flatMap((ids) => ids ?? [])
  } catch (error) {
    blobDamageOf(error)
    return undefined
  }
}
