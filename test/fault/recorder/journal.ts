// What a disk was asked to do, in the order in which it did it: each write with its bytes, each flush of its cache, and
// when the request came, in nanoseconds of the machine's monotonic clock, as the writers' notes have it.
import { closeSync, openSync, readFileSync, writevSync } from 'node:fs'

const headerBytes = 24
const kinds = { write: 1, flush: 2 } as const

export type DiskEvent =
  | { readonly kind: 'write'; readonly began: bigint; readonly offset: number; readonly bytes: Uint8Array }
  /** Whatever was written before it is safe from here on. */
  | { readonly kind: 'flush'; readonly began: bigint }

export class Journal {
  readonly #fd: number
  readonly #header = Buffer.alloc(headerBytes)

  constructor(path: string) {
    this.#fd = openSync(path, 'w', 0o600)
  }

  /** `bytes` may be reused after the call. */
  write(began: bigint, offset: number, bytes: Uint8Array): void {
    this.#put(kinds.write, began, offset, bytes.byteLength)
    put(this.#fd, [this.#header, bytes])
  }

  flush(began: bigint): void {
    this.#put(kinds.flush, began, 0, 0)
    put(this.#fd, [this.#header])
  }

  close(): void {
    closeSync(this.#fd)
  }

  #put(kind: number, began: bigint, offset: number, length: number): void {
    this.#header.writeUInt32LE(kind, 0)
    this.#header.writeUInt32LE(length, 4)
    this.#header.writeBigUInt64LE(began, 8)
    this.#header.writeBigUInt64LE(BigInt(offset), 16)
  }
}

function put(fd: number, parts: readonly Uint8Array[]): void {
  const wanted = parts.reduce((sum, { byteLength }) => sum + byteLength, 0)
  if (writevSync(fd, parts) !== wanted) throw new Error('the journal of the disk was not written whole')
}

/** Its bytes lie in one buffer, which lives as long as any of the events. */
export function readJournal(path: string): readonly DiskEvent[] {
  const file = readFileSync(path)
  const events: DiskEvent[] = []
  for (let at = 0; at < file.byteLength;) {
    const length = file.readUInt32LE(at + 4)
    const began = file.readBigUInt64LE(at + 8)
    const offset = Number(file.readBigUInt64LE(at + 16))
    const bytes = file.subarray(at + headerBytes, at + headerBytes + length)
    if (bytes.byteLength < length) throw new Error('the journal of the disk ends in the middle of a write')
    events.push(file.readUInt32LE(at) === kinds.flush ? { kind: 'flush', began } : { kind: 'write', began, offset, bytes })
    at += headerBytes + length
  }
  return events
}
