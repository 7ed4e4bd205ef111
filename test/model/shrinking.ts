// Delta debugging (Zeller, Hildebrandt: "Simplifying and isolating failure-inducing input"): of a list that fails, a part
// that still does and of which nothing can be left out any more.

export interface Shrinking<Item> {
  /** Whether the part fails as the whole did. Asked many times. */
  readonly fails: (part: readonly Item[]) => Promise<boolean>
  /** When it says no, what is found so far is answered. */
  readonly goesOn?: () => boolean
  readonly onShrunk?: (part: readonly Item[]) => void
}

/** `list` fails. The end of it first: what comes after the failure is for nothing. */
export async function shrunk<Item>(list: readonly Item[], { fails, goesOn = () => true, onShrunk = () => undefined }: Shrinking<Item>): Promise<readonly Item[]> {
  let best = list
  let pieces = 2
  while (best.length > 1 && goesOn()) {
    const size = Math.ceil(best.length / pieces)
    let smaller: readonly Item[] | undefined
    for (let end = best.length; end > 0 && smaller === undefined && goesOn(); end -= size) {
      const without = [...best.slice(0, Math.max(0, end - size)), ...best.slice(end)]
      if (await fails(without)) smaller = without
    }
    if (smaller !== undefined) {
      best = smaller
      onShrunk(best)
      pieces = Math.max(2, pieces - 1)
    } else if (size === 1) break
    else pieces = Math.min(best.length, pieces * 2)
  }
  return best
}
