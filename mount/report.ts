// What a mounted vault says of itself. The fields are the contract of `status --json`, described in bin/CLI.md.
import type { VaultHeader } from '../lib/format/vault-header.js'
import type { PeerStatus } from '../lib/store/sync-port.js'
import { hex } from '../lib/terms/bytes.js'
import type { VaultSync } from '../lib/vault-sync.js'
import type { Vault } from '../lib/vault.js'
import type { RequestCounts } from '../native-deps/fuse/handler.js'
import { standingOf } from './sending.js'

/** Bytes since the mount, and how many went to the disk for one of a program's. */
export interface Amplification {
  readonly writtenByUser: number
  readonly published: number
  readonly logged: number
  readonly stored: number
  readonly manifest: number
  readonly disk: number
  readonly ratio: number
  readonly publishedRatio: number
  readonly diskRatio: number
}

export interface VaultReport {
  readonly vault: string
  readonly readOnly: boolean
  readonly recovery: 'confirmed' | 'later'
  readonly dirty: { readonly files: number; readonly bytes: number }
  readonly unpublished: { readonly entries: number; readonly bytes: number }
  readonly onlyHere: { readonly blobs: number; readonly bytes: number }
  readonly log: { readonly bytes: number; readonly segments: number }
  readonly cache: { readonly blobs: number; readonly bytes: number }
  readonly peers: readonly PeerStatus[]
  readonly damagedHere: number
  readonly amplification: Amplification
  readonly requests: RequestCounts
  readonly damaged: DamagedReport
  readonly warnings: readonly string[]
}

/** What programs asked for since the mount and could not be read. */
export interface DamagedReport {
  readonly entries: number
  /** Some of them. `path`: as text; null when it is not known. */
  readonly found: readonly { readonly path: string | null; readonly reason: string }[]
}

export interface ReportParts {
  readonly header: VaultHeader
  readonly keysLocked: boolean
  readonly requests: RequestCounts
  /** Absent: this vault is not sent anywhere. */
  readonly sync: VaultSync | undefined
}

export function reportOf(vault: Vault, { header, keysLocked, requests, sync }: ReportParts): VaultReport {
  const { contents, unpublished, log, pool, readOnly } = vault.parts
  const { blobs, blobBytes } = pool.statistics()
  const recovery = header.recovery.state === 'confirmed' ? 'confirmed' : 'later'
  return {
    vault: hex(header.vaultId), readOnly, recovery,
    dirty: { files: contents.dirtyFiles, bytes: contents.dirtyBytes },
    unpublished: { entries: unpublished.entries.size, bytes: contents.unpublishedBytes },
    ...standingOf(vault, sync),
    log: { bytes: log.sizeBytes, segments: log.segments },
    cache: { blobs, bytes: blobBytes },
    amplification: amplificationOf(vault), requests, damaged: damagedOf(vault),
    warnings: [...warningsOf(vault, recovery, keysLocked), ...syncWarnings(sync)],
  }
}

function damagedOf({ damageMet: { found: { count, entries } } }: Vault): DamagedReport {
  const text = (path: string | null): string | null => (path === null ? null : path === '' ? '/' : Buffer.from(path, 'latin1').toString('utf8'))
  return { entries: count, found: entries.map(({ path, reason }) => ({ path: text(path), reason })) }
}

function syncWarnings(sync: VaultSync | undefined): string[] {
  if (sync === undefined) return []
  const { peers, damagedHere } = sync.report()
  const warnings = sync.trouble === undefined ? [] : [`Nothing is sent to nodes: ${sync.trouble.message}. ${sync.trouble.next ?? ''}`]
  for (const { name, state, error, lost } of peers) {
    if (state === 'distrusted') warnings.push(`Node ${name} is not trusted, and counts for nothing: ${error ?? ''}. When you know why, vaultfs sync --trust ${name} begins anew with it.`)
    if (lost > 0) warnings.push(`Node ${name} has lost ${lost} blobs that it had acknowledged; what is here was, or will be, sent again.`)
  }
  if (damagedHere > 0) warnings.push(`${damagedHere} blobs are damaged here, and no node that lacks them can be sent them: vaultfs verify names what needs them.`)
  return warnings
}

/** The kernel's unit for what a process writes. */
const blockBytes = 512

export function amplificationOf(vault: Vault): Amplification {
  const { log, pool, publisher } = vault.parts
  const { writtenBytes: writtenByUser } = vault
  const { publishedBytes: published, manifestBytes: manifest } = publisher
  const { appendedBytes: logged } = log
  const { storedBytes: stored } = pool.statistics()
  const disk = process.resourceUsage().fsWrite * blockBytes
  return {
    writtenByUser, published, logged, stored, manifest, disk,
    ratio: ratioOf(logged + stored, writtenByUser), publishedRatio: ratioOf(stored + manifest, published), diskRatio: ratioOf(disk, writtenByUser),
  }
}

function ratioOf(bytes: number, of: number): number {
  return of === 0 ? 0 : Math.round((bytes / of) * 1000) / 1000
}

function warningsOf(vault: Vault, recovery: 'confirmed' | 'later', keysLocked: boolean): string[] {
  const warnings: string[] = []
  const { refusal, failsafe } = vault
  if (vault.isDown) warnings.push('The vault was shut down: unmount it and mount it again.')
  else if (failsafe !== undefined) warnings.push(`An invariant broke and the vault is read-only: ${failsafe.message}. Unmount, keep a copy of the store, and report it.`)
  else if (vault.away !== undefined) warnings.push(`Changes are refused: ${vault.away.message}. ${vault.away.next ?? ''}`)
  else if (refusal !== undefined && refusal.code !== 'read-only') warnings.push(`Changes are refused: ${refusal.message}. Make room on the disk of the store.`)
  else if (vault.short !== undefined) warnings.push(`Nothing more can be stored: ${vault.short.message}. ${vault.short.next ?? ''}`)
  const { count } = vault.damageMet.found
  if (count > 0) warnings.push(`${count === 1 ? 'A file or folder' : `${count} files or folders`} that programs asked for can not be read: vaultfs verify names all that is damaged, and what to do.`)
  if (recovery === 'later') warnings.push('The recovery kit is not confirmed: run vaultfs recovery show, write it down, then vaultfs recovery check.')
  if (!keysLocked) warnings.push('The keys could not be locked in memory and may be swapped out: raise the limit of locked memory (ulimit -l).')
  return warnings
}
