// The steps of one writer, from a seed alone: what they lead to is modelled, never asked. So the writer and the judge
// come to the same steps, and the only thing that has to survive a crash is how far the writer came.
import { Random } from '../../model/random.js'
import { FolderModel } from './folder-model.js'
import type { Step } from './step.js'

const sizes = [0, 1, 100, 4095, 4096, 4097, 20_000, 65_536, 130_000]
const fileSizeLimit = 700_000
const openLimit = 6
const fileLimit = 40
const directoryLimit = 8

type Action = (plan: Plan) => readonly Step[] | undefined

/** How often each thing is done; one that can't be done just then is chosen again. */
const actions: readonly (readonly [number, Action])[] = [
  [14, (plan) => plan.createFile()],
  [18, (plan) => plan.write()],
  [6, (plan) => plan.truncate()],
  [8, (plan) => plan.fsync()],
  [10, (plan) => plan.close()],
  [6, (plan) => plan.open()],
  [8, (plan) => plan.saveByRename()],
  [7, (plan) => plan.rename()],
  [6, (plan) => plan.unlink()],
  [4, (plan) => plan.link()],
  [3, (plan) => plan.symlink()],
  [4, (plan) => plan.chmod()],
  [4, (plan) => plan.mkdir()],
  [2, (plan) => plan.rmdir()],
  [3, (plan) => plan.syncDirectory()],
]
const weight = actions.reduce((sum, [each]) => sum + each, 0)

export class Plan {
  readonly model = new FolderModel()
  readonly #random: Random
  readonly #ahead: Step[] = []
  #number = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
  }

  /** Applied to the model when it is given out. */
  next(): Step {
    while (this.#ahead.length === 0) this.#ahead.push(...(this.#action()(this) ?? []))
    const step = this.#ahead.shift()
    if (step === undefined) throw new Error('no step')
    this.model.apply(step)
    return step
  }

  #action(): Action {
    let at = this.#random.below(weight)
    for (const [each, action] of actions) if ((at -= each) < 0) return action
    throw new Error('unreachable')
  }

  #name(): string {
    const folder = this.#random.pick(['', ...this.model.directories()])
    return `${folder === '' ? '' : `${folder}/`}n${String(++this.#number)}`
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : this.#random.pick(from)
  }

  #writing(handle: number, sizeBytes: number): Step {
    const offset = this.#random.chance(0.6) ? sizeBytes : this.#random.below(sizeBytes + 1)
    return { kind: 'write', handle, offset: Math.min(offset, fileSizeLimit), length: Math.max(1, this.#random.pick(sizes)), tag: ++this.#number }
  }

  createFile(): readonly Step[] | undefined {
    if (this.model.files().length >= fileLimit || this.model.handles().length >= openLimit) return undefined
    const handle = ++this.#number
    const steps: Step[] = [{ kind: 'create', path: this.#name(), handle }, this.#writing(handle, 0)]
    return this.#random.chance(0.5) ? [...steps, { kind: 'close', handle }] : steps
  }

  open(): readonly Step[] | undefined {
    const path = this.#pick(this.model.files())
    if (path === undefined || this.model.handles().length >= openLimit) return undefined
    return [{ kind: 'open', path, handle: ++this.#number }]
  }

  write(): readonly Step[] | undefined {
    const handle = this.#pick(this.model.handles())
    return handle === undefined ? undefined : [this.#writing(handle, this.model.sizeOf(handle))]
  }

  truncate(): readonly Step[] | undefined {
    const handle = this.#pick(this.model.handles())
    return handle === undefined ? undefined : [{ kind: 'truncate', handle, size: this.#random.below(this.model.sizeOf(handle) + 5000) }]
  }

  fsync(): readonly Step[] | undefined {
    const handle = this.#pick(this.model.handles())
    return handle === undefined ? undefined : [{ kind: 'fsync', handle }]
  }

  close(): readonly Step[] | undefined {
    const handle = this.#pick(this.model.handles())
    return handle === undefined ? undefined : [{ kind: 'close', handle }]
  }

  /** As editors save: a new file, synced, over the old one; some don't sync. */
  saveByRename(): readonly Step[] | undefined {
    const to = this.#pick(this.model.files())
    if (to === undefined) return undefined
    const [path, handle] = [this.#name(), ++this.#number]
    const synced: Step[] = this.#random.chance(0.5) ? [{ kind: 'fsync', handle }] : []
    return [{ kind: 'create', path, handle }, this.#writing(handle, 0), ...synced, { kind: 'close', handle }, { kind: 'rename', path, to }]
  }

  rename(): readonly Step[] | undefined {
    const path = this.#pick([...this.model.files(), ...this.model.directories()])
    if (path === undefined) return undefined
    const to = this.#name()
    return to.startsWith(`${path}/`) ? undefined : [{ kind: 'rename', path, to }]
  }

  unlink(): readonly Step[] | undefined {
    const path = this.#pick([...this.model.files(), ...this.model.symlinks()])
    return path === undefined ? undefined : [{ kind: 'unlink', path }]
  }

  link(): readonly Step[] | undefined {
    const path = this.#pick(this.model.files())
    return path === undefined || this.model.files().length >= fileLimit ? undefined : [{ kind: 'link', path, to: this.#name() }]
  }

  symlink(): readonly Step[] | undefined {
    if (this.model.symlinks().length >= directoryLimit) return undefined
    return [{ kind: 'symlink', path: this.#name(), target: `somewhere/${String(this.#number)}` }]
  }

  chmod(): readonly Step[] | undefined {
    const path = this.#pick([...this.model.files(), ...this.model.directories()])
    return path === undefined ? undefined : [{ kind: 'chmod', path, mode: this.#random.pick([0o700, 0o750, 0o755, 0o711]) }]
  }

  mkdir(): readonly Step[] | undefined {
    return this.model.directories().length >= directoryLimit ? undefined : [{ kind: 'mkdir', path: this.#name() }]
  }

  rmdir(): readonly Step[] | undefined {
    const path = this.#pick(this.model.directories().filter((each) => this.model.isEmpty(each)))
    return path === undefined ? undefined : [{ kind: 'rmdir', path }]
  }

  syncDirectory(): readonly Step[] {
    return [{ kind: 'syncdir', path: this.#pick(this.model.directories()) ?? '' }]
  }
}
