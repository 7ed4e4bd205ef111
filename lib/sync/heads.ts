// Whether what a node says of the chains agrees with what it said before, with other nodes, and with our own chain. It can
// be wrong in four ways: older than it was, another entry in a place that is known, an entry of ours that we never signed,
// or a chain that is gone. Each is a lie, or the sign of a second writer: both are for the user to look at. But for a node
// that has the beginning of a chain that lies here: it was put back from a copy, or lost its end, and is sent it again.
import type { PeerHead } from '../store/peer-port.js'
import { noPrevious } from '../format/manifest-entry.js'
import type { ChainFollower, ReadBefore } from '../manifest/chain-follower.js'
import { equalBytes, hex, type DeviceId } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'
import { Lie, secondsNow, type PeerWork } from './peer-work.js'

/** `sequence`: our newest entry that is durable. Answers whether the node went back, and nothing of its word counts. Throws `Lie`. */
export async function checkHeads(work: PeerWork, sequence: number): Promise<boolean> {
  await work.turn()
  const heads = await work.peer.heads()
  const loss = lossOf(work, heads)
  if (loss !== undefined) noteLoss(work, loss)
  checkOwn(work, headOf(heads, work.deviceId), sequence)
  for (const head of heads) if (!equalBytes(head.deviceId, work.deviceId)) checkOther(work, head)
  const told = new Set(heads.map(({ deviceId }) => hex(deviceId)))
  const gone = work.state.devicesSeen(work.number).find((deviceId) => !told.has(hex(deviceId)))
  if (gone !== undefined) throw new Lie(`it does not know the chain of device ${hex(gone)} any more`)
  return loss !== undefined
}

/** Of a chain that lies here, the node has less than it had, and that is ours. Undefined: it has not less, or something else. */
function lossOf({ state, number, deviceId, openChain, others }: PeerWork, heads: readonly PeerHead[]): string | undefined {
  const known = state.acknowledged(number)
  const told = headOf(heads, deviceId)
  if ((told?.sequence ?? 0) < known.sequence && isBeginning(openChain, told, known)) return `it acknowledged entry ${known.sequence} of this device, and ended with ${told?.sequence ?? 0}`
  for (const other of others) {
    const seen = state.head(number, other.deviceId)
    const head = headOf(heads, other.deviceId)
    if (seen !== undefined && (head?.sequence ?? 0) < seen.sequence && isBeginning(other.open, head)) {
      return `its chain of device ${hex(other.deviceId)} ended with entry ${seen.sequence}, and then with ${head?.sequence ?? 0}`
    }
  }
  return undefined
}

function headOf(heads: readonly PeerHead[], deviceId: DeviceId): PeerHead | undefined {
  return heads.find((head) => equalBytes(head.deviceId, deviceId))
}

/** `known`: what must lie in the chain as well, or the chain here is another one than then. */
function isBeginning(open: () => ChainFollower, head: PeerHead | undefined, known?: ReadBefore): boolean {
  const chain = open()
  try {
    if (known !== undefined && !chain.skipTo(known)) return false
    if (head === undefined || head.sequence === 0) return true
    chain.skipTo(beginning)
    while (chain.sequence < head.sequence) if (chain.next() === undefined) return false
    return equalBytes(chain.hash, head.hash)
  } finally {
    chain.close()
  }
}

const beginning: ReadBefore = { sequence: 0, start: 0, end: 0, hash: noPrevious }

/** One that goes back again and again would be sent everything for ever. */
function noteLoss(work: PeerWork, loss: string): void {
  const { state, number, peer, logger } = work
  const now = secondsNow(work)
  const before = state.fault(number)
  if (before !== undefined && now - before.sec < limits.syncFaultSec) throw new Lie(`${loss}, for the second time within a day`)
  logger.log('error', 'a node went back: it is asked for everything, and sent again what it lacks', { node: peer.name, reason: loss })
  state.noteFault(number, `${loss} (seen ${new Date(now * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC): it was put back from a copy, or lost something; it is sent again what it lacks`, now)
}

function checkOwn(work: PeerWork, head: PeerHead | undefined, sequence: number): void {
  const { state, number } = work
  const told = head?.sequence ?? 0
  const chain = work.openChain()
  try {
    let known = state.acknowledged(number)
    if (!chain.skipTo(known)) {
      if (known.sequence > sequence) throw new Lie(ahead(known.sequence, sequence))
      // The store's chain was put in anew beside the note of it: then the whole of it is compared.
      state.restartChain(number)
      known = state.acknowledged(number)
      chain.skipTo(known)
    }
    if (told < known.sequence) throw new Lie(`it acknowledged entry ${known.sequence} of this device, and now ends with ${told}`)
    if (told > sequence) throw new Lie(ahead(told, sequence))
    walkTo(chain, told)
    if (told === 0 || head === undefined) return
    if (!equalBytes(chain.hash, head.hash)) throw new Lie(`its entry ${told} of this device is another one than this device has signed`)
    if (told > known.sequence) state.acknowledge(number, { sequence: told, ...chain.place, hash: chain.hash })
  } finally {
    chain.close()
  }
}

function ahead(told: number, own: number): string {
  return `it has entry ${told} of this device, and this store ends with ${own}: either the store is an older copy, or somebody else writes as this device`
}

function walkTo(chain: ChainFollower, sequence: number): void {
  while (chain.sequence < sequence) if (chain.next() === undefined) throw new Lie(ahead(sequence, chain.sequence))
}

function checkOther({ state, number }: PeerWork, head: PeerHead): void {
  const { deviceId, sequence, hash } = head
  const name = hex(deviceId)
  const seen = state.head(number, deviceId)
  if (seen !== undefined && sequence < seen.sequence) throw new Lie(`its chain of device ${name} ended with entry ${seen.sequence}, and now ends with ${sequence}`)
  if (seen?.sequence === sequence && !equalBytes(seen.hash, hash)) throw new Lie(`its entry ${sequence} of device ${name} is another one than before`)
  if (sequence > 0 && state.contradicts(deviceId, head) !== undefined) throw new Lie(`its entry ${sequence} of device ${name} is another one than another node has`)
  state.noteHead(number, deviceId, head)
}
