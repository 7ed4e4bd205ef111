// Devices of a merge that are told by hand what to do, by path: for tests that show one rule each.
import type { Operation } from '../../lib/format/operations.js'
import { sha256 } from '../../native-deps/sodium.js'
import type { DeviceId, EntryId } from '../../lib/terms/bytes.js'
import { decodeAttributes } from '../../lib/tree/entry-codec.js'
import { rootIno } from '../../lib/tree/entry.js'
import { attributesOf } from './merge-author.js'
import { MergeDevice, memberOperation, type Chain } from './merge-device.js'
import { viewOf, type ShownEntry, type ShownName, type View } from './merge-view.js'
import { rootId } from './merge-world.js'

interface Place {
  readonly parent: EntryId
  readonly name: Uint8Array
}

let inos = 1
/** Within one minute, which conflict names tell. */
const sec = Date.UTC(2024, 4, 1, 14, 30) / 1000

export class Hand {
  readonly device = new MergeDevice()
  readonly #chain: Chain
  readonly #chains: readonly Chain[]
  #said: Operation[] = []

  constructor(chain: Chain, chains: readonly Chain[]) {
    this.#chain = chain
    this.#chains = chains
    this.device.begin(chain, chains)
    this.hear()
  }

  makeRoot(): void {
    this.say({ kind: 'create', id: rootId, ino: rootIno, attributes: attributesOf({ id: rootId, isDirectory: true, size: 0, sec, permissions: 0o755 }) }).publish()
  }

  /** Gets what the others have published, or only one of them. */
  hear(only?: string): void {
    for (const [index, chain] of this.device.received.entries()) if (only === undefined || this.#chains[index]?.name === only) chain.receive(Infinity)
    this.device.catchUp()
  }

  /** As one entry. The first one says whose it is. */
  publish(): void {
    const { deviceId, name, entries } = this.#chain
    this.device.publish(entries.length === 0 ? [memberOperation(deviceId, name), ...this.#said] : this.#said, sec)
    this.#said = []
  }

  mkdir(path: string): this {
    return this.#create(path, true)
  }

  create(path: string, text: string): this {
    return this.#create(path, false)
      .#say({ kind: 'content', id: this.#made(path), size: text.length, content: Buffer.from(text), bases: [] })
  }

  /** `resolving`: it replaces all contents that stand side by side. */
  write(path: string, text: string, resolving = false): this {
    const { id, content, heads } = this.#entry(path)
    const bases = (resolving ? heads : content === undefined ? [] : [content]).map((bytes) => sha256(bytes))
    return this.#say({ kind: 'content', id: id as EntryId, size: text.length, content: Buffer.from(text), bases })
  }

  move(from: string, to: string): this {
    const { told } = this.#name(from)
    const { parent, name } = this.#told(told)
    return this.#say({ kind: 'move', id: this.#entry(from).id as EntryId, fromParent: parent, fromName: name, ...this.#place(to) })
  }

  link(from: string, to: string): this {
    return this.#say({ kind: 'link', id: this.#entry(from).id as EntryId, ...this.#place(to) })
  }

  /** `isLast`: the entry has no other name. */
  remove(path: string, isLast = true): this {
    const id = this.#entry(path).id as EntryId
    this.#say({ kind: 'unlink', id, ...this.#told(this.#name(path).told) })
    return isLast ? this.#say({ kind: 'trash', id }) : this
  }

  chmod(path: string, permissions: number): this {
    const { id, content, isDirectory } = this.#entry(path)
    return this.#say({ kind: 'attributes', id: id as EntryId, attributes: attributesOf({ id: id as EntryId, isDirectory, size: content?.byteLength ?? 0, sec, permissions }) })
  }

  stat(path: string): { readonly size: number; readonly permissions: number } {
    const { entry } = decodeAttributes(this.#entry(path).attributes, 0, 0)
    return { size: entry.size, permissions: entry.mode & 0o777 }
  }

  say(operation: Operation): this {
    return this.#say(operation)
  }

  /** Every path, with the content of files. */
  get tree(): Record<string, string> {
    const { database } = this.device
    const rows = database.prepare<[], { parent: number; name: string; ino: number; bytes: Buffer | null }>(`SELECT parent, name, dirent.ino AS ino, bytes
      FROM dirent JOIN version ON version.ino = dirent.ino LEFT JOIN content USING (content)`).all()
    const found: [string, string][] = []
    const visit = (folder: number, path: string): void => {
      for (const { parent, name, ino, bytes } of rows) {
        if (parent !== folder) continue
        found.push([path + name, bytes?.toString() ?? ''])
        visit(ino, `${path}${name}/`)
      }
    }
    visit(rootIno, '')
    return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  close(): void {
    this.device.close()
  }

  readonly #ids = new Map<string, EntryId>()

  #create(path: string, isDirectory: boolean): this {
    const ino = ++inos
    const id = sha256(Buffer.from(`${this.#chain.name} ${ino}`)).subarray(0, 16) as Uint8Array as EntryId
    this.#ids.set(path, id)
    this.#say({ kind: 'create', id, ino, attributes: attributesOf({ id, isDirectory, size: 0, sec, permissions: 0o755 }) })
    return this.#say({ kind: 'link', id, ...this.#place(path) })
  }

  #say(operation: Operation): this {
    this.#said.push(operation)
    return this
  }

  /** Of an entry made just now. */
  #made(path: string): EntryId {
    const id = this.#ids.get(path)
    if (id === undefined) throw new Error(`${path} was not made here`)
    return id
  }

  #place(path: string): Place {
    const at = path.lastIndexOf('/')
    const folder = path.slice(0, Math.max(at, 0))
    const parent = folder === '' ? rootId : this.#ids.get(folder) ?? this.#entry(folder).id as EntryId
    return { parent, name: Buffer.from(path.slice(at + 1), 'latin1') }
  }

  #told(told: ShownName['told']): Place {
    const parent = this.#view.entries.get(told?.parent ?? 0)
    if (told === undefined || parent === undefined) throw new Error('a name that nobody told')
    return { parent: parent.id as EntryId, name: Buffer.from(told.name, 'latin1') }
  }

  get #view(): View {
    return viewOf(this.device.database)
  }

  #name(path: string): ShownName {
    const { names } = this.#view
    let found: ShownName | undefined
    for (const part of path.split('/')) {
      const folder: number = found?.ino ?? rootIno
      found = [...names].find((each) => each.parent === folder && each.name === part)
      if (found === undefined) throw new Error(`${path}: there is no ${part}`)
    }
    if (found === undefined) throw new Error('no path')
    return found
  }

  #entry(path: string): ShownEntry {
    const entry = this.#view.entries.get(this.#name(path).ino)
    if (entry === undefined) throw new Error(`${path} has no entry`)
    return entry
  }
}

/** Each of them becomes an entry. */
export type Steps = readonly ((hand: Hand) => unknown)[]

export function play(hand: Hand, steps: Steps): void {
  for (const step of steps) {
    step(hand)
    hand.publish()
  }
}

/** One device for each name, in the order that decides between entries of the same time. */
export function hands(...names: readonly string[]): Hand[] {
  const all = strangers(...names)
  for (const hand of all.slice(1)) hand.publish()
  return all
}

/** All but the first have said nothing yet. */
export function strangers(...names: readonly string[]): Hand[] {
  const chains = names.map((name, index) => ({ deviceId: Buffer.alloc(16, index + 1) as Uint8Array as DeviceId, name, entries: [] }))
  const all = chains.map((chain) => new Hand(chain, chains))
  all[0]?.makeRoot()
  for (const hand of all.slice(1)) hand.hear()
  return all
}

/** Everybody hears everything; answers what they all see then. */
export function settle(all: readonly Hand[]): Record<string, string> {
  for (const hand of all) hand.hear()
  const trees = all.map(({ tree }) => JSON.stringify(tree))
  if (new Set(trees).size !== 1) throw new Error(`devices differ:\n${trees.join('\n')}`)
  return all[0]?.tree ?? {}
}
