// What each part of verifying is handed: where things are, and how to say what was found. A part calls `step` often: the
// work can be broken off there, and how far it is gets said.
import type { KeyPage } from './crypto/key-page.js'
import { VaultError } from './terms/errors.js'
import type { Candidates, Settled, VerifySetup } from './vault-verify-messages.js'
import type { VerifyFinding, VerifyProgress } from './vault-verify-report.js'

export interface VerifyContext {
  readonly setup: VerifySetup
  readonly page: KeyPage
  /** Resolves when it was taken: whoever listens may be slow. */
  found(finding: VerifyFinding): Promise<void>
  /** Encoded references to blobs that can't be read: for who repairs. */
  damaged(references: readonly Uint8Array[]): void
  settle(candidates: Candidates): Promise<Settled>
  /** Rejects 'cancelled' when the work is to be broken off. */
  step(phase: VerifyProgress['phase'], done: number, total: number): Promise<void>
}

export const rebuildNext = "Unmount, then run 'vaultfs rebuild': it is made anew."
export const manifestNext = "Restore the folder \"manifest\" of the store from a copy; without one, 'vaultfs salvage' saves what can still be read."

/** What is wrong, when the error is one of damage; others are failures of the work itself and thrown again. */
export function damageOf(error: unknown): string {
  if (error instanceof VaultError && (error.code === 'corrupt' || error.code === 'chain-broken' || error.code === 'io')) return error.message
  throw error
}

/** The same of a blob that something names: what it names is of a version that we know, so another one is damage. */
export function blobDamageOf(error: unknown): string {
  return error instanceof VaultError && error.code === 'format-unknown' ? error.message : damageOf(error)
}

export function finding(parts: Pick<VerifyFinding, 'kind' | 'subject' | 'message' | 'next'> & Partial<VerifyFinding>): VerifyFinding {
  return { path: null, versions: [], moreVersions: 0, ...parts }
}

export function pathOrEntry(path: string | null | undefined, ino: number): Pick<VerifyFinding, 'subject' | 'path'> {
  if (path === undefined || path === null) return { subject: `entry ${ino}`, path: null }
  return { subject: Buffer.from(path, 'latin1').toString('utf8'), path }
}
