// One manifest entry's worth of changes, random but valid in the view of whoever makes them, told as the publisher tells
// them (lib/content/operations.ts): creations, contents, names with folders first and departures last, attributes, ends.
import type { Operation } from '../../lib/format/operations.js'
import { sha256 } from '../../native-deps/sodium.js'
import { encodeAttributes, encodedAttributesBytes } from '../../lib/tree/entry-codec.js'
import { modeType, noContent, rootIno, type Entry } from '../../lib/tree/entry.js'
import type { EntryId } from '../../lib/terms/bytes.js'
import type { Random } from './random.js'
import type { ShownEntry, ShownName, View } from './merge-view.js'

export interface AuthorNumbers {
  /** That nobody has in this view. */
  nextIno(): number
  /** That the device gives to a new entry: another one may give it too. */
  wishedIno(): number
  /** Bytes that nobody else writes. */
  uniqueText(): Buffer
  readonly sec: number
}

/** Few, so that devices choose the same; one is not UTF-8, one is as long as a name can be. */
const words = ['a', 'b', 'c', 'notes.txt', 'd.tar.gz', '\xff\xfe\x80', `${'\xc3\xa4'.repeat(124)}.txt`]

interface Place {
  readonly parent: number
  readonly name: string
}

const isSame = (one: Place, other: Place): boolean => one.parent === other.parent && one.name === other.name

export class Author {
  readonly #view: View
  readonly #random: Random
  readonly #numbers: AuthorNumbers
  readonly #created = new Map<number, ShownEntry>()
  readonly #written = new Map<number, { readonly content: Buffer; readonly bases: readonly Uint8Array[] }>()
  readonly #changed = new Set<number>()
  readonly #gone: ShownName[] = []
  readonly #before: ReadonlyMap<ShownName, Place>
  readonly #told: readonly (Place & { readonly ino: number })[]

  constructor(view: View, random: Random, numbers: AuthorNumbers) {
    this.#view = view
    this.#random = random
    this.#numbers = numbers
    this.#told = [...view.names].map(({ ino, told, parent, name }) => ({ parent, name, ...told, ino }))
    this.#before = new Map([...view.names].map((name) => [name, { parent: name.parent, name: name.name }]))
  }

  act(times: number): void {
    const actions = [
      () => { this.#create(false) }, () => { this.#create(false) }, () => { this.#create(true) }, () => { this.#write() }, () => { this.#write() }, () => { this.#write() },
      () => { this.#chmod() }, () => { this.#link() }, () => { this.#remove() }, () => { this.#remove() }, () => { this.#move() }, () => { this.#move() }, () => { this.#move() },
      () => { this.#exchange() },
    ]
    for (let left = times; left > 0; left--) this.#random.pick(actions)()
  }

  /** What the entry says. */
  operations(): Operation[] {
    const named = new Set([...this.#view.names].map(({ ino }) => ino))
    const created = [...this.#created.values()].filter(({ ino }) => named.has(ino))
    const written = [...this.#written].filter(([ino]) => named.has(ino))
    const changed = new Set([...this.#changed, ...this.#written.keys()].filter((ino) => named.has(ino) && !this.#created.has(ino)))
    return [
      ...created.map((entry): Operation => ({ kind: 'create', id: this.#id(entry.ino), ino: this.#numbers.wishedIno(), attributes: this.#attributes(entry.ino) })),
      ...written.map(([ino, { content, bases }]): Operation => ({ kind: 'content', id: this.#id(ino), size: content.byteLength, content, bases })),
      ...this.#nameOperations(),
      ...[...changed].map((ino): Operation => ({ kind: 'attributes', id: this.#id(ino), attributes: this.#attributes(ino) })),
      ...[...new Set(this.#gone.map(({ ino }) => ino))].filter((ino) => !named.has(ino) && !this.#created.has(ino)).map((ino): Operation => ({ kind: 'trash', id: this.#id(ino) })),
    ]
  }

  #nameOperations(): Operation[] {
    const place = ({ parent, name }: Place): { parent: EntryId; name: Uint8Array } => ({ parent: this.#id(parent), name: Buffer.from(name, 'latin1') })
    const arrivals: { readonly depth: number; readonly operation: Operation }[] = []
    const departures: Operation[] = []
    for (const ino of new Set([...this.#view.names, ...this.#gone].map((name) => name.ino))) {
      const now = [...this.#view.names].filter((name) => name.ino === ino).map((name) => this.#placeNow(name))
      const left = this.#told.filter((name) => name.ino === ino && !now.some((each) => isSame(each, name)))
      for (const to of now) {
        if (this.#told.some((name) => name.ino === ino && isSame(name, to))) continue
        const from = left.shift()
        const depth = this.#entry(ino).isDirectory ? this.#depth(to.parent) : Infinity
        if (from === undefined) arrivals.push({ depth, operation: { kind: 'link', id: this.#id(ino), ...place(to) } })
        else arrivals.push({ depth, operation: { kind: 'move', id: this.#id(ino), fromParent: this.#id(from.parent), fromName: Buffer.from(from.name, 'latin1'), ...place(to) } })
      }
      departures.push(...left.map((from): Operation => ({ kind: 'unlink', id: this.#id(ino), ...place(from) })))
    }
    return [...arrivals.sort((a, b) => (a.depth === b.depth ? 0 : a.depth - b.depth)).map(({ operation }) => operation), ...departures]
  }

  /** A name that is as it was keeps the one that the manifest gives it. */
  #placeNow(name: ShownName): Place {
    const before = this.#before.get(name)
    return name.told !== undefined && before !== undefined && isSame(before, name) ? name.told : name
  }

  // actions

  #create(isDirectory: boolean): void {
    const parent = this.#folder()
    const name = this.#freeName(parent)
    if (name === undefined) return
    const ino = this.#numbers.nextIno()
    const id = this.#random.bytes(16)
    this.#created.set(ino, { ino, id, isDirectory, attributes: Buffer.alloc(0), content: undefined, heads: [] })
    this.#view.names.add({ parent, name, ino, told: undefined })
    if (!isDirectory && this.#random.chance(0.8)) this.#writeTo(ino)
  }

  #write(): void {
    const name = this.#pickName((each) => !this.#entry(each.ino).isDirectory)
    if (name !== undefined) this.#writeTo(name.ino)
  }

  #writeTo(ino: number): void {
    const { content, heads } = this.#entry(ino)
    const dice = this.#random.next()
    // Sometimes nothing, sometimes what somebody else may write too.
    const text = dice < 0.05 ? Buffer.alloc(0) : dice < 0.1 ? Buffer.from('the same') : this.#numbers.uniqueText()
    // Who resolves a conflict names all contents that were side by side, everybody else the one that he opened.
    const replaced = this.#random.chance(0.3) ? heads : content === undefined ? [] : [content]
    this.#written.set(ino, { content: text, bases: replaced.filter(({ byteLength }) => byteLength > 0).map((bytes) => sha256(bytes)) })
  }

  #chmod(): void {
    const name = this.#pickName()
    if (name !== undefined) this.#changed.add(name.ino)
  }

  #link(): void {
    const name = this.#pickName((each) => !this.#entry(each.ino).isDirectory)
    const parent = this.#folder()
    const free = this.#freeName(parent)
    if (name !== undefined && free !== undefined) this.#view.names.add({ parent, name: free, ino: name.ino, told: undefined })
  }

  #remove(): void {
    const name = this.#pickName()
    if (name !== undefined && (this.#random.chance(0.5) || this.#isRemovable(name))) this.#removeWhole(name)
  }

  /** The name, and all that is in it. */
  #removeWhole(name: ShownName): void {
    if (this.#entry(name.ino).isDirectory) for (const inside of [...this.#view.names].filter(({ parent }) => parent === name.ino)) this.#removeWhole(inside)
    this.#take(name)
  }

  #take(name: ShownName): void {
    this.#view.names.delete(name)
    this.#gone.push(name)
  }

  #isRemovable({ ino }: ShownName): boolean {
    return ![...this.#view.names].some(({ parent }) => parent === ino)
  }

  /** To a free name, or over what is there. */
  #move(): void {
    const name = this.#pickName()
    if (name === undefined) return
    const isDirectory = this.#entry(name.ino).isDirectory
    const parent = this.#folder()
    if (isDirectory && this.#isWithin(parent, name.ino)) return
    const free = this.#freeName(parent)
    const over = this.#pickName((each) => each.parent === parent && each.ino !== name.ino && this.#entry(each.ino).isDirectory === isDirectory && this.#isRemovable(each))
    if (over !== undefined && this.#random.chance(0.4)) {
      this.#take(over)
      Object.assign(name, { parent, name: over.name })
    } else if (free !== undefined) Object.assign(name, { parent, name: free })
  }

  #exchange(): void {
    const one = this.#pickName()
    const other = this.#pickName((each) => each.ino !== one?.ino)
    if (one === undefined || other === undefined || this.#isWithin(other.parent, one.ino) || this.#isWithin(one.parent, other.ino)) return
    const place = { parent: one.parent, name: one.name }
    Object.assign(one, { parent: other.parent, name: other.name })
    Object.assign(other, place)
  }

  // the view

  #entry(ino: number): ShownEntry {
    const entry = this.#created.get(ino) ?? this.#view.entries.get(ino)
    if (entry === undefined) throw new Error(`a name of entry ${ino}, which is not there`)
    return entry
  }

  #id(ino: number): EntryId {
    return this.#entry(ino).id as EntryId
  }

  #pickName(isWanted: (name: ShownName) => boolean = () => true): ShownName | undefined {
    const names = [...this.#view.names].filter(isWanted)
    return names.length === 0 ? undefined : this.#random.pick(names)
  }

  #folder(): number {
    const folders = [...this.#view.names].map(({ ino }) => ino).filter((ino) => this.#entry(ino).isDirectory)
    return this.#random.pick([rootIno, rootIno, ...folders])
  }

  #freeName(parent: number): string | undefined {
    const taken = new Set([...this.#view.names].filter((each) => each.parent === parent).map(({ name }) => name))
    const free = words.filter((word) => !taken.has(word) && !this.#view.copies.has(`${parent}/${word}`))
    return free.length === 0 ? undefined : this.#random.pick(free)
  }

  #isWithin(folder: number, ino: number): boolean {
    for (let at: number | undefined = folder; at !== undefined && at !== rootIno; at = this.#parent(at)) if (at === ino) return true
    return false
  }

  #parent(ino: number): number | undefined {
    return [...this.#view.names].find((name) => name.ino === ino)?.parent
  }

  #depth(folder: number): number {
    let depth = 0
    for (let at: number | undefined = folder; at !== undefined && at !== rootIno; at = this.#parent(at)) depth++
    return depth
  }

  #attributes(ino: number): Buffer {
    const entry = this.#entry(ino)
    const size = (this.#written.get(ino)?.content ?? entry.content)?.byteLength ?? 0
    return attributesOf({ id: entry.id as EntryId, isDirectory: entry.isDirectory, size, sec: this.#numbers.sec, permissions: this.#random.below(512) })
  }
}

export interface AttributesGiven {
  readonly id: EntryId
  readonly isDirectory: boolean
  readonly size: number
  readonly sec: number
  readonly permissions: number
}

export function attributesOf({ id, isDirectory, size, sec, permissions }: AttributesGiven): Buffer {
  const entry: Entry = {
    ino: 0, id, mode: (isDirectory ? modeType.directory : modeType.file) | permissions, nlink: 1, uid: 0, gid: 0, rdev: 0, size, blocks: 8,
    atimeSec: sec, atimeNsec: 0, mtimeSec: sec, mtimeNsec: 0, ctimeSec: sec, ctimeNsec: 0, btimeSec: sec, btimeNsec: 0,
    parent: 0, children: 0, target: null, xattrs: null, content: noContent,
  }
  const out = Buffer.alloc(encodedAttributesBytes(entry))
  encodeAttributes(entry, out, 0)
  return out
}
