// The part of verifying that reads what is only in the log: opening a vault follows the log's records, but not what of a
// file lies in them. Read by the threads that read for the kernel, a piece at a time; the main thread only asks.
import type { OpenContent } from './content/open-content.js'
import { limits } from './terms/limits.js'
import { pathNow } from './vault-path-now.js'
import { damageOf, finding, pathOrEntry } from './vault-verify-context.js'
import type { VerifyFinding } from './vault-verify-report.js'
import type { Vault } from './vault.js'

interface Range {
  readonly ino: number
  readonly start: number
  readonly end: number
}

export interface LogHooks {
  /** Throws 'cancelled' when the work is to be broken off. */
  step(done: number, total: number): void
  found(finding: VerifyFinding): Promise<void>
}

/** Answers how many bytes were read. */
export async function verifyLogged(vault: Vault, hooks: LogHooks): Promise<number> {
  const ranges = [...vault.contents.all()].flatMap(rangesOf)
  const total = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  const damaged = new Map<number, { readonly message: string; pieces: number }>()
  let done = 0
  for (const range of ranges) {
    const { ino, start, end } = range
    const damage = await damageIn(vault, range)
    const known = damaged.get(ino)
    if (damage !== undefined && known !== undefined) known.pieces++
    else if (damage !== undefined) damaged.set(ino, { message: damage, pieces: 1 })
    done += end - start
    hooks.step(done, total)
  }
  for (const [ino, { message, pieces }] of damaged) {
    await hooks.found(finding({
      kind: 'log', ...pathOrEntry(await pathNow(vault.parts, ino), ino), message: `what was written last, ${message}${pieces > 1 ? `, and ${pieces - 1} more pieces` : ''}`,
      next: 'Put the folder "log" of the store back from a copy; or write the file again, or bring back a version that is published.',
    }))
  }
  return total
}

function rangesOf({ ino, extents }: OpenContent): Range[] {
  const ranges: Range[] = []
  for (const { start, end, source } of extents.all()) {
    if (source.kind !== 'log') continue
    const last = ranges.at(-1)
    // One read for many small writes that lie side by side; no extent is longer than a read may be.
    if (last?.end === start && end - last.start <= limits.readBytesMax) ranges[ranges.length - 1] = { ino, start: last.start, end }
    else ranges.push({ ino, start, end })
  }
  return ranges
}

/** What is there by now may have been published, or be other bytes: then those are read. */
async function damageIn({ contents, reading }: Vault, { ino, start, end }: Range): Promise<string | undefined> {
  const content = contents.peek(ino)
  if (content === undefined) return undefined
  try {
    await reading.read(content, start, end - start)
    return undefined
  } catch (error) {
    return damageOf(error)
  }
}
