// The chains of other devices in a store, as its nodes are given them. Read once: they do not change while it is mounted.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chainMembership, type ManifestFolder } from './history/chain-source.js'
import { ChainFollower } from './manifest/chain-follower.js'
import { readMark, type Acknowledged } from './manifest/chain-mark.js'
import type { OtherChain } from './sync/peer-work.js'
import { hex, type DeviceId } from './terms/bytes.js'
import { fromErrno } from './terms/errors.js'

/** Rejects 'chain-broken' for one that is damaged. */
export async function otherChainsOf(folder: ManifestFolder, ownDevice: DeviceId): Promise<readonly OtherChain[]> {
  const chains: OtherChain[] = []
  for (const name of readdirSync(folder.directory).sort()) {
    if (!name.endsWith('.chain') || name === `${hex(ownDevice)}.chain`) continue
    const found = chainMembership(name, folder)
    if (found === undefined) continue
    const { member, record } = found
    const path = join(folder.directory, name)
    chains.push({ deviceId: member.deviceId, member: record, newest: await markOf(path.replace(/chain$/, 'mark')), open: () => new ChainFollower(path, member) })
  }
  return chains
}

async function markOf(path: string): Promise<Acknowledged | undefined> {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    const known = fromErrno(error, path)
    if (known.code === 'not-found') return undefined
    throw known
  }
  return await readMark({ read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)) })
}
