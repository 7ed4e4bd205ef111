// Whether what a node says of the chains agrees with what it said before, with other nodes, and with our own chain. It can
// be wrong in four ways: older than it was, another entry in a place that is known, an entry of ours that we never signed,
// or a chain that is gone. Each is a lie, or the sign of a second writer: both are for the user to look at.
import type { PeerHead } from '../store/peer-port.js'
import { equalBytes, hex } from '../terms/bytes.js'
import type { ChainFollower } from '../manifest/chain-follower.js'
import { Lie, type PeerWork } from './peer-work.js'

/** `sequence`: our newest entry that is durable. Throws `Lie`. */
export async function checkHeads(work: PeerWork, sequence: number): Promise<void> {
  await work.turn()
  const heads = await work.peer.heads()
  checkOwn(work, heads.find(({ deviceId }) => equalBytes(deviceId, work.deviceId)), sequence)
  for (const head of heads) if (!equalBytes(head.deviceId, work.deviceId)) checkOther(work, head)
  const told = new Set(heads.map(({ deviceId }) => hex(deviceId)))
  const gone = work.state.devicesSeen(work.number).find((deviceId) => !told.has(hex(deviceId)))
  if (gone !== undefined) throw new Lie(`it does not know the chain of device ${hex(gone)} any more`)
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
