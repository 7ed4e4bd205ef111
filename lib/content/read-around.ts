// How far a small read may reach for nothing: a frame of a blob is opened whole, whatever is asked of it.
import { frameBytes } from '../format/blob-envelope.js'
import { limits } from '../terms/limits.js'
import type { OpenContent } from './open-content.js'
import type { PageStore } from './page-store.js'
import { stretchesOf, type Stretch } from './read-plan.js'

const pageBytes = 4096

export interface Around {
  readonly start: number
  /** As those of a read. */
  readonly bytes: Uint8Array
}

/** Whole pages, or up to the end of the content; undefined: nothing but what was asked for. */
export function aroundOf(content: OpenContent, offset: number, length: number, pages: PageStore): { readonly start: number; readonly end: number } | undefined {
  const askedEnd = Math.min(offset + length, content.size)
  const from = Math.max(0, offset - frameBytes)
  const to = Math.min(content.size, askedEnd + frameBytes)
  const stretches = stretchesOf(content, from, to, pages)
  // While pages of its tree are loaded; the next read finds them.
  if (stretches instanceof Promise) return undefined
  const holding = stretches.find(({ start, end }) => start <= offset && end >= askedEnd)
  const place = holding === undefined ? undefined : placeInBlob(holding)
  if (holding === undefined || place === undefined) return undefined
  const first = Math.floor((place.skip + offset - holding.start) / frameBytes) * frameBytes
  const last = Math.ceil((place.skip + askedEnd - holding.start) / frameBytes) * frameBytes
  const start = Math.max(holding.start, holding.start + first - place.skip)
  const end = Math.min(holding.end, holding.start + last - place.skip)
  const pageStart = Math.ceil(start / pageBytes) * pageBytes
  const pageEnd = end === content.size ? end : Math.floor(end / pageBytes) * pageBytes
  const isWorth = pageStart <= offset && pageEnd >= askedEnd && pageEnd - pageStart <= limits.readAroundBytesMax
  return isWorth ? { start: pageStart, end: pageEnd } : undefined
}

function placeInBlob(stretch: Stretch): { readonly skip: number } | undefined {
  if (stretch.from === 'run') return stretch.run.kind === 'hole' ? undefined : stretch.run
  if (stretch.from !== 'extent' || stretch.extent.source.kind !== 'blob') return undefined
  return { skip: stretch.extent.skip + stretch.start - stretch.extent.start }
}
