// What a syncer does, in short: a store that nobody has open is paired with a node, and all that it has goes there.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { headerForNodes } from '../../lib/crypto/header-for-nodes.js'
import { recoveryTlsKeyPair, kitEntropy, ownerKeyPair } from '../../lib/crypto/recovery-kit.js'
import { writePeers, readPeers } from '../../lib/crypto/peers-file.js'
import { openPeer } from '../../lib/peer/open-peer.js'
import { pairWithNode } from '../../lib/peer/pairing.js'
import type { PeerBlob, PeerPort } from '../../lib/store/peer-port.js'
import type { DeviceId, Sealed } from '../../lib/terms/bytes.js'
import { silent } from '../../lib/terms/log.js'
import { CacheInventory } from '../../lib/cache/inventory.js'
import { tlsIdentity } from '../../lib/wire/certificate.js'
import { encodeRecoveryRecord } from '../../lib/wire/owner-records.js'
import { openKeys } from '../../bin/open-keys.js'
import type { Unlock } from '../../bin/secrets.js'
import { systemEntropy } from '../../bin/system-sources.js'

export interface Upload {
  readonly store: string
  readonly unlock: Unlock
  /** The kit's words; absent: the node does not hear of the kit. */
  readonly words?: string
}

/** Also writes the store's list of nodes. */
export async function pairAndUpload(upload: Upload, code: string, name: string): Promise<void> {
  const { store, unlock, words } = upload
  const { opened, identity } = await openKeys({ store, unlock, logger: silent, readOnly: true })
  const { page, header } = opened
  const { vaultId, ownerPublicKey, salt } = header
  const kit = words === undefined ? undefined : kitEntropy(words)
  const tls = await tlsIdentity(page.key('device-tls'))
  const recovery = kit === undefined ? undefined : encodeRecoveryRecord({ vaultId, tlsPublicKey: recoveryTlsKeyPair(kit).publicKey }, ownerKeyPair(kit).secretKey)
  const known = await pairWithNode(code, {
    vaultId, ownerPublicKey, salt, member: identity.record, tls, recovery, header: headerForNodes(opened), name, nowSec: Math.floor(Date.now() / 1000), entropy: systemEntropy,
  })
  await writePeers(store, page, vaultId, [...await readPeers(store, page, vaultId), known], systemEntropy)
  const peer = openPeer(known, { vaultId, tls })
  await uploadBlobs(store, peer)
  await uploadChain(store, peer, identity.member.deviceId)
  await peer.close()
  page.wipe()
}

/** All chains that this device may write: its own. Entries that are there already are skipped by the node. */
export async function uploadChain(store: string, peer: PeerPort, deviceId: DeviceId): Promise<void> {
  const name = readdirSync(join(store, 'manifest')).find((each) => each === `${Buffer.from(deviceId).toString('hex')}.chain`)
  if (name !== undefined) await peer.appendEntries(deviceId, new Uint8Array(readFileSync(join(store, 'manifest', name))))
}

export async function uploadBlobs(store: string, peer: PeerPort): Promise<void> {
  const inventory = new CacheInventory(join(store, 'cache'))
  const { newest } = inventory.totals()
  for (let after = 0, rows = inventory.batch(after, newest, 100); rows.length > 0; rows = inventory.batch(after, newest, 100)) {
    const blobs: PeerBlob[] = rows.map(({ blobId, location }) => {
      const sealed = new Uint8Array(location.length)
      inventory.reader.read(blobId, location, 0, sealed)
      return { blobId, sealed: sealed as Uint8Array as Sealed }
    })
    await peer.put(blobs)
    after = rows.at(-1)?.position ?? Infinity
  }
  inventory.close()
}
