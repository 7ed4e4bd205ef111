// The daemon's log file: one line an event, rotated by size, in the store's folder. Lines are written at once, so that
// the last one before a crash is there. A full disk must not stop the daemon: a line that cannot be written is dropped.

import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fromErrno } from '../lib/terms/errors.js'
import type { Logger, LogLevel } from '../lib/terms/log.js'

/** Together with its predecessors at most 20 MiB. */
const logBytesMax = 4 * 1024 * 1024
const predecessorsMax = 4

const rank: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 }

export function daemonLogPath(store: string): string {
  return join(store, 'daemon.log')
}

export class DaemonLog implements Logger {
  readonly #path: string
  readonly #level: LogLevel
  /** Also written there: standard error, when the daemon runs in the foreground. */
  readonly #also: ((line: string) => void) | undefined
  #fd: number
  #bytes: number

  constructor(options: { readonly path: string; readonly level: LogLevel; readonly also?: (line: string) => void }) {
    this.#path = options.path
    this.#level = options.level
    this.#also = options.also
    try {
      this.#fd = openSync(this.#path, 'a', 0o600)
    } catch (error) {
      throw fromErrno(error, this.#path)
    }
    this.#bytes = fstatSync(this.#fd).size
  }

  log(level: LogLevel, message: string, fields: Readonly<Record<string, string | number | boolean>> = {}): void {
    if (rank[level] > rank[this.#level]) return
    const details = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
    const line = `${new Date().toISOString()} ${level} ${message}${details.join('')}`.replaceAll('\n', '\\n') + '\n'
    this.#also?.(line)
    try {
      if (this.#bytes > logBytesMax) this.#rotate()
      this.#bytes += writeSync(this.#fd, line)
    } catch {
      // Dropped, see above.
    }
  }

  /** After somebody moved the file away (SIGHUP). */
  reopen(): void {
    closeSync(this.#fd)
    this.#fd = openSync(this.#path, 'a', 0o600)
    this.#bytes = fstatSync(this.#fd).size
  }

  #rotate(): void {
    for (let age = predecessorsMax; age >= 1; age--) {
      const older = `${this.#path}.${age}`
      const newer = age === 1 ? this.#path : `${this.#path}.${age - 1}`
      try {
        renameSync(newer, older)
      } catch {
        // That one does not exist yet.
      }
    }
    this.reopen()
  }
}
