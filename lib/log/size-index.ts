// How many bytes of the log are still needed: a few milestones of (LSN, bytes before it), coarse on purpose.

const stepBytes = 65536

export class SizeIndex {
  /** Ascending; `before`: bytes appended in front of the records from `lsn` on. */
  #milestones: { readonly lsn: number; readonly before: number }[] = []
  #first = 0
  #total = 0
  #trimmed = 0
  #lastLsn = 0

  /** `bytes` more were written, up to and including record `lsn`. */
  add(lsn: number, bytes: number): void {
    const last = this.#milestones.at(-1)
    if (last === undefined || this.#total - last.before >= stepBytes) {
      this.#milestones.push({ lsn: this.#lastLsn + 1, before: this.#total })
    }
    this.#total += bytes
    this.#lastLsn = Math.max(this.#lastLsn, lsn)
  }

  /** Records below `lsn` are needed no more. */
  trim(lsn: number): void {
    if (lsn > this.#lastLsn) {
      this.#milestones = []
      this.#first = 0
      this.#trimmed = this.#total
      return
    }
    for (;;) {
      const milestone = this.#milestones[this.#first]
      if (milestone === undefined || milestone.lsn > lsn) break
      this.#trimmed = Math.max(this.#trimmed, milestone.before)
      this.#first++
    }
    if (this.#first > 1024) {
      this.#milestones = this.#milestones.slice(this.#first)
      this.#first = 0
    }
  }

  get neededBytes(): number {
    return this.#total - this.#trimmed
  }
}
