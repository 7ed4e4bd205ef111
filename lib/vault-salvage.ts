// Saves what can be read of a store into a folder, whatever is damaged or missing in it. The store is not written to.
// In the folder: `files` (the present, or a state of the past), `versions` when they are asked for, `unplaced` for what
// lost its name; `scratch` while it runs.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { decodeContent } from './content/content-reference.js'
import type { KeyPage } from './crypto/key-page.js'
import type { VaultId } from './terms/bytes.js'
import type { Clock } from './terms/clock.js'
import { VaultError, invariant } from './terms/errors.js'
import { namesOf, type MomentWish } from './vault-past.js'
import { ContentSaver } from './vault-salvage-content.js'
import { below, OutputError, SalvageOutput, type TargetPath } from './vault-salvage-output.js'
import { SavedMoment, savedVersions } from './vault-salvage-past.js'
import type { SavedView } from './vault-salvage-present.js'
import type { SalvageHooks, SalvageProblem, SalvageSummary } from './vault-salvage-report.js'
import { openSaved, type SavedStore } from './vault-salvage-store.js'
import { SalvageWalk, type WalkHooks } from './vault-salvage-walk.js'

export interface Salvage {
  readonly store: string
  /** An empty folder. */
  readonly out: string
  readonly page: KeyPage
  readonly vaultId: VaultId
  readonly clock: Clock
  /** 'now': the present, with what only the log has. */
  readonly at: MomentWish
  /** Also every version that was published. */
  readonly allVersions: boolean
  /** Paths in the vault, bytes as latin1 characters; none: everything. */
  readonly paths: readonly string[]
}

/** Rejects when the target is full or fails, when nothing that was asked for is there, or with the signal's reason. */
export async function salvageStore(salvage: Salvage, hooks: SalvageHooks): Promise<SalvageSummary> {
  const { out, store, page, vaultId, clock, at, allVersions } = salvage
  const scratch = join(out, 'scratch')
  mkdirSync(scratch, { mode: 0o700 })
  const telling = new Telling(hooks)
  try {
    const saved = await openSaved({ store, scratch, page, vaultId, clock, wantsPast: at.kind !== 'now' || allVersions, hooks: { ...hooks, onProblem: telling.problem } })
    try {
      return await new Salvaging(salvage, saved, telling).run()
    } finally {
      saved.close()
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const breatheEvery = 64

class Telling {
  readonly hooks: SalvageHooks
  readonly #paths = new Set<string>()
  problems = 0
  lostBytes = 0
  bytes = 0
  total = 0
  #steps = 0

  constructor(hooks: SalvageHooks) {
    this.hooks = hooks
  }

  get damagedPaths(): number {
    return this.#paths.size
  }

  readonly problem = (problem: SalvageProblem): void => {
    if (problem.kind !== 'note') this.problems++
    if (problem.path !== null) this.#paths.add(problem.path)
    if (problem.kind === 'bytes') this.lostBytes += (problem.end ?? 0) - (problem.start ?? 0)
    this.hooks.onProblem(problem)
  }

  readonly wrote = (bytes: number): void => {
    this.bytes += bytes
    this.hooks.onProgress({ phase: 'writing', done: this.bytes, total: Math.max(this.total, this.bytes) })
  }

  readonly step = async (): Promise<void> => {
    this.hooks.signal.throwIfAborted()
    if (++this.#steps % breatheEvery === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

class Salvaging {
  readonly #salvage: Salvage
  readonly #saved: SavedStore
  readonly #telling: Telling
  readonly #output: SalvageOutput
  readonly #hooks: WalkHooks
  #versions = 0

  constructor(salvage: Salvage, saved: SavedStore, telling: Telling) {
    this.#salvage = salvage
    this.#saved = saved
    this.#telling = telling
    this.#output = new SalvageOutput(new ContentSaver(saved.readers))
    this.#hooks = { problem: telling.problem, bytes: telling.wrote, step: telling.step }
  }

  async run(): Promise<SalvageSummary> {
    const { out, paths, at, allVersions } = this.#salvage
    const view = this.#view()
    const walk = new SalvageWalk(view, this.#output, this.#hooks)
    const found = (paths.length === 0 ? [''] : topmost(paths)).map((path) => namesOf(path)).map((names) => ({ names, entry: walk.find(names) }))
    if (found.every(({ entry }) => entry === undefined) && !allVersions) throw nothingThere(paths)
    for (const { entry } of found) if (entry !== undefined) this.#telling.total += await walk.measure(entry)
    const files = Buffer.from(join(out, 'files'))
    await this.#output.folder(files)
    for (const { names, entry } of found) {
      const path = names.join('/')
      if (entry === undefined) this.#telling.problem({ kind: 'entry', path, message: 'nothing that can be read has that path' })
      else if (path === '') await walk.write(entry, '', files)
      else await walk.write(entry, path, below(await this.#folders(files, names.slice(0, -1)), names.at(-1) ?? ''))
    }
    if (this.#saved.isHurt && at.kind === 'now' && paths.length === 0) await walk.unplaced(Buffer.from(join(out, 'unplaced')))
    if (allVersions) await this.#writeVersions(Buffer.from(join(out, 'versions')))
    for (const message of this.#output.unkept) this.#telling.problem({ kind: 'note', path: null, message })
    this.#output.sync(out)
    const { problems, damagedPaths, lostBytes, bytes } = this.#telling
    return { ...walk.counts, bytes, versions: this.#versions, problems, damagedPaths, lostBytes, source: this.#saved.source }
  }

  #view(): SavedView {
    const { at } = this.#salvage
    if (at.kind === 'now') return this.#saved.present
    invariant(this.#saved.past !== undefined, 'a past that was asked for')
    return new SavedMoment(this.#saved.past.database, at)
  }

  /** Each file that ever was is a folder here, with a file for each moment. */
  async #writeVersions(top: TargetPath): Promise<void> {
    invariant(this.#saved.past !== undefined, 'a past that was asked for')
    const { paths } = this.#salvage
    await this.#output.folder(top)
    const taken = new Set<string>()
    for (const { path, moment, entry } of savedVersions(this.#saved.past.database)) {
      await this.#telling.step()
      if (paths.length > 0 && !paths.some((each) => path === each || path.startsWith(`${each}/`))) continue
      const told = `${path}@${moment}`
      try {
        const folder = await this.#folders(top, namesOf(path))
        const lost = await this.#output.file(below(folder, freeName(taken, path, moment)), entry, { base: decodeContent(entry.content), extents: [], size: entry.size }, this.#telling.wrote)
        for (const { start, end, reason } of lost) this.#telling.problem({ kind: 'bytes', path: told, start, end, message: reason })
        this.#versions++
      } catch (error) {
        if (!(error instanceof OutputError) || error.code === 'no-space') throw error
        this.#telling.problem({ kind: 'output', path: told, message: error.message })
      }
    }
  }

  async #folders(top: TargetPath, names: readonly string[]): Promise<TargetPath> {
    let folder = top
    for (const name of names) {
      folder = below(folder, name)
      await this.#output.folder(folder).catch((error: unknown) => {
        if (!(error instanceof OutputError) || error.code !== 'exists') throw error
      })
    }
    return folder
  }
}

/** Without those that lie below another one. */
function topmost(paths: readonly string[]): string[] {
  const all = [...new Set(paths.map((path) => namesOf(path).join('/')))]
  return all.includes('') ? [''] : all.filter((path) => !all.some((other) => path.startsWith(`${other}/`)))
}

function nothingThere(paths: readonly string[]): VaultError {
  if (paths.length > 0) return new VaultError('not-found', `${paths.join(', ')}: nothing that can be read has that path`, { next: 'check the path' })
  return new VaultError('corrupt', 'neither catalog nor manifest have a root folder that can be read: nothing leads to the files', {
    next: 'restore the folder "manifest" or the file "catalog.db" of the store from a copy',
  })
}

/** Two versions of one second, and a file that is called like a moment. */
function freeName(taken: Set<string>, path: string, moment: string): string {
  for (let count = 1; ; count++) {
    const name = count === 1 ? moment : `${moment}~${count}`
    if (taken.has(`${path}/${name}`)) continue
    taken.add(`${path}/${name}`)
    return name
  }
}
