// The part of the vault service that mounts: the header's slots, this device's identity, then store and page go to
// mount/mount.ts. Loaded by the daemon only.

import { availableParallelism } from 'node:os'
import { memoryLimits } from '../lib/terms/memory.js'
import { HeadMark } from '../lib/vault-head-mark.js'
import { SpareThreads } from '../lib/workers/spare-threads.js'
import type { Inheritance } from '../mount/handover.js'
import { mountVault } from '../mount/mount.js'
import { LoopDelay } from '../native-deps/loop-delay.js'
import { unencryptedSwap } from '../native-deps/secure.js'
import { openKeys } from './open-keys.js'
import { systemClock, systemEntropy } from './system-sources.js'
import { PastService } from './past-service.js'
import { PeerService } from './peer-service.js'
import { verifyOver } from './verify-service.js'
import type { MountedVault, MountRequest } from './vault-service.js'

/**
 * Seconds for which the kernel may answer by itself: it is told of what changes beside it, or (portably) asks again. There
 * every name has an inode of its own, so that of attributes nothing may be kept: a link(2) changes those of other names.
 */
const kernelSeconds = { kernel: { entry: 24 * 3600, attributes: 24 * 3600 }, 'fuse-native': { entry: 1, attributes: 0 } } as const
const claimTriesOfHeirs = 40
const claimPollMs = 50
const salvageWarning = 'The header was changed by somebody without the keys, so the vault is read-only: restore the file header from a copy.'

function succeededWarning({ connection }: Inheritance, sec: number): string {
  const moment = new Date(sec * 1000).toISOString()
  return connection !== undefined ? `The daemon died and another went on with the mount at ${moment}; nothing was lost. Its log says more.`
    : `The daemon died and another mounted anew at ${moment}: who had something open met an error then; what was written is there. Its log says more.`
}

export async function mountService(request: MountRequest): Promise<MountedVault> {
  // While the key is derived.
  const spare = new SpareThreads(['keeper', 'reader'])
  try {
    return await mountWith(request, spare)
  } finally {
    await spare.close()
  }
}

async function mountWith(request: MountRequest, spare: SpareThreads): Promise<MountedVault> {
  const { store, name, mountPoint, driver, allowOther, writeback, showVersions, spinMicroseconds, logger, succession, inheritance } = request
  const { opened, identity } = await openKeys(request)
  const { page, header, trusted } = opened
  if (!trusted) logger.log('warn', salvageWarning)
  const headMark = new HeadMark({ folder: request.headsFolder, vaultId: header.vaultId, deviceId: identity.member.deviceId, logger })
  const other = request.readOnly || !trusted ? undefined : await claimed(headMark, store, inheritance !== undefined)
  const readOnly = request.readOnly || !trusted || other !== undefined
  const mounted = await mountVault({
    headMark, acceptOlder: request.acceptOlder, spare,
    store, page, header, identity, readOnly, retention: request.retention, driver, showVersions, logger,
    bulkThreads: availableParallelism(), memory: memoryLimits(request.memoryMib),
    owner: rootOwner(request), ...(request.owners === undefined ? {} : { owners: request.owners }),
    clock: systemClock, entropy: systemEntropy,
    sync: { entry: new URL('./sync-thread.js', import.meta.url), limits: request.syncLimits },
    // An heir opens the vault with this key only; a vault that was salvaged it could not.
    ...(succession !== undefined && trusted ? { succession: succession(page.key('master')) } : {}),
    ...(inheritance === undefined ? {} : { inheritance }),
    options: {
      mountPoint, source: `vaultfs:${name}`, allowOther, readOnly, spinMicroseconds, writeback,
      entrySeconds: kernelSeconds[driver].entry, attributeSeconds: kernelSeconds[driver].attributes,
    },
  })
  const peers = new PeerService({
    store, opened, identity, readOnly, onPeersChanged: () => {
      logger.log('info', 'the list of nodes was changed')
      mounted.peersChanged()
    },
  })
  const delay = new LoopDelay()
  void mounted.closed.then(() => {
    peers.close()
    delay.end()
  })
  const older = [...(mounted.lack === undefined ? [] : [olderWarning(mounted.lack)]), ...(other === undefined ? [] : [copyWarning(other)])]
  for (const warning of older) logger.log('warn', warning)
  const salvage = [...(trusted ? [] : [salvageWarning]), ...older]
  const ofMachine = [...salvage, ...swapWarnings(), ...(inheritance === undefined ? [] : [succeededWarning(inheritance, systemClock.now().sec)])]
  return {
    closed: mounted.closed,
    past: new PastService({ mounted, member: identity.member }),
    peers,
    verify: verifyOver(mounted),
    limitations: [...mounted.limitations, ...salvage],
    status: () => {
      const { warnings, ...report } = mounted.report()
      const { state, pids } = mounted
      return Promise.resolve({ ...report, name, store, mountPoint, driver, pid: process.pid, pids, state, delay: delay.report(), memory: memoryReport(), warnings: [...warnings, ...ofMachine] })
    },
    sync: (onProgress, wish) => mounted.sync(onProgress, wish),
    trust: (name) => mounted.trust(name),
    unmount: (options, onProgress) => mounted.unmount(options, onProgress),
  }
}

function memoryReport(): { readonly resident: number; readonly peak: number } {
  return { resident: process.memoryUsage.rss(), peak: process.resourceUsage().maxRSS * 1024 }
}

/** Of a daemon that died the system may be closing the files still. */
async function claimed(mark: HeadMark, store: string, isHeir: boolean): Promise<string | undefined> {
  for (let left = isHeir ? claimTriesOfHeirs : 0; ; left--) {
    const other = mark.claim(store)
    if (other === undefined || left === 0) return other
    await new Promise((resolve) => setTimeout(resolve, claimPollMs))
  }
}

function copyWarning(other: string): string {
  return `The store is a copy: the vault is mounted from ${other} by the same device, so it is read-only here. Two that go on by themselves could never be put together again: unmount the other one first, and go on with one of them only.`
}

function olderWarning(lack: string): string {
  return `The store is older than it was (${lack}), so the vault is read-only: it was put back from a copy, or somebody rolled it back. When that was you, unmount, and mount it with --accept-older-store.`
}

/** The topmost folder of a new vault belongs to whoever mounts it. */
function rootOwner({ owners }: MountRequest): { uid: number; gid: number } {
  const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const maker = owners?.maker(me)
  return maker === undefined || typeof maker === 'number' ? me : maker
}

function swapWarnings(): readonly string[] {
  const areas = unencryptedSwap()
  return areas.length === 0 ? [] : [`Swap on ${areas.join(', ')} is not encrypted, and what you work on may be written there: encrypt it, or turn it off.`]
}
