// The daemon's own log (not the write-ahead log of lib/log). No secret, no name and no content of a user's file
// may be handed to it above `debug`.

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export interface Logger {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, string | number | boolean>>): void
}

export const silent: Logger = { log: () => undefined }
