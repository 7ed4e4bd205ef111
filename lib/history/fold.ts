// Manifest entries into the database of the past, one position each: the merged state as a function of the entries in
// their order (lamport, device, sequence). Within an entry names go first and come afterwards, so that what an author
// told together is never a circle or a clash on the way.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import type { Operation } from '../format/operations.js'
import { decodeMemberRecord } from '../format/member-record.js'
import type { DeviceId } from '../terms/bytes.js'
import { Causality } from './causality.js'
import { Contents } from './contents.js'
import { Names } from './names.js'
import { forgetSteps } from './retention.js'
import { HistoryRows } from './rows.js'
import { differ, isDirectoryRecord } from './version-attributes.js'

export interface FoldEntry {
  readonly deviceId: DeviceId
  readonly sequence: number
  readonly hash: Uint8Array
  /** Its bytes in the chain's file. */
  readonly start: number
  readonly end: number
  readonly lamport: number
  readonly sec: number
  readonly nsec: number
  readonly deps: readonly { readonly deviceId: DeviceId; readonly sequence: number }[]
  readonly operations: readonly Operation[]
}

export interface FoldedDevice {
  readonly device: number
  readonly id: Buffer
  readonly name: string
  /** Newest entry that is folded. */
  readonly sequence: number
  readonly hash: Buffer
}

type OperationOf<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>

interface Statements {
  readonly device: Statement<[Uint8Array], FoldedDevice>
  readonly addDevice: Statement<[Uint8Array], never>
  readonly reach: Statement<[number, Uint8Array, number], never>
  readonly nameDevice: Statement<[string, number], never>
  readonly author: Statement<[number], { device: string; sec: number }>
  readonly deviceName: Statement<[number], string>
  readonly devices: Statement<[], number>
  readonly putMoment: Statement<[number, number, number, number, number, number, number, number, number, number], never>
  readonly snapshot: Statement<[string], number>
  readonly putSnapshot: Statement<[string, number], never>
}

export class Fold {
  readonly rows: HistoryRows
  readonly #database: Database
  readonly #causality: Causality
  readonly #names: Names
  readonly #contents: Contents
  readonly #statements: Statements
  /** Of the newest folded entry. */
  position: number
  /** Operations that name what nobody created: none in a chain that we wrote. */
  complaints = 0
  #entry: FoldEntry | undefined
  #author = 0

  constructor(database: Database) {
    this.#database = database
    this.rows = new HistoryRows(database)
    this.#causality = new Causality(database)
    this.#statements = prepareStatements(database)
    this.position = database.prepare<[], number | null>('SELECT max(position) FROM moment', 'first').get() ?? 0
    this.#names = new Names({ rows: this.rows, causality: this.#causality, authorOf: (position) => this.#authorOf(position) })
    this.#contents = new Contents(this.rows, this.#causality, this.#names)
  }

  /** In a transaction of the caller's; to be run to its end. Between two steps the thread may do something else. */
  *fold(entry: FoldEntry): IterableIterator<void> {
    const device = this.#deviceOf(entry.deviceId)
    const position = ++this.position
    this.#entry = entry
    this.#author = device.device
    this.#causality.enter({ device: device.device, sequence: entry.sequence }, this.#seen(entry), (this.#statements.devices.get() ?? 1) === 1)
    this.#names.begin(position)
    this.#contents.begin(position)
    this.#apply(entry.operations)
    this.#statements.reach.run(entry.sequence, entry.hash, device.device)
    const { nextCookie, nextVersion } = this.rows
    this.#statements.putMoment.run(position, entry.sec, entry.nsec, device.device, entry.sequence, entry.lamport, entry.start, entry.end, nextCookie, nextVersion)
    for (const operation of entry.operations) if (operation.kind === 'forget') yield* forgetSteps(this.#database, operation)
  }

  /** After a rewind: positions are given out anew. */
  rewound(position: number): void {
    this.position = position
    this.#causality.forget()
    this.rows.reload()
  }

  #apply(operations: readonly Operation[]): void {
    const touched = new Set<number>()
    for (const operation of operations) {
      if (operation.kind === 'create') this.#create(operation)
      else if (operation.kind === 'content') this.#content(operation, touched)
      else if (operation.kind === 'attributes') this.#attributes(operation)
      else if (operation.kind === 'member') this.#statements.nameDevice.run(decodeMemberRecord(operation.record).member.name, this.#author)
      else if (operation.kind === 'snapshot') this.#snapshot(operation)
    }
    for (const operation of operations) {
      if (operation.kind === 'unlink') this.#unlink(operation.id, operation.parent, operation.name)
      else if (operation.kind === 'move' && !this.#unlink(operation.id, operation.fromParent, operation.fromName)) {
        const node = this.rows.node(operation.id)
        if (node !== undefined) this.#names.giveUpMoved(node.ino)
      }
    }
    for (const operation of operations) if (operation.kind === 'link' || operation.kind === 'move') this.#link(operation, touched)
    for (const ino of this.#names.losers) {
      touched.add(ino)
      this.#names.restore(ino, (each) => this.#contents.hasUnknownHead(each) || this.#names.hasUnknownChild(each))
    }
    for (const operation of operations) if (operation.kind === 'trash') this.#trash(operation, touched)
    if (!this.#causality.alone) for (const ino of touched) this.#contents.showCopies(ino)
  }

  #create({ id, ino, attributes }: OperationOf<'create'>): void {
    const known = this.rows.node(id)
    if (known === undefined) this.rows.putVersion(this.rows.putNode(id, ino, this.position), attributes, null, this.position)
    // Told again after a crash.
    else this.#setAttributes(known.ino, attributes)
  }

  #content({ id, size, content, bases }: OperationOf<'content'>, touched: Set<number>): void {
    const node = this.rows.node(id)
    if (node === undefined) return this.#complain()
    this.#names.revive(node.ino)
    touched.add(node.ino)
    this.#contents.change({ ino: node.ino, size, content, bases })
  }

  #attributes({ id, attributes }: OperationOf<'attributes'>): void {
    const node = this.rows.node(id)
    if (node === undefined) this.#complain()
    else this.#setAttributes(node.ino, attributes)
  }

  #setAttributes(ino: number, attributes: Uint8Array): void {
    const current = this.rows.version(ino)
    if (current === undefined) return
    if (differ(current.attributes, attributes)) this.rows.putVersion(ino, attributes, current.content, this.position)
    else this.rows.amendVersion(ino, attributes, current.content)
  }

  #unlink(id: Uint8Array, parentId: Uint8Array, name: Uint8Array): boolean {
    const node = this.rows.node(id)
    const parent = this.rows.node(parentId)
    // Told again after a crash, perhaps.
    if (node === undefined || parent === undefined) return false
    return this.#names.unlink(parent.ino, latin1(name), node.ino)
  }

  #link(operation: OperationOf<'link' | 'move'>, touched: Set<number>): void {
    const node = this.rows.node(operation.id)
    const parent = this.rows.node(operation.parent)
    if (node === undefined || parent === undefined) return this.#complain()
    this.#names.reviveVersion(node.ino)
    touched.add(node.ino)
    const isDirectory = isDirectoryRecord(this.rows.version(node.ino)?.attributes ?? new Uint8Array(0))
    this.#names.link({ parent: parent.ino, name: latin1(operation.name), ino: node.ino, isDirectory, moved: operation.kind === 'move' })
  }

  #trash({ id }: OperationOf<'trash'>, touched: Set<number>): void {
    const node = this.rows.node(id)
    if (node === undefined) return
    touched.add(node.ino)
    if (this.rows.direntsOf(node.ino).length === 0) this.rows.endVersion(node.ino, this.position)
  }

  #snapshot({ name }: OperationOf<'snapshot'>): void {
    const wished = Buffer.from(name).toString('utf8')
    let free = wished
    for (let number = 2; this.#statements.snapshot.get(free) !== undefined; number++) free = `${wished} (${number})`
    this.#statements.putSnapshot.run(free, this.position)
  }

  #deviceOf(id: DeviceId): FoldedDevice {
    const known = this.#statements.device.get(id)
    if (known !== undefined) return known
    this.#statements.addDevice.run(id)
    return this.#deviceOf(id)
  }

  #seen({ deps }: FoldEntry): ReadonlyMap<number, number> {
    return new Map(deps.map(({ deviceId, sequence }) => [this.#statements.device.get(deviceId)?.device ?? 0, sequence]))
  }

  #authorOf(position: number): { readonly device: string; readonly sec: number } {
    if (position !== this.position) return this.#statements.author.get(position) ?? { device: '?', sec: 0 }
    return { device: this.#statements.deviceName.get(this.#author) ?? '?', sec: this.#entry?.sec ?? 0 }
  }

  #complain(): void {
    this.complaints++
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

function prepareStatements(database: Database): Statements {
  return {
    device: database.prepare('SELECT device, id, name, sequence, hash FROM device WHERE id = ?'),
    addDevice: database.prepare("INSERT INTO device (id, name, sequence, hash) VALUES (?, '', 0, x'')"),
    reach: database.prepare('UPDATE device SET sequence = ?, hash = ? WHERE device = ?'),
    nameDevice: database.prepare('UPDATE device SET name = ? WHERE device = ?'),
    author: database.prepare('SELECT device.name AS device, moment.sec AS sec FROM moment JOIN device USING (device) WHERE position = ?'),
    deviceName: database.prepare('SELECT name FROM device WHERE device = ?', 'first'),
    devices: database.prepare('SELECT count(*) FROM device', 'first'),
    putMoment: database.prepare('INSERT INTO moment (position, sec, nsec, device, sequence, lamport, start, end, cookies, versions) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    snapshot: database.prepare('SELECT position FROM snapshot WHERE name = ?', 'first'),
    putSnapshot: database.prepare('INSERT INTO snapshot (name, position) VALUES (?, ?)'),
  }
}
