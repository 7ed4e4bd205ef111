// What a running vault answers to `status`, `sync` and `unmount`, and soon to a web page; what it answers about its past
// is in past-port.ts. Implemented by whoever holds the mounted vault; the shapes are the contract for scripts and are
// described field by field in bin/CLI.md.

import type { DelayReport } from '../../native-deps/loop-delay.js'
import type { PeerStatus } from '../store/sync-port.js'
import type { PastPort } from './past-port.js'
import type { PeersPort } from './peer-port.js'
import type { OnProgress } from './progress.js'
import type { Verify } from './verify-port.js'

export interface StatusReport {
  /** 64 hexadecimal digits. */
  readonly vault: string
  readonly name: string
  readonly store: string
  readonly mountPoint: string
  readonly driver: 'kernel' | 'fuse-native'
  /** The daemon, and every process of this vault: the daemon first. */
  readonly pid: number
  readonly pids: readonly number[]
  /** 'failsafe': an invariant broke; reads only, nothing is published. */
  readonly state: 'mounted' | 'unmounting' | 'failsafe'
  readonly readOnly: boolean
  readonly recovery: 'confirmed' | 'later'
  /** In memory, not yet in the log. */
  readonly dirty: { readonly files: number; readonly bytes: number }
  /** In the log, not yet published. */
  readonly unpublished: { readonly entries: number; readonly bytes: number }
  /** In the cache, and on no node, as far as is known. */
  readonly onlyHere: { readonly blobs: number; readonly bytes: number }
  readonly log: { readonly bytes: number; readonly segments: number }
  readonly cache: { readonly blobs: number; readonly bytes: number }
  readonly peers: readonly PeerStatus[]
  /** Blobs that are not whole here, and that could not be sent. */
  readonly damagedHere: number
  /** Bytes since the mount, and ratios of them: bin/CLI.md says what each is. */
  readonly amplification: {
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
  /** What became of the kernel's requests since the mount; the oldest is that of those that wait, its opcode FUSE's. */
  readonly requests: {
    readonly answered: number
    readonly waiting: number
    readonly oldest: { readonly opcode: number; readonly ino: number; readonly waitedMs: number } | null
  }
  /** How long the thread that answers the kernel keeps a request waiting before it looks at it, since the mount. */
  readonly delay: DelayReport
  /** Of the daemon, bytes: now, and at most since it began. */
  readonly memory: { readonly resident: number; readonly peak: number }
  /** What programs asked for since the mount and could not be read: how many files and folders, and some of them. */
  readonly damaged: { readonly entries: number; readonly found: readonly { readonly path: string | null; readonly reason: string }[] }
  /** Sentences, each with its next step. */
  readonly warnings: readonly string[]
}

/** What is where. */
export interface Standing {
  readonly onlyHere: { readonly blobs: number; readonly bytes: number }
  readonly peers: readonly PeerStatus[]
  /** Blobs that are not whole here, and that could not be sent. */
  readonly damagedHere: number
}

export interface SyncOutcome extends Standing {
  /** Whether the nodes have everything; null: they were not waited for. */
  readonly complete: boolean | null
}

export interface DaemonPort {
  readonly past: PastPort
  readonly peers: PeersPort
  readonly verify: Verify
  /** Cheap; may be called at any time, also while one of the others runs. */
  status(): Promise<StatusReport>
  /**
   * Resolves when all that was acknowledged before the call is published and durable. May be called concurrently. With
   * `stallMs` also every node that is neither distrusted nor paused has it then, or nothing has moved for so long: it is
   * not `complete` then. Rejects 'not-found' when there is no node to wait for.
   */
  sync(onProgress: OnProgress, wish?: { readonly stallMs: number }): Promise<SyncOutcome>
  /** What the node of that name says is taken anew: the user has looked. Rejects 'not-found'. */
  trust(name: string): Promise<void>
  /**
   * Publishes, drains, unmounts, and lets go of the store: when it resolves another daemon may open it. Rejects with
   * 'busy' when files are open and not lazy; the vault is then mounted as before. A second call joins the first. Tells
   * what is only here; null: that is not known, or there are no nodes.
   */
  unmount(options: { readonly lazy: boolean }, onProgress: OnProgress): Promise<Standing | null>
}
