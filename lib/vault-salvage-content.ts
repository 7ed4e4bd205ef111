// A file's bytes, as far as they can be read: each piece either verified as every read is, or named as lost. A damaged
// page of a content tree loses what lies below it and nothing else; a damaged chunk only the frames that are.
import { decodePage, type ContentReference, type Page } from './content/content-reference.js'
import type { Extent } from './content/extent.js'
import { frameBytes } from './format/blob-envelope.js'
import type { BlobReference } from './format/blob-reference.js'
import type { LogExtent } from './store/log-port.js'
import { hex } from './terms/bytes.js'
import { limits } from './terms/limits.js'
import type { MendedBlobs } from './vault-salvage-blobs.js'
import { blobDamageOf } from './vault-verify-context.js'
import type { BlobOpener } from './workers/blob-opener.js'
import type { LogOpener } from './workers/log-opener.js'

/** A file's content in a state. */
export interface SavedContent {
  readonly base: ContentReference
  /** What lies over it, by offset. */
  readonly extents: readonly Extent[]
  readonly size: number
}

type PieceSource =
  | { readonly kind: 'hole' }
  | { readonly kind: 'inline'; readonly bytes: Uint8Array }
  | { readonly kind: 'blob'; readonly reference: BlobReference; readonly skip: number }
  | { readonly kind: 'log'; readonly extent: LogExtent; readonly skip: number }
  | { readonly kind: 'lost'; readonly reason: string }

interface SavedPiece {
  readonly start: number
  readonly end: number
  readonly source: PieceSource
}

export interface LostRange {
  readonly start: number
  readonly end: number
  readonly reason: string
}

export interface ContentReaders {
  readonly blobs: MendedBlobs
  readonly opener: BlobOpener
  readonly log: LogOpener
}

export class ContentSaver {
  readonly #readers: ContentReaders
  readonly #room = new Uint8Array(limits.readBytesMax)

  constructor(readers: ContentReaders) {
    this.#readers = readers
  }

  /**
   * Hands out everything that can be read, ascending, holes left out; answers what can't. `write` may not keep the bytes;
   * what it throws is thrown.
   */
  async save(content: SavedContent, write: (offset: number, bytes: Uint8Array) => Promise<void> | void): Promise<readonly LostRange[]> {
    const lost: LostRange[] = []
    for (const piece of this.#pieces(content)) {
      if (piece.source.kind === 'lost') lose(lost, piece.start, piece.end, piece.source.reason)
      if (piece.source.kind === 'lost' || piece.source.kind === 'hole') continue
      for (let at = piece.start; at < piece.end; at += this.#room.byteLength) {
        const end = Math.min(at + this.#room.byteLength, piece.end)
        const damage = this.#read(piece, at, end)
        if (damage === undefined) await write(at, this.#room.subarray(0, end - at))
        else await this.#finer({ ...piece, start: at, end, source: moved(piece.source, at - piece.start) }, damage, write, lost)
      }
    }
    return lost
  }

  /** A frame at a time: those beside a damaged one are whole. */
  async #finer(piece: SavedPiece, damage: string, write: (offset: number, bytes: Uint8Array) => Promise<void> | void, lost: LostRange[]): Promise<void> {
    const { start, end, source } = piece
    if (source.kind !== 'blob') {
      lose(lost, start, end, damage)
      return
    }
    for (let at = start; at < end;) {
      const inChunk = source.skip + at - start
      const to = Math.min(end, at + frameBytes - (inChunk % frameBytes))
      const worse = this.#read(piece, at, to)
      if (worse === undefined) await write(at, this.#room.subarray(0, to - at))
      else lose(lost, at, to, worse)
      at = to
    }
  }

  /** Fills the room; answers what is wrong. */
  #read({ start, source }: SavedPiece, from: number, to: number): string | undefined {
    const out = this.#room.subarray(0, to - from)
    try {
      if (source.kind === 'inline') out.set(source.bytes.subarray(from - start, to - start))
      else if (source.kind === 'blob') this.#readBlob(source.reference, source.skip + from - start, out)
      else if (source.kind === 'log') this.#readers.log.read(source.extent, source.skip + from - start, out.byteLength, out)
      return undefined
    } catch (error) {
      return blobDamageOf(error)
    }
  }

  #readBlob(reference: BlobReference, skip: number, out: Uint8Array): void {
    const { opener, blobs } = this.#readers
    try {
      opener.read(reference, skip, out.byteLength, out)
    } catch (error) {
      blobDamageOf(error)
      if (!blobs.retry(reference)) throw error
      opener.read(reference, skip, out.byteLength, out)
    }
  }

  *#pieces({ base, extents, size }: SavedContent): Generator<SavedPiece> {
    let at = 0
    for (const { start, end, source, skip } of extents) {
      if (start >= size) break
      if (start > at) yield* this.#published(base, at, Math.min(start, size))
      if (source.kind === 'log') yield { start, end: Math.min(end, size), source: { kind: 'log', extent: source.extent, skip } }
      else if (source.kind === 'blob') yield { start, end: Math.min(end, size), source: { kind: 'blob', reference: source.reference, skip } }
      at = end
    }
    if (at < size) yield* this.#published(base, at, size)
  }

  /** What lies past the content is a hole. */
  *#published({ body, length }: ContentReference, start: number, end: number): Generator<SavedPiece> {
    const to = Math.min(end, length)
    if (to <= start) return
    if (body.form === 'inline') yield { start, end: to, source: { kind: 'inline', bytes: body.bytes.subarray(start, to) } }
    else if (body.form === 'runs') yield* within({ kind: 'leaf', runs: body.runs }, 0, start, to)
    else yield* this.#below(body.root, { at: 0, length }, start, to)
  }

  *#below(reference: BlobReference, place: { readonly at: number; readonly length: number }, start: number, end: number): Generator<SavedPiece> {
    const page = this.#page(reference)
    if (typeof page === 'string') {
      yield { start: Math.max(start, place.at), end: Math.min(end, place.at + place.length), source: { kind: 'lost', reason: page } }
    } else if (page.kind === 'leaf') {
      yield* within(page, place.at, start, end)
    } else {
      let { at } = place
      for (const { reference: below, length } of page.children) {
        if (at < end && at + length > start) yield* this.#below(below, { at, length }, start, end)
        at += length
      }
    }
  }

  #page(reference: BlobReference): Page | string {
    try {
      const bytes = new Uint8Array(reference.plainLength)
      this.#readBlob(reference, 0, bytes)
      return decodePage(bytes, `content page ${hex(reference.blobId)}`)
    } catch (error) {
      return blobDamageOf(error)
    }
  }
}

function* within({ runs }: Extract<Page, { kind: 'leaf' }>, from: number, start: number, end: number): Generator<SavedPiece> {
  let at = from
  for (const run of runs) {
    const [first, last] = [Math.max(at, start), Math.min(at + run.length, end)]
    if (last > first && run.kind === 'chunk') yield { start: first, end: last, source: { kind: 'blob', reference: run.reference, skip: run.skip + first - at } }
    at += run.length
    if (at >= end) return
  }
}

function moved(source: PieceSource, by: number): PieceSource {
  if (source.kind === 'blob' || source.kind === 'log') return { ...source, skip: source.skip + by }
  return source.kind === 'inline' ? { ...source, bytes: source.bytes.subarray(by) } : source
}

function lose(lost: LostRange[], start: number, end: number, reason: string): void {
  const last = lost.at(-1)
  if (last?.end === start && last.reason === reason) lost[lost.length - 1] = { ...last, end }
  else lost.push({ start, end, reason })
}
