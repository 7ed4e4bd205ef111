// Chains of other devices that lie in this store: entries of ours follow them, so a node that has ours and not those could
// bring nothing back. They are their devices' word, signed, so it is all the same who carries them. They do not grow while
// the vault is mounted.
import { concatBytes, equalBytes, hex } from '../terms/bytes.js'
import { limits } from '../terms/limits.js'
import { Lie, type OtherChain, type PeerWork } from './peer-work.js'

/** What the node lacks of them, as far as it was asked in this contact. Throws `Lie` for a place in which it has another entry. */
export async function sendOtherChains(work: PeerWork): Promise<void> {
  for (const chain of work.others) {
    const head = work.state.head(work.number, chain.deviceId)
    const there = head?.sequence ?? 0
    const settled = work.settled.get(hex(chain.deviceId))
    if (settled !== undefined && there >= settled) continue
    const { newest } = chain
    const isSame = newest !== undefined && head?.sequence === newest.sequence && equalBytes(head.hash, newest.hash)
    work.settled.set(hex(chain.deviceId), isSame ? there : await sendChain(work, chain, head))
  }
}

/** Answers how far the chain goes here. */
async function sendChain(work: PeerWork, { deviceId, member, open }: OtherChain, head: { readonly sequence: number; readonly hash: Uint8Array } | undefined): Promise<number> {
  const { peer, state, number } = work
  const chain = open()
  try {
    const there = head?.sequence ?? 0
    while (chain.sequence < there) if (chain.next() === undefined) return chain.sequence
    if (head !== undefined && there > 0 && !equalBytes(chain.hash, head.hash)) throw new Lie(`its entry ${there} of device ${hex(deviceId)} is another one than this store has`)
    let isKnown = false
    for (;;) {
      const parts: Uint8Array[] = []
      let bytes = 0
      while (bytes < Math.min(work.throttle.stepBytes, limits.syncEntryBytes)) {
        const entry = chain.next()
        if (entry === undefined) break
        parts.push(entry.signed, entry.signature)
        bytes += entry.signed.byteLength + entry.signature.byteLength
      }
      if (parts.length === 0) return chain.sequence
      if (!isKnown) await tellMember(work, member)
      isKnown = true
      const sent = { sequence: chain.sequence, hash: chain.hash }
      await work.turn()
      const answer = await peer.appendEntries(deviceId, concatBytes(...parts))
      if (answer.sequence !== sent.sequence || !equalBytes(answer.hash, sent.hash)) throw new Lie(`it was given entry ${sent.sequence} of device ${hex(deviceId)}, and answers with entry ${answer.sequence}`)
      state.noteHead(number, deviceId, answer)
      work.moved(0, bytes)
    }
  } finally {
    chain.close()
  }
}

async function tellMember(work: PeerWork, record: Uint8Array): Promise<void> {
  await work.turn()
  if (!(await work.peer.members()).some((one) => equalBytes(one, record))) await work.peer.putMember(record)
}
