// Which rows held at a position, without looking at the others: the relational interval tree (Kriegel, Pötke, Seidl,
// "Managing Intervals Efficiently in Object-Relational Databases", VLDB 2000). Each interval is filed under its fork,
// the topmost node of a virtual binary tree over the positions that lies inside of it.

/** The fork of [began, ended): of the positions in it, the one divisible by the highest power of two. */
export function forkOf(began: number, ended: number): number {
  const last = ended - 1
  if (began === 0 || last <= began) return began
  // The highest bit in which began − 1 and last differ says how far the fork is from the leaves.
  let step = 1
  while (Math.floor((began - 1) / (step * 2)) !== Math.floor(last / (step * 2))) step *= 2
  return Math.floor(last / step) * step
}

export interface Forks {
  /** Of these, what ended after the position held at it. */
  readonly before: readonly number[]
  /** Of these, what began at or before the position. */
  readonly after: readonly number[]
}

/** Forks of intervals that may hold the position, where none ends beyond `newest`. One filed under the position itself is among `before`. */
export function forksAround(position: number, newest: number): Forks {
  const before: number[] = [position]
  const after: number[] = []
  // Ancestors of a node: at each level the multiples of that power of two on both sides of it.
  for (let step = 1; step <= newest; step *= 2) {
    const below = Math.floor(position / step) * step
    if (below < position && Math.floor(below / step) % 2 === 1) before.push(below)
    const above = below + step
    if (above > position && Math.floor(above / step) % 2 === 1) after.push(above)
  }
  if (position !== 0) before.push(0)
  return { before, after }
}
