// What fallocate(2) was asked to reserve of one file. The store can't set room aside, since it compresses and shares;
// but who asks for blocks and then writes into them sees no more of them than before (xfstests generic/568).

interface Range {
  readonly start: number
  readonly end: number
}

/** Nearly every program reserves one range, or one behind the other. More are joined over the gaps between them. */
const rangesMax = 64

export class ReservedRanges {
  /** Ascending, apart. */
  #ranges: readonly Range[] = []

  get bytes(): number {
    return this.#ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  }

  add(start: number, end: number): void {
    if (end <= start) return
    const joined = this.#ranges.filter((range) => range.end >= start && range.start <= end)
    const [from, to] = [Math.min(start, ...joined.map((range) => range.start)), Math.max(end, ...joined.map((range) => range.end))]
    const apart = this.#ranges.filter((range) => !joined.includes(range))
    const all = [...apart, { start: from, end: to }].sort((one, other) => one.start - other.start)
    const [first, last] = [all[0], all.at(-1)]
    this.#ranges = all.length > rangesMax && first !== undefined && last !== undefined ? [{ start: first.start, end: last.end }] : all
  }

  remove(start: number, end: number): void {
    if (this.#ranges.length === 0) return
    this.#ranges = this.#ranges
      .flatMap((range) => [{ start: range.start, end: Math.min(range.end, start) }, { start: Math.max(range.start, end), end: range.end }])
      .filter((range) => range.start < range.end)
  }
}
