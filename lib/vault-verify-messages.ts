// What the main thread and the verifying thread say to each other.
import type { PostedError } from './terms/posted-error.js'
import type { VerifyFinding, VerifyProgress, VerifySummary } from './vault-verify-report.js'

/** The refolded past's database in the store, for as long as it is verified. */
export const refoldName = 'verify.db'

export interface VerifySetup {
  readonly store: string
  readonly vaultId: Uint8Array
  readonly ownerPublicKey: Uint8Array
  readonly deviceId: Uint8Array
  readonly keyPage: SharedArrayBuffer
  /** Its first number is 1 when the work is to be broken off. */
  readonly stop: SharedArrayBuffer
  /** It may take what processor time there is. */
  readonly isAlone: boolean
  /** See VerifyHooks. */
  readonly isFresh: boolean
}

/** What the thread can say. */
export type ThreadSummary = Omit<VerifySummary, 'loggedBytes'>

export interface NamePlace {
  readonly parent: number
  readonly name: string
}

/** Rows of the catalog that differ from the manifest: perhaps only because they are newer. */
export interface Candidates {
  readonly inos: readonly number[]
  readonly names: readonly NamePlace[]
}

/** True: what the catalog says of it may be newer than the manifest. `sequence`: of our chain's durable end at the same instant. */
export interface Settled {
  readonly sequence: number
  readonly inos: readonly boolean[]
  readonly names: readonly boolean[]
}

export type VerifyRequest =
  | { readonly kind: 'progress'; readonly progress: VerifyProgress }
  | { readonly kind: 'found'; readonly id: number; readonly finding: VerifyFinding }
  | { readonly kind: 'settle'; readonly id: number; readonly candidates: Candidates }
  /** Encoded references to blobs that can't be read. */
  | { readonly kind: 'damaged'; readonly references: readonly Uint8Array[] }
  | { readonly kind: 'done'; readonly summary: ThreadSummary }
  | { readonly kind: 'failed'; readonly error: PostedError }

/** To 'found' and 'settle'. */
export type VerifyReply =
  | { readonly id: number; readonly settled: Settled | undefined }
  | { readonly id: number; readonly error: PostedError }
