// A TLS connection to a node: its key is compared before anybody may write into the socket. PROTOCOL §1. The node's
// addresses are tried one after another, because it may have moved from one network to another.
import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { equalBytes } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import type { TlsIdentity } from '../wire/certificate.js'
import { pinOfSpki, splitPlace } from '../wire/pin.js'

export interface Destination {
  /** What the user calls it. */
  readonly name: string
  readonly pin: Uint8Array
  readonly tls: TlsIdentity
  /** For one address. */
  readonly connectMs: number
  /** Ends it: 'cancelled'. */
  readonly signal?: AbortSignal | undefined
}

/** What was being done when it failed. */
export type ConnectStep = 'name' | 'connection' | 'tls' | 'key'

export class ConnectFailure extends Error {
  readonly place: string
  readonly step: ConnectStep

  constructor(place: string, step: ConnectStep, reason: string) {
    super(reason)
    this.place = place
    this.step = step
  }
}

/** The first of the places where the node answers. Rejects 'corrupt' when only others do, else 'offline'. */
export async function connectToNode(places: readonly string[], destination: Destination): Promise<{ readonly socket: TLSSocket; readonly place: string }> {
  const failures: ConnectFailure[] = []
  for (const place of places) {
    if (destination.signal?.aborted === true) break
    try {
      return { socket: await connectToPlace(place, destination), place }
    } catch (error) {
      if (!(error instanceof ConnectFailure)) throw error
      failures.push(error)
    }
  }
  throw destination.signal?.aborted === true ? cancelled(destination.name) : unreachable(destination.name, failures)
}

export function cancelled(name: string): VaultError {
  return new VaultError('cancelled', `node ${name}: the connection to it was closed here`, { subject: name })
}

/** Rejects with a ConnectFailure. */
export function connectToPlace(place: string, { pin, tls, connectMs, signal }: Destination): Promise<TLSSocket> {
  const { host, port } = splitPlace(place)
  return new Promise((resolve, reject) => {
    let step: ConnectStep = isIP(host) === 0 ? 'name' : 'connection'
    if (signal?.aborted === true) {
      reject(new ConnectFailure(place, step, 'given up'))
      return
    }
    const socket = connect({
      host, port, key: tls.key, cert: tls.cert, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ALPNProtocols: ['http/1.1'],
      // The key says who it is, no name and no authority does; a name in the clear would only tell the network.
      rejectUnauthorized: false, servername: '',
    })
    const failed = (reason: string): void => {
      settled()
      socket.destroy()
      reject(new ConnectFailure(place, step, reason))
    }
    const given = (): void => { failed('given up') }
    const settled = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', given)
    }
    signal?.addEventListener('abort', given)
    const timer = setTimeout(() => { failed(`no answer within ${connectMs / 1000} s`) }, connectMs)
    socket.on('error', (error: NodeJS.ErrnoException) => { failed(reasonOf(error)) })
    socket.on('close', () => { failed('it hung up') })
    socket.on('lookup', (error: Error | null) => { if (error === null) step = 'connection' })
    socket.once('connect', () => { step = 'tls' })
    socket.once('secureConnect', () => {
      step = 'key'
      const certificate = socket.getPeerX509Certificate()
      if (certificate === undefined || socket.isSessionReused()) failed('it shows no key')
      else if (!equalBytes(pinOfSpki(certificate.publicKey.export({ type: 'spki', format: 'der' })), pin)) failed('somebody with another key answers there')
      else {
        settled()
        socket.removeAllListeners('close').removeAllListeners('error')
        // Until the next one takes over: without a listener an error would end the process.
        socket.on('error', () => undefined)
        socket.setNoDelay(true).setKeepAlive(true, 30_000)
        resolve(socket)
      }
    })
  })
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name', EAI_AGAIN: 'names can not be looked up', ECONNREFUSED: 'nothing listens there', EHOSTUNREACH: 'no way there',
  ENETUNREACH: 'no way there', ETIMEDOUT: 'no answer', ECONNRESET: 'it hung up', EPIPE: 'it hung up',
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code?.startsWith('ERR_SSL') === true) return 'what listens there does not speak TLS 1.3'
  return reasons[code ?? ''] ?? code ?? message
}

function unreachable(name: string, failures: readonly ConnectFailure[]): VaultError {
  const tried = failures.map(({ place, message }) => `${place}: ${message}`).join(', ')
  if (failures.some(({ step }) => step === 'key')) {
    return new VaultError('corrupt', `node ${name}: another answers in its place (${tried})`, {
      subject: name, next: 'when the node was set up anew, remove it here and pair again; else ask who runs it',
    })
  }
  const what = failures.length === 0 ? 'no address of it is known' : `it can not be reached (${tried})`
  return new VaultError('offline', `node ${name}: ${what}`, { subject: name, next: "check that it runs and that its addresses are right ('vaultfs peer list')" })
}
