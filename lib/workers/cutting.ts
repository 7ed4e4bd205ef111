// One stretch of content: assembled into private memory, parted at its large holes, cut and named. Positions of
// boundaries count the holes, positions in memory don't: the translation is here.
import type { Piece } from '../store/content-piece.js'
import { limits } from '../terms/limits.js'
import type { CutJobRequest } from './messages.js'

/** Bytes between two holes that force a cut. */
interface Region {
  /** In memory. */
  readonly from: number
  readonly until: number
  /** In the stretch. */
  readonly offset: number
  readonly final: boolean
}

/** In the order of the stretch. */
export type Part = { readonly region: Region } | { readonly hole: number }

export type CutLengths = (bytes: Uint8Array, stretch: {
  readonly from: number
  readonly until: number
  readonly final: boolean
  readonly boundaries: readonly number[]
  readonly resumeAfter: number
}) => { readonly lengths: readonly number[]; readonly met: boolean }

export interface CutRuns {
  /** Of each run; a hole's is negative. */
  readonly lengths: readonly number[]
  /** Of each run, its position in memory; of a hole −1. */
  readonly places: readonly number[]
  readonly consumed: number
  readonly met: boolean
}

export function forcesCut(piece: Piece): boolean {
  return piece.kind === 'hole' && piece.length >= limits.holeBytesMin
}

/** Adjacent holes that are small each may be large together. */
export function joinHoles(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    if (piece.length === 0) continue
    if (piece.kind === 'hole' && last?.kind === 'hole') joined[joined.length - 1] = { kind: 'hole', length: last.length + piece.length }
    else joined.push(piece)
  }
  return joined
}

export function partsOf(pieces: readonly Piece[], memoryFrom: number, final: boolean): Part[] {
  const parts: Part[] = []
  let at = memoryFrom
  let offset = 0
  let length = 0
  const close = (isFinal: boolean): void => {
    if (length > 0) parts.push({ region: { from: at, until: at + length, offset, final: isFinal } })
    at += length
    offset += length
    length = 0
  }
  for (const piece of pieces) {
    if (!forcesCut(piece)) {
      length += piece.length
      continue
    }
    close(true)
    parts.push({ hole: piece.length })
    offset += piece.length
  }
  close(final)
  return parts
}

export function cutParts(parts: readonly Part[], bytes: Uint8Array, request: CutJobRequest, cut: CutLengths): CutRuns {
  const lengths: number[] = []
  const places: number[] = []
  let consumed = 0
  for (const part of parts) {
    const isBoundary = consumed > 0 && consumed >= request.resumeAfter && request.boundaries.includes(consumed)
    if (isBoundary) return { lengths, places, consumed, met: true }
    if ('hole' in part) {
      lengths.push(-part.hole)
      places.push(-1)
      consumed += part.hole
      continue
    }
    const { region } = part
    const inMemory = (position: number): number => position - region.offset + region.from
    const found = cut(bytes, {
      from: region.from, until: region.until, final: region.final,
      boundaries: request.boundaries.map(inMemory).filter((position) => position > region.from && position < region.until),
      resumeAfter: inMemory(request.resumeAfter),
    })
    let place = region.from
    for (const length of found.lengths) {
      lengths.push(length)
      places.push(place)
      place += length
    }
    consumed = place - region.from + region.offset
    if (found.met || place < region.until) return { lengths, places, consumed, met: found.met }
  }
  return { lengths, places, consumed, met: false }
}
