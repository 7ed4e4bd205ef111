// Watches a FUSE mount while something works on it: every request of the kernel has to be answered. It looks at the
// kernel's own count of waiting requests (never at the mount itself: that would wait too) and at the daemon's counts,
// where there are some. Many requests may wait for long, one and the same may not.
import { readFileSync } from 'node:fs'
import { Registry } from '../../bin/registry.js'
import { ControlClient } from '../../lib/control/client.js'
import type { RequestCounts } from '../../native-deps/fuse/handler.js'
import { findMount } from '../../native-deps/fuse/mount-table.js'

const everyMs = 500

export interface WatchdogOptions {
  /** Without symbolic links. */
  readonly mountPoint: string
  /** For how long one request may stay unanswered; 30 s when left away. */
  readonly stuckMs?: number
  /** Of the daemon that serves the mount. Without them a standing count of waiting requests is taken for being stuck. */
  readonly counts?: () => Promise<RequestCounts>
  /** Called once, with a sentence. */
  readonly onStuck: (why: string) => void
}

export interface WatchdogReport {
  /** What was wrong, if anything. */
  readonly stuck: string | undefined
  /** Of the looks that were taken. */
  readonly looks: number
  readonly waitingMax: number
  /** The longest that one request was seen to wait; of the looks only. */
  readonly waitedMsMax: number
  /** Why less was seen than could be. */
  readonly blind: string | undefined
}

export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #stuckMs: number
  readonly #waitingFile: string | undefined
  readonly #timer: NodeJS.Timeout
  /** When something was last seen to move, and what it looked like then. */
  #movedMs = performance.now()
  #seen = ''
  #daemonMs = performance.now()
  #asking: Promise<void> | undefined
  #counts: RequestCounts | undefined
  #stuck: string | undefined
  #looks = 0
  #waitingMax = 0
  #waitedMsMax = 0

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#stuckMs = options.stuckMs ?? 30_000
    this.#waitingFile = waitingFileOf(options.mountPoint)
    this.#timer = setInterval(() => { this.look() }, Math.min(everyMs, this.#stuckMs / 4))
    this.#timer.unref()
  }

  /** One look; the timer takes one every half second. */
  look(): void {
    this.#looks++
    this.#ask()
    const now = performance.now()
    const waiting = this.#waiting()
    const { oldest, answered } = this.#counts ?? { oldest: null, answered: 0 }
    this.#waitingMax = Math.max(this.#waitingMax, waiting)
    this.#waitedMsMax = Math.max(this.#waitedMsMax, oldest?.waitedMs ?? 0)
    const seen = this.#counts === undefined ? String(waiting) : String(answered)
    if (waiting === 0 || seen !== this.#seen) this.#movedMs = now
    this.#seen = seen
    const silentMs = now - this.#movedMs
    if (oldest !== null && oldest.waitedMs > this.#stuckMs)
      this.#tell(`a request (FUSE opcode ${oldest.opcode}, inode ${oldest.ino}) has waited for its answer for ${seconds(oldest.waitedMs)} s`)
    else if (silentMs > this.#stuckMs) this.#tell(`${waiting} requests wait, and none was answered for ${seconds(silentMs)} s`)
    else if (this.#options.counts !== undefined && now - this.#daemonMs > this.#stuckMs)
      this.#tell(`the daemon has not said how it is for ${seconds(now - this.#daemonMs)} s`)
  }

  /** The last look is taken here: what waits now is known to the report. */
  end(): WatchdogReport {
    clearInterval(this.#timer)
    this.look()
    return { stuck: this.#stuck, looks: this.#looks, waitingMax: this.#waitingMax, waitedMsMax: this.#waitedMsMax, blind: this.#blind() }
  }

  /** A daemon that is stuck does not answer: looking never waits for it. */
  #ask(): void {
    this.#asking ??= this.#options.counts?.().then((counts) => {
      this.#counts = counts
      this.#daemonMs = performance.now()
    }).catch(() => undefined).finally(() => { this.#asking = undefined })
  }

  #waiting(): number {
    if (this.#waitingFile === undefined) return this.#counts?.waiting ?? 0
    try {
      return Number(readFileSync(this.#waitingFile, 'utf8'))
    } catch {
      // Unmounted: nothing waits any more.
      return 0
    }
  }

  #blind(): string | undefined {
    if (this.#waitingFile !== undefined) return undefined
    return `the kernel does not say what waits (mount -t fusectl fusectl /sys/fs/fuse/connections)${this.#options.counts === undefined ? '' : ': only what the daemon took was watched'}`
  }

  #tell(why: string): void {
    if (this.#stuck !== undefined) return
    this.#stuck = why
    this.#options.onStuck(why)
  }
}

/** A connection is called by the number of its filesystem's anonymous device. */
function waitingFileOf(mountPoint: string): string | undefined {
  const [, minor] = findMount(mountPoint)?.device.split(':') ?? []
  if (minor === undefined) return undefined
  const path = `/sys/fs/fuse/connections/${minor}/waiting`
  try {
    readFileSync(path)
    return path
  } catch {
    return undefined
  }
}

/** Asks the daemon of a vault over its socket, which is found as the commands find it: by the registry in `stateHome`. */
export function countsOfDaemon(mountPoint: string, stateHome: string): () => Promise<RequestCounts> {
  return async () => {
    const socket = new Registry(stateHome).ofMountPoint(mountPoint)?.socket
    if (socket === undefined) throw new Error(`no daemon is registered for ${mountPoint}`)
    const client = await ControlClient.connect(socket)
    try {
      return (await client.status()).requests
    } finally {
      client.close()
    }
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(0)
}
