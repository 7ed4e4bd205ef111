// What a writer's folder holds after so many steps: names, kinds, modes, which names are one file, and of each file every
// content that it ever had, as the edits that led to it.
import { contentOf, type Step } from './step.js'

/** One change of a file's content; a version of a file is how many of them it has seen. */
export type Edit = { readonly offset: number; readonly length: number; readonly tag: number } | { readonly size: number }

const pageBytes = 4096

export class FileModel {
  readonly edits: Edit[] = []
  /** After each number of edits. */
  readonly sizes: number[] = [0]
  mode = 0o600
  /** Edits that a crash of the daemon may not take: before the last close, or rename over another file. */
  logged = 0

  get sizeBytes(): number {
    return this.sizes.at(-1) ?? 0
  }

  edit(edit: Edit): void {
    this.edits.push(edit)
    this.sizes.push('size' in edit ? edit.size : Math.max(this.sizeBytes, edit.offset + edit.length))
  }

  /** The first version in [from, to] that is `found`; undefined when none is. */
  versionOf(found: Uint8Array, from: number, to: number): number | undefined {
    return this.#first(from, to, (version, bytes) => {
      const size = this.sizes[version] ?? 0
      return found.byteLength === size && bytes.subarray(0, size).equals(found)
    })
  }

  /**
   * The first version in [from, to) that is `found` when of the write that follows only the part before the end of its first
   * page is there: of a page that it does not hold Linux asks in a request of its own.
   */
  splitOf(found: Uint8Array, from: number, to: number): number | undefined {
    return this.#first(from, to - 1, (version, bytes) => {
      const edit = this.edits[version]
      if (edit === undefined || 'size' in edit) return false
      const part = pageBytes - (edit.offset % pageBytes)
      if (part === pageBytes || part >= edit.length) return false
      const size = Math.max(this.sizes[version] ?? 0, edit.offset + part)
      if (found.byteLength !== size) return false
      const there = Buffer.from(bytes.subarray(0, size))
      contentOf(edit.tag, edit.length).copy(there, edit.offset, 0, part)
      return there.equals(found)
    })
  }

  #first(from: number, to: number, fits: (version: number, bytes: Buffer) => boolean): number | undefined {
    const bytes = Buffer.alloc(Math.max(...this.sizes))
    for (let version = 0; version <= to; version++) {
      if (version >= from && fits(version, bytes)) return version
      const edit = this.edits[version]
      if (edit === undefined) break
      if ('size' in edit) bytes.fill(0, edit.size)
      else contentOf(edit.tag, edit.length).copy(bytes, edit.offset)
    }
    return undefined
  }

  /** Whether it is all but the last edit, and of that, a write, whole pages of the beginning: what a write(2) that met an error says is there. */
  hasPartOfLast(found: Uint8Array): boolean {
    const last = this.edits.at(-1)
    if (last === undefined || 'size' in last) return false
    const bytes = contentOf(last.tag, last.length)
    for (let part = pageBytes - (last.offset % pageBytes); part < last.length; part += pageBytes) {
      const cut = new FileModel()
      for (const edit of this.edits.slice(0, -1)) cut.edit(edit)
      const before = cut.contentAt(cut.edits.length, Math.max(cut.sizeBytes, last.offset + part))
      bytes.copy(before, last.offset, 0, part)
      if (before.equals(found)) return true
    }
    return false
  }

  /** In a buffer of `length` bytes at least. */
  contentAt(version: number, length: number): Buffer {
    const bytes = Buffer.alloc(Math.max(length, ...this.sizes))
    for (const edit of this.edits.slice(0, version)) {
      if ('size' in edit) bytes.fill(0, edit.size)
      else contentOf(edit.tag, edit.length).copy(bytes, edit.offset)
    }
    return bytes.subarray(0, length)
  }
}

export type Node = FileModel | { readonly target: string } | { mode: number }

export class FolderModel {
  /** The folder itself is ''. */
  readonly nodes = new Map<string, Node>([['', { mode: 0o700 }]])
  readonly #open = new Map<number, FileModel>()

  apply(step: Step): void {
    switch (step.kind) {
      case 'create': return this.#create(step.path, step.handle)
      case 'open': return void this.#open.set(step.handle, this.#file(step.path))
      case 'write': return this.#opened(step.handle).edit({ offset: step.offset, length: step.length, tag: step.tag })
      case 'truncate': return this.#truncate(step.handle, step.size)
      case 'fsync': return this.#log(this.#opened(step.handle))
      case 'close':
        this.#log(this.#opened(step.handle))
        return void this.#open.delete(step.handle)
      case 'mkdir': return void this.nodes.set(step.path, { mode: 0o700 })
      case 'rmdir':
      case 'unlink': return void this.nodes.delete(step.path)
      case 'rename': return this.#rename(step.path, step.to)
      case 'link': return void this.nodes.set(step.to, this.#file(step.path))
      case 'symlink': return void this.nodes.set(step.path, { target: step.target })
      case 'chmod': return this.#chmod(step.path, step.mode)
      case 'syncdir': return
    }
  }

  files(): readonly string[] {
    return [...this.nodes].filter(([, node]) => node instanceof FileModel).map(([path]) => path)
  }

  directories(): readonly string[] {
    return [...this.nodes].filter(([path, node]) => path !== '' && isDirectory(node)).map(([path]) => path)
  }

  symlinks(): readonly string[] {
    return [...this.nodes].filter(([, node]) => 'target' in node).map(([path]) => path)
  }

  handles(): readonly number[] {
    return [...this.#open.keys()]
  }

  sizeOf(handle: number): number {
    return this.#opened(handle).sizeBytes
  }

  isEmpty(path: string): boolean {
    return ![...this.nodes.keys()].some((each) => each.startsWith(`${path}/`))
  }

  /** A line for each name: kind, mode, and for names of one file which name is the first of them. */
  shape(): string {
    const first = new Map<FileModel, string>()
    const lines = [...this.nodes.keys()].filter((path) => path !== '').sort().map((path) => {
      const node = this.nodes.get(path)
      if (node instanceof FileModel) {
        if (!first.has(node)) first.set(node, path)
        return `${path} file ${node.mode.toString(8)} ${first.get(node) ?? ''}`
      }
      return node !== undefined && 'target' in node ? `${path} -> ${node.target}` : `${path} directory ${(node?.mode ?? 0).toString(8)}`
    })
    return lines.join('\n')
  }

  #create(path: string, handle: number): void {
    const file = new FileModel()
    this.nodes.set(path, file)
    this.#open.set(handle, file)
  }

  /** As truncate(2): what was written before is logged with it. */
  #truncate(handle: number, size: number): void {
    const file = this.#opened(handle)
    file.edit({ size })
    this.#log(file)
  }

  #rename(from: string, to: string): void {
    const moved = [...this.nodes].filter(([path]) => path === from || path.startsWith(`${from}/`))
    const replaces = this.nodes.has(to)
    for (const [path] of moved) this.nodes.delete(path)
    for (const [path, node] of moved) this.nodes.set(to + path.slice(from.length), node)
    const node = this.nodes.get(to)
    if (replaces && node instanceof FileModel) this.#log(node)
  }

  #chmod(path: string, mode: number): void {
    const node = this.nodes.get(path)
    if (node !== undefined && 'mode' in node) node.mode = mode
  }

  #log(file: FileModel): void {
    file.logged = file.edits.length
  }

  #file(path: string): FileModel {
    const node = this.nodes.get(path)
    if (!(node instanceof FileModel)) throw new Error(`${path} is no file`)
    return node
  }

  #opened(handle: number): FileModel {
    const file = this.#open.get(handle)
    if (file === undefined) throw new Error(`handle ${String(handle)} is not open`)
    return file
  }
}

function isDirectory(node: Node): boolean {
  return !(node instanceof FileModel) && !('target' in node)
}
