// Blobs in and out. PROTOCOL §3.
import { hex, type BlobId, type Sealed } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { blobBytesMin, decodeFrames, decodeIds, frameHeadBytes, getIdsMax, hasIdsMax, type SealedBlob } from '../wire/blob-frames.js'
import { hexParameter, type Answer, type Asked, type Handler } from './answers.js'
import { counted, type ByteBudget } from './byte-budget.js'
import type { AnswerPlaces } from './answer-places.js'
import type { CheckerCalls } from './checker.js'
import type { ThreadLink } from './thread-link.js'
import { nodeLimits } from './node-limits.js'

export interface BlobSetup {
  readonly checker: ThreadLink<CheckerCalls>
  readonly answers: ByteBudget
  readonly places: AnswerPlaces
}

export type BlobRoute = 'putBlob' | 'getBlob' | 'hasBlobs' | 'putBlobs' | 'getBlobs'

export function blobHandlers(setup: BlobSetup): Readonly<Record<BlobRoute, Handler>> {
  return {
    putBlob: async (asked) => {
      const blobId = hexParameter(asked, 'blob', 32) as BlobId
      const [isNew] = await keep(setup, asked, (body) => [{ blobId, sealed: body as Sealed }])
      return { status: isNew === true ? 201 : 200 }
    },
    putBlobs: async (asked) => {
      const isNew = await keep(setup, asked, (body) => decodeFrames(body, nodeLimits.blobsPerPutMax))
      return { status: 200, body: Uint8Array.from(isNew, Number) }
    },
    getBlob: (asked) => getBlob(setup, asked),
    hasBlobs: async (asked) => {
      const ids = decodeIds(await asked.body(), hasIdsMax)
      const lengths = await asked.vault.deletions.sparing(ids, () => asked.vault.storage.lengths(ids))
      return { status: 200, body: Uint8Array.from(lengths, (length) => (length === undefined ? 0 : 1)) }
    },
    getBlobs: async (asked) => {
      const ids = decodeIds(await asked.body(), getIdsMax).map((id) => id.slice() as Uint8Array as BlobId)
      return await getFrames(setup, asked, ids)
    },
  }
}

/** Whether each blob was new; all of them are durable then. */
async function keep({ checker }: BlobSetup, asked: Asked, decode: (body: Uint8Array) => readonly SealedBlob[]): Promise<readonly boolean[]> {
  const { account, deletions, storage } = asked.vault
  const release = account.reserve(asked.bodyLength)
  try {
    const blobs = decode(await asked.body())
    // What keeping one costs beside its bytes counts in no quota.
    if (blobs.some(({ sealed }) => sealed.byteLength < blobBytesMin)) throw new VaultError('invalid', `a blob of fewer than ${blobBytesMin} bytes`)
    await checker.call('blobs', blobs)
    const isNew = await deletions.sparing(blobs.map(({ blobId }) => blobId), () => storage.put(blobs))
    const fresh = blobs.filter((_, index) => isNew[index])
    account.countBlobs(fresh.length, fresh.reduce((sum, { sealed }) => sum + sealed.byteLength, 0))
    return isNew
  } finally {
    release()
  }
}

async function getBlob({ answers }: BlobSetup, asked: Asked): Promise<Answer> {
  const { storage, vaultId } = asked.vault
  const vault = hex(vaultId)
  const blobId = hexParameter(asked, 'blob', 32) as BlobId
  const [length] = await storage.lengths([blobId])
  if (length === undefined) throw new VaultError('not-found', `blob ${hex(blobId)} is not here`, { subject: hex(blobId) })
  const range = rangeOf(asked.header('range'), length)
  const etag = { etag: `"${hex(blobId)}"`, 'accept-ranges': 'bytes' }
  if (range === undefined) return { status: 200, headers: { ...etag, 'content-length': String(length) }, body: counted(answers, vault, length, () => storage.read(blobId)) }
  const headers = { ...etag, 'content-length': String(range.length), 'content-range': `bytes ${range.start}-${range.start + range.length - 1}/${length}` }
  return { status: 206, headers, body: counted(answers, vault, range.length, () => storage.read(blobId, range)) }
}

/** As many as fit in one answer, one at least; what can't be read is not here. */
async function getFrames({ answers, places }: BlobSetup, asked: Asked, ids: readonly BlobId[]): Promise<Answer> {
  const { storage, vaultId } = asked.vault
  const lengths = await storage.lengths(ids)
  let bytes = 0
  let count = 0
  for (const length of lengths) {
    const more = frameHeadBytes + (length ?? 0)
    if (count > 0 && bytes + more > nodeLimits.framesAnswerBytes) break
    bytes += more
    count++
  }
  asked.whenAnswered(await answers.take(hex(vaultId), bytes))
  const place = places.take(bytes)
  asked.whenAnswered(() => { places.give(place) })
  return { status: 200, body: place.subarray(0, await storage.readFrames(ids.slice(0, count), place.subarray(0, bytes))) }
}

/** One range of bytes, first and last given, or from one on. Undefined: none was asked for. Throws 'range'. */
function rangeOf(header: string | undefined, length: number): { readonly start: number; readonly length: number } | undefined {
  if (header === undefined) return undefined
  const [, first, last] = /^bytes=(\d{1,10})-(\d{0,10})$/.exec(header) ?? []
  const start = Number(first)
  const end = last === undefined || last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (first === undefined || start > end) throw new VaultError('range', `the blob has ${length} bytes`)
  return { start, length: end - start + 1 }
}

