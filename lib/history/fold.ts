// Manifest entries into the database of the past, one position each: the merged state as a function of the entries in
// their order (lamport, device, sequence). Within an entry names go first and come afterwards, so that what an author
// told together is never a circle or a clash on the way.
import type { Database, Statement } from '../../native-deps/sqlite.js'
import type { Operation } from '../format/operations.js'
import { decodeMemberRecord } from '../format/member-record.js'
import type { DeviceId } from '../terms/bytes.js'
import { Causality, encodeClock } from './causality.js'
import { Contents } from './contents.js'
import { Forgetting } from './forgetting.js'
import { Names } from './names.js'
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
  readonly putDeviceName: Statement<[number, number, string], never>
  readonly author: Statement<[number], { device: string; sec: number }>
  readonly deviceName: Statement<[number], string>
  readonly devices: Statement<[], number>
  readonly putMoment: Statement<[number, number, number, number, number, number, Uint8Array, number, number, number, number, string | null], never>
  readonly snapshot: Statement<[string], number>
  readonly putSnapshot: Statement<[string, number], never>
  readonly putMark: Statement<[string, number], never>
  readonly addMark: Statement<[string, number], never>
}

export class Fold {
  readonly rows: HistoryRows
  readonly #causality: Causality
  readonly #names: Names
  readonly #contents: Contents
  readonly #forgetting: Forgetting
  readonly #statements: Statements
  /** Of the newest folded entry. */
  position: number
  /** Operations that name what nobody created: none in a chain that we wrote. */
  complaints = 0
  #entry: FoldEntry | undefined
  #author = 0

  constructor(database: Database) {
    this.rows = new HistoryRows(database)
    this.#causality = new Causality(database)
    this.#statements = prepareStatements(database)
    this.position = database.prepare<[], number | null>('SELECT max(position) FROM moment', 'first').get() ?? 0
    this.#names = new Names({ rows: this.rows, causality: this.#causality, authorOf: (position) => this.#authorOf(position) })
    this.#contents = new Contents(this.rows, this.#causality, this.#names)
    this.#forgetting = new Forgetting(database)
  }

  /** In a transaction of the caller's; to be run to its end. Between two steps the thread may do something else. */
  *fold(entry: FoldEntry): IterableIterator<void> {
    const device = this.#deviceOf(entry.deviceId)
    const position = ++this.position
    this.#entry = entry
    this.#author = device.device
    const seen = this.#seen(entry)
    this.#causality.enter({ device: device.device, sequence: entry.sequence }, seen, (this.#statements.devices.get() ?? 1) === 1)
    this.rows.beginEntry()
    this.#names.begin(position)
    this.#contents.begin(position)
    this.#apply(entry.operations)
    this.#statements.reach.run(entry.sequence, entry.hash, device.device)
    const { nextCookie, nextVersion } = this.rows
    this.#statements.putMoment.run(position, entry.sec, entry.nsec, device.device, entry.sequence, entry.lamport, entry.hash, entry.start, entry.end, nextCookie, nextVersion, encodeClock(seen))
    this.#countState(entry)
    for (const operation of entry.operations) if (operation.kind === 'forget') this.#forgetting.letGo(operation, position)
    yield* this.#forgetting.prune(position)
  }

  /** How much came after the newest state that was told whole. */
  #countState({ operations, sequence }: FoldEntry): void {
    const { putMark, addMark } = this.#statements
    if (!operations.some(({ kind }) => kind === 'state')) {
      addMark.run('stateOperations', operations.length)
      return
    }
    putMark.run('stateOperations', 0)
    putMark.run('stateSequence', sequence)
  }

  /** After a rewind: positions are given out anew. */
  rewound(position: number): void {
    this.position = position
    this.#causality.forget()
    this.#forgetting.reload()
    this.rows.reload()
  }

  #apply(operations: readonly Operation[]): void {
    const touched = new Set<number>()
    for (const operation of operations) {
      if (operation.kind === 'create') this.#create(operation)
      else if (operation.kind === 'content') this.#content(operation, touched)
      else if (operation.kind === 'member') this.#name(decodeMemberRecord(operation.record).member.name)
      else if (operation.kind === 'snapshot') this.#snapshot(operation)
    }
    for (const operation of operations) if (operation.kind === 'attributes') this.#attributes(operation)
    this.#moveNames(operations, touched)
    this.#restore(operations, touched)
    for (const operation of operations) if (operation.kind === 'trash') this.#trash(operation, touched)
    if (!this.#causality.alone) for (const ino of touched) this.#contents.showCopies(ino)
  }

  #moveNames(operations: readonly Operation[], touched: Set<number>): void {
    const lines = new Map<Operation, number>()
    for (const operation of operations) {
      if (operation.kind === 'unlink') this.#leave(operation.id, operation.parent, (ino, parent) => { this.#names.unlink(parent, latin1(operation.name), ino) })
      else if (operation.kind === 'move') {
        this.#leave(operation.id, operation.fromParent, (ino, parent) => lines.set(operation, this.#names.leave(parent, latin1(operation.fromName), ino)))
      }
    }
    for (const operation of operations) if (operation.kind === 'link' || operation.kind === 'move') this.#link(operation, lines.get(operation) ?? 0, touched)
  }

  /** What lost its last name to somebody who did not know it whole comes back. */
  #restore(operations: readonly Operation[], touched: Set<number>): void {
    const { alone } = this.#causality
    const trashed = new Set<number | undefined>()
    if (!alone) for (const operation of operations) if (operation.kind === 'trash') trashed.add(this.rows.node(operation.id)?.ino)
    for (const ino of this.#names.losers) {
      touched.add(ino)
      this.#names.restore(ino, () => this.#contents.hasUnknownHead(ino) || (!trashed.has(ino) && this.#names.hasUnknownRemoval(ino)))
    }
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
    // A folder stays one, whatever is in it.
    if (isDirectoryRecord(current.attributes) !== isDirectoryRecord(attributes)) return this.#complain()
    const fitting = this.#contents.fit(attributes, current.content)
    if (differ(current.attributes, fitting)) this.rows.putVersion(ino, fitting, current.content, this.position)
    else this.rows.amendVersion(ino, fitting, current.content)
  }

  #leave(id: Uint8Array, parentId: Uint8Array, leave: (ino: number, parent: number) => unknown): void {
    const node = this.rows.node(id)
    const parent = this.rows.node(parentId)
    // Told again after a crash, perhaps.
    if (node !== undefined && parent !== undefined) leave(node.ino, parent.ino)
  }

  #link(operation: OperationOf<'link' | 'move'>, line: number, touched: Set<number>): void {
    const node = this.rows.node(operation.id)
    const parent = this.rows.node(operation.parent)
    if (node === undefined || parent === undefined) return this.#complain()
    this.#names.reviveVersion(node.ino)
    touched.add(node.ino)
    const isDirectory = isDirectoryRecord(this.rows.version(node.ino)?.attributes ?? new Uint8Array(0))
    this.#names.link({ parent: parent.ino, name: latin1(operation.name), ino: node.ino, isDirectory, line })
  }

  #trash({ id }: OperationOf<'trash'>, touched: Set<number>): void {
    const node = this.rows.node(id)
    if (node === undefined) return
    touched.add(node.ino)
    if (this.rows.direntsOf(node.ino).length === 0) this.rows.endVersion(node.ino, this.position)
  }

  #name(name: string): void {
    this.#statements.nameDevice.run(name, this.#author)
    this.#statements.putDeviceName.run(this.position, this.#author, name)
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
    putDeviceName: database.prepare('INSERT OR REPLACE INTO device_name (began, device, name) VALUES (?, ?, ?)'),
    author: database.prepare('SELECT device.name AS device, moment.sec AS sec FROM moment JOIN device USING (device) WHERE position = ?'),
    deviceName: database.prepare('SELECT name FROM device WHERE device = ?', 'first'),
    devices: database.prepare('SELECT count(*) FROM device', 'first'),
    putMoment: database.prepare(`INSERT INTO moment (position, sec, nsec, device, sequence, lamport, hash, start, end, cookies, versions, seen)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    snapshot: database.prepare('SELECT position FROM snapshot WHERE name = ?', 'first'),
    putSnapshot: database.prepare('INSERT INTO snapshot (name, position) VALUES (?, ?)'),
    putMark: database.prepare('INSERT INTO mark (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value'),
    addMark: database.prepare('INSERT INTO mark (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value'),
  }
}
