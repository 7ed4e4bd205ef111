// How far the chains of other devices go that lie in a store's folder `manifest`: what an entry of ours has to say that it
// follows (FORMAT §7.2). Read when a store is opened; cheap, since each chain has a mark.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../../native-deps/sodium.js'
import type { Dependency } from '../format/entry-body.js'
import { ChainFollower } from '../manifest/chain-follower.js'
import { readMark } from '../manifest/chain-mark.js'
import { openEntryBody } from '../manifest/entry-author.js'
import { concatBytes, equalBytes, hex, type DeviceId } from '../terms/bytes.js'
import { VaultError, fromErrno } from '../terms/errors.js'
import { chainMember, manifestDamage, type ManifestFolder } from './chain-source.js'

/** The newest entry of a chain that can be folded. */
export interface ChainReach extends Dependency {
  readonly lamport: number
  readonly deps: readonly Dependency[]
}

export interface OtherChains {
  /** Of each other device that has an entry which can be folded. */
  readonly heads: readonly ChainReach[]
  /** Another number when one of these is another one; 0: there are none. */
  readonly digest: number
}

/** `own`: our newest entry, if there is one. Throws 'chain-broken', also when another device has seen entries of ours that are gone. */
export async function readOtherChains(folder: ManifestFolder, own: { readonly deviceId: DeviceId; readonly sequence: number }): Promise<OtherChains> {
  const heads = new Map<string, ChainReach>()
  for (const name of readdirSync(folder.directory).sort()) {
    if (!name.endsWith('.chain') || name === `${hex(own.deviceId)}.chain`) continue
    const head = await newestOf(name, folder)
    if (head !== undefined) heads.set(hex(head.deviceId), head)
  }
  const isHere = ({ deviceId, sequence }: Dependency): boolean => {
    if (!equalBytes(deviceId, own.deviceId)) return (heads.get(hex(deviceId))?.sequence ?? 0) >= sequence
    if (sequence > own.sequence) throw lost(deviceId, `it ends with entry ${own.sequence}, and another device has seen entry ${sequence}`)
    return true
  }
  // What was seen grows along a chain: when the newest can be folded, all before it can.
  for (let isSettled = false; !isSettled;) {
    isSettled = true
    for (const [device, head] of heads) {
      if (head.deps.every(isHere)) continue
      isSettled = false
      const before = foldableOf(device, folder, isHere)
      if (before === undefined) heads.delete(device)
      else heads.set(device, before)
    }
  }
  return { heads: [...heads.values()], digest: digestOf([...heads.values()]) }
}

/** As the mark has it, and what follows that, as folding reads it. */
async function newestOf(name: string, folder: ManifestFolder): Promise<ChainReach | undefined> {
  const bytes = markBytes(folder, name)
  const mark = await readMark({ read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)) })
  return withChain(name, folder, (chain) => {
    const { follower, deviceId } = chain
    if (mark !== undefined && !follower.skipTo(mark)) throw lost(deviceId, `its entry ${mark.sequence} is not what was written`)
    for (let more = true; more;) more = follower.next() !== undefined
    return reachOf(chain, folder)
  })
}

/** The newest entry of which all that it follows is here; undefined: not even the first one. */
function foldableOf(device: string, folder: ManifestFolder, isHere: (dependency: Dependency) => boolean): ChainReach | undefined {
  return withChain(`${device}.chain`, folder, (chain) => {
    let newest: ChainReach | undefined
    while (chain.follower.next() !== undefined) {
      const reach = reachOf(chain, folder)
      if (reach?.deps.every(isHere) !== true) break
      newest = reach
    }
    return newest
  })
}

interface OpenedChain {
  readonly deviceId: DeviceId
  readonly follower: ChainFollower
}

/** Undefined: it has no entry yet. */
function withChain<Result>(name: string, folder: ManifestFolder, work: (chain: OpenedChain) => Result): Result | undefined {
  const member = chainMember(name, folder)
  if (member === undefined) return undefined
  const follower = new ChainFollower(join(folder.directory, name), member)
  try {
    return work({ deviceId: member.deviceId, follower })
  } finally {
    follower.close()
  }
}

function reachOf({ deviceId, follower }: OpenedChain, { page }: ManifestFolder): ChainReach | undefined {
  const entry = follower.newest()
  if (entry === undefined) return undefined
  const { sequence, hash } = follower
  const { lamport, deps } = manifestDamage(`manifest entry ${sequence} of device ${hex(deviceId)}`, () => openEntryBody(entry, page))
  return { deviceId, sequence, hash, lamport, deps }
}

function markBytes({ directory }: ManifestFolder, name: string): Uint8Array {
  const path = join(directory, name.replace(/\.chain$/, '.mark'))
  try {
    return new Uint8Array(readFileSync(path))
  } catch (error) {
    const failure = fromErrno(error, path)
    // Then it is read from its beginning.
    if (failure.code === 'not-found') return new Uint8Array(0)
    throw failure
  }
}

function digestOf(heads: readonly ChainReach[]): number {
  if (heads.length === 0) return 0
  const sorted = [...heads].sort((one, other) => Buffer.compare(one.deviceId, other.deviceId))
  const digest = sha256(concatBytes(...sorted.flatMap(({ deviceId, hash }) => [deviceId, hash])))
  return 1 + Buffer.from(digest).readUIntBE(0, 6)
}

function lost(deviceId: DeviceId, what: string): VaultError {
  const subject = `manifest/${hex(deviceId)}.chain`
  return new VaultError('chain-broken', `${subject}: ${what}`, {
    subject, next: "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can be read.",
  })
}
