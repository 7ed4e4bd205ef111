// Walks through a saved state from its root and writes it out. Whatever is damaged is told and left out, and the rest goes
// on: only a full or failing target, and who breaks it off, end it.
import type { SavedView } from './vault-salvage-present.js'
import type { SalvageKind } from './vault-salvage-report.js'
import { below, OutputError, type SalvageOutput, type TargetPath } from './vault-salvage-output.js'
import { VaultError } from './terms/errors.js'
import { isDirectory, isFile, isSymlink, rootIno, type Entry } from './tree/entry.js'

export interface WalkHooks {
  readonly problem: (problem: { readonly kind: SalvageKind; readonly path: string; readonly message: string; readonly start?: number; readonly end?: number }) => void
  readonly bytes: (bytes: number) => void
  readonly step: () => Promise<void>
}

export interface WalkCounts {
  files: number
  folders: number
  links: number
}

/** Levels of folders: no system opens longer paths. */
const depthMax = 4096

export class SalvageWalk {
  readonly #view: SavedView
  readonly #output: SalvageOutput
  readonly #hooks: WalkHooks
  /** Where each entry was written first. */
  readonly #written = new Map<number, TargetPath>()
  readonly counts: WalkCounts = { files: 0, folders: 0, links: 0 }

  constructor(view: SavedView, output: SalvageOutput, hooks: WalkHooks) {
    this.#view = view
    this.#output = output
    this.#hooks = hooks
  }

  /** The entry that a path leads to; undefined: nothing that can be read has it. */
  find(names: readonly string[]): Entry | undefined {
    try {
      let entry = this.#view.entry(rootIno)
      for (const name of names) {
        const found = entry === undefined || !isDirectory(entry) ? undefined : this.#view.names(entry.ino).find((each) => each.name === name)
        entry = found === undefined ? undefined : this.#view.entry(found.ino)
      }
      return entry
    } catch (error) {
      damage(error)
      return undefined
    }
  }

  /** Bytes of all files below, as they are on the disk; nothing is told of damage here. */
  async measure(entry: Entry): Promise<number> {
    let bytes = 0
    const seen = new Set<number>()
    const waiting = [entry.ino]
    for (let ino = waiting.pop(); ino !== undefined; ino = waiting.pop()) {
      if (seen.has(ino)) continue
      seen.add(ino)
      try {
        const each = this.#view.entry(ino)
        if (each !== undefined && isFile(each)) bytes += Math.min(each.size, each.blocks * 512)
        else if (each !== undefined && isDirectory(each)) waiting.push(...this.#view.names(ino).map((name) => name.ino))
      } catch (error) {
        damage(error)
      }
      await this.#hooks.step()
    }
    return bytes
  }

  /** `path`: in the vault, '' for the root, whose folder is there already. */
  async write(entry: Entry, path: string, target: TargetPath): Promise<void> {
    await this.#entry(entry, path, target, 0)
  }

  /** Entries that have a name no more, since a folder or a name was lost. */
  async unplaced(folder: TargetPath): Promise<void> {
    let isMade = false
    for (const wanted of ['folders', 'rest'] as const) {
      for (let ino = rootIno + 1; ino <= this.#view.largestIno; ino++) {
        const entry = this.#written.has(ino) ? undefined : this.#peek(ino)
        if (entry === undefined || entry.nlink === 0 || (wanted === 'folders' && !this.#isTopmost(entry))) continue
        if (!isMade) await this.#output.folder(folder)
        isMade = true
        const name = `entry-${ino}`
        this.#hooks.problem({ kind: 'entry', path: name, message: 'its name or its folder is lost: it is in the folder "unplaced"' })
        await this.#entry(entry, name, below(folder, name), 0)
        await this.#hooks.step()
      }
    }
  }

  #isTopmost(entry: Entry): boolean {
    if (!isDirectory(entry)) return false
    const parent = this.#written.has(entry.parent) ? undefined : this.#peek(entry.parent)
    return parent === undefined || parent.nlink === 0
  }

  #peek(ino: number): Entry | undefined {
    try {
      return this.#view.entry(ino)
    } catch (error) {
      damage(error)
      return undefined
    }
  }

  async #entry(entry: Entry, path: string, target: TargetPath, depth: number): Promise<void> {
    await this.#hooks.step()
    try {
      const first = this.#written.get(entry.ino)
      if (first !== undefined) await this.#again(entry, path, first, target)
      else if (isDirectory(entry)) await this.#folder(entry, path, target, depth)
      else if (isFile(entry)) await this.#file(entry, path, target)
      else if (isSymlink(entry)) await this.#symlink(entry, target)
      else this.#hooks.problem({ kind: 'entry', path, message: 'a device, pipe or socket is not written' })
    } catch (error) {
      // Beyond these the target takes nothing more at all.
      if (error instanceof OutputError && error.code !== 'no-space' && error.code !== 'read-only') this.#hooks.problem({ kind: 'output', path, message: error.message })
      else if (error instanceof OutputError) throw error
      else this.#hooks.problem({ kind: 'entry', path, message: damage(error) })
    }
  }

  /** Another name of a file; a folder has one only, unless something is wrong. */
  async #again(entry: Entry, path: string, first: TargetPath, target: TargetPath): Promise<void> {
    if (isDirectory(entry)) {
      this.#hooks.problem({ kind: 'entry', path, message: 'the folder has another name, and is written there' })
      return
    }
    await this.#output.link(first, target)
    this.counts.links++
  }

  async #folder(entry: Entry, path: string, target: TargetPath, depth: number): Promise<void> {
    this.#written.set(entry.ino, target)
    if (entry.ino !== rootIno || path !== '') await this.#output.folder(target)
    this.counts.folders++
    if (depth >= depthMax) throw new VaultError('corrupt', 'too deep: what is in it is not written')
    let names: ReturnType<SavedView['names']> = []
    try {
      names = this.#view.names(entry.ino)
    } catch (error) {
      this.#hooks.problem({ kind: 'entry', path, message: `what is in it can't be listed: ${damage(error)}` })
    }
    for (const { name, ino } of names) await this.#named(ino, path === '' ? name : `${path}/${name}`, below(target, name), depth + 1)
    await this.#output.finishFolder(target, entry)
  }

  async #named(ino: number, path: string, target: TargetPath, depth: number): Promise<void> {
    try {
      const entry = this.#view.entry(ino)
      if (entry !== undefined) await this.#entry(entry, path, target, depth)
      else this.#hooks.problem({ kind: 'entry', path, message: 'only its name is left' })
    } catch (error) {
      if (error instanceof OutputError) throw error
      this.#hooks.problem({ kind: 'entry', path, message: damage(error) })
    }
  }

  async #file(entry: Entry, path: string, target: TargetPath): Promise<void> {
    this.#written.set(entry.ino, target)
    const doubt = this.#view.doubt(entry)
    if (doubt !== undefined) this.#hooks.problem({ kind: 'entry', path, message: doubt })
    const lost = await this.#output.file(target, entry, this.#view.content(entry), this.#hooks.bytes)
    for (const { start, end, reason } of lost) this.#hooks.problem({ kind: 'bytes', path, start, end, message: reason })
    this.counts.files++
  }

  async #symlink(entry: Entry, target: TargetPath): Promise<void> {
    this.#written.set(entry.ino, target)
    await this.#output.symlink(target, entry)
    this.counts.links++
  }
}

/** What is wrong in the store; faults of other kinds are thrown again. */
function damage(error: unknown): string {
  if (error instanceof RangeError) return 'its record is damaged'
  if (error instanceof VaultError && ['corrupt', 'chain-broken', 'io', 'stale', 'format-unknown', 'exists'].includes(error.code) && !(error instanceof OutputError)) return error.message
  throw error
}
