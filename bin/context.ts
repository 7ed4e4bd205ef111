// What every command is handed: settings, terminal, where to write, and the vault service. Made once in vaultfs.ts.

import { Registry } from './registry.js'
import type { Settings } from './settings.js'
import type { Terminal } from './terminal.js'
import type { VaultService } from './vault-service.js'

export interface Context {
  readonly settings: Settings
  readonly terminal: Terminal
  readonly service: VaultService
  readonly registry: Registry
  /** A line for standard output: what was asked for. */
  out(text: string): void
  /** A line for standard error: what a person may want to know. */
  note(text: string): void
}

export function createContext(parts: {
  readonly settings: Settings
  readonly terminal: Terminal
  readonly service: VaultService
  readonly output: NodeJS.WritableStream
  readonly errors: NodeJS.WritableStream
}): Context {
  const { settings, terminal, service, output, errors } = parts
  return {
    settings,
    terminal,
    service,
    registry: new Registry(settings.stateHome),
    out: (text) => output.write(`${text}\n`),
    note: (text) => errors.write(`${text}\n`),
  }
}
