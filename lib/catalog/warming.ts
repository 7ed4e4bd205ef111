// Reads the catalog's file once from its beginning, beside all else, so that the first questions of a mount don't wait for
// the disk at every page. The bytes are thrown away: the system keeps them as long as it has room.
import { close, closeSync, openSync, read } from 'node:fs'
import { promisify } from 'node:util'

const pieceBytes = 512 * 1024
const readPiece = promisify(read)

export class Warming {
  readonly #fd: number
  #reading = false
  #ended = false

  constructor(path: string) {
    this.#fd = openSync(path, 'r')
  }

  /** At most so much. What can't be read is met again by who asks for it. */
  async run(bytesMax: number): Promise<void> {
    const piece = new Uint8Array(pieceBytes)
    this.#reading = true
    try {
      for (let at = 0; at < bytesMax && !this.#ended; ) {
        const { bytesRead } = await readPiece(this.#fd, piece, 0, pieceBytes, at)
        if (bytesRead === 0) return
        at += bytesRead
      }
    } finally {
      this.#reading = false
      if (this.#ended) close(this.#fd)
    }
  }

  /** Only after the database is closed: with any descriptor of its file SQLite's locks on it go (fcntl_locking(2)). */
  close(): void {
    if (this.#ended) return
    this.#ended = true
    if (!this.#reading) closeSync(this.#fd)
  }
}
