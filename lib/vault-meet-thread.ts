// The thread in which a node is met or looked at: what makes certificates is loaded here, and TLS runs here, because the
// main thread may be the one that the kernel waits for. One order, and it ends. Started by an entry of bin's, which hands it
// clock and entropy.
import type { MessagePort } from 'node:worker_threads'
import { KeyPage } from './crypto/key-page.js'
import { pairWithNode } from './peer/pairing.js'
import { probeNode } from './peer/probe.js'
import type { VaultId } from './terms/bytes.js'
import type { Clock } from './terms/clock.js'
import type { Entropy } from './terms/entropy.js'
import { postedError } from './terms/posted-error.js'
import type { MeetReply, MeetSetup, ProbedNode } from './vault-meet-messages.js'
import { tlsIdentity } from './wire/certificate.js'

export interface MeetSources {
  readonly clock: Clock
  readonly entropy: Entropy
}

/** Never rejects. */
export async function runMeetThread(port: MessagePort, setup: MeetSetup, sources: MeetSources): Promise<void> {
  const reply = await answer(setup, sources).catch((error: unknown): MeetReply => ({ kind: 'failed', error: postedError(error) }))
  port.postMessage(reply)
  port.close()
}

async function answer({ vaultId, ownerPublicKey, keyPage, order }: MeetSetup, { clock, entropy }: MeetSources): Promise<MeetReply> {
  const tls = await tlsIdentity(KeyPage.attach(keyPage).key('device-tls'))
  const owner = { vaultId: vaultId as VaultId, ownerPublicKey }
  if (order.kind === 'pair') return { kind: 'met', peer: await pairWithNode(order.code, { ...order, ...owner, tls, nowSec: clock.now().sec, entropy }) }
  const nodes = await Promise.all(order.peers.map(async (peer): Promise<ProbedNode> => {
    const { failed, ...probed } = await probeNode(peer, { owner, tls, clock, recovery: order.recovery })
    return { ...probed, ...(failed === undefined ? {} : { failed: { step: failed.step, error: postedError(failed.error) } }) }
  }))
  return { kind: 'probed', nodes }
}
