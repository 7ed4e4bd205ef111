// One file set aside for the next segment, so that beginning it is a rename and no append waits for room. It is made
// anew, or is a segment that is needed no more: its blocks are written already, and a sync of them needs no journal. An
// old segment is used again only when the disk has its new name; else a power cut could bring the old name back with
// the new content in it.
import type { Logger } from '../terms/log.js'
import { isSpareName, spareName } from './disk.js'
import type { LogDisk, LogFile } from './disk.js'

export interface SpareFileOptions {
  readonly disk: LogDisk
  readonly logger: Logger
  readonly segmentBytes: number
}

export class SpareFile {
  readonly #options: SpareFileOptions
  /** Ready to be taken. */
  #ready: string | undefined
  #busy: Promise<void> | undefined
  #next = 0
  #closed = false

  constructor(options: SpareFileOptions) {
    this.#options = options
  }

  get ready(): boolean {
    return this.#ready !== undefined
  }

  adopt(names: readonly string[]): void {
    for (const name of names) {
      if (!isSpareName(name)) continue
      if (this.#ready === undefined) this.#ready = name
      else this.discard(name)
    }
    const index = /\d+/.exec(this.#ready ?? '')?.[0]
    this.#next = index === undefined ? 0 : Number(index) + 1
  }

  prepare(): void {
    if (this.#ready !== undefined || this.#busy !== undefined || this.#closed) return
    const name = spareName(this.#next++)
    this.#run(name, async () => {
      const { disk, segmentBytes } = this.#options
      const file = disk.open(name, true)
      try {
        await file.preallocate(segmentBytes)
      } catch (error) {
        disk.remove(name)
        throw error
      } finally {
        file.close()
      }
    })
  }

  /** False: there is one already. Throws when the file can't be renamed. */
  recycle(name: string): boolean {
    if (this.#ready !== undefined || this.#busy !== undefined || this.#closed) return false
    const spare = spareName(this.#next++)
    this.#options.disk.rename(name, spare)
    this.#run(spare, async () => { await this.#options.disk.syncDirectory() })
    return true
  }

  /** The file under its new name, open; undefined when there is none or it can't be used. */
  take(name: string): LogFile | undefined {
    const ready = this.#ready
    if (ready === undefined) return undefined
    const { disk, logger } = this.#options
    this.#ready = undefined
    try {
      disk.rename(ready, name)
      return disk.open(name, false)
    } catch (error) {
      logger.log('warn', 'the file set aside for the log is of no use', { reason: String(error) })
      return undefined
    }
  }

  discard(name: string): void {
    try {
      this.#options.disk.remove(name)
    } catch (error) {
      this.#options.logger.log('warn', 'a file set aside for the log stays', { name, reason: String(error) })
    }
  }

  async settle(): Promise<void> {
    await this.#busy
  }

  /** Settled before. */
  close(): void {
    this.#closed = true
    if (this.#ready !== undefined) this.discard(this.#ready)
    this.#ready = undefined
  }

  #run(name: string, work: () => Promise<void>): void {
    this.#busy = work().then(
      () => { this.#ready = name },
      (error: unknown) => {
        this.#options.logger.log('warn', 'no room could be set aside for the log', { reason: String(error) })
      },
    ).finally(() => { this.#busy = undefined })
  }
}
