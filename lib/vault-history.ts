// What a vault does with its past: names a state, and lets go of what nobody keeps.
import type { SnapshotName } from './store/history-port.js'
import type { RetentionPolicy } from './terms/retention.js'
import { VaultError, invariant } from './terms/errors.js'
import { exactName } from './terms/moment-name.js'
import type { Vault } from './vault.js'

/**
 * Publishes everything, then gives the state a name, by which it is kept until it is dropped; without one it is called
 * by its moment. Throws 'exists' for a name that another state has. Durable when it resolves.
 */
export async function takeSnapshot(vault: Vault, name: string | undefined): Promise<SnapshotName> {
  const { history, manifest, clock } = vault.parts
  refuseReadOnly(vault)
  if (name !== undefined && (await history.snapshot(name)) !== undefined) throw taken(name)
  await vault.publishAll()
  const { sec, nsec } = clock.now()
  const called = name ?? await freeMomentName(vault, sec)
  await manifest.append([{ kind: 'snapshot', name: Buffer.from(called, 'utf8'), sec, nsec }])
  const snapshot = await history.snapshot(called)
  invariant(snapshot !== undefined, 'a snapshot that was told is known')
  return snapshot
}

/** Two in one second mean the same state, or nearly: the later one has the name of its own second. */
async function freeMomentName(vault: Vault, sec: number): Promise<string> {
  for (let at = sec; ; at++) {
    const name = exactName(at)
    if ((await vault.parts.history.snapshot(name)) === undefined) return name
  }
}

export interface Forgotten {
  readonly moments: number
  /** Versions of entries and names. */
  readonly versions: number
}

/** Retention now. Throws 'not-found' for a name to drop that no snapshot has; nothing is let go of then. */
export async function forget(vault: Vault, policy: RetentionPolicy, dropNames: readonly string[]): Promise<Forgotten> {
  const { history, manifest, clock } = vault.parts
  refuseReadOnly(vault)
  for (const name of dropNames) {
    if ((await history.snapshot(name)) !== undefined) continue
    throw new VaultError('not-found', `There is no snapshot '${name}'`, { subject: name, next: "See 'vaultfs snapshots'." })
  }
  const nowSec = clock.now().sec
  if (dropNames.length === 0 && (await history.prunable(policy, nowSec)).moments === 0) return { moments: 0, versions: 0 }
  const before = await history.status()
  await manifest.append([{ kind: 'forget', nowSec, policy, drop: dropNames.map((name) => Buffer.from(name, 'utf8')) }])
  const after = await history.status()
  vault.onForgotten()
  // The entry that says so is a moment, too.
  return { moments: before.moments + 1 - after.moments, versions: before.pastRows - after.pastRows }
}

function taken(name: string): VaultError {
  return new VaultError('exists', `There is a snapshot '${name}' already`, { subject: name, next: "Choose another name, or drop that one with 'vaultfs forget --drop'." })
}

function refuseReadOnly({ refusal }: Vault): void {
  if (refusal !== undefined) throw refusal
}
