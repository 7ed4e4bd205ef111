// Numbers of users, or of groups, as they are stored and as this machine shows them. One way of the map undoes the other:
// nobody becomes somebody else by a chown that says what a stat said.
import { VaultError } from '../../lib/terms/errors.js'

/** `count` numbers from `stored` on are shown as those from `shown` on. */
export interface IdRange {
  readonly stored: number
  readonly shown: number
  readonly count: number
}

/** -1 stands for "leave it alone" in the kernel. */
const idMax = 0xfffffffe
/** /proc/sys/fs/overflowuid */
const nobody = 65534

/** STORED:SHOWN or STORED:SHOWN:COUNT; undefined: it is neither. */
export function parseIdRange(text: string): IdRange | undefined {
  const [, stored, shown, count = '1'] = /^(\d{1,10}):(\d{1,10})(?::(\d{1,10}))?$/.exec(text) ?? []
  if (stored === undefined || shown === undefined) return undefined
  const range = { stored: Number(stored), shown: Number(shown), count: Number(count) }
  return range.count > 0 && Math.max(range.stored, range.shown) + range.count - 1 <= idMax ? range : undefined
}

export class IdMap {
  readonly #ranges: readonly IdRange[]

  /** `option`: for the message when two ranges contradict each other. */
  constructor(ranges: readonly IdRange[], option: string) {
    for (const [at, range] of ranges.entries()) {
      for (const other of ranges.slice(0, at)) {
        for (const side of ['stored', 'shown'] as const) {
          const both = Math.max(range[side], other[side])
          if (both >= Math.min(range[side] + range.count, other[side] + other.count)) continue
          throw new VaultError('usage', `${option}: ${both} is ${side === 'stored' ? 'shown as two numbers' : 'what two numbers are shown as'}`, {
            subject: option, next: 'each number may stand once on each side',
          })
        }
      }
    }
    this.#ranges = ranges
  }

  /** What a stored number is shown as. One that is not in the map is shown as it is, or as nobody where that is somebody else. */
  show(stored: number): number {
    const mapped = translate(this.#ranges, stored, 'stored', 'shown')
    if (mapped !== undefined) return mapped
    return translate(this.#ranges, stored, 'shown', 'stored') === undefined ? stored : nobody
  }

  /** The stored number that is shown as this; undefined: none is. */
  store(shown: number): number | undefined {
    const mapped = translate(this.#ranges, shown, 'shown', 'stored')
    if (mapped !== undefined) return mapped
    return translate(this.#ranges, shown, 'stored', 'shown') === undefined ? shown : undefined
  }
}

function translate(ranges: readonly IdRange[], id: number, from: 'stored' | 'shown', to: 'stored' | 'shown'): number | undefined {
  for (const range of ranges) if (id >= range[from] && id < range[from] + range.count) return range[to] + id - range[from]
  return undefined
}
