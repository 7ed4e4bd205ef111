// The control socket: bytes cut into lines, requests, answers. Whoever speaks there is the vault's owner, or claims to be.
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { onLines } from '../../../lib/control/lines.js'
import { controlVerbs, decodeAnswer, decodeRequest, encodeItems, encodeLine, type ControlAnswer, type ControlRequest } from '../../../lib/control/messages.js'
import type { PastPort } from '../../../lib/control/past-port.js'
import { performPast } from '../../../lib/control/past-requests.js'
import type { PeersPort } from '../../../lib/control/peer-port.js'
import { performPeers } from '../../../lib/control/peer-requests.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { retentionCountMax } from '../../../lib/terms/retention.js'
import type { Random } from '../../model/random.js'
import { oddJson } from '../json-mutator.js'
import { require, type Target } from '../target.js'
import { magnitude, textOf } from './samples.js'

const lineMax = 400

interface Lines {
  readonly lines: readonly string[]
  readonly tooLong: boolean
}

/** The first byte says how the rest comes in pieces. */
const lines: Target<Lines> = {
  name: 'control-lines', says: 'bytes of the control socket cut into lines', canonical: false, refusals: ['invalid'],
  make: (random) => {
    const text = Array.from({ length: random.below(6) }, () => textOf(random, random.chance(0.1) ? 1000 : 80)).join('\n')
    return Buffer.concat([Buffer.from([random.below(256)]), Buffer.from(`${text}\n`)])
  },
  decode: (input) => {
    const socket = Object.assign(new EventEmitter(), { setEncoding: () => undefined })
    const found: string[] = []
    let tooLong = false
    onLines(socket as unknown as Socket, { bytesMax: lineMax, line: (text) => found.push(text), tooLong: () => { tooLong = true } })
    const text = Buffer.from(input.subarray(1)).toString('utf8')
    const step = 1 + (input[0] ?? 0)
    for (let at = 0; at < text.length && !tooLong; at += step) socket.emit('data', text.slice(at, at + step))
    return { lines: found, tooLong }
  },
  judge: ({ lines: found, tooLong }, input) => {
    const all = Buffer.from(input.subarray(1)).toString('utf8').split('\n')
    const whole = all.slice(0, -1).filter((line) => line !== '')
    const first = all.findIndex((line) => line.length > lineMax)
    if (first < 0) require(!tooLong && found.join('\n') === whole.join('\n'), 'other lines than were sent')
    else require(tooLong && found.every((line) => line.length <= lineMax) && whole.join('\n').startsWith(found.join('\n')), 'a line that never ends is taken')
  },
}

const whens = [{ kind: 'now' }, { kind: 'latest' }, { kind: 'through', sec: 1_700_000_000 }, { kind: 'snapshot', name: 'before' }]

function argumentsOf(random: Random): Record<string, unknown> {
  return {
    name: random.pick([null, textOf(random, 30)]), path: textOf(random, 60), from: random.pick(whens), to: random.pick([...whens, null, textOf(random, 20)]), pattern: '*.odt', limit: magnitude(random, 16),
    when: random.pick(whens), exact: random.chance(0.5), preview: random.chance(0.5), policy: { hourly: magnitude(random, 16), withinSec: magnitude(random, 30) },
    code: textOf(random, 60),
    offsetMin: random.below(2881) - 1440, drop: [textOf(random, 20)], dryRun: random.chance(0.5),
  }
}

interface Asked {
  readonly request: ControlRequest
  /** What the port was given, if it was asked. */
  readonly given: readonly unknown[]
}

function recordingPort(given: unknown[]): PastPort & PeersPort {
  return new Proxy({}, { get: () => (...args: unknown[]) => {
    given.push(...args.filter((each) => typeof each !== 'function'))
    return Promise.resolve(null)
  } }) as PastPort & PeersPort
}

const request: Target<Asked> = {
  name: 'control-request', says: 'a line that asks the daemon', canonical: false, refusals: ['invalid'], vary: oddJson,
  make: (random) => Buffer.from(encodeLine({ id: 1 + magnitude(random, 30), verb: random.pick(controlVerbs), args: argumentsOf(random) })),
  decode: async (input) => {
    const decoded = decodeRequest(Buffer.from(input).toString('utf8'))
    const given: unknown[] = []
    await Promise.resolve().then(() => performPeers(decoded, recordingPort(given)) ?? performPast(decoded, recordingPort(given), { onProgress: () => undefined, onItems: () => Promise.resolve() }))
      .catch((error: unknown) => { if (!(error instanceof VaultError) || error.code !== 'invalid') throw error })
    return { request: decoded, given }
  },
  judge: ({ request: { id, verb, args }, given }, input) => {
    const parsed = JSON.parse(Buffer.from(input).toString('utf8')) as Record<string, unknown>
    require(id === parsed['id'] && verb === parsed['verb'], 'another request than the line says')
    require(JSON.stringify(args) === JSON.stringify(parsed['args'] ?? {}), 'other arguments than the line says')
    for (const each of given) look(each)
  },
}

/** What gets as far as the port is of the kinds that it promises. */
function look(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const order = value as Readonly<Record<string, unknown>>
  for (const key of ['path', 'pattern', 'code']) if (key in order) require(typeof order[key] === 'string', `${key} is no text`)
  if ('name' in order) require(order['name'] === undefined || typeof order['name'] === 'string', 'a name that is no text')
  for (const key of ['exact', 'preview', 'dryRun']) if (key in order) require(typeof order[key] === 'boolean', `${key} is neither yes nor no`)
  if ('limit' in order) require(Number.isSafeInteger(order['limit']) && Number(order['limit']) >= 0, 'a limit that is none')
  if ('offsetMin' in order) require(Math.abs(Number(order['offsetMin'])) <= 1440, 'minutes that no day has')
  if ('policy' in order) for (const [key, count] of Object.entries(order['policy'] as object)) require(Number.isInteger(count) && Number(count) >= 0 && (key === 'withinSec' || Number(count) <= retentionCountMax), `${key} of a policy`)
}

function answerOf(random: Random): ControlAnswer {
  const id = 1 + magnitude(random, 30)
  const draw = random.below(4)
  if (draw === 0) return { id, progress: { phase: random.pick(['publishing', 'syncing', 'draining', 'unmounting'] as const), entries: magnitude(random, 20), bytes: magnitude(random, 40) } }
  if (draw === 1) return { id, items: [argumentsOf(random)] }
  if (draw === 2) return { id, error: { code: random.pick(['corrupt', 'io', 'usage'] as const), message: textOf(random, 60), subject: textOf(random, 20) } }
  return { id, result: argumentsOf(random) }
}

const answer: Target<ControlAnswer> = {
  name: 'control-answer', says: 'a line that the daemon answers', canonical: false, refusals: ['invalid', 'too-large'], vary: oddJson,
  make: (random) => {
    const made = answerOf(random)
    return Buffer.from('items' in made ? [...encodeItems(made.id, made.items)].join('') : encodeLine(made))
  },
  decode: (input) => decodeAnswer(Buffer.from(input).toString('utf8')),
  judge: (decoded, input) => {
    const parsed = JSON.parse(Buffer.from(input).toString('utf8')) as Record<string, unknown>
    require(decoded.id === parsed['id'], 'an answer to another question')
    const again = decodeAnswer(encodeLine(decoded))
    require(JSON.stringify(again) === JSON.stringify(decoded), 'an answer that changes when it is told again')
    if ('progress' in decoded) require(typeof decoded.progress.entries === 'number' && typeof decoded.progress.bytes === 'number', 'progress without numbers')
    if ('error' in decoded) require(typeof decoded.error.message === 'string', 'an error without a message')
  },
}

export const controlTargets: readonly Target[] = [lines, request, answer]
