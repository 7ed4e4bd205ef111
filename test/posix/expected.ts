// The lists of tests that do not apply to a FUSE mount, one file a suite: `TEST # REASON` a line, where numbers at the end
// of TEST may be several (`chown/00.t 3-5,9`). A list may only shrink: a listed test that passes is a failure.
import { existsSync, readFileSync } from 'node:fs'

export type Verdict = 'passed' | 'failed' | 'skipped'

export interface Judged {
  /** 'expected': it failed, and the list says why. */
  readonly verdict: Verdict | 'expected'
  readonly why: string
}

export class ExpectedList {
  readonly #reasons: ReadonlyMap<string, string>

  constructor(text: string) {
    const reasons = new Map<string, string>()
    for (const [at, line] of text.split('\n').entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue
      const cut = line.indexOf(' # ')
      const [name, reason] = [line.slice(0, cut).trim(), line.slice(cut + 3).trim()]
      if (cut <= 0 || name === '' || reason === '') throw new Error(`line ${at + 1} of an expected list is not TEST # REASON: ${line}`)
      for (const test of expand(name)) {
        if (reasons.has(test)) throw new Error(`line ${at + 1} of an expected list names ${test} again`)
        reasons.set(test, reason)
      }
    }
    this.#reasons = reasons
  }

  static read(path: string): ExpectedList {
    return new ExpectedList(existsSync(path) ? readFileSync(path, 'utf8') : '')
  }

  get size(): number {
    return this.#reasons.size
  }

  judge(test: string, verdict: Verdict, why: string): Judged {
    const reason = this.#reasons.get(test)
    if (reason === undefined || verdict === 'skipped') return { verdict, why }
    if (verdict === 'failed') return { verdict: 'expected', why: reason }
    return { verdict: 'failed', why: `it passed although it is listed as not applying (${reason}): take it off the list` }
  }
}

/** `a 1-3,7` → `a 1`, `a 2`, `a 3`, `a 7`. */
function expand(name: string): readonly string[] {
  const numbers = / ([\d,-]+)$/.exec(name)
  if (numbers?.[1] === undefined) return [name]
  const stem = name.slice(0, numbers.index)
  return numbers[1].split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, each) => `${stem} ${first + each}`)
  })
}

/** The other way, for whoever writes a list: `1, 2, 3, 7` → `1-3,7`. */
export function ranges(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b)
  const parts: { first: number; last: number }[] = []
  for (const number of sorted) {
    const open = parts.at(-1)
    if (open !== undefined && number <= open.last + 1) open.last = number
    else parts.push({ first: number, last: number })
  }
  return parts.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(',')
}
