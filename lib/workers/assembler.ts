// Puts the pieces of a file's content together, wherever they lie now. What it returns from was verified; holes are
// written as zeros, because the memory was used before.
import { copyShared } from '../../native-deps/system.js'
import type { Piece } from '../store/content-piece.js'
import { invariant } from '../terms/errors.js'
import type { BlobOpener } from './blob-opener.js'
import type { LogOpener } from './log-opener.js'

export class Assembler {
  readonly #arena: Uint8Array
  readonly #log: LogOpener
  readonly #blobs: BlobOpener

  constructor(arena: Uint8Array, log: LogOpener, blobs: BlobOpener) {
    this.#arena = arena
    this.#log = log
    this.#blobs = blobs
  }

  /** The pieces' lengths add up to `out`. */
  assemble(pieces: readonly Piece[], out: Uint8Array): void {
    let at = 0
    for (const piece of pieces) {
      const target = out.subarray(at, at + piece.length)
      invariant(target.byteLength === piece.length, 'pieces are longer than what was asked for')
      this.#put(piece, target)
      at += piece.length
    }
    invariant(at === out.byteLength, 'pieces are shorter than what was asked for')
  }

  #put(piece: Piece, target: Uint8Array): void {
    switch (piece.kind) {
      case 'memory':
        copyShared(target, this.#arena.subarray(piece.position, piece.position + piece.length))
        return
      case 'inline':
        target.set(piece.bytes.subarray(0, piece.length))
        return
      case 'hole':
        target.fill(0)
        return
      case 'log':
        this.#log.read(piece.extent, piece.skip, piece.length, target)
        return
      case 'blob':
        this.#blobs.read(piece.reference, piece.skip, piece.length, target)
    }
  }
}
