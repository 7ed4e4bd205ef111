// Where one thread's frames go: long runs straight to the disk, short ones and what lies beside a block's edge through the
// page cache. Sealed bytes in the page cache help nobody (what programs read lies there in the clear already), they drive
// out what would, and copying into fresh pages cost 5 of 14 processor seconds a gigabyte. A block is written by one of the
// two ways only: the last, unfinished one always through the page cache.
import { closeSync, constants, ftruncateSync, openSync, writeSync, writevSync } from 'node:fs'
import { alignedMemory } from '../../native-deps/system.js'
import { fromErrno, VaultError } from '../terms/errors.js'

/** Of memory and of places: more than any disk's sector needs, open(2). */
const blockBytes = 4096
/** Shorter runs wait for the disk longer than a copy takes. */
const directBytesMin = 256 * 1024
const roomBytes = 1024 * 1024
const iovecsMax = 1024

/** One for a thread: where bytes are brought into line for the disk. Made when it is first needed. */
export class DirectRoom {
  #bytes: Uint8Array<ArrayBuffer> | undefined

  get bytes(): Uint8Array<ArrayBuffer> {
    this.#bytes ??= alignedMemory(roomBytes)
    return this.#bytes
  }
}

export class SegmentOutput {
  readonly #fd: number
  readonly #room: DirectRoom
  /** Undefined where the filesystem has no direct writes. */
  #directFd: number | undefined

  /** `flags` as open(2) has them. Throws what open(2) says, as VaultError. */
  constructor(path: string, flags: number, room: DirectRoom) {
    this.#room = room
    try {
      this.#fd = openSync(path, flags, 0o600)
    } catch (error) {
      throw fromErrno(error, path)
    }
    try {
      this.#directFd = openSync(path, constants.O_WRONLY | constants.O_DIRECT)
    } catch {
      // Not every filesystem has it; nothing is lost.
    }
  }

  /** All parts, one behind the other, from `position` on. Throws what write(2) says; any part of them may be written then. */
  write(parts: readonly Uint8Array[], position: number): void {
    const end = position + parts.reduce((sum, part) => sum + part.byteLength, 0)
    const from = Math.ceil(position / blockBytes) * blockBytes
    const until = Math.floor(end / blockBytes) * blockBytes
    if (this.#directFd === undefined || until - from < directBytesMin) writeAll(this.#fd, parts, position)
    else {
      writeAll(this.#fd, clip(parts, 0, from - position), position)
      this.#writeDirect(clip(parts, from - position, until - position), from)
      writeAll(this.#fd, clip(parts, until - position, end - position), until)
    }
  }

  truncate(length: number): void {
    ftruncateSync(this.#fd, length)
  }

  close(): void {
    closeSync(this.#fd)
    if (this.#directFd !== undefined) closeSync(this.#directFd)
  }

  /** Whole blocks in all. */
  #writeDirect(parts: readonly Uint8Array[], position: number): void {
    const room = this.#room.bytes
    let at = position
    let filled = 0
    const flush = (): void => {
      this.#writeBlocks(room.subarray(0, filled), at)
      at += filled
      filled = 0
    }
    for (const part of parts) {
      for (let done = 0; done < part.byteLength;) {
        const count = Math.min(room.byteLength - filled, part.byteLength - done)
        room.set(part.subarray(done, done + count), filled)
        filled += count
        done += count
        if (filled === room.byteLength) flush()
      }
    }
    if (filled > 0) flush()
  }

  #writeBlocks(blocks: Uint8Array, position: number): void {
    let done = 0
    if (this.#directFd !== undefined) {
      try {
        done = writeSync(this.#directFd, blocks, 0, blocks.byteLength, position)
        // What ends early may have met the disk's end: the plain way says it, whatever is left.
        if (done === blocks.byteLength) return
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
        // It opens files for that and then can't, or wants larger blocks.
        closeSync(this.#directFd)
        this.#directFd = undefined
      }
    }
    writeAll(this.#fd, [blocks.subarray(done)], position + done)
  }
}

/** The bytes from `from` to `until` of all parts together. */
function clip(parts: readonly Uint8Array[], from: number, until: number): Uint8Array[] {
  const out: Uint8Array[] = []
  let at = 0
  for (const part of parts) {
    const [begins, ends] = [Math.max(from - at, 0), Math.min(until - at, part.byteLength)]
    if (ends > begins) out.push(part.subarray(begins, ends))
    at += part.byteLength
  }
  return out
}

/** Writes all parts one after another; pwritev may stop anywhere. */
function writeAll(fd: number, parts: readonly Uint8Array[], position: number): void {
  let at = position
  let rest = [...parts]
  while (rest.length > 0) {
    let written = writevSync(fd, rest.slice(0, iovecsMax), at)
    if (written === 0) throw new VaultError('io', 'a write wrote nothing')
    at += written
    let done = 0
    while (done < rest.length && written >= (rest[done]?.byteLength ?? 0)) written -= rest[done++]?.byteLength ?? 0
    rest = rest.slice(done)
    const first = rest[0]
    if (first !== undefined && written > 0) rest[0] = first.subarray(written)
  }
}
