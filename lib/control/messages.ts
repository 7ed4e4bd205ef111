// The control socket's language: one JSON object a line. A request is {id, verb, args}; answers bear its id and are any
// number of {id, progress} and {id, items} (parts of a long answer), then one {id, result} or {id, error}. No key of the
// vault travels here; a node's invitation does, which works once.

import { errorCodes, VaultError, type ErrorCode } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import type { PeerProgress, Progress } from './progress.js'

export const controlVerbs = [
  'ping', 'status', 'sync', 'trust', 'unmount', 'verify',
  'snapshot', 'retained', 'versions', 'differences', 'find', 'restore', 'forget',
  'peer-list', 'peer-add', 'peer-remove', 'peer-rename', 'peer-test',
] as const
export type ControlVerb = (typeof controlVerbs)[number]

export interface ControlRequest {
  readonly id: number
  readonly verb: ControlVerb
  readonly args: Readonly<Record<string, unknown>>
}

export interface ErrorMessage {
  readonly code: ErrorCode
  readonly message: string
  readonly subject?: string
  readonly next?: string
}

export type ControlAnswer =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly items: readonly unknown[] }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: ErrorMessage }

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function encodeLine(message: ControlRequest | ControlAnswer): string {
  return JSON.stringify(message) + '\n'
}

/** Lines of `items`, none longer than a line may be. */
export function* encodeItems(id: number, items: readonly unknown[]): IterableIterator<string> {
  let batch: string[] = []
  let length = 0
  for (const item of items) {
    const text = JSON.stringify(item)
    if (text.length > itemsLengthMax) throw new VaultError('too-large', 'a part of the answer is longer than a line may be', { next: 'ask for less' })
    if (batch.length > 0 && length + text.length > itemsLengthMax) {
      yield itemsLine(id, batch)
      batch = []
      length = 0
    }
    batch.push(text)
    length += text.length + 1
  }
  if (batch.length > 0) yield itemsLine(id, batch)
}

/** Half of a line: bytes count, not characters, and the frame needs room too. */
const itemsLengthMax = limits.controlLineBytesMax / 2

function itemsLine(id: number, items: readonly string[]): string {
  return `{"id":${id},"items":[${items.join(',')}]}\n`
}

export function decodeRequest(line: string): ControlRequest {
  const value = parseLine(line)
  const id = value['id']
  const verb = controlVerbs.find((one) => one === value['verb'])
  const args = value['args'] ?? {}
  if (typeof id !== 'number' || verb === undefined || !isRecord(args))
    throw new VaultError('invalid', 'not a request of the control socket', { subject: line.slice(0, 80) })
  return { id, verb, args }
}

export function decodeAnswer(line: string): ControlAnswer {
  const value = parseLine(line)
  const { id, progress, items, error } = value
  if (typeof id === 'number') {
    if (isRecord(progress)) return { id, progress: decodeProgress(progress) }
    if (Array.isArray(items)) return { id, items }
    if (isRecord(error)) return { id, error: decodeErrorMessage(error) }
    if ('result' in value) return { id, result: value['result'] }
  }
  throw new VaultError('invalid', 'the daemon answered something that is not of this version', {
    next: 'unmount and mount again with one version of vaultfs',
  })
}

function parseLine(line: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    value = undefined
  }
  if (!isRecord(value)) throw new VaultError('invalid', 'a line of the control socket is not JSON')
  return value
}

const phases: readonly Progress['phase'][] = ['publishing', 'syncing', 'draining', 'unmounting', 'sending']

function decodeProgress(value: Readonly<Record<string, unknown>>): Progress {
  const { phase, entries, bytes, peers } = value
  return {
    phase: phases.find((one) => one === phase) ?? 'publishing',
    entries: typeof entries === 'number' ? entries : 0,
    bytes: typeof bytes === 'number' ? bytes : 0,
    // Of a daemon of our own: not looked at field by field.
    ...(Array.isArray(peers) ? { peers: peers as readonly PeerProgress[] } : {}),
  }
}

/** An error on its way to another process, without its cause and stack. */
export function errorMessageOf(error: unknown): ErrorMessage {
  if (!(error instanceof VaultError))
    return { code: 'broken-invariant', message: error instanceof Error ? error.message : String(error) }
  return {
    code: error.code,
    message: error.message,
    ...(error.subject === undefined ? {} : { subject: error.subject }),
    ...(error.next === undefined ? {} : { next: error.next }),
  }
}

export function decodeErrorMessage(value: Readonly<Record<string, unknown>>): ErrorMessage {
  const { message, subject, next } = value
  return {
    code: errorCodes.find((one) => one === value['code']) ?? 'io',
    message: typeof message === 'string' ? message : 'no reason was given',
    ...(typeof subject === 'string' ? { subject } : {}),
    ...(typeof next === 'string' ? { next } : {}),
  }
}

export function errorOf({ code, message, ...details }: ErrorMessage): VaultError {
  return new VaultError(code, message, details)
}
