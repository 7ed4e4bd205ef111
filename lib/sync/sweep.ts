// Goes through all that a node says it has, a signed page at a time, and compares it with what it acknowledged. What is
// missing it lost: that is said by its name, and the blob is sent again where it is here.
import type { BlobId } from '../terms/bytes.js'
import { hex } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'
import type { PeerWork } from './peer-work.js'

const before = new Uint8Array(32)
const beyond = new Uint8Array(32).fill(255)

export function isSweepDue({ state, number }: PeerWork, today: number): boolean {
  const { through, day } = state.sweep(number)
  return through !== undefined || today - day >= limits.syncSweepDays
}

/** One page. Answers how many blobs the node has lost. Nothing is put to it meanwhile. */
export async function sweepPage(work: PeerWork, today: number): Promise<number> {
  const { peer, state, number, copies, logger } = work
  await work.turn()
  const { through } = state.sweep(number)
  const page = await peer.inventory(through)
  const last = page.blobs.at(-1)?.blobId
  const isEnd = page.isLast || last === undefined
  const there = new Set(page.blobs.map(({ blobId }) => hex(blobId)))
  // All zeros is an id, too, though nothing hashes to it.
  const lost = state.heldBetween(number, through ?? before, isEnd ? beyond : last).filter((blobId) => !there.has(hex(blobId)))
  if (lost.length > 0) {
    logger.log('warn', 'a node lost what it had acknowledged: what is here is sent again', { node: peer.name, blobs: lost.length })
    copies.lose(number, lost)
  }
  copies.confirm(number, page.blobs.map(({ blobId }): BlobId => blobId))
  state.noteSweep(number, isEnd ? undefined : last, isEnd ? today : undefined)
  return lost.length
}
