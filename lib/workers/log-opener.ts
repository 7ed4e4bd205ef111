// Plaintext of what lies in the write-ahead log, for one thread. Few files are kept open: a descriptor of a segment that
// was trimmed would keep its space on the disk.
import { closeSync, openSync, readSync } from 'node:fs'
import {
  extentAssociatedData, extentAssociatedDataBytes, extentOverheadBytes, openExtentInto, type LogOwner,
} from '../format/log-record.js'
import type { LogExtent } from '../store/log-port.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'

const filesMax = 2

export interface LogOpenerOptions {
  readonly owner: LogOwner
  /** A view of the key page. */
  readonly key: Uint8Array
  readonly pathOf: (segment: number) => string
  /** Opened extents to keep; each has at most 64 KiB. */
  readonly extentsMax: number
}

export class LogOpener {
  readonly #options: LogOpenerOptions
  readonly #files = new Map<number, number>()
  readonly #opened = new Map<number, Uint8Array>()
  readonly #sealed = new Uint8Array(limits.extentBytesMax + extentOverheadBytes)
  readonly #associatedData = new Uint8Array(extentAssociatedDataBytes)

  constructor(options: LogOpenerOptions) {
    this.#options = options
  }

  read(extent: LogExtent, skip: number, length: number, out: Uint8Array): void {
    if (skip === 0 && length === extent.length) {
      this.#open(extent, out.subarray(0, length))
      return
    }
    // An LSN is never used again, so what was opened under it stays true.
    let bytes = this.#opened.get(extent.lsn)
    if (bytes === undefined) {
      bytes = this.#room().subarray(0, extent.length)
      this.#open(extent, bytes)
      this.#opened.set(extent.lsn, bytes)
    }
    out.set(bytes.subarray(skip, skip + length))
  }

  close(): void {
    for (const fd of this.#files.values()) closeSync(fd)
    this.#files.clear()
    for (const bytes of this.#opened.values()) bytes.fill(0)
    this.#opened.clear()
  }

  /**
   * The memory of the extent that was opened longest ago, when there are enough: bytes that live for a while and then
   * die are collected late, and old plaintext would lie around until then.
   */
  #room(): Uint8Array {
    if (this.#opened.size >= this.#options.extentsMax) {
      for (const [lsn, { buffer }] of this.#opened) {
        this.#opened.delete(lsn)
        return new Uint8Array(buffer)
      }
    }
    return new Uint8Array(limits.extentBytesMax)
  }

  #open(extent: LogExtent, out: Uint8Array): void {
    const path = this.#options.pathOf(extent.segment)
    const sealed = this.#sealed.subarray(0, extent.length + extentOverheadBytes)
    let count: number
    try {
      count = readSync(this.#fd(extent.segment, path), sealed, 0, sealed.byteLength, extent.position)
    } catch (error) {
      const failure = fromErrno(error, path)
      // Something names it, so it is not "not found": it is lost.
      if (failure.code === 'not-found') throw damaged(path, 'the segment is gone')
      throw failure
    }
    const associatedData = extentAssociatedData(this.#options.owner, extent, this.#associatedData)
    if (count === sealed.byteLength && openExtentInto(out, sealed, associatedData, this.#options.key)) return
    throw damaged(path, `the data at byte ${extent.position} is damaged`)
  }

  #fd(segment: number, path: string): number {
    const known = this.#files.get(segment)
    if (known !== undefined) return known
    const fd = openSync(path, 'r')
    for (const [oldest, oldFd] of this.#files) {
      if (this.#files.size < filesMax) break
      this.#files.delete(oldest)
      closeSync(oldFd)
    }
    this.#files.set(segment, fd)
    return fd
  }
}

function damaged(path: string, what: string): VaultError {
  return new VaultError('corrupt', `${path}: ${what}`, { subject: path, next: 'Put the folder "log" of the store back from a copy; other files are not touched by it.' })
}
