// The thread that waits for the disk: all that came while the last sync ran is made durable by the next one, blobs vault by
// vault, chains and documents of all vaults in one transaction.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers'
import type { BlobId } from '../../terms/bytes.js'
import { VaultError } from '../../terms/errors.js'
import type { Logger } from '../../terms/log.js'
import { hex } from '../../terms/bytes.js'
import type { SealedBlob } from '../../wire/blob-frames.js'
import { nodeLimits } from '../node-limits.js'
import { removedPrefix, type ChainEntry } from '../node-storage.js'
import { ChainFiles, cutTails, noHead, ShortChain, type WrittenEntries } from './chain-files.js'
import { unpackIds, type WriterCalls } from './disk-calls.js'
import { openNodeDatabase, type HeadRow, type NodeDatabase } from './node-database.js'
import { VaultBlobs } from './vault-blobs.js'
import { makeVaultFolder, vaultFolder, writeDurably } from './vault-folder.js'

interface Put {
  readonly vault: string
  readonly blobs: readonly SealedBlob[]
  readonly nowSec: number
  readonly resolve: (isNew: readonly boolean[]) => void
  readonly reject: (error: unknown) => void
}

/** A change of the database: `write` before the chains are synced, `change` in the transaction; both say what to answer. */
interface Change {
  readonly write: () => void
  readonly change: () => void
  /** Of the database, about, that it touches. */
  readonly pages: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Documents of a vault that lie in its folder as files too: `header`, `members`, `header-before/SECOND-DEVICE`. */
const copied = /^(header|members|header-before\/\d+(-[0-9a-f]{32})?)$/

export class DiskWriter implements WriterCalls {
  readonly #directory: string
  readonly #logger: Logger
  readonly #database: NodeDatabase
  readonly #chains: ChainFiles
  readonly #vaults = new Map<string, VaultBlobs>()
  #puts: Put[] = []
  #changes: Change[] = []
  #scheduled = false
  /** About as many pages lie in the database's own log. */
  #pagesInLog = 0

  constructor(directory: string, logger: Logger) {
    this.#directory = directory
    this.#logger = logger
    this.#database = openNodeDatabase(directory)
    this.#chains = new ChainFiles(directory, this.#database)
  }

  open(vault: string): void {
    this.#blobs(vault)
  }

  put(vault: string, blobs: readonly SealedBlob[], nowSec: number): Promise<readonly boolean[]> {
    return new Promise((resolve, reject) => {
      this.#puts.push({ vault, blobs, nowSec, resolve, reject })
      this.#schedule()
    })
  }

  remove(vault: string, blobIds: Uint8Array): void {
    this.#commit()
    this.#blobs(vault).remove(unpackIds<BlobId>(blobIds).map((id) => id.slice() as Uint8Array as BlobId))
  }

  storedSec(vault: string, blobIds: Uint8Array, nowSec: number): readonly number[] {
    this.#commit()
    return this.#blobs(vault).storedSec(unpackIds(blobIds), nowSec)
  }

  append(vault: string, device: string, expected: { readonly sequence: number; readonly hash: Uint8Array }, entries: readonly ChainEntry[]): Promise<boolean> {
    let written: WrittenEntries | undefined
    let left: HeadRow | undefined
    return this.#changed({
      write: () => {
        const head: HeadRow = this.#database.head.get(vault, device) ?? noHead
        const isExpected = head.sequence === expected.sequence && hex(head.hash) === hex(expected.hash) && !this.#appended.has(vault + device)
        if (!isExpected) return
        this.#appended.add(vault + device)
        try {
          written = this.#chains.write(vault, device, head, entries)
        } catch (error) {
          if (!(error instanceof ShortChain)) throw error
          // Whoever appends is told where the chain ends, and can bring the rest again.
          left = error.head
          this.#logger.log('error', 'a chain lost its end: what is left of it counts', { vault: vault.slice(0, 16), device, acknowledged: head.sequence, left: left.sequence })
        }
      },
      change: () => {
        if (written !== undefined) this.#chains.acknowledge(written)
        if (left !== undefined) this.#chains.cut(vault, device, left)
      },
      answer: () => written !== undefined,
    })
  }

  /** Chains that this group has appended to: their heads are not in the database yet. */
  readonly #appended = new Set<string>()

  putRecord(scope: string, name: string, expected: number, bytes: Uint8Array): Promise<boolean> {
    let isPut = false
    const done = this.#changed({
      write: () => undefined,
      change: () => {
        const { insertRecord, updateRecord } = this.#database
        isPut = (expected === 0 ? insertRecord.run(scope, name, bytes) : updateRecord.run(bytes, scope, name, expected)).changes > 0
      },
      answer: () => isPut,
      pages: 3 + Math.ceil(bytes.byteLength / 4096),
    })
    return scope === '' || !copied.test(name) ? done : done.then((wasPut) => {
      if (wasPut) this.#writeCopy(scope, name)
      return wasPut
    })
  }

  async removeRecord(scope: string, name: string): Promise<void> {
    await this.#changed({ write: () => undefined, change: () => { this.#database.removeRecord.run(scope, name) }, answer: () => true })
    if (scope !== '' && copied.test(name)) rmSync(this.#copyOf(scope, name), { force: true })
  }

  close(): void {
    this.#commit()
    for (const blobs of this.#vaults.values()) blobs.close()
    this.#database.database.checkpoint('PASSIVE')
    this.#database.database.close()
  }

  #changed({ write, change, answer, pages = 3 }: { readonly write: () => void; readonly change: () => void; readonly answer: () => boolean; readonly pages?: number }): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#changes.push({ write, change, pages, resolve: () => { resolve(answer()) }, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // After the port has handed over all that lies in it.
    nextTurn(() => { this.#commit() })
  }

  #commit(): void {
    this.#scheduled = false
    const [puts, changes] = [this.#puts, this.#changes]
    this.#puts = []
    this.#changes = []
    for (const vault of new Set(puts.map((put) => put.vault))) this.#commitBlobs(vault, puts.filter((put) => put.vault === vault))
    if (changes.length > 0) this.#commitChanges(changes)
  }

  #commitBlobs(vault: string, puts: readonly Put[]): void {
    try {
      const blobs = this.#blobs(vault)
      const isNew = blobs.put(puts.flatMap((put) => put.blobs), Math.max(...puts.map(({ nowSec }) => nowSec)))
      let at = 0
      for (const { blobs: mine, resolve } of puts) {
        resolve(isNew.slice(at, at + mine.length))
        at += mine.length
      }
    } catch (error) {
      for (const { reject } of puts) reject(error)
    }
  }

  /** What fails by itself is rejected by itself; what can't be made durable takes all with it. */
  #commitChanges(changes: readonly Change[]): void {
    const good: Change[] = []
    for (const change of changes) {
      try {
        change.write()
        good.push(change)
      } catch (error) {
        change.reject(error)
      }
    }
    try {
      this.#chains.sync()
      this.#database.database.transaction(() => { for (const { change } of good) change() })
    } catch (error) {
      for (const { reject } of good) reject(error)
      return
    } finally {
      this.#appended.clear()
    }
    for (const { resolve } of good) resolve()
    this.#pagesInLog += good.reduce((sum, { pages }) => sum + pages, 0)
    if (this.#pagesInLog < nodeLimits.checkpointPages) return
    this.#pagesInLog = 0
    try {
      this.#database.database.checkpoint('PASSIVE')
    } catch (error) {
      // What was answered is durable in the log; the next one writes it into the database.
      this.#logger.log('error', 'the database took nothing from its log', { reason: error instanceof Error ? error.message : String(error) })
    }
  }

  #blobs(vault: string): VaultBlobs {
    const known = this.#vaults.get(vault)
    if (known !== undefined) return known
    if (this.#vaults.size >= nodeLimits.vaultsMax) throw new VaultError('too-many', `a node keeps at most ${nodeLimits.vaultsMax} vaults`)
    const folder = vaultFolder(this.#directory, vault)
    this.#forgetIfGone(vault, folder.path)
    makeVaultFolder(this.#directory, folder)
    cutTails(this.#directory, this.#database, vault)
    this.#writeCopies(vault)
    const opened = new VaultBlobs({ vault, folder, database: this.#database, logger: this.#logger })
    this.#vaults.set(vault, opened)
    return opened
  }

  /**
   * Who removes a vault and then deletes its folder wants it gone: heads that were left would be of entries that nobody
   * has. A folder that is missing without that may be on a disk that is not mounted.
   */
  #forgetIfGone(vault: string, path: string): void {
    const removed = `${removedPrefix}${vault}`
    if (this.#database.record.get('', removed) === undefined) return
    this.#database.removeRecord.run('', removed)
    if (existsSync(path)) return
    this.#logger.log('warn', 'the folder of a vault is gone: what is known of it is forgotten', { vault: vault.slice(0, 16) })
    const { database } = this.#database
    database.transaction(() => {
      for (const [table, column] of [['heads', 'vault'], ['chain_places', 'vault'], ['arrivals', 'vault'], ['records', 'scope']] as const) {
        database.prepare<[string]>(`DELETE FROM ${table} WHERE ${column} = ?`).run(vault)
      }
    })
  }

  /** For who reads the folder without our code; the database has the truth. */
  #writeCopies(vault: string): void {
    for (const name of this.#database.recordNames.all(vault, 'header', 'n')) if (copied.test(name)) this.#writeCopy(vault, name)
  }

  #writeCopy(vault: string, name: string): void {
    const record = this.#database.record.get(vault, name)
    if (record === undefined) return
    makeVaultFolder(this.#directory, vaultFolder(this.#directory, vault))
    writeDurably(this.#copyOf(vault, name), record.bytes)
  }

  #copyOf(vault: string, name: string): string {
    return join(vaultFolder(this.#directory, vault).path, name.replace('/', '-'))
  }
}
