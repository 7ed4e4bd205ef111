// The daemon's log file: one line an event, rotated by size, in the store's folder. Lines are written at once, so that
// the last one before a crash is there; but none before `open`, because a mount that fails must leave the store as it
// was. A full disk must not stop the daemon: a line that cannot be written is dropped.

import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { limits } from '../lib/terms/limits.js'
import type { Logger, LogLevel } from '../lib/terms/log.js'

const rank: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 }

export function daemonLogPath(store: string): string {
  return join(store, 'daemon.log')
}

export class DaemonLog implements Logger {
  readonly #path: string
  readonly #level: LogLevel
  /** Also written there: standard error, when the daemon runs in the foreground. */
  readonly #also: ((line: string) => void) | undefined
  #early: string[] | undefined = []
  #fd: number | undefined
  #bytes = 0

  constructor(options: { readonly path: string; readonly level: LogLevel; readonly also?: (line: string) => void }) {
    this.#path = options.path
    this.#level = options.level
    this.#also = options.also
  }

  /** From now on lines go to the file, those that waited first. */
  open(): void {
    const early = this.#early ?? []
    this.#early = undefined
    this.reopen()
    for (const line of early) this.#write(line)
  }

  log(level: LogLevel, message: string, fields: Readonly<Record<string, string | number | boolean>> = {}): void {
    if (rank[level] > rank[this.#level]) return
    const details = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
    const line = `${new Date().toISOString()} ${level} ${message}${details.join('')}`.replaceAll('\n', '\\n') + '\n'
    this.#also?.(line)
    if (this.#early === undefined) this.#write(line)
    else if (this.#early.length < limits.daemonLogEarlyLinesMax) this.#early.push(line)
  }

  /** After somebody moved the file away (SIGHUP). */
  reopen(): void {
    try {
      if (this.#fd !== undefined) closeSync(this.#fd)
      this.#fd = undefined
      this.#fd = openSync(this.#path, 'a', 0o600)
      this.#bytes = fstatSync(this.#fd).size
    } catch {
      // Dropped, see above; the next rotation or SIGHUP tries again.
    }
  }

  #write(line: string): void {
    try {
      if (this.#bytes > limits.daemonLogBytesMax) this.#rotate()
      if (this.#fd !== undefined) this.#bytes += writeSync(this.#fd, line)
    } catch {
      // Dropped, see above.
    }
  }

  #rotate(): void {
    for (let age: number = limits.daemonLogPredecessorsMax; age >= 1; age--) {
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
