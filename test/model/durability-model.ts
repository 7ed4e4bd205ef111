// Log, catalog, blobs and manifest as the code orders them, small enough to look at every state that they can be in: some
// changes, each step that makes one of them more durable, in every order that the rules allow, and at each state every
// outcome of a kill and of a power cut. Each rule names the line that keeps it; without a rule the model finds what is lost.

/** What the code waits for, and where. */
export const rules = {
  'the catalog applies what the log has synced': 'lib/tree/catalog-feed.ts, the sync before the apply',
  'the manifest tells what the log has synced': 'lib/content/publisher.ts, the sync before the append',
  'blobs are durable before the manifest names them': 'lib/content/stored-runs.ts, the wait for the store',
  'the log says published when the manifest entry is durable': 'lib/content/publisher.ts, install after the append',
  'the log is trimmed to what the catalog has on the disk': 'lib/vault-upkeep.ts, the checkpoint before the trim',
  'the log is trimmed to what is published': 'lib/vault-upkeep.ts, the oldest unpublished record',
  'the log is trimmed when its word of it is on the disk': 'lib/vault-upkeep.ts, the sync before the trim',
} as const
export type Rule = keyof typeof rules

/**
 * Of each change: whether bytes of a file come with it, which lie in the log until they lie in a blob. CHANGES=3 looks at
 * 690 000 states, which takes 20 seconds.
 */
const hasContent = [true, false, true].slice(0, Number(process.env['CHANGES'] ?? 2))

type Rec = { readonly kind: 'change'; readonly change: number } | { readonly kind: 'announced' } | { readonly kind: 'published'; readonly changes: readonly number[] }

interface State {
  readonly log: readonly Rec[]
  /** LSNs, from 1: in the kernel's hands, on the disk, given up. */
  readonly flushed: number
  readonly synced: number
  readonly trimmed: number
  /** What the catalog holds: on the disk, and after each commit since, of which a power cut may keep any. */
  readonly onDisk: number
  readonly commits: readonly number[]
  /** An apply that has begun: to where the log went then. */
  readonly applying: number | undefined
  /** By change: 0 none, 1 written, 2 durable. */
  readonly blobs: readonly number[]
  /** Changes that durable entries of the manifest tell. */
  readonly told: readonly number[]
  readonly announcing: { readonly changes: readonly number[]; readonly lsn: number; readonly told: boolean } | undefined
}

const initial: State = {
  log: [], flushed: 0, synced: 0, trimmed: 0, onDisk: 0, commits: [], applying: undefined,
  blobs: hasContent.map(() => 0), told: [], announcing: undefined,
}

const lsnOf = ({ log }: State, change: number): number => log.findIndex((each) => each.kind === 'change' && each.change === change) + 1
const changesIn = ({ log }: State): number[] => log.flatMap((each) => (each.kind === 'change' ? [each.change] : []))
const wordOf = ({ log }: State, change: number): number => log.findIndex((each) => each.kind === 'published' && each.changes.includes(change)) + 1
const lastWord = ({ log }: State): number => log.findLastIndex(({ kind }) => kind === 'published') + 1
const applied = ({ onDisk, commits }: State): number => commits.at(-1) ?? onDisk

/** Every state that one step leads to. */
function* steps(state: State, broken: ReadonlySet<Rule>): Generator<readonly [string, State]> {
  const holds = (rule: Rule, condition: boolean): boolean => condition || broken.has(rule)
  const { log, synced, flushed, applying, announcing, blobs } = state
  const next = changesIn(state).length
  if (next < hasContent.length) yield [`change ${String(next)}`, { ...state, log: [...log, { kind: 'change', change: next }] }]
  if (flushed < log.length) yield ['flush', { ...state, flushed: log.length }]
  if (synced < log.length) yield ['sync', { ...state, flushed: log.length, synced: log.length }]
  if (applying === undefined && applied(state) < log.length) yield ['apply begins', { ...state, applying: log.length }]
  if (applying !== undefined && holds('the catalog applies what the log has synced', synced >= applying))
    yield ['apply commits', { ...state, applying: undefined, flushed: Math.max(flushed, applying), commits: [...state.commits, applying] }]
  if (state.commits.length > 0) yield ['checkpoint', { ...state, onDisk: applied(state), commits: [] }]
  for (const change of changesIn(state)) {
    const stage = blobs[change] ?? 0
    if (hasContent[change] === true && stage < 2) yield [`blob ${String(change)} ${stage === 0 ? 'written' : 'durable'}`, { ...state, blobs: blobs.with(change, stage + 1) }]
  }
  if (announcing === undefined) {
    const changes = changesIn(state).filter((change) => wordOf(state, change) === 0 && (hasContent[change] !== true || (blobs[change] ?? 0) > 0))
    if (changes.length > 0) yield ['announce', { ...state, log: [...log, { kind: 'announced' }], announcing: { changes, lsn: log.length + 1, told: false } }]
    yield* trims(state, holds)
    return
  }
  const stored = announcing.changes.every((change) => hasContent[change] !== true || blobs[change] === 2)
  if (!announcing.told && holds('the manifest tells what the log has synced', synced >= announcing.lsn) && holds('blobs are durable before the manifest names them', stored))
    yield ['tell', { ...state, told: [...state.told, ...announcing.changes], announcing: { ...announcing, told: true } }]
  if (holds('the log says published when the manifest entry is durable', announcing.told))
    yield ['published', { ...state, log: [...log, { kind: 'published', changes: announcing.changes }], announcing: announcing.told ? undefined : { ...announcing, told: true } }]
}

/** Between two publications. */
function* trims(state: State, holds: (rule: Rule, condition: boolean) => boolean): Generator<readonly [string, State]> {
  if (!holds('the log is trimmed when its word of it is on the disk', state.synced >= lastWord(state))) return
  const inCatalog = holds('the log is trimmed to what the catalog has on the disk', false) ? applied(state) : state.onDisk
  const oldest = Math.min(...changesIn(state).filter((change) => wordOf(state, change) === 0).map((change) => lsnOf(state, change)))
  const needed = Math.min(holds('the log is trimmed to what is published', false) ? Infinity : oldest, inCatalog + 1, state.synced + 1)
  if (needed - 1 > state.trimmed) yield ['trim', { ...state, trimmed: needed - 1 }]
}

interface Left {
  readonly logEnd: number
  readonly catalog: number
  readonly hasBlob: (change: number) => boolean
  /** Changes that had been acknowledged: for a kill those that were flushed, for a power cut those that were synced. */
  readonly acknowledged: number
}

function* outcomes(state: State): Generator<readonly [string, Left]> {
  yield ['kill', { logEnd: state.flushed, catalog: applied(state), hasBlob: (change) => (state.blobs[change] ?? 0) > 0, acknowledged: state.flushed }]
  for (let logEnd = state.synced; logEnd <= state.flushed; logEnd++)
    for (const catalog of [state.onDisk, ...state.commits])
      yield [`power cut, log to ${String(logEnd)}, catalog to ${String(catalog)}`, {
        logEnd, catalog, hasBlob: (change) => state.blobs[change] === 2, acknowledged: state.synced,
      }]
}

/** What is wrong with what is left; undefined: nothing. */
function fault(state: State, { logEnd, catalog, hasBlob, acknowledged }: Left): string | undefined {
  const isThere = (lsn: number): boolean => lsn > 0 && (lsn <= catalog || (lsn > state.trimmed && lsn <= logEnd))
  if (catalog > logEnd) return 'the catalog is ahead of the log'
  if (state.trimmed > catalog) return 'the log begins behind the catalog'
  for (const change of changesIn(state)) {
    const lsn = lsnOf(state, change)
    const isTold = state.told.includes(change)
    if (isTold && !isThere(lsn)) return `change ${String(change)} is told, and taken back here`
    if (lsn > acknowledged && !isTold) continue
    if (!isThere(lsn)) return `change ${String(change)} is lost`
    if (hasContent[change] !== true) continue
    const inLog = lsn > state.trimmed && lsn <= logEnd
    if (isThere(wordOf(state, change)) || isTold ? !hasBlob(change) : !inLog) return `the bytes of change ${String(change)} are lost`
    if (!isThere(wordOf(state, change)) && !inLog) return `the bytes of change ${String(change)} are nowhere that the catalog knows`
  }
  return undefined
}

export interface Explored {
  readonly states: number
  readonly crashes: number
  /** The first that was found, with the steps that lead to it. */
  readonly fault: string | undefined
}

/** All states, breadth first, so that a fault comes with as few steps as there are. */
export function explore(broken: readonly Rule[] = []): Explored {
  const without = new Set(broken)
  const seen = new Set([JSON.stringify(initial)])
  let level: (readonly [State, readonly string[]])[] = [[initial, []]]
  let crashes = 0
  while (level.length > 0) {
    const following: typeof level = []
    for (const [state, path] of level) {
      for (const [how, left] of outcomes(state)) {
        crashes++
        const wrong = fault(state, left)
        if (wrong !== undefined) return { states: seen.size, crashes, fault: `${path.join(', ')}; ${how}: ${wrong}` }
      }
      for (const [name, after] of steps(state, without)) {
        const key = JSON.stringify(after)
        if (seen.has(key)) continue
        seen.add(key)
        following.push([after, broken.length > 0 ? [...path, name] : path])
      }
    }
    level = following
  }
  return { states: seen.size, crashes, fault: undefined }
}
