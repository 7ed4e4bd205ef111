// How far a small read may reach for nothing: a frame of a blob is opened whole, whatever is asked of it. Where much of a
// file was read so, the rest is likely to follow, and several frames cost little more than one.
import { frameBytes } from '../format/blob-envelope.js'
import { limits } from '../terms/limits.js'
import type { OpenContent } from './open-content.js'
import type { PageStore } from './page-store.js'
import { stretchesOf, type Stretch } from './read-plan.js'

const pageBytes = 4096
/** Steps are the wider the more of the file was read in small reads: one frame for each 64th, up to so many. */
const framesMax = 8
const frameShare = 64

export interface Around {
  readonly start: number
  /** As those of a read. */
  readonly bytes: Uint8Array
}

/** Whole pages, or up to the end of the content; undefined: nothing but what was asked for. */
export function aroundOf(content: OpenContent, offset: number, length: number, pages: PageStore): { readonly start: number; readonly end: number } | undefined {
  const wide = framesOf(content)
  return (wide > 1 ? rangeOf(content, offset, length, pages, wide) : undefined) ?? rangeOf(content, offset, length, pages, 1)
}

/** A power of two: what lies in one step stays in one step as they widen. */
function framesOf({ aroundBytes, size }: OpenContent): number {
  let frames = 1
  while (frames < framesMax && aroundBytes * frameShare >= 2 * frames * size) frames *= 2
  return frames
}

function rangeOf(content: OpenContent, offset: number, length: number, pages: PageStore, frames: number): { readonly start: number; readonly end: number } | undefined {
  const stepBytes = frames * frameBytes
  const askedEnd = Math.min(offset + length, content.size)
  const from = Math.max(0, offset - stepBytes)
  const to = Math.min(content.size, askedEnd + stepBytes)
  const stretches = stretchesOf(content, from, to, pages)
  // While pages of its tree are loaded; the next read finds them.
  if (stretches instanceof Promise) return undefined
  const holding = stretches.find(({ start, end }) => start <= offset && end >= askedEnd)
  const place = holding === undefined ? undefined : placeInBlob(holding)
  if (holding === undefined || place === undefined) return undefined
  const first = Math.floor((place.skip + offset - holding.start) / stepBytes) * stepBytes
  const last = Math.ceil((place.skip + askedEnd - holding.start) / stepBytes) * stepBytes
  const start = Math.max(holding.start, holding.start + first - place.skip)
  const end = Math.min(holding.end, holding.start + last - place.skip)
  const pageStart = Math.ceil(start / pageBytes) * pageBytes
  const pageEnd = end === content.size ? end : Math.floor(end / pageBytes) * pageBytes
  const isWorth = pageStart <= offset && pageEnd >= askedEnd && pageEnd - pageStart <= Math.max(stepBytes, limits.readAroundBytesMax)
  return isWorth ? { start: pageStart, end: pageEnd } : undefined
}

function placeInBlob(stretch: Stretch): { readonly skip: number } | undefined {
  if (stretch.from === 'run') return stretch.run.kind === 'hole' ? undefined : stretch.run
  if (stretch.from !== 'extent' || stretch.extent.source.kind !== 'blob') return undefined
  return { skip: stretch.extent.skip + stretch.start - stretch.extent.start }
}
