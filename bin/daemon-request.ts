// What a command tells the daemon that it starts, over an inherited descriptor: one line of JSON, then the secret's
// bytes to the end. The daemon answers on another one with a line: that the mount is usable, or why not.

import { decodeErrorMessage, isRecord, type ErrorMessage } from '../lib/control/messages.js'
import type { Connection } from '../native-deps/fuse/handler.js'
import { VaultError } from '../lib/terms/errors.js'
import type { DaemonUnlock } from './secrets.js'
import type { Settings } from './settings.js'

/** The descriptors' numbers in the daemon. */
export const requestFd = 3
export const answerFd = 4
/** Of an heir only: supervisor/heir.c puts them there. */
export const connectionFd = 5
export const memoryFd = 6
export const supervisorFd = 7

export interface DaemonRequest {
  readonly store: string
  readonly name: string
  readonly mountPoint: string
  readonly mountPointMode: number | null
  readonly allowOther: boolean
  readonly readOnly: boolean
  readonly writeback: boolean
  /** Lists `.versions` in the root. */
  readonly showVersions: boolean
  readonly acceptOlder: boolean
  readonly settings: Settings
  /** Of the daemon before, to go on with when it died; its memory and the supervisor's pipe are the descriptors above. */
  readonly connection: Connection | null
  /** Of an heir: device and number of the store's folder. Another one that lies there now is not gone on with. */
  readonly place: string | null
}

export interface MountReady {
  readonly pid: number
  readonly limitations: readonly string[]
}

export function encodeRequest(request: DaemonRequest, unlock: DaemonUnlock): Buffer {
  const secret = unlock.kind === 'passphrase' ? unlock.passphrase : unlock.kind === 'master' ? unlock.master : Buffer.from(unlock.words)
  return Buffer.concat([Buffer.from(JSON.stringify({ request, kind: unlock.kind }) + '\n'), secret])
}

export function decodeRequest(bytes: Buffer): { readonly request: DaemonRequest; readonly unlock: DaemonUnlock } {
  const end = bytes.indexOf(0x0a)
  const line: unknown = JSON.parse(bytes.subarray(0, end).toString('utf8'))
  if (end < 0 || !isRecord(line) || !isDaemonRequest(line['request'])) throw new VaultError('invalid', 'the daemon is started by vaultfs mount only')
  const secret = Uint8Array.from(bytes.subarray(end + 1))
  bytes.fill(0)
  return { request: line['request'], unlock: decodeUnlock(line['kind'], secret) }
}

function decodeUnlock(kind: unknown, secret: Uint8Array): DaemonUnlock {
  if (kind === 'master') return { kind, master: secret }
  return kind === 'recovery' ? { kind, words: Buffer.from(secret).toString('utf8') } : { kind: 'passphrase', passphrase: secret }
}

/** Written by encodeRequest of the same build: looked at once, not field by field. */
function isDaemonRequest(value: unknown): value is DaemonRequest {
  return isRecord(value) && typeof value['store'] === 'string' && typeof value['mountPoint'] === 'string' && isRecord(value['settings'])
}

export function encodeReady(ready: MountReady): string {
  return JSON.stringify({ ready }) + '\n'
}

export function encodeFailure(error: ErrorMessage): string {
  return JSON.stringify({ error }) + '\n'
}

export function decodeDaemonAnswer(line: string): MountReady | ErrorMessage {
  const value: unknown = JSON.parse(line)
  if (isRecord(value) && isRecord(value['ready'])) {
    const { pid, limitations } = value['ready']
    return {
      pid: typeof pid === 'number' ? pid : 0,
      limitations: Array.isArray(limitations) ? limitations.filter((one) => typeof one === 'string') : [],
    }
  }
  return decodeErrorMessage(isRecord(value) && isRecord(value['error']) ? value['error'] : {})
}
