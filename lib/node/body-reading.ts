// A body on its way in, and an answer on its way out, each with a least rate: who is slower holds memory that others need.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { VaultError } from '../terms/errors.js'
import { PassingBytes } from '../terms/external-memory.js'
import { Pace } from '../wire/pace.js'
import { nodeLimits } from './node-limits.js'

/** Of all clients: what the socket gives is copied at once. */
const passing = new PassingBytes()

/** Of what the head says; undefined: it does not say. Throws 'too-large' before anything is read. */
export function announcedLength(request: IncomingMessage, bytesMax: number): number | undefined {
  const said = request.headers['content-length']
  if (said === undefined) return request.headers['transfer-encoding'] === undefined ? 0 : undefined
  const length = Number(said)
  if (length > bytesMax) throw tooLarge(bytesMax)
  return length
}

/** Into `memory`, which it must fit in. Rejects 'too-large', 'deadline' when it comes too slowly, and 'offline' when it ends early. */
export function readBody(request: IncomingMessage, memory: Uint8Array, spanMs: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let length = 0
    const stopWatching = watchRate(() => length, spanMs, () => { end(tooSlow()) })
    const end = (error?: Error): void => {
      stopWatching()
      request.off('data', take).off('end', ended).off('close', broken).off('error', broken)
      if (error === undefined) resolve(memory.subarray(0, length))
      else reject(error)
    }
    const take = (piece: Buffer): void => {
      if (length + piece.byteLength > memory.byteLength) return end(tooLarge(memory.byteLength))
      memory.set(piece, length)
      length += piece.byteLength
      passing.came(piece.byteLength)
    }
    const ended = (): void => { end() }
    const broken = (): void => { end(new VaultError('offline', 'the body broke off')) }
    request.on('data', take).on('end', ended).on('close', broken).on('error', broken)
  })
}

/** Of one answer: what is handed to the socket at a time. */
export function paceOfAnswer(): Pace {
  return new Pace(nodeLimits.sliceBytesMin, nodeLimits.sliceBytesMax)
}

/** Resolves when the kernel has taken all of it; rejects 'offline' when the client is gone or takes too little. */
export async function writePiece(response: ServerResponse, piece: Uint8Array, spanMs: number, pace: Pace = paceOfAnswer()): Promise<void> {
  let taken = 0
  const stopWatching = watchRate(() => taken, nodeLimits.answerSpans * spanMs, () => { response.req.socket.destroy() })
  try {
    // What a socket says that it has written counts what waits in it: only what it was given in slices is seen to go.
    while (taken < piece.byteLength) {
      const slice = piece.subarray(taken, taken + pace.bytes)
      pace.begin()
      await writeSlice(response, slice)
      pace.ended()
      taken += slice.byteLength
    }
  } finally {
    stopWatching()
  }
}

function writeSlice(response: ServerResponse, slice: Uint8Array): Promise<void> {
  if (response.destroyed) return Promise.reject(gone())
  return new Promise((resolve, reject) => {
    const broken = (): void => { reject(gone()) }
    response.once('close', broken)
    response.write(slice, (error) => {
      response.off('close', broken)
      // 'close' comes after the error of a write.
      if (error instanceof Error || response.destroyed) broken()
      else resolve()
    })
  })
}

/** Calls back once when fewer bytes than the least rate have come in a span; answers how to end it. */
function watchRate(count: () => number, spanMs: number, onSlow: () => void): () => void {
  let before = count()
  const timer = setInterval(() => {
    const now = count()
    if (now - before >= (nodeLimits.bytesPerSecondMin * spanMs) / 1000) before = now
    else {
      clearInterval(timer)
      onSlow()
    }
  }, spanMs)
  return () => { clearInterval(timer) }
}

function tooLarge(bytesMax: number): VaultError {
  return new VaultError('too-large', `a body of more than ${bytesMax} bytes`)
}

function tooSlow(): VaultError {
  return new VaultError('busy', 'the body came too slowly', { next: 'send less at once' })
}

function gone(): VaultError {
  return new VaultError('offline', 'the client is gone')
}
