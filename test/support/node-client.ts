// A device, its vault's owner, and how they speak with a node, byte for byte as PROTOCOL.md says: small, and with nothing of
// the real client, so that what is wrong with the one does not hide what is wrong with the other.
import { Agent, request as httpsRequest } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { signKeyPair, type KeyPair } from '../../native-deps/sodium.js'
import { blobIdOf } from '../../lib/crypto/blob-id.js'
import { signTagged } from '../../lib/crypto/signature.js'
import { encodeEntryClear, entryHash, noPrevious } from '../../lib/format/manifest-entry.js'
import { encodeMember } from '../../lib/format/member-record.js'
import { vaultIdOf } from '../../lib/format/vault-header.js'
import { concatBytes, equalBytes, type DeviceId, type ManifestHash, type Sealed, type VaultId } from '../../lib/terms/bytes.js'
import type { SealedBlob } from '../../lib/wire/blob-frames.js'
import { tlsIdentity, type TlsIdentity } from '../../lib/wire/certificate.js'
import { decodeInvitation, exporterBytes, exporterLabel, invitationId, isPairingProof, pairingProof } from '../../lib/wire/invitation.js'
import { encodeRecoveryRecord } from '../../lib/wire/owner-records.js'
import { decodePairingAnswer, encodePairingRequest, type PairingAnswer } from '../../lib/wire/pairing-messages.js'
import { pinOf, pinOfSpki, splitPlace } from '../../lib/wire/pin.js'
import { pathOf, routes, type RouteName } from '../../lib/wire/routes.js'
import { randomBytes } from './random-bytes.js'

export interface Reply {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: Uint8Array
  /** Of an error's JSON. */
  readonly code: string | undefined
}

export class TestOwner {
  readonly keys: KeyPair
  readonly salt: Uint8Array
  readonly vaultId: VaultId
  readonly recovery: KeyPair
  readonly recoveryRecord: Uint8Array
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
    this.keys = signKeyPair(randomBytes(seed, 32))
    this.salt = randomBytes(seed + 1, 32)
    this.vaultId = vaultIdOf(this.keys.publicKey, this.salt)
    this.recovery = signKeyPair(randomBytes(seed + 2, 32))
    this.recoveryRecord = encodeRecoveryRecord({ vaultId: this.vaultId, tlsPublicKey: this.recovery.publicKey }, this.keys.secretKey)
  }

  async device(number: number): Promise<TestDevice> {
    const seed = this.#seed + 100 * number
    const [tls, sign] = [signKeyPair(randomBytes(seed, 32)), signKeyPair(randomBytes(seed + 1, 32))]
    const deviceId = randomBytes(seed + 2, 16) as Uint8Array as DeviceId
    const signed = encodeMember({
      vaultId: this.vaultId, deviceId, signPublicKey: sign.publicKey, boxPublicKey: randomBytes(seed + 3, 32), tlsPublicKey: tls.publicKey, createdSec: 1_700_000_000, name: `device ${number}`,
    })
    const record = concatBytes(signed, signTagged('member/v1', signed, this.keys.secretKey))
    return new TestDevice(this, { tls, sign, deviceId, record, identity: await tlsIdentity(tls.secretKey) })
  }
}

interface DeviceParts {
  readonly tls: KeyPair
  readonly sign: KeyPair
  readonly deviceId: DeviceId
  readonly record: Uint8Array
  readonly identity: TlsIdentity
}

export class TestDevice {
  readonly owner: TestOwner
  readonly parts: DeviceParts
  #head: { readonly sequence: number; readonly hash: ManifestHash } = { sequence: 0, hash: noPrevious }

  constructor(owner: TestOwner, parts: DeviceParts) {
    this.owner = owner
    this.parts = parts
  }

  /** Entries that follow those made before; their bodies are noise. */
  entries(count: number, bodyLength = 600): Uint8Array[] {
    return Array.from({ length: count }, () => this.entry(this.#head, bodyLength))
  }

  entry(after: { readonly sequence: number; readonly hash: ManifestHash }, bodyLength = 600): Uint8Array {
    const sequence = after.sequence + 1
    const clear = encodeEntryClear({ vaultId: this.owner.vaultId, deviceId: this.parts.deviceId, sequence, previous: after.hash, epoch: 1, bodyLength })
    const signed = concatBytes(clear, randomBytes(sequence, bodyLength))
    this.#head = { sequence, hash: entryHash(signed) }
    return concatBytes(signed, signTagged('entry/v1', signed, this.parts.sign.secretKey))
  }

  get head(): { readonly sequence: number; readonly hash: ManifestHash } {
    return this.#head
  }
}

export interface Dialled {
  readonly place: string
  /** Undefined: no certificate is shown. */
  readonly identity: TlsIdentity | undefined
}

/** One client's connections to a node; it keeps no sessions. */
export class TestClient {
  readonly #agent: Agent
  readonly #options: { readonly host: string; readonly port: number }

  constructor({ place, identity }: Dialled) {
    this.#options = splitPlace(place)
    this.#agent = new Agent({ keepAlive: true, maxCachedSessions: 0, rejectUnauthorized: false, minVersion: 'TLSv1.3', ...(identity === undefined ? {} : identity) })
  }

  close(): void {
    this.#agent.destroy()
  }

  ask(name: RouteName, options: { readonly parameters?: Readonly<Record<string, string>>; readonly query?: Readonly<Record<string, string | number>>; readonly body?: Uint8Array | string; readonly headers?: Readonly<Record<string, string>> } = {}): Promise<Reply> {
    return this.send(routes[name].method, pathOf(name, options.parameters, options.query), options.body, options.headers)
  }

  send(method: string, path: string, body?: Uint8Array | string, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      const request = httpsRequest({ ...this.#options, agent: this.#agent, method, path, headers: { ...length, ...headers } }, (response) => {
        const pieces: Buffer[] = []
        response.on('data', (piece: Buffer) => { pieces.push(piece) })
        response.on('error', reject)
        response.on('end', () => {
          const bytes = new Uint8Array(Buffer.concat(pieces))
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes, code: codeOf(bytes) })
        })
      })
      request.on('error', reject)
      request.end(body)
    })
  }
}

function codeOf(body: Uint8Array): string | undefined {
  try {
    return (JSON.parse(Buffer.from(body).toString('utf8')) as { code?: string }).code
  } catch {
    return undefined
  }
}

/** What pairing needs of a device: a test's, or one of a real vault. */
export interface Pairing {
  readonly owner: { readonly vaultId: VaultId; readonly keys: { readonly publicKey: Uint8Array }; readonly salt: Uint8Array; readonly recoveryRecord: Uint8Array }
  readonly parts: { readonly tls: { readonly publicKey: Uint8Array }; readonly record: Uint8Array; readonly identity: TlsIdentity }
}

/** As `vaultfs peer add` does it. `change` spoils what is sent. */
export function pairTestDevice(device: Pairing, code: string, { header, change = (text) => text }: { readonly header?: Uint8Array; readonly change?: (text: string) => string } = {}): Promise<Reply & { readonly answer: PairingAnswer | undefined }> {
  const { secret, pin, places } = decodeInvitation(code)
  const { owner, parts } = device
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false, maxCachedSessions: 0, rejectUnauthorized: false, minVersion: 'TLSv1.3', ...parts.identity })
    const request = httpsRequest({ ...splitPlace(places[0] ?? ''), agent, method: 'POST', path: '/v1/pair' })
    request.on('error', reject)
    request.on('socket', (socket) => {
      socket.once('secureConnect', () => {
        const tls = socket as TLSSocket
        const nodeKey = tls.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
        if (nodeKey === undefined || !equalBytes(pinOfSpki(nodeKey), pin)) return request.destroy(new Error('another node'))
        const scene = { secret, exporter: tls.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0)), clientPin: pinOf(parts.tls.publicKey), nodePin: pin }
        const text = encodePairingRequest({
          invitationId: invitationId(secret), proof: pairingProof('client', scene), vaultId: owner.vaultId, ownerPublicKey: owner.keys.publicKey, salt: owner.salt,
          member: parts.record, recovery: owner.recoveryRecord, header,
        })
        request.on('response', (response) => {
          const pieces: Buffer[] = []
          response.on('data', (piece: Buffer) => { pieces.push(piece) })
          response.on('error', reject)
          response.on('end', () => {
            const body = new Uint8Array(Buffer.concat(pieces))
            const answer = response.statusCode === 200 ? decodePairingAnswer(Buffer.from(body).toString('utf8')) : undefined
            if (answer !== undefined && !isPairingProof(answer.proof, 'node', scene)) return reject(new Error('the node did not prove itself'))
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body, code: codeOf(body), answer })
          })
        })
        const changed = change(text)
        request.setHeader('content-length', String(Buffer.byteLength(changed)))
        request.end(changed)
        return undefined
      })
    })
  })
}

/** Noise that could be a blob. */
export function testBlobs(seed: number, count: number, bytes = 5000): SealedBlob[] {
  return Array.from({ length: count }, (_, index) => {
    const sealed = randomBytes(seed + index, bytes + index) as Uint8Array as Sealed
    return { blobId: blobIdOf(sealed), sealed }
  })
}
