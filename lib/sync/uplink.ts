// Carries what a node lacks, in the one order that there is: all blobs of a mark, then the entries of that mark. A crash
// between any two steps leaves a node with a prefix of that, and what it confirmed is not sent again.
import { sha256 } from '../../native-deps/sodium.js'
import { blobIdOf } from '../crypto/blob-id.js'
import { concatBytes, equalBytes, hex, type Sealed } from '../terms/bytes.js'
import { VaultError, invariant, type ErrorCode } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { PeerBlob } from '../store/peer-port.js'
import type { BlobRow, BlobSource } from './blob-source.js'
import { blobBytesMax, frameHead, frameHeadBytes } from '../wire/blob-frames.js'
import { Lie, type PeerWork } from './peer-work.js'

/** Where the blobs of one node were gone through to. */
export interface Cursor {
  position: number
  /** Of the count of copies in which the position means something. */
  round: number
}

/**
 * Blobs up to the copies' mark: each was confirmed by the node, or is damaged here and was told of. False: they were
 * counted anew meanwhile, and whoever called begins again.
 */
export async function sendBlobs(work: PeerWork, cursor: Cursor, places: PutPlaces): Promise<boolean> {
  const { copies, source } = work
  const { round, through } = copies
  if (cursor.round !== round) Object.assign(cursor, { round, position: 0 })
  while (cursor.position < through) {
    const rows = source.batch(cursor.position, through, limits.syncBatch)
    await sendLacking(work, rows, places)
    if (copies.round !== round) return false
    cursor.position = rows.at(-1)?.position ?? through
  }
  return true
}

async function sendLacking(work: PeerWork, rows: readonly BlobRow[], places: PutPlaces): Promise<void> {
  const { peer, number, copies, logger } = work
  const since = rows.map(({ blobId }) => copies.heldSince(number, blobId))
  const unknown = rows.filter((_, index) => since[index] !== 'holds')
  if (unknown.length === 0) return
  await work.turn()
  const has = await peer.has(unknown.map(({ blobId }) => blobId))
  const held = unknown.filter((_, index) => has[index] === 1)
  copies.confirm(number, held.map(({ blobId }) => blobId))
  const lacking = unknown.filter((_, index) => has[index] !== 1)
  const lost = lacking.filter(({ blobId }) => copies.heldSince(number, blobId) === 'outdated')
  if (lost.length > 0) {
    logger.log('warn', 'a node lost what it had acknowledged: it is sent again', { node: peer.name, blobs: lost.length })
    copies.lose(number, lost.map(({ blobId }) => blobId))
  }
  await putAll(work, shuffled(lacking, work.random), places)
}

/** In an order that says nothing: who watches the sizes go by sees no file in them. */
function shuffled(rows: readonly BlobRow[], random: () => number): readonly BlobRow[] {
  const out = [...rows]
  for (let at = out.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    const [a, b] = [out[at], out[other]]
    if (a === undefined || b === undefined) continue
    out[at] = b
    out[other] = a
  }
  return out
}

async function putAll(work: PeerWork, rows: readonly BlobRow[], places: PutPlaces): Promise<void> {
  const puts = new Puts(work)
  let batch: PeerBlob[] = []
  let place = places.take()
  /** Of the place: frames one after another. */
  let bytes = 0
  const put = async (): Promise<void> => {
    if (batch.length === 0) return
    const [sent, sentFramed, sentPlace] = [batch, place.subarray(0, bytes), place]
    batch = []
    bytes = 0
    await puts.begin(sent, sentFramed, () => { places.give(sentPlace) })
    place = places.take()
  }
  const unread: { readonly row: BlobRow; readonly error: VaultError }[] = []
  let hasRead = false
  let unsure: BlobRow | undefined
  try {
    for (const row of rows) {
      if (batch.length > 0 && bytes + frameHeadBytes + row.length > work.throttle.stepBytes) await put()
      const into = place.subarray(bytes + frameHeadBytes, bytes + frameHeadBytes + row.length)
      const blob = wholeBlob(work.source, row, into)
      if (blob instanceof VaultError) {
        unread.push({ row, error: blob })
        continue
      }
      hasRead = true
      if (blob.sealed.buffer !== into.buffer) into.set(blob.sealed)
      place.set(frameHead(row.blobId, row.length), bytes)
      batch.push({ blobId: row.blobId, sealed: into as Sealed })
      bytes += frameHeadBytes + row.length
    }
    await put()
    for (const { row, error } of unread) {
      if (error.code !== 'corrupt' && !hasRead && isAway(work, unread)) throw error
      if (!work.damaged(row.blobId)) unsure = row
    }
  } finally {
    await puts.settled()
  }
  if (unsure !== undefined) throw new VaultError('corrupt', `blob ${hex(unsure.blobId)} is not whole in this store`, { subject: hex(unsure.blobId) })
}

/** A disk that reads nothing is away; one that reads others has a bad place. */
function isAway({ source, copies }: PeerWork, unread: readonly { readonly row: BlobRow }[]): boolean {
  const others = source.batch(0, copies.through, othersTried + unread.length).filter(({ position }) => !unread.some(({ row }) => row.position === position))
  return others.length === 0 ? unread.length > 1 : others.every((row) => wholeBlob(source, row) instanceof VaultError)
}

/** Blobs that are read to see whether the disk reads any. */
const othersTried = 4

/** One request, or the largest blob. */
const placeBytes = Math.max(limits.syncPutBytes, frameHeadBytes + blobBytesMax)

/** Memory for requests, used again and again: new memory for each blob costs as much as reading it. */
export class PutPlaces {
  readonly #free: Uint8Array[] = []

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(placeBytes)
  }

  give(place: Uint8Array): void {
    this.#free.push(place)
  }
}

/** Batches on their way: while a node makes one durable the next one is read and sent, or a far one would leave the line idle. */
class Puts {
  readonly #work: PeerWork
  readonly #running = new Set<Promise<void>>()
  #failure: { readonly error: unknown } | undefined

  constructor(work: PeerWork) {
    this.#work = work
  }

  /** Throws what became of an earlier one. `done`: the blobs are needed no more. */
  async begin(batch: readonly PeerBlob[], framed: Uint8Array, done: () => void): Promise<void> {
    await this.#work.turn()
    while (this.#running.size >= limits.syncPutsAtOnce) await Promise.race(this.#running)
    if (this.#failure !== undefined) throw this.#failure.error
    const sent = this.#send(batch, framed).catch((error: unknown) => { this.#failure ??= { error } }).finally(() => {
      this.#running.delete(sent)
      done()
    })
    this.#running.add(sent)
  }

  /** None is on its way any more when it ends; throws what became of them. */
  async settled(): Promise<void> {
    await Promise.all(this.#running)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #send(batch: readonly PeerBlob[], framed: Uint8Array): Promise<void> {
    await this.#work.peer.put(batch, framed)
    this.#work.copies.confirm(this.#work.number, batch.map(({ blobId }) => blobId))
    this.#work.moved(batch.length, framed.byteLength - batch.length * frameHeadBytes)
  }
}

/**
 * Or why it is not whole here, so that nobody can send it. Once that is certain entries go on all the same, or one bad
 * sector would keep all later work from ever reaching a node.
 */
function wholeBlob(source: BlobSource, row: BlobRow, into?: Uint8Array): PeerBlob | VaultError {
  try {
    const sealed = source.read(row, into)
    if (equalBytes(blobIdOf(sealed), row.blobId)) return { blobId: row.blobId, sealed }
    return new VaultError('corrupt', `blob ${hex(row.blobId)} is not whole in this store`, { subject: hex(row.blobId) })
  } catch (error) {
    if (error instanceof VaultError && (error.code === 'corrupt' || error.code === 'io')) return error
    throw error
  }
}

/** Entries up to `sequence`, of which every blob was confirmed by now. Throws `Lie` for an answer that is not about them. */
export async function sendEntries(work: PeerWork, sequence: number): Promise<void> {
  const { peer, state, number, deviceId } = work
  const chain = work.openChain()
  try {
    const known = state.acknowledged(number)
    invariant(chain.skipTo(known), 'what a node acknowledged lies in our chain')
    while (chain.sequence < sequence) {
      const parts: Uint8Array[] = []
      let bytes = 0
      const bytesMax = Math.min(work.throttle.stepBytes, limits.syncEntryBytes)
      while (chain.sequence < sequence && (bytes < bytesMax)) {
        const entry = chain.next()
        if (entry === undefined) throw new VaultError('chain-broken', `our chain ends with entry ${chain.sequence}, and ${sequence} were written`, { subject: 'manifest' })
        parts.push(entry.signed, entry.signature)
        bytes += entry.signed.byteLength + entry.signature.byteLength
      }
      const last = { sequence: chain.sequence, ...chain.place, hash: chain.hash }
      await work.turn()
      const head = await peer.appendEntries(deviceId, concatBytes(...parts))
      if (head.sequence !== last.sequence || !equalBytes(head.hash, last.hash)) throw new Lie(`it was given entry ${last.sequence} of this device, and answers with entry ${head.sequence}`)
      state.acknowledge(number, last)
      work.moved(0, bytes)
    }
  } finally {
    chain.close()
  }
}

/** The device's member record and the header, where the node was not given these very bytes. */
export async function sendKeys(work: PeerWork): Promise<void> {
  const { peer, state, number, keys } = work
  const isGiven = (what: 'header' | 'member', hash: Uint8Array): boolean => {
    const given = state.given(number, what)
    return given !== undefined && equalBytes(given, hash)
  }
  const member = sha256(keys.member)
  if (!isGiven('member', member)) {
    await work.turn()
    if (!(await peer.members()).some((record) => equalBytes(record, keys.member))) await peer.putMember(keys.member)
    state.noteGiven(number, 'member', member)
  }
  const header = await keys.header()
  if (header === undefined) return
  const hash = sha256(header)
  if (isGiven('header', hash)) return
  await work.turn()
  try {
    await peer.putHeader(header)
  } catch (error) {
    // It takes some a day only: another time. Blobs and entries go on in any case.
    if (error instanceof VaultError && error.code === 'busy') return
    // It has a newer one, from another device of the vault, and keeps this one beside it.
    if (!(error instanceof VaultError) || !headerRefused.has(error.code)) throw error
    work.logger.log('warn', 'a node has a newer header than this store', { node: peer.name, reason: error.message })
  }
  state.noteGiven(number, 'header', hash)
}

const headerRefused: ReadonlySet<ErrorCode> = new Set(['exists', 'chain-broken', 'forked'])

