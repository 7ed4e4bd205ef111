// The part of the vault service that answers about the past: what lib finds, as the reports that travel over the control
// socket. Loaded by the daemon only.

import type {
  DifferenceReport, ForgetOrder, ForgetReport, FoundReport, MomentReport, OnItems, PastPort, PolicyReport, RestoreOrder, RestoreReport, RestoreStep,
  RetainedReport, VersionReport, When,
} from '../lib/control/past-port.js'
import type { OnProgress } from '../lib/control/progress.js'
import type { HistoryPort, PublishedMoment } from '../lib/store/history-port.js'
import type { RetentionPolicy } from '../lib/terms/retention.js'
import { equalBytes, hex } from '../lib/terms/bytes.js'
import type { Member } from '../lib/format/member-record.js'
import { VaultError } from '../lib/terms/errors.js'
import { limits } from '../lib/terms/limits.js'
import { snapshotNameFault } from '../lib/terms/moment-name.js'
import { isDirectory, isFile, rootIno } from '../lib/tree/entry.js'
import { forget, takeSnapshot } from '../lib/vault-history.js'
import { decodePast, entryAt, namesOf, pathText, publishedMoment, type PathNames } from '../lib/vault-past.js'
import { restore } from '../lib/vault-restore.js'
import { kindOf } from '../lib/vault-restore-comparison.js'
import { shown } from '../lib/vault-restore-changes.js'
import { versionsOfPath } from '../lib/vault-versions.js'
import type { Vault } from '../lib/vault.js'
import type { MountedVault } from '../mount/mount.js'

interface PastParts {
  readonly mounted: Pick<MountedVault, 'vault' | 'restoreHooks' | 'settled' | 'watched'>
  /** This device. */
  readonly member: Member
}

export class PastService implements PastPort {
  readonly #parts: PastParts
  /** One at a time: two would take each other's changes for somebody's. */
  #restoring = false

  constructor(parts: PastParts) {
    this.#parts = parts
  }

  async snapshot(name: string | undefined, onProgress: OnProgress): Promise<{ readonly name: string; readonly moment: MomentReport }> {
    const fault = name === undefined ? undefined : nameFault(name)
    if (fault !== undefined) throw new VaultError('name-invalid', `'${name ?? ''}' can't be the name of a snapshot: it ${fault}`, { next: 'choose another name' })
    const { mounted } = this.#parts
    const taken = await mounted.watched('publishing', onProgress, () => takeSnapshot(mounted.vault, name))
    await mounted.settled()
    return { name: taken.name, moment: this.#moment(taken.moment) }
  }

  async retained(onItems: OnItems<RetainedReport>): Promise<{ readonly policy: PolicyReport }> {
    const { retention: policy } = this.#vault.parts
    const moments = await this.#history.retained(policy)
    await inBatches(moments, onItems, (each) => ({ ...this.#moment(each), reasons: each.reasons, names: each.names }))
    return { policy: policyReport(policy) }
  }

  async versions(path: string, onItems: OnItems<VersionReport>): Promise<void> {
    const versions = await versionsOfPath(this.#vault, this.#history, path)
    await inBatches(versions, onItems, ({ from, path: then, changes, entry }) => {
      const past = decodePast(entry)
      return { from: this.#moment(from), path: then ?? null, kind: kindOf(past), size: isFile(past) ? past.size : 0, changes }
    })
  }

  async differences(order: { readonly from: When; readonly to: When; readonly path: string }, onItems: OnItems<DifferenceReport>): Promise<{ readonly from: MomentReport; readonly to: MomentReport }> {
    const vault = this.#vault
    const from = await publishedMoment(vault, this.#history, order.from)
    const to = await publishedMoment(vault, this.#history, order.to)
    const { directory, isMeant } = await this.#scope([to, from], namesOf(order.path))
    // A slow reader holds back the sending, not the thread that finds.
    let sending: Promise<void> = Promise.resolve()
    await this.#history.differences(from.position, to.position, directory, (batch) => {
      const reports = batch.map(({ kind, path, from: before }) => ({ kind, path, from: before ?? null })).filter(isMeant)
      sending = sending.then(() => onItems(reports))
    })
    await sending
    return { from: this.#moment(from), to: this.#moment(to) }
  }

  /** The folder that differences are looked for in, and which of them count: of a file, its own. */
  async #scope(moments: readonly PublishedMoment[], names: PathNames): Promise<{ readonly directory: number; readonly isMeant: (each: DifferenceReport) => boolean }> {
    const vault = this.#vault
    for (const moment of moments) {
      const found = await entryAt(vault, this.#history, moment, names)
      if (found === undefined) continue
      if (isDirectory(decodePast(found.entry))) return { directory: found.entry.ino, isMeant: () => true }
      const path = pathText(found.names)
      return { directory: rootIno, isMeant: (each) => each.path === path || each.from === path }
    }
    const path = shown(pathText(names))
    throw new VaultError('not-found', `${path} was there at neither of the two`, { subject: path, next: "'vaultfs find-version' looks for a name at all times" })
  }

  async find({ pattern, limit }: { readonly pattern: string; readonly limit: number }, onItems: OnItems<FoundReport>): Promise<void> {
    const found = await this.#history.findNames(pattern, limit)
    await inBatches(found, onItems, ({ path, first, last, live }) => ({ path, first: this.#moment(first), last: this.#moment(last), live }))
  }

  async restore(order: RestoreOrder, onItems: OnItems<RestoreStep>): Promise<RestoreReport> {
    if (this.#restoring) throw new VaultError('busy', 'something is being restored already', { next: 'wait until it is done' })
    const vault = this.#vault
    const hooks = this.#parts.mounted.restoreHooks()
    this.#restoring = true
    try {
      const outcome = await restore(vault, this.#history, order, { ...hooks, steps: onItems })
      return { ...outcome, moment: this.#moment(outcome.moment) }
    } finally {
      await this.#parts.mounted.settled()
      this.#restoring = false
    }
  }

  async forget({ policy: wished, offsetMin, drop, dryRun }: ForgetOrder): Promise<ForgetReport> {
    const vault = this.#vault
    const policy = { ...vault.parts.retention, ...wished, offsetMin }
    for (const name of drop) {
      if ((await this.#history.snapshot(name)) !== undefined) continue
      throw new VaultError('not-found', `no snapshot is called ${name}; nothing was let go of`, { subject: name, next: "'vaultfs snapshots' lists them" })
    }
    if (!dryRun) {
      const { moments, versions } = await forget(vault, policy, drop)
      await this.#parts.mounted.settled()
      return { moments, versions, kept: (await this.#history.retained(policy)).length, policy: policyReport(policy) }
    }
    const { moments, versions } = await this.#history.prunable(policy, vault.now().sec)
    const retained = await this.#history.retained(policy)
    const freed = retained.filter(({ reasons, names }) => reasons.every((reason) => reason === 'named') && names.every((name) => drop.includes(name))).length
    return { moments: moments + freed, versions, kept: retained.length - freed, policy: policyReport(policy) }
  }

  get #vault(): Vault {
    return this.#parts.mounted.vault
  }

  get #history(): HistoryPort {
    return this.#vault.parts.history
  }

  #moment({ position, sec, nsec, device, sequence }: PublishedMoment): MomentReport {
    const { member } = this.#parts
    return { position, sec, nsec, device: hex(device), deviceName: equalBytes(device, member.deviceId) ? member.name : null, sequence }
  }
}

function nameFault(name: string): string | undefined {
  return name.includes('@') ? 'holds an @, which stands between a path and a moment' : snapshotNameFault(name)
}

function policyReport({ withinSec, hourly, daily, weekly, monthly }: RetentionPolicy): PolicyReport {
  return { withinSec, hourly, daily, weekly, monthly }
}

async function inBatches<Found, Item>(found: readonly Found[], onItems: OnItems<Item>, report: (each: Found) => Item): Promise<void> {
  for (let at = 0; at < found.length; at += limits.listBatch) await onItems(found.slice(at, at + limits.listBatch).map(report))
}
