// Whether what a crash left of the writers' folders is what was promised (POSIX.md): the tree of each writer is that of a
// prefix of his steps, no shorter than what was acknowledged; all together are a prefix of one order; each file's content
// is one that it had, at or after what was logged or synced; and nothing else is there.
import { FileModel, type FolderModel } from './folder-model.js'
import { lookAtFolder, type Found, type Look } from './found.js'
import { readNotes, upTo, type StepTimes } from './notes.js'
import { Plan } from './plan.js'
import { changesTree, isSync, type Step } from './step.js'

/** Of a fault that is about nothing but a file's content. */
export const neverItsContent = 'no content that it ever had'
export const firstPartOfWrite = 'the first part of a write, up to the end of a page, and not the rest'

/**
 * What took place: nothing (or nothing that shows), a kill, which takes nothing that was logged, the same with an heir that has
 * what was in memory, which takes nothing that was acknowledged, or a loss of power, which takes what was not synced.
 */
export type Crash = 'none' | 'kill' | 'remount' | 'power'

export interface WriterRecord {
  readonly folder: string
  readonly seed: number
  readonly notes: string
}

export interface Verdict {
  readonly faults: readonly string[]
  readonly steps: number
  readonly acknowledged: number
  /** Steps that were not acknowledged and are gone, as they may. */
  readonly gone: number
}

interface Past {
  readonly writer: WriterRecord
  readonly steps: readonly Step[]
  readonly times: readonly StepTimes[]
  /** Steps that must be there. */
  readonly floor: number
  /** All that was written must be there too, logged or not. */
  readonly exact: boolean
  /** So must all that was acknowledged. */
  readonly written: boolean
}

export interface Evidence {
  /** How a writer's folder is read; absent: by the system. */
  readonly look?: Look
  /** When it took place, in nanoseconds of the monotonic clock: what is noted of later does not count. Absent: after all that is noted. */
  readonly at?: bigint
  /** Syncs of the whole vault, by nobody of the writers; counted when they ended before. */
  readonly syncs?: readonly StepTimes[]
}

export async function judge(writers: readonly WriterRecord[], crash: Crash, evidence: Evidence = {}): Promise<Verdict> {
  const { look = lookAtFolder } = evidence
  const pasts = withFloors(writers, crash, evidence)
  const faults: string[] = []
  const kept: (readonly [Past, readonly number[]])[] = []
  for (const past of pasts) {
    const found = await look(past.writer.folder).catch((error: unknown) => String(error))
    if (typeof found === 'string') {
      faults.push(`${past.writer.folder}: ${found}`)
      continue
    }
    const outcome = compare(past, found)
    faults.push(...outcome.faults.map((fault) => `${past.writer.folder} (seed ${String(past.writer.seed)}): ${fault}`))
    if (outcome.prefixes.length > 0) kept.push([past, outcome.prefixes])
  }
  faults.push(...notOneOrder(kept))
  const steps = pasts.reduce((sum, { steps: each }) => sum + each.length, 0)
  const acknowledged = pasts.reduce((sum, { floor }) => sum + floor, 0)
  const gone = kept.reduce((sum, [{ steps: each }, prefixes]) => sum + each.length - (prefixes.at(-1) ?? 0), 0)
  return { faults, steps, acknowledged, gone }
}

function withFloors(writers: readonly WriterRecord[], crash: Crash, { at, syncs = [] }: Evidence): readonly Past[] {
  const all = writers.map((writer) => {
    const times = upTo(readNotes(writer.notes), at)
    const plan = new Plan(writer.seed)
    return { writer, times, steps: times.map(() => plan.next()) }
  })
  const done = ({ times }: { readonly times: readonly StepTimes[] }): number => times.filter(({ ended }) => ended !== undefined).length
  if (crash !== 'power') return all.map((each) => ({ ...each, floor: done(each), exact: crash === 'none', written: crash === 'remount' }))
  // What had ended, by whomever, before a sync that was acknowledged began, was synced with it.
  const lastSync = ({ steps, times }: { readonly steps: readonly Step[]; readonly times: readonly StepTimes[] }): number =>
    steps.findLastIndex((step, index) => isSync(step) && times[index]?.ended !== undefined)
  const ofVault = upTo(syncs, at).filter(({ ended }) => ended !== undefined).map(({ began }) => began)
  const began = [...ofVault, ...all.map((each) => each.times[lastSync(each)]?.began ?? 0n)].reduce((latest, each) => (each > latest ? each : latest), 0n)
  return all.map((each) => ({
    ...each, exact: false, written: false, floor: Math.max(lastSync(each) + 1, each.times.filter(({ ended }) => ended !== undefined && ended < began).length),
  }))
}

/** All prefixes whose tree is the one found; faults when there is none, or when no content fits. */
function compare({ steps, floor, writer, exact, written }: Past, found: Found): { readonly faults: readonly string[]; readonly prefixes: readonly number[] } {
  const plan = new Plan(writer.seed)
  for (let index = 0; index < floor; index++) plan.next()
  const acknowledged = new Map(written ? filesOf(plan.model).map(({ file }) => [file, file.edits.length]) : [])
  const prefixes: number[] = []
  let faults: readonly string[] = [`its tree is that of no prefix of ${String(floor)} to ${String(steps.length)} steps:\n${difference(plan.model, found)}`]
  for (let length = floor; length <= steps.length;) {
    const fits = plan.model.shape() === found.shape
    const files = fits ? filesOf(plan.model) : []
    // Content may go on until the next change of the tree: had that been there, it would have been seen.
    const reached = length
    do {
      if (length < steps.length) plan.next()
      length++
    } while (length <= steps.length && !changesTree(steps[length - 1] as Step))
    if (!fits) continue
    // The step that ended the loop is applied by now; one that changes the tree adds no edit.
    const wrong = files.flatMap(({ path, file, logged }) => isShort(file, acknowledged.get(file), found.contents.get(path)) ? [] : contentFault(path, file, exact ? file.edits.length : Math.max(logged, acknowledged.get(file) ?? 0), found.contents.get(path)))
    if (prefixes.length === 0 || wrong.length === 0) faults = wrong
    if (wrong.length === 0) prefixes.push(reached)
    else if (prefixes.length > 0) faults = []
  }
  return { faults, prefixes }
}

function filesOf(model: FolderModel): readonly { readonly path: string; readonly file: FileModel; readonly logged: number }[] {
  return [...model.nodes].flatMap(([path, file]) => (file instanceof FileModel ? [{ path, file, logged: file.logged }] : []))
}

/** The kernel sends a write in parts where its bytes were not at hand, and says how many went through before the mount ended. */
function isShort(file: FileModel, acknowledged: number | undefined, bytes: Uint8Array | undefined): boolean {
  return acknowledged === file.edits.length - 1 && bytes !== undefined && file.hasPartOfLast(bytes)
}

function contentFault(path: string, file: FileModel, logged: number, bytes: Uint8Array | undefined): readonly string[] {
  if (bytes === undefined) return [`${path} was not read`]
  if (file.versionOf(bytes, logged, file.edits.length) !== undefined) return []
  const older = file.versionOf(bytes, 0, logged)
  const split = older === undefined && file.splitOf(bytes, logged, file.edits.length) !== undefined
  const versions = `versions ${String(logged)} to ${String(file.edits.length)} of ${file.sizes.slice(logged).join(', ')} bytes`
  return [`${path}: ${String(bytes.byteLength)} bytes, ${split ? firstPartOfWrite : older === undefined ? neverItsContent : `version ${String(older)}, older than what was acknowledged`}; allowed: ${versions}`]
}

function difference(model: FolderModel, found: Found): string {
  const [wanted, there] = [new Set(model.shape().split('\n')), new Set(found.shape.split('\n'))]
  return [...[...wanted].filter((line) => !there.has(line)).map((line) => `  - ${line}`), ...[...there].filter((line) => !wanted.has(line)).map((line) => `  + ${line}`)].slice(0, 12).join('\n')
}

/** A change that is there and began after one had ended that is not: then there was no one order. */
function notOneOrder(kept: readonly (readonly [Past, readonly number[]])[]): readonly string[] {
  const faults: string[] = []
  for (const [later, [shortest = 0]] of kept) {
    const last = later.steps.findLastIndex((step, index) => index < shortest && changesTree(step))
    const began = later.times[last]?.began
    if (began === undefined) continue
    for (const [earlier, prefixes] of kept) {
      const missing = earlier.steps.findIndex((step, index) => index >= (prefixes.at(-1) ?? 0) && changesTree(step))
      const ended = earlier.times[missing]?.ended
      if (ended !== undefined && ended < began)
        faults.push(`step ${String(missing)} of ${earlier.writer.folder} is gone, step ${String(last)} of ${later.writer.folder}, which began after it had ended, is there`)
    }
  }
  return faults
}
