// Where data and holes of a file begin, as lseek(2) tells it.
import type { ContentContext, OpenContent } from './open-content.js'
import { isHole, stretchesOf } from './read-plan.js'

/**
 * A block is a hole when all of it is. Holes are kept to the byte, but programs take the unit in which a filesystem
 * reports them for its block size, and work in that.
 */
const blockBytes = 4096
/** Looked at first; then twice as much each time, so that what is near is found without planning a whole file. */
const firstBytes = 1024 * 1024

const blockOf = (offset: number): number => Math.floor(offset / blockBytes) * blockBytes

/** The first offset from `offset` (below the size) on that is data or hole; the end of the file is a hole. Undefined: there is none. */
export async function seekContent(content: OpenContent, offset: number, wanted: 'data' | 'hole', { pages }: Pick<ContentContext, 'pages'>): Promise<number | undefined> {
  let span = firstBytes
  // A write may come in between two steps: each looks at the file as it is then.
  for (let at = blockOf(offset); at < content.size; span *= 2) {
    const end = Math.min(at + span, content.size)
    const holes = wholeHoles(await stretchesOf(content, at, end, pages), content.size)
    const start = wanted === 'hole' ? holes.find((hole) => hole.end > offset)?.start : firstBeside(holes, Math.max(at, offset), end)
    if (start !== undefined) return Math.max(start, offset)
    at = end
  }
  return wanted === 'hole' ? content.size : undefined
}

interface Range {
  readonly start: number
  end: number
}

/** Adjacent ones joined, and only their whole blocks; the last block of the file may be short. */
function wholeHoles(stretches: Awaited<ReturnType<typeof stretchesOf>>, size: number): Range[] {
  const joined: Range[] = []
  for (const stretch of stretches) {
    if (!isHole(stretch)) continue
    const last = joined.at(-1)
    if (last?.end === stretch.start) last.end = stretch.end
    else joined.push({ start: stretch.start, end: stretch.end })
  }
  return joined
    .map(({ start, end }) => ({ start: blockOf(start + blockBytes - 1), end: end === size ? end : blockOf(end) }))
    .filter(({ start, end }) => start < end)
}

/** The first offset from `from` on, below `end`, that lies in none of the ranges. */
function firstBeside(ranges: readonly Range[], from: number, end: number): number | undefined {
  let at = from
  for (const range of ranges) if (range.start <= at && range.end > at) at = range.end
  return at < end ? at : undefined
}
