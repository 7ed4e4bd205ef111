// FUSE_INIT: what this driver asks of the kernel (DESIGN §4), and the answer to what the kernel offers. Not asked for:
// POSIX and flock locks (the kernel's own are exact on one mount and outlive the daemon), AUTO_INVAL_DATA (would drop
// pages whenever mtime moves; EXPLICIT_INVAL_DATA leaves that to us), io_uring and passthrough (until they pay).
import type { MountOptions } from './handler.js'
import { initFlags, version } from './protocol.js'
import { headerBytes, type RequestBuffer } from './protocol-input.js'

/** 1 MiB requests: the kernel's own limit for a mount (fs.fuse.max_pages_limit is 256). */
export const writeBytesMax = 1024 * 1024
const pageBytes = 4096
/** Requests that nobody waits for (readahead, write-back) the kernel keeps in flight, and where it calls it congested. */
const backgroundMax = 64
const congestedAt = 48

/** sizeof(struct fuse_init_out) */
export const initReplyBytes = 64

export interface Negotiated {
  readonly minor: number
  readonly flags: bigint
}

export interface Offer {
  readonly major: number
  readonly minor: number
  readonly flags: bigint
  readonly readaheadMax: number
}

/** struct fuse_init_in */
export function readOffer(input: RequestBuffer): Offer {
  const at = headerBytes
  const low = BigInt(input.word(at + 12))
  const extended = (low & initFlags.initExt) !== 0n && input.length >= headerBytes + 20
  const high = extended ? BigInt(input.word(at + 16)) : 0n
  return { major: input.word(at), minor: input.word(at + 4), readaheadMax: input.word(at + 8), flags: low | (high << 32n) }
}

export function negotiate(offer: Offer, options: MountOptions): Negotiated {
  const { writebackCache, ...always } = initFlags
  let wanted = options.writeback ? writebackCache : 0n
  for (const flag of Object.values(always)) wanted |= flag
  return { minor: Math.min(offer.minor, version.minor), flags: offer.flags & wanted }
}

/** struct fuse_init_out */
export function putInitReply(view: DataView, at: number, offer: Offer, negotiated: Negotiated): void {
  for (let word = 0; word < initReplyBytes; word += 4) view.setUint32(at + word, 0, true)
  view.setUint32(at, version.major, true)
  view.setUint32(at + 4, negotiated.minor, true)
  view.setUint32(at + 8, Math.max(offer.readaheadMax, writeBytesMax), true)
  view.setUint32(at + 12, Number(negotiated.flags & 0xffffffffn), true)
  view.setUint16(at + 16, backgroundMax, true)
  view.setUint16(at + 18, congestedAt, true)
  view.setUint32(at + 20, writeBytesMax, true)
  // time_gran: nanoseconds.
  view.setUint32(at + 24, 1, true)
  view.setUint16(at + 28, writeBytesMax / pageBytes, true)
  view.setUint32(at + 32, Number(negotiated.flags >> 32n), true)
}
