// A record of the write-ahead log as bytes: clear framing, sealed head, optional sealed payload (LOG.md §3, §4). Nonces
// are random, never made from a position: a position is written again after a crash. Workers seal and open payloads with
// the three extent functions, which keep no state.
import { aeadNonceBytes, aeadOpen, aeadSeal, aeadTagBytes } from '../../native-deps/sodium.js'
import { limits } from '../terms/limits.js'

/** Whose log it is; bound into every seal. */
export interface LogOwner {
  /** 32 bytes. */
  readonly vault: Uint8Array
  /** 16 bytes. */
  readonly device: Uint8Array
}

/** What the payload of an extent is bound to. No LSN: a worker seals it before its place in the log is known. */
export interface ExtentPlace {
  readonly generation: number
  readonly ino: number
  readonly offset: number
  /** Plaintext bytes. */
  readonly length: number
}

export const ownerBytes = 48
/** nonce ‖ ciphertext ‖ tag is this much longer than the plaintext. */
export const extentOverheadBytes = aeadNonceBytes + aeadTagBytes
export const extentAssociatedDataBytes = ownerBytes + 10 + 32
/** Records begin at multiples of this, so that a reader finds the next one behind a damaged one. */
export const recordAlignment = 16

const framingBytes = 56
/** Position of the head's ciphertext in the record. */
export const headPosition = framingBytes + aeadNonceBytes
const headDomain = Buffer.from('log-head', 'latin1')
const extentDomain = Buffer.from('log-extent', 'latin1')
/** 'VLR1' read as a little-endian number. */
const recordMagic = 0x31524c56
const high = 2 ** 32

/** Kind of the log's own records, which no visitor sees: they only say how far the log was synced. */
export const syncMarkKind = 0
/** Plain head of a record without payload: kind, synced. With one: also ino, offset, length, the payload's tag. */
export const plainHeadBytes = 16
export const extentHeadBytes = 56

export function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / high), true)
}

/** Values above 2^53 come out inexact; they are only compared, and then don't fit. */
export function getU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * high + view.getUint32(at, true)
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** LOG.md §4. `into`: an array of extentAssociatedDataBytes from an earlier call, to make no garbage. */
export function extentAssociatedData(owner: LogOwner, place: ExtentPlace, into?: Uint8Array): Uint8Array {
  const out = into ?? new Uint8Array(extentAssociatedDataBytes)
  const view = viewOf(out)
  out.set(owner.vault, 0)
  out.set(owner.device, 32)
  out.set(extentDomain, ownerBytes)
  putU64(view, 58, place.generation)
  putU64(view, 66, place.ino)
  putU64(view, 74, place.offset)
  putU64(view, 82, place.length)
  return out
}

/** `out`: data + extentOverheadBytes. `nonce`: 24 random bytes, used once. Any argument may lie in shared memory. */
export function sealExtentInto(
  out: Uint8Array, data: Uint8Array, associatedData: Uint8Array, nonce: Uint8Array, key: Uint8Array,
): void {
  out.set(nonce, 0)
  aeadSeal(out.subarray(aeadNonceBytes), data, associatedData, nonce, key)
}

/** `out`: sealed − extentOverheadBytes; zeros and false when it does not verify. */
export function openExtentInto(
  out: Uint8Array, sealed: Uint8Array, associatedData: Uint8Array, key: Uint8Array,
): boolean {
  if (sealed.byteLength < extentOverheadBytes) return false
  return aeadOpen(out, sealed.subarray(aeadNonceBytes), associatedData, sealed.subarray(0, aeadNonceBytes), key)
}

/** The clear part of a record. */
export interface Framing {
  /** Plaintext bytes of the head. */
  readonly headBytes: number
  /** Sealed bytes of the payload; 0: none. */
  readonly payloadBytes: number
  readonly segment: number
  readonly generation: number
  readonly lsn: number
}

export function recordBytes(framing: { readonly headBytes: number; readonly payloadBytes: number }): number {
  const exact = headPosition + framing.headBytes + aeadTagBytes + framing.payloadBytes
  return Math.ceil(exact / recordAlignment) * recordAlignment
}

/** Without the tag of the head before it, which `HeadCodec.seal` puts in. */
export function putFraming(view: DataView, at: number, framing: Framing): void {
  view.setUint32(at, recordMagic, true)
  view.setUint32(at + 4, framing.headBytes, true)
  view.setUint32(at + 8, framing.payloadBytes, true)
  view.setUint32(at + 12, 0, true)
  putU64(view, at + 16, framing.segment)
  putU64(view, at + 24, framing.generation)
  putU64(view, at + 32, framing.lsn)
}

export const framingAndNonceBytes = headPosition

/** Undefined: no record begins here. Says nothing about whether it verifies. */
export function getFraming(view: DataView, at: number): Framing | undefined {
  if (view.getUint32(at, true) !== recordMagic) return undefined
  const headBytes = view.getUint32(at + 4, true)
  const payloadBytes = view.getUint32(at + 8, true)
  if (view.getUint32(at + 12, true) !== 0) return undefined
  if (headBytes < plainHeadBytes || headBytes > limits.logBodyBytesMax + extentHeadBytes) return undefined
  if (payloadBytes !== 0 && (payloadBytes < extentOverheadBytes || headBytes < extentHeadBytes)) return undefined
  if (payloadBytes > limits.extentBytesMax + extentOverheadBytes) return undefined
  return {
    headBytes, payloadBytes, segment: getU64(view, at + 16), generation: getU64(view, at + 24), lsn: getU64(view, at + 32),
  }
}

/** Seals and opens heads; keeps one buffer of associated data, so it belongs to one thread. The key is only looked at. */
export class HeadCodec {
  readonly #key: Uint8Array
  readonly #associatedData = new Uint8Array(ownerBytes + headDomain.byteLength + framingBytes)

  constructor(owner: LogOwner, key: Uint8Array) {
    this.#key = key
    this.#associatedData.set(owner.vault, 0)
    this.#associatedData.set(owner.device, 32)
    this.#associatedData.set(headDomain, ownerBytes)
  }

  /**
   * The record at `at` has its framing, and its plain head of `headBytes` at `headPosition`, where it is sealed in
   * place. `previousTag` chains it to the head before it and then holds this head's tag.
   */
  seal(bytes: Uint8Array, at: number, headBytes: number, nonce: Uint8Array, previousTag: Uint8Array): void {
    const head = at + headPosition
    bytes.set(previousTag, at + 40)
    bytes.set(nonce, at + framingBytes)
    this.#associatedData.set(bytes.subarray(at, at + framingBytes), ownerBytes + headDomain.byteLength)
    const out = bytes.subarray(head, head + headBytes + aeadTagBytes)
    aeadSeal(out, bytes.subarray(head, head + headBytes), this.#associatedData, nonce, this.#key)
    previousTag.set(out.subarray(headBytes))
  }

  /** The plain head, the caller's own; undefined when the record does not verify. */
  open(bytes: Uint8Array, at: number, headBytes: number): Uint8Array | undefined {
    const head = at + headPosition
    if (head + headBytes + aeadTagBytes > bytes.byteLength) return undefined
    this.#associatedData.set(bytes.subarray(at, at + framingBytes), ownerBytes + headDomain.byteLength)
    const out = new Uint8Array(headBytes)
    const cipher = bytes.subarray(head, head + headBytes + aeadTagBytes)
    const nonce = bytes.subarray(at + framingBytes, head)
    return aeadOpen(out, cipher, this.#associatedData, nonce, this.#key) ? out : undefined
  }
}

/** The tag of the head before it, as the record claims. */
export function previousTagAt(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(at + 40, at + framingBytes)
}

export function headTagAt(bytes: Uint8Array, at: number, headBytes: number): Uint8Array {
  const tag = at + headPosition + headBytes
  return bytes.subarray(tag, tag + aeadTagBytes)
}

/** A plain head, decoded. */
export interface Head {
  readonly kind: number
  /** Durable when this record was appended: all records up to here. */
  readonly synced: number
  readonly extent: { readonly ino: number; readonly offset: number; readonly length: number; readonly tag: Uint8Array } | undefined
  readonly body: Uint8Array
}

export function putHead(view: DataView, at: number, kind: number, synced: number): void {
  view.setUint32(at, kind, true)
  view.setUint32(at + 4, 0, true)
  putU64(view, at + 8, synced)
}

/** Without the payload's tag, 16 bytes at `at` + 40. */
export function putExtentHead(
  view: DataView, at: number, extent: { readonly ino: number; readonly offset: number; readonly length: number },
): void {
  putU64(view, at + 16, extent.ino)
  putU64(view, at + 24, extent.offset)
  putU64(view, at + 32, extent.length)
}

export function decodeHead(head: Uint8Array, hasPayload: boolean): Head {
  const view = viewOf(head)
  const kind = view.getUint32(0, true)
  const synced = getU64(view, 8)
  if (!hasPayload) return { kind, synced, extent: undefined, body: head.subarray(plainHeadBytes) }
  const extent = {
    ino: getU64(view, 16), offset: getU64(view, 24), length: getU64(view, 32), tag: head.subarray(40, extentHeadBytes),
  }
  return { kind, synced, extent, body: head.subarray(extentHeadBytes) }
}
