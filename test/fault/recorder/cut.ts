// One loss of power: after which of the disk's events, and what became of the writes that no flush had made safe. All of it
// comes from a seed.
import { Random } from '../../model/random.js'
import type { DiskEvent } from './journal.js'

export interface Cut {
  readonly seed: number
  /** Events before this one took place. */
  readonly point: number
  /** Events before this one are safe: the last flush before the point. */
  readonly safe: number
  /** What is acknowledged at this moment counts, in nanoseconds of the monotonic clock. */
  readonly at: bigint
  readonly fate: 'lost' | 'written' | 'some' | 'torn'
  /** Of a single write: what the disk writes whole. */
  readonly sectorBytes: 512 | 4096
  /** Of a write that is not safe. */
  readonly keptShare: number
}

export interface Chances {
  readonly events: readonly DiskEvent[]
  /** Nothing is promised before. */
  readonly from: bigint
  readonly until: bigint
  /** When somebody was told that his data is safe, ascending. */
  readonly acknowledged: readonly bigint[]
  /** Flushes do nothing: those of so many events before the point have kept nothing. */
  readonly lyingEvents?: number
}

export function chooseCut({ events, from, until, acknowledged, lyingEvents }: Chances, seed: number): Cut {
  const random = new Random(seed)
  const first = firstAfter(events, from)
  const point = choosePoint(random, { events, acknowledged, first })
  const limit = lyingEvents === undefined ? point : Math.max(first, point - lyingEvents)
  const safe = events.findLastIndex(({ kind }, index) => index < limit && kind === 'flush') + 1
  const next = events[point]
  return {
    // As late as the disk can be in this state: whoever was told anything before its next event was told it of this state.
    seed, point, safe, at: next === undefined ? until : next.began - 1n,
    fate: random.pick(['lost', 'lost', 'written', 'some', 'some', 'torn', 'torn', 'torn']), sectorBytes: random.pick([512, 4096]), keptShare: random.pick([0.1, 0.5, 0.9]),
  }
}

interface Points {
  readonly events: readonly DiskEvent[]
  readonly acknowledged: readonly bigint[]
  readonly first: number
}

/** Anywhere; where most is at stake, before a flush; and when somebody has just been told that his data is safe. */
function choosePoint(random: Random, { events, acknowledged, first }: Points): number {
  const anywhere = first + random.below(events.length - first + 1)
  const way = random.next()
  if (way < 0.4) return anywhere
  if (way < 0.6) {
    const flush = events.findIndex(({ kind }, index) => index >= anywhere && kind === 'flush')
    return flush < 0 ? anywhere : flush
  }
  return acknowledged.length === 0 ? anywhere : Math.max(first, firstAfter(events, random.pick(acknowledged)))
}

/** Of the events that began after a moment; all of them before: their number. */
function firstAfter(events: readonly DiskEvent[], moment: bigint): number {
  const index = events.findIndex(({ began }) => began > moment)
  return index < 0 ? events.length : index
}

export interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** What of the writes that are not safe has reached the disk, in the order in which the disk took them. */
export function survivors(events: readonly DiskEvent[], { seed, point, safe, fate, sectorBytes, keptShare }: Cut): readonly Piece[] {
  const random = new Random(seed + 1)
  const kept: Piece[] = []
  for (const event of events.slice(safe, point)) {
    if (event.kind === 'flush' || fate === 'lost') continue
    if (fate !== 'written' && !random.chance(keptShare)) continue
    if (fate !== 'torn' || random.chance(0.5)) kept.push(event)
    else kept.push(...torn(random, event, sectorBytes))
  }
  return kept
}

/** Some of its sectors, or the first of them. */
function torn(random: Random, { offset, bytes }: Piece, sectorBytes: number): readonly Piece[] {
  const end = offset + bytes.byteLength
  const reached = random.chance(0.5) ? offset + random.below(bytes.byteLength) : undefined
  const pieces: Piece[] = []
  for (let at = offset; at < end;) {
    const next = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes)
    if (reached === undefined ? random.chance(0.5) : next <= reached) pieces.push({ offset: at, bytes: bytes.subarray(at - offset, next - offset) })
    at = next
  }
  return pieces
}
