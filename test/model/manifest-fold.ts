// The reference fold: what the operations of one chain, in order, make of a tree. Strict: an operation that names what
// is not there, or makes what is there, is a complaint. The next devices' rebuild stands on what is proved with this.
import { join } from 'node:path'
import type { Operation } from '../../lib/format/operations.js'
import { decodeEntry } from '../../lib/format/manifest-entry.js'
import { openChainFile } from '../../lib/manifest/chain-file.js'
import { ManifestChain } from '../../lib/manifest/chain.js'
import { openEntryBody } from '../../lib/manifest/entry-author.js'
import { hex } from '../../lib/terms/bytes.js'
import { testKeys, type TestDevice } from '../support/open-vault.js'

export interface FoldedEntry {
  attributes: Uint8Array
  content: Uint8Array
  /** Of the file when its content was told; undefined: none was. */
  size: number | undefined
}

export class ManifestFold {
  readonly entries = new Map<string, FoldedEntry>()
  /** Ids by `parent id/name`: more than one only within a manifest entry. */
  readonly names = new Map<string, Set<string>>()
  readonly complaints: string[] = []
  /** How many operations there were, by `kind id`. */
  readonly counts = new Map<string, number>()
  /** Operations folded so far. */
  count = 0
  /** Newest entry that was folded. */
  sequence = 0
  /** After a crash what was told may be told again, and that is no complaint. */
  repeats: boolean

  constructor(repeats = false) {
    this.repeats = repeats
  }

  /** Folds what the device's chain in the store says after `sequence`. Nothing may be published meanwhile. */
  async follow(store: string, device?: TestDevice): Promise<void> {
    const { page, identity: { member } } = device ?? await testKeys()
    const directory = join(store, 'manifest')
    const file = (kind: string): ReturnType<typeof openChainFile> => openChainFile(join(directory, `${hex(member.deviceId)}.${kind}`), directory)
    const chain = await ManifestChain.open({
      vaultId: member.vaultId, deviceId: member.deviceId, signPublicKey: member.signPublicKey, depth: 'full', entries: await file('chain'), mark: await file('mark'),
    })
    while (this.sequence < chain.head.sequence) {
      this.sequence++
      this.fold(openEntryBody(decodeEntry(await chain.read(this.sequence)), page).operations)
    }
    await chain.close()
  }

  /** What follows is told by another device, which has seen everything so far. */
  goOnWithAnother(): void {
    this.sequence = 0
  }

  /** One manifest entry. */
  fold(operations: readonly Operation[]): void {
    for (const operation of operations) this.#apply(operation)
    for (const [key, ids] of this.names) if (ids.size > 1) this.#complain(`${key} means ${String(ids.size)} entries`)
  }

  /** The entry and what is found below it, by name. */
  below(top: string): Set<string> {
    const children = new Map<string, string[]>()
    for (const [key, ids] of this.names) {
      const parent = key.slice(0, key.indexOf('/'))
      children.set(parent, [...children.get(parent) ?? [], ...ids])
    }
    const found = new Set([top])
    for (const id of found) for (const child of children.get(id) ?? []) found.add(child)
    return found
  }

  #apply(operation: Operation): void {
    this.count++
    const counted = `${operation.kind} ${'id' in operation ? hex(operation.id) : ''}`
    this.counts.set(counted, (this.counts.get(counted) ?? 0) + 1)
    switch (operation.kind) {
      case 'create':
        if (this.entries.has(hex(operation.id)) && !this.repeats) this.#complain(`create of ${hex(operation.id)}, which is known`)
        this.entries.set(hex(operation.id), { content: new Uint8Array(0), size: undefined, ...this.entries.get(hex(operation.id)), attributes: operation.attributes })
        return
      case 'link':
        this.#link(operation.id, operation.parent, operation.name)
        return
      case 'unlink':
        this.#unlink(operation.id, operation.parent, operation.name)
        return
      case 'move':
        this.#unlink(operation.id, operation.fromParent, operation.fromName)
        // What is told again is told by links, whose unlinks follow.
        if (!this.repeats && this.below(hex(operation.id)).has(hex(operation.parent))) this.#complain(`move of ${hex(operation.id)} into itself`)
        this.#link(operation.id, operation.parent, operation.name)
        return
      case 'attributes':
        this.#change(operation.id, operation.kind, (entry) => { entry.attributes = operation.attributes })
        return
      case 'content':
        this.#change(operation.id, operation.kind, (entry) => {
          entry.content = operation.content
          entry.size = operation.size
        })
        return
      case 'trash':
        if (!this.entries.delete(hex(operation.id)) && !this.repeats) this.#complain(`trash of ${hex(operation.id)}, which is not known`)
        for (const [key, ids] of this.names) if (ids.has(hex(operation.id))) this.#complain(`trash of ${hex(operation.id)}, which is ${key}`)
        return
      case 'snapshot':
      case 'member':
    }
  }

  #change(id: Uint8Array, kind: string, change: (entry: FoldedEntry) => void): void {
    const entry = this.entries.get(hex(id))
    if (entry === undefined) this.#complain(`${kind} of ${hex(id)}, which is not known`)
    else change(entry)
  }

  #link(id: Uint8Array, parent: Uint8Array, name: Uint8Array): void {
    const key = `${hex(parent)}/${Buffer.from(name).toString('latin1')}`
    if (!this.entries.has(hex(id))) this.#complain(`link of ${hex(id)}, which is not known, as ${key}`)
    if (!this.entries.has(hex(parent))) this.#complain(`link as ${key}, whose folder is not known`)
    const ids = this.names.get(key) ?? new Set<string>()
    this.names.set(key, ids.add(hex(id)))
  }

  #unlink(id: Uint8Array, parent: Uint8Array, name: Uint8Array): void {
    const key = `${hex(parent)}/${Buffer.from(name).toString('latin1')}`
    const ids = this.names.get(key)
    if (ids?.delete(hex(id)) !== true && !this.repeats) this.#complain(`unlink of ${hex(id)}, which is not ${key}`)
    if (ids?.size === 0) this.names.delete(key)
  }

  #complain(what: string): void {
    this.complaints.push(`operation ${String(this.count)} (entry ${String(this.sequence)}): ${what}`)
  }
}
