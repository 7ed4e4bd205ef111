// What a writer of the torture does, one system call a step. Paths are relative to the writer's own folder; handles are
// numbers of its own, each for one opening of a file.

export type Step =
  | { readonly kind: 'create'; readonly path: string; readonly handle: number }
  | { readonly kind: 'open'; readonly path: string; readonly handle: number }
  | { readonly kind: 'write'; readonly handle: number; readonly offset: number; readonly length: number; readonly tag: number }
  | { readonly kind: 'truncate'; readonly handle: number; readonly size: number }
  | { readonly kind: 'fsync'; readonly handle: number }
  | { readonly kind: 'close'; readonly handle: number }
  | { readonly kind: 'mkdir' | 'rmdir' | 'unlink' | 'syncdir'; readonly path: string }
  | { readonly kind: 'rename' | 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | { readonly kind: 'chmod'; readonly path: string; readonly mode: number }

/** Steps after which everything that was logged before, by whomever, is on the disk (POSIX.md, what a call means). */
export function isSync(step: Step): boolean {
  return step.kind === 'fsync' || step.kind === 'syncdir'
}

/** Steps that change the tree: each is a record of the log when it returns. */
export function changesTree(step: Step): boolean {
  return !['open', 'write', 'truncate', 'fsync', 'close', 'syncdir'].includes(step.kind)
}

/** Bytes [0, length) of what a write with this tag writes; every 32 bytes name the tag, so that a mixture shows. */
export function contentOf(tag: number, length: number): Buffer {
  const out = Buffer.alloc(length)
  // Every other one does not compress, every third repeats: all three ways of storing are met.
  let state = (tag * 2654435761 + 1) >>> 0
  for (let at = 0; at < length; at += 4) {
    if (tag % 2 === 0 || at % 32 < 8) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      state >>>= 0
    }
    const word = at % 32 < 4 ? tag >>> 0 : state
    if (at + 4 <= length) out.writeUInt32LE(word, at)
    else for (let byte = at; byte < length; byte++) out[byte] = word >>> (8 * (byte - at))
  }
  return out
}
