// What a syncer does, in short: all that a store has, which nobody has open, goes to the nodes that it knows.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { headerForNodes } from '../../lib/crypto/header-for-nodes.js'
import { readPeers } from '../../lib/crypto/peers-file.js'
import { encodeHeader, encodeHeaderBody, macBytes } from '../../lib/format/vault-header.js'
import { openPeer } from '../../lib/peer/open-peer.js'
import type { PeerBlob, PeerPort } from '../../lib/store/peer-port.js'
import type { DeviceId, Sealed } from '../../lib/terms/bytes.js'
import { silent } from '../../lib/terms/log.js'
import { CacheInventory } from '../../lib/cache/inventory.js'
import { tlsIdentity } from '../../lib/wire/certificate.js'
import { openKeys } from '../../bin/open-keys.js'
import type { Unlock } from '../../bin/secrets.js'

interface UploadChoice {
  /** With the device's key, but none of the vault's: of the highest generation, as who broke in would put it. */
  readonly junkHeader?: boolean
}

export async function uploadStore(store: string, unlock: Unlock, { junkHeader = false }: UploadChoice = {}): Promise<void> {
  const { opened, identity } = await openKeys({ store, unlock, logger: silent, readOnly: true })
  const { page, header: { vaultId } } = opened
  const tls = await tlsIdentity(page.key('device-tls'))
  for (const known of await readPeers(store, page, vaultId)) {
    const peer = openPeer(known, { vaultId, tls })
    await uploadBlobs(store, peer)
    await uploadChain(store, peer, identity.member.deviceId)
    await peer.putHeader(headerForNodes(opened))
    if (junkHeader) await peer.putHeader(encodeHeader(encodeHeaderBody({ ...opened.header, generation: Number.MAX_SAFE_INTEGER }), new Uint8Array(macBytes)))
    await peer.close()
  }
  page.wipe()
}

/** Its own, which is all that it may write. Entries that are there already are skipped by the node. */
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
