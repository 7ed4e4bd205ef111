// A disk with a page cache, for crash tests. Writes are seen at once and are durable only after a sync; a power cut
// keeps any version of each sector, any size and any of the directory's changes that were not synced. A failed sync
// leaves pages that look written, are clean, and are lost by a power cut unless they are written again, as Linux does.
import type { LogDisk, LogFile } from '../../lib/log/disk.js'
import type { Random } from './random.js'

type Version<T> = { readonly id: number; readonly value: T }

interface Inode {
  readonly durable: Map<number, Uint8Array>
  readonly cache: Map<number, Uint8Array>
  readonly dirty: Map<number, Version<Uint8Array>[]>
  durableSize: number
  size: number
  sizes: Version<number>[]
}

type DirectoryChange =
  | { readonly kind: 'create'; readonly name: string; readonly inode: number }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | { readonly kind: 'remove'; readonly name: string }

export type Operation = 'pwrite' | 'datasync' | 'synced' | 'preallocate' | 'truncate' | 'create' | 'rename' | 'remove' | 'directory' | 'directory-synced'

export interface DiskHooks {
  /** Before each operation that changes something, and before and after each sync: a moment to crash at. */
  operation?: (operation: Operation, name: string) => void
  /** An error for this operation; `partial` of a pwrite's sectors are written before it. */
  fault?: (operation: Operation, name: string) => { readonly code: string; readonly partial?: number } | undefined
  /** How many turns of the event loop's microtasks a sync takes. */
  syncTurns?: () => number
}

/** What a power cut keeps of the changes that were not synced. */
export type Survival = 'nothing' | 'everything' | 'any' | 'older' | 'all-but-one' | 'only-one' | 'content' | 'names'
export const survivals: readonly Survival[] = ['nothing', 'everything', 'any', 'any', 'older', 'all-but-one', 'only-one', 'content', 'names']

export class SimulatedDisk implements LogDisk {
  readonly directory = '/simulated/log'
  hooks: DiskHooks = {}
  readonly #sectorBytes: number
  readonly #inodes = new Map<number, Inode>()
  #names = new Map<string, number>()
  #durableNames = new Map<string, number>()
  #changes: Version<DirectoryChange>[] = []
  #clock = 0
  #nextInode = 1

  constructor(sectorBytes: number) {
    this.#sectorBytes = sectorBytes
  }

  /** The machine goes on, the process is gone: all that was written is there, synced or not. */
  kill(): SimulatedDisk {
    const copy = new SimulatedDisk(this.#sectorBytes)
    for (const [id, inode] of this.#inodes) {
      copy.#inodes.set(id, {
        durable: new Map(inode.durable), cache: new Map(inode.cache), durableSize: inode.durableSize, size: inode.size,
        sizes: [...inode.sizes], dirty: new Map([...inode.dirty].map(([sector, versions]) => [sector, [...versions]])),
      })
    }
    copy.#names = new Map(this.#names)
    copy.#durableNames = new Map(this.#durableNames)
    copy.#changes = [...this.#changes]
    copy.#clock = this.#clock
    copy.#nextInode = this.#nextInode
    return copy
  }

  /** What the next start finds after a power cut now. */
  cutPower(random: Random, survival: Survival): SimulatedDisk {
    const after = new SimulatedDisk(this.#sectorBytes)
    after.#nextInode = this.#nextInode
    const keeps = this.#chooser(random, survival)
    after.#names = new Map(this.#durableNames)
    for (const { id, value } of this.#changes) if (keeps(id)) applyChange(after.#names, value)
    after.#durableNames = new Map(after.#names)
    for (const id of new Set(after.#names.values())) {
      const inode = this.#inodes.get(id)
      if (inode === undefined) continue
      const size = inode.sizes.reduce((kept, version) => (keeps(version.id) ? version.value : kept), inode.durableSize)
      const content = new Map(inode.durable)
      for (const [sector, versions] of inode.dirty) {
        for (const version of versions) if (keeps(version.id)) content.set(sector, version.value)
      }
      for (const sector of content.keys()) if (sector * this.#sectorBytes >= size) content.delete(sector)
      after.#inodes.set(id, { durable: content, cache: new Map(content), dirty: new Map(), durableSize: size, size, sizes: [] })
    }
    return after
  }

  #chooser(random: Random, survival: Survival): (id: number) => boolean {
    const from = this.#clock
    const pending = this.#pendingIds()
    const one = pending[random.below(Math.max(1, pending.length))] ?? -1
    const chosen = new Map<number, boolean>()
    switch (survival) {
      case 'nothing': return () => false
      case 'everything': return () => true
      case 'older': {
        const until = one < 0 ? from : one
        return (id) => id <= until
      }
      case 'all-but-one': return (id) => id !== one
      case 'only-one': return (id) => id === one
      case 'content':
      case 'names': {
        const names = new Set(this.#changes.map(({ id }) => id))
        return (id) => names.has(id) === (survival === 'names')
      }
      case 'any': return (id) => {
        const known = chosen.get(id) ?? random.chance(0.5)
        chosen.set(id, known)
        return known
      }
    }
  }

  #pendingIds(): number[] {
    const ids = this.#changes.map(({ id }) => id)
    for (const inode of this.#inodes.values()) {
      ids.push(...inode.sizes.map(({ id }) => id))
      for (const versions of inode.dirty.values()) ids.push(...versions.map(({ id }) => id))
    }
    return ids
  }

  /** All bytes of a file, as a reader sees them; for checks. */
  read(name: string): Uint8Array {
    const inode = this.#inodeOf(name)
    const out = new Uint8Array(inode.size)
    this.#pread(inode, out, 0)
    return out
  }

  /** Changes bytes behind everybody's back, durably. */
  damage(name: string, position: number, change: (byte: number) => number): void {
    const inode = this.#inodeOf(name)
    const sector = Math.floor(position / this.#sectorBytes)
    const at = position % this.#sectorBytes
    const bytes = new Uint8Array(inode.cache.get(sector) ?? new Uint8Array(this.#sectorBytes))
    bytes[at] = change(bytes[at] ?? 0)
    inode.cache.set(sector, bytes)
    inode.durable.set(sector, bytes)
  }

  list(): readonly string[] {
    return [...this.#names.keys()]
  }

  open(name: string, create: boolean): LogFile {
    if (create) {
      this.#operate('create', name)
      if (this.#names.has(name)) throw systemError('EEXIST', name)
      const inode = this.#nextInode++
      this.#inodes.set(inode, { durable: new Map(), cache: new Map(), dirty: new Map(), durableSize: 0, size: 0, sizes: [] })
      this.#change({ kind: 'create', name, inode })
    }
    return this.#file(name, this.#inodeOf(name))
  }

  rename(from: string, to: string): void {
    this.#operate('rename', from)
    if (!this.#names.has(from)) throw systemError('ENOENT', from)
    this.#change({ kind: 'rename', name: from, to })
  }

  remove(name: string): void {
    this.#operate('remove', name)
    if (!this.#names.has(name)) throw systemError('ENOENT', name)
    this.#change({ kind: 'remove', name })
  }

  async syncDirectory(): Promise<void> {
    this.#operate('directory', '.')
    const until = this.#clock
    await this.#turns()
    for (const { id, value } of this.#changes) if (id <= until) applyChange(this.#durableNames, value)
    this.#changes = this.#changes.filter(({ id }) => id > until)
    this.hooks.operation?.('directory-synced', '.')
  }

  close(): void {
    // Nothing is held.
  }

  #change(change: DirectoryChange): void {
    this.#changes.push({ id: ++this.#clock, value: change })
    applyChange(this.#names, change)
  }

  #inodeOf(name: string): Inode {
    const inode = this.#inodes.get(this.#names.get(name) ?? 0)
    if (inode === undefined) throw systemError('ENOENT', name)
    return inode
  }

  #operate(operation: Operation, name: string): void {
    this.hooks.operation?.(operation, name)
    const fault = this.hooks.fault?.(operation, name)
    if (fault !== undefined) throw systemError(fault.code, name)
  }

  async #turns(): Promise<void> {
    for (let turn = this.hooks.syncTurns?.() ?? 1; turn > 0; turn--) await Promise.resolve()
  }

  #file(name: string, inode: Inode): LogFile {
    return {
      get sizeBytes() { return inode.size },
      pwrite: (bytes, offset, length, position) => { this.#pwrite(name, inode, bytes.subarray(offset, offset + length), position) },
      pread: (into, position) => this.#pread(inode, into, position),
      datasync: async () => { await this.#datasync(name, inode) },
      preallocate: async (sizeBytes) => {
        this.#operate('preallocate', name)
        if (sizeBytes > inode.size) this.#resize(inode, sizeBytes)
        await this.#datasync(name, inode)
      },
      truncate: (sizeBytes) => {
        this.#operate('truncate', name)
        this.#resize(inode, sizeBytes)
      },
      close: () => undefined,
    }
  }

  #pwrite(name: string, inode: Inode, bytes: Uint8Array, position: number): void {
    this.hooks.operation?.('pwrite', name)
    const fault = this.hooks.fault?.('pwrite', name)
    const length = fault === undefined ? bytes.byteLength : Math.min(bytes.byteLength, Math.floor(bytes.byteLength * (fault.partial ?? 0) / this.#sectorBytes) * this.#sectorBytes)
    for (let done = 0; done < length;) {
      const sector = Math.floor((position + done) / this.#sectorBytes)
      const at = (position + done) % this.#sectorBytes
      const piece = Math.min(this.#sectorBytes - at, length - done)
      const content = new Uint8Array(inode.cache.get(sector) ?? new Uint8Array(this.#sectorBytes))
      content.set(bytes.subarray(done, done + piece), at)
      inode.cache.set(sector, content)
      const versions = inode.dirty.get(sector) ?? []
      versions.push({ id: ++this.#clock, value: content })
      inode.dirty.set(sector, versions)
      done += piece
    }
    if (position + length > inode.size) this.#resize(inode, position + length)
    if (fault !== undefined) throw systemError(fault.code, name)
  }

  #resize(inode: Inode, size: number): void {
    for (const sector of inode.cache.keys()) if (sector * this.#sectorBytes >= size) inode.cache.delete(sector)
    inode.size = size
    inode.sizes.push({ id: ++this.#clock, value: size })
  }

  #pread(inode: Inode, into: Uint8Array, position: number): number {
    const length = Math.max(0, Math.min(into.byteLength, inode.size - position))
    for (let done = 0; done < length;) {
      const sector = Math.floor((position + done) / this.#sectorBytes)
      const at = (position + done) % this.#sectorBytes
      const piece = Math.min(this.#sectorBytes - at, length - done)
      const content = inode.cache.get(sector)
      if (content === undefined) into.fill(0, done, done + piece)
      else into.set(content.subarray(at, at + piece), done)
      done += piece
    }
    return length
  }

  async #datasync(name: string, inode: Inode): Promise<void> {
    this.hooks.operation?.('datasync', name)
    const until = this.#clock
    await this.#turns()
    const fault = this.hooks.fault?.('datasync', name)
    for (const [sector, versions] of inode.dirty) {
      const written = versions.filter(({ id }) => id <= until).at(-1)
      // The kernel marks a page clean also when it could not be written: nothing will write it again.
      if (written !== undefined && fault === undefined) inode.durable.set(sector, written.value)
      const left = versions.filter(({ id }) => id > until)
      if (left.length === 0) inode.dirty.delete(sector)
      else inode.dirty.set(sector, left)
    }
    if (fault !== undefined) throw systemError(fault.code, name)
    inode.durableSize = inode.sizes.filter(({ id }) => id <= until).at(-1)?.value ?? inode.durableSize
    inode.sizes = inode.sizes.filter(({ id }) => id > until)
    this.hooks.operation?.('synced', name)
  }
}

function applyChange(names: Map<string, number>, change: DirectoryChange): void {
  if (change.kind === 'create') {
    names.set(change.name, change.inode)
    return
  }
  const inode = names.get(change.name)
  if (inode === undefined) return
  names.delete(change.name)
  if (change.kind === 'rename') names.set(change.to, inode)
}

function systemError(code: string, subject: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated, ${subject}`), { code })
}
