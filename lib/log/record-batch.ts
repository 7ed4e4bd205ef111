// Records that were appended and not yet handed to the kernel, already sealed, in one buffer that is used again and
// again: one pwrite takes them all. A batch lies in one segment, so a record's place is known when it is appended.
import { aeadNonceBytes, aeadTagBytes } from '../../native-deps/sodium.js'
import {
  extentAssociatedData, extentAssociatedDataBytes, extentHeadBytes, extentOverheadBytes, headPosition, HeadCodec, plainHeadBytes,
  putExtentHead, putFraming, putHead, recordBytes, sealExtentInto, viewOf,
} from '../format/log-record.js'
import type { LogOwner } from '../format/log-record.js'
import { VaultError } from '../terms/errors.js'
import type { Entropy } from '../terms/entropy.js'
import { limits } from '../terms/limits.js'

export interface BatchOptions {
  readonly owner: LogOwner
  /** A view of the locked page; it is never copied. */
  readonly key: Uint8Array
  readonly entropy: Entropy
  readonly generation: number
}

/** What every record says of itself. */
export interface RecordLabel {
  readonly kind: number
  readonly lsn: number
  readonly synced: number
}

export interface Payload {
  readonly ino: number
  readonly offset: number
  /** Plaintext bytes. */
  readonly length: number
  readonly bytes: Uint8Array
  /** Whether a worker sealed `bytes` already. */
  readonly sealed: boolean
}

const firstBytes = 1 << 14
const noncesAtOnce = 128

export class RecordBatch {
  readonly #options: BatchOptions
  readonly #codec: HeadCodec
  readonly #previousTag = new Uint8Array(aeadTagBytes)
  readonly #extentData = new Uint8Array(extentAssociatedDataBytes)
  #bytes = new Uint8Array(firstBytes)
  #view = viewOf(this.#bytes)
  #length = 0
  #nonces = new Uint8Array(0)
  #nonce = 0
  #segment = 0
  /** Of the batch's first byte in the segment. */
  #position = 0

  constructor(options: BatchOptions) {
    this.#options = options
    this.#codec = new HeadCodec(options.owner, options.key)
  }

  get bytes(): Uint8Array {
    return this.#bytes
  }

  get length(): number {
    return this.#length
  }

  get position(): number {
    return this.#position
  }

  /** Tag of the newest head; the next one is chained to it. */
  get lastTag(): Uint8Array {
    return this.#previousTag
  }

  /** The batch is empty; the next record goes to the beginning of another segment. */
  enter(segment: number, position: number, headerTag: Uint8Array): void {
    this.#segment = segment
    this.#position = position
    this.#previousTag.set(headerTag)
  }

  /** The kernel has all of it. */
  clear(): void {
    this.#position += this.#length
    this.#length = 0
  }

  add(label: RecordLabel, body: Uint8Array): void {
    this.#seal(label, plainHeadBytes, body, 0)
  }

  /** Answers where the sealed payload lies in the segment. */
  addExtent(label: RecordLabel, body: Uint8Array, payload: Payload): number {
    const sealedBytes = payload.length + extentOverheadBytes
    if (payload.length > limits.extentBytesMax || payload.bytes.byteLength !== (payload.sealed ? sealedBytes : payload.length)) {
      throw new VaultError('invalid', `an extent of ${String(payload.bytes.byteLength)} bytes can't be logged`)
    }
    const headBytes = extentHeadBytes + body.byteLength
    this.#reserve(recordBytes({ headBytes, payloadBytes: sealedBytes }))
    const at = this.#length
    const payloadAt = at + headPosition + headBytes + aeadTagBytes
    const target = this.#bytes.subarray(payloadAt, payloadAt + sealedBytes)
    if (payload.sealed) target.set(payload.bytes)
    else this.#sealPayload(target, payload)
    const head = at + headPosition
    putExtentHead(this.#view, head, payload)
    this.#bytes.set(target.subarray(sealedBytes - aeadTagBytes), head + 40)
    this.#seal(label, extentHeadBytes, body, sealedBytes)
    return this.#position + payloadAt
  }

  #sealPayload(target: Uint8Array, payload: Payload): void {
    const { owner, key, generation } = this.#options
    const place = { generation, ino: payload.ino, offset: payload.offset, length: payload.length }
    extentAssociatedData(owner, place, this.#extentData)
    sealExtentInto(target, payload.bytes, this.#extentData, this.#takeNonce(), key)
  }

  #seal(label: RecordLabel, fixedBytes: number, body: Uint8Array, payloadBytes: number): void {
    if (body.byteLength > limits.logBodyBytesMax) {
      throw new VaultError('too-large', `a log record of ${String(body.byteLength)} bytes is over the limit of ${String(limits.logBodyBytesMax)}`)
    }
    const headBytes = fixedBytes + body.byteLength
    const total = recordBytes({ headBytes, payloadBytes })
    this.#reserve(total)
    const at = this.#length
    const { generation } = this.#options
    putFraming(this.#view, at, { headBytes, payloadBytes, segment: this.#segment, generation, lsn: label.lsn })
    putHead(this.#view, at + headPosition, label.kind, label.synced)
    this.#bytes.set(body, at + headPosition + fixedBytes)
    // The buffer is used again: what the padding held is ciphertext of another record, but a reader expects zeros.
    this.#bytes.fill(0, at + headPosition + headBytes + aeadTagBytes + payloadBytes, at + total)
    this.#codec.seal(this.#bytes, at, headBytes, this.#takeNonce(), this.#previousTag)
    this.#length += total
  }

  #takeNonce(): Uint8Array {
    if (this.#nonce === this.#nonces.byteLength) {
      this.#nonces = this.#options.entropy.bytes(noncesAtOnce * aeadNonceBytes)
      this.#nonce = 0
    }
    this.#nonce += aeadNonceBytes
    return this.#nonces.subarray(this.#nonce - aeadNonceBytes, this.#nonce)
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.byteLength) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
    this.#view = viewOf(grown)
  }
}
