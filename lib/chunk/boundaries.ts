// Where to begin and where to stop cutting again after an edit, so that one changed byte does not re-cut the file.
// Pure: positions in, positions out. A chunk's cut depends on its own bytes only, but how a chunk ended (by its content,
// at the end of the file, before a hole) is not recorded: so cutting begins with the chunk that holds the byte before
// the edit, whose end may not have been a cut by content.

export interface Span {
  readonly from: number
  /** The first position behind it. */
  readonly to: number
}

export interface Stretch extends Span {
  /** Positions (in the file) at which older whole chunks begin; cutting may stop at the first that it meets. */
  readonly boundaries: readonly number[]
  /** Boundaries before this position are inside the edit and mean nothing. */
  readonly resumeAfter: number
}

export interface RecutInput {
  /** What was written since the last publication: ascending, apart. Also the hole that an edit tore. */
  readonly edits: readonly Span[]
  /** Runs that are exactly one whole older chunk and are untouched, ascending. */
  readonly wholeChunks: readonly Span[]
  /** Holes that force a cut, ascending; a stretch never reaches into one. */
  readonly holes: readonly Span[]
  /** The file's present size. */
  readonly size: number
  /** How far behind an edit cutting may go before it is cut short at an older boundary. */
  readonly reachBytes: number
}

/** Stretches to cut again, ascending, apart. Everything outside them keeps its runs. */
export function stretchesToCut(input: RecutInput): Stretch[] {
  const stretches: Stretch[] = []
  for (const edit of input.edits) {
    for (const part of outsideHoles(edit, input.holes, input.size)) {
      const stretch = stretchAround(part, input)
      const last = stretches.at(-1)
      if (last !== undefined && stretch.from < last.to) stretches[stretches.length - 1] = joined(last, stretch, input)
      else stretches.push(stretch)
    }
  }
  return stretches
}

function stretchAround(edit: Span, input: RecutInput): Stretch {
  const floor = lastBefore(input.holes, edit.from)?.to ?? 0
  const ceiling = input.holes.find((hole) => hole.from >= edit.to)?.from ?? input.size
  return { ...bounded(edit, floor, ceiling, input), resumeAfter: edit.to }
}

function bounded(edit: Span, floor: number, ceiling: number, input: RecutInput): Omit<Stretch, 'resumeAfter'> {
  const before = lastBefore(input.wholeChunks, edit.from)
  // Without a whole chunk that ends or holds there, what lies before was not cut by content either: take it all.
  const from = Math.max(floor, before === undefined ? floor : before.to >= edit.from ? before.from : before.to)
  const boundaries = input.wholeChunks.map((chunk) => chunk.from).filter((at) => at >= edit.to && at < ceiling)
  const limit = edit.to + input.reachBytes
  const to = boundaries.find((at) => at >= limit) ?? ceiling
  return { from, to, boundaries: boundaries.filter((at) => at < to) }
}

/** Two edits so near that the first stretch may run into the second: one stretch for both. */
function joined(first: Stretch, second: Stretch, input: RecutInput): Stretch {
  const to = Math.max(first.to, second.to)
  const resumeAfter = Math.max(first.resumeAfter, second.resumeAfter)
  const boundaries = input.wholeChunks.map((chunk) => chunk.from).filter((at) => at >= resumeAfter && at < to)
  return { from: Math.min(first.from, second.from), to, boundaries, resumeAfter }
}

function outsideHoles(edit: Span, holes: readonly Span[], size: number): Span[] {
  const parts: Span[] = []
  let from = edit.from
  const to = Math.min(edit.to, size)
  for (const hole of holes) {
    if (hole.to <= from) continue
    if (hole.from >= to) break
    if (hole.from > from) parts.push({ from, to: hole.from })
    from = hole.to
  }
  if (from < to) parts.push({ from, to })
  return parts
}

/** The last span that begins before `position`. */
function lastBefore(spans: readonly Span[], position: number): Span | undefined {
  let low = 0
  let high = spans.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((spans[middle]?.from ?? Infinity) < position) low = middle + 1
    else high = middle
  }
  return spans[low - 1]
}
