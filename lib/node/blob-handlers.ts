// Blobs in and out. PROTOCOL §3.
import { concatBytes, hex, type BlobId, type Sealed } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { blobBytesMin, decodeFrames, decodeIds, frameHead, framesBytesMax, getIdsMax, hasIdsMax, type SealedBlob } from '../wire/blob-frames.js'
import { hexParameter, type Answer, type Asked, type Handler } from './answers.js'
import { counted, type ByteBudget } from './byte-budget.js'
import type { CheckerCalls } from './checker.js'
import type { ThreadLink } from './thread-link.js'
import type { HeldVault } from './held-vaults.js'
import { nodeLimits } from './node-limits.js'

export interface BlobSetup {
  readonly checker: ThreadLink<CheckerCalls>
  readonly answers: ByteBudget
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
      const lengths = await asked.vault.storage.lengths(ids)
      return { status: 200, body: frames(setup, asked.vault, ids, lengths) }
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

/** As many as fit in the most that one answer has, one at least; what can't be read is not here. */
async function* frames({ answers }: BlobSetup, { storage, vaultId }: HeldVault, ids: readonly BlobId[], lengths: readonly (number | undefined)[]): AsyncGenerator<Uint8Array> {
  let sent = 0
  for (let at = 0; at < ids.length;) {
    const { count, bytes } = nextRead(lengths, at)
    if (sent > 0 && sent + bytes > framesBytesMax) return
    // With some of them on their way, the client asks again for the rest.
    const release = await answers.take(hex(vaultId), bytes).catch((error: unknown) => {
      if (sent === 0) throw error
    })
    if (release === undefined) return
    try {
      const asked = ids.slice(at, at + count)
      const blobs = await Promise.all(asked.map(async (blobId, index) => (lengths[at + index] === undefined ? undefined : storage.read(blobId).catch(asMissing))))
      yield* joined(asked.flatMap((blobId, index) => [frameHead(blobId, blobs[index]?.byteLength ?? 0), ...(blobs[index] === undefined ? [] : [blobs[index]])]))
    } finally {
      release()
    }
    sent += bytes
    at += count
  }
}

/** From that one on: small ones together, a large one by itself. */
function nextRead(lengths: readonly (number | undefined)[], at: number): { readonly count: number; readonly bytes: number } {
  let bytes = lengths[at] ?? 0
  let count = 1
  while (at + count < lengths.length && bytes + (lengths[at + count] ?? 0) <= nodeLimits.readAheadBytes) bytes += lengths[at + count++] ?? 0
  return { count, bytes }
}

/** What is small goes in one piece: each is a packet. What is large goes as it is, but for its beginning. */
function* joined(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  const [head, blob] = parts
  if (head === undefined || blob === undefined || parts.length > 2 || blob.byteLength <= nodeLimits.readAheadBytes) {
    yield concatBytes(...parts)
    return
  }
  const first = nodeLimits.sliceBytesMin - head.byteLength
  yield concatBytes(head, blob.subarray(0, first))
  yield blob.subarray(first)
}

function asMissing(error: unknown): undefined {
  if (error instanceof VaultError && (error.code === 'not-found' || error.code === 'corrupt')) return undefined
  throw error
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

