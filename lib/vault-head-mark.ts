// How far this machine has seen a store, kept outside of it: the newest manifest entry and log record that were on the
// disk. A store that is behind was put back from a copy, or rolled back by somebody; in itself it is consistent, so
// nothing else tells. Small, not synced (an older mark only sees less), and not secret.
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { lockOpenFile } from '../native-deps/system.js'
import { hex, type DeviceId, type VaultId } from './terms/bytes.js'
import { fromErrno } from './terms/errors.js'
import type { Logger } from './terms/log.js'

export interface StoreHead {
  /** Of our chain's newest entry; 0: none. */
  readonly sequence: number
  /** Of that entry, in hexadecimal. */
  readonly hash: string
  /** Newest record of the log that is on the disk. */
  readonly lastLsn: number
}

export interface HeadMarkOptions {
  /** Made when it is missing; nobody else's. */
  readonly folder: string
  readonly vaultId: VaultId
  readonly deviceId: DeviceId
  readonly logger: Logger
}

export class HeadMark {
  readonly #path: string
  readonly #folder: string
  readonly #logger: Logger
  #seen: StoreHead | undefined
  #failed = false

  constructor({ folder, vaultId, deviceId, logger }: HeadMarkOptions) {
    this.#folder = folder
    this.#path = join(folder, `${hex(vaultId)}-${hex(deviceId)}`)
    this.#logger = logger
    this.#seen = this.#read()
  }

  /**
   * For who is about to sign as this device, on this machine one at a time: a copy of a store has its device, too, and two
   * that go on from one entry would be a fork. Undefined: it is ours as long as this process lives, or can't be had, which
   * is written down. Else the store that another process has open.
   */
  claim(store: string): string | undefined {
    const path = `${this.#path}.lock`
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      const fd = openSync(path, 'a+', 0o600)
      if (lockOpenFile(fd)) {
        ftruncateSync(fd)
        writeSync(fd, store)
        return undefined
      }
      closeSync(fd)
      return readFileSync(path, 'utf8')
    } catch (error) {
      this.#logger.log('warn', 'that no copy of the store is mounted beside it can not be made sure of', { reason: fromErrno(error, path).message })
      return undefined
    }
  }

  /** What the store lacks of what was seen, a sentence; undefined: nothing, or nothing was seen yet. */
  lackOf({ sequence, hash, lastLsn }: StoreHead): string | undefined {
    const seen = this.#seen
    if (seen === undefined) return undefined
    if (sequence < seen.sequence) return `it ends with manifest entry ${sequence}, this machine has seen ${seen.sequence}`
    if (sequence === seen.sequence && hash !== seen.hash) return `its manifest entry ${sequence} is another one than this machine has seen`
    return lastLsn < seen.lastLsn ? `its log ends with record ${lastLsn}, this machine has seen ${seen.lastLsn}` : undefined
  }

  /** All of it is on the disk by now. What can't be written down is said once. */
  note(head: StoreHead): void {
    const seen = this.#seen
    if (seen?.sequence === head.sequence && seen.hash === head.hash && seen.lastLsn === head.lastLsn) return
    this.#seen = head
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      const draft = `${this.#path}.new`
      writeFileSync(draft, `${JSON.stringify(head)}\n`, { mode: 0o600 })
      renameSync(draft, this.#path)
    } catch (error) {
      if (this.#failed) return
      this.#failed = true
      this.#logger.log('warn', 'how far the vault is could not be written down outside of the store: a rollback would not be noticed', { reason: fromErrno(error, this.#path).message })
    }
  }

  /** The log was begun anew, as `rebuild` may do it: its numbers begin again. */
  forgetLog(): void {
    if (this.#seen !== undefined) this.note({ ...this.#seen, lastLsn: 0 })
  }

  #read(): StoreHead | undefined {
    let text: string
    try {
      text = readFileSync(this.#path, 'utf8')
    } catch (error) {
      const failure = fromErrno(error, this.#path)
      if (failure.code !== 'not-found') this.#logger.log('warn', 'how far the vault was can not be read', { reason: failure.message })
      return undefined
    }
    const [, sequence, hash, lastLsn] = /^\{"sequence":(\d{1,15}),"hash":"([0-9a-f]{64})","lastLsn":(\d{1,15})\}\n$/.exec(text) ?? []
    if (hash !== undefined) return { sequence: Number(sequence), hash, lastLsn: Number(lastLsn) }
    this.#logger.log('warn', 'the note of how far the vault was is damaged, and counts for nothing', { path: this.#path })
    return undefined
  }
}
