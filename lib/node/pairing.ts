// The only thing that a stranger may do: use an invitation. PROTOCOL §10. Nothing of what it sends is looked at before its
// proof is right, and nothing is granted but in the write that uses the invitation up.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { equalBytes, hex, type DeviceId } from '../terms/bytes.js'
import type { Clock } from '../terms/clock.js'
import { VaultError } from '../terms/errors.js'
import type { Logger } from '../terms/log.js'
import { exporterBytes, exporterLabel, pairingProof } from '../wire/invitation.js'
import { decodeRecoveryRecord, isOwnerOf } from '../wire/owner-records.js'
import { decodePairingRequest, encodePairingAnswer, type PairingRequest } from '../wire/pairing-messages.js'
import { pinOf } from '../wire/pin.js'
import { routes } from '../wire/routes.js'
import { grantOf, withGrant, type Access, type VaultGrant } from './access.js'
import type { AccessRegister } from './access-register.js'
import { announcedLength, readBody } from './body-reading.js'
import { fail } from './dispatcher.js'
import type { HeldVaults } from './held-vaults.js'
import type { InvitationDesk } from './invitation-desk.js'
import { ownersMember, withMember, withRecovery } from './member-list.js'
import type { NodeCounters } from './node-counters.js'
import type { NodeKeys } from './node-keys.js'
import { nodeLimits, patience } from './node-limits.js'

export interface PairingSetup {
  readonly register: AccessRegister
  readonly desk: InvitationDesk
  readonly vaults: HeldVaults
  readonly keys: NodeKeys
  readonly name: string
  readonly clock: Clock
  readonly counters: NodeCounters
  readonly logger: Logger
  pinOf(socket: object): Uint8Array | undefined
}

export class Pairing {
  readonly #setup: PairingSetup

  constructor(setup: PairingSetup) {
    this.#setup = setup
  }

  /** Never rejects. One request, then the socket ends. */
  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { counters, logger } = this.#setup
    response.setHeader('connection', 'close')
    try {
      const { method, path, bytesMax } = routes.pair
      if (request.method !== method || request.url !== path) throw new VaultError('not-permitted', 'this node does not know that key', { next: 'use an invitation' })
      const body = await readBody(request, new Uint8Array(announcedLength(request, bytesMax) ?? bytesMax), patience.spanMs)
      const answer = await this.#pair(decodePairingRequest(Buffer.from(body).toString('utf8')), request.socket as TLSSocket)
      counters.pairings++
      response.setHeader('content-type', 'application/json')
      response.end(answer)
    } catch (error) {
      counters.pairingsRefused++
      logger.log('warn', 'a pairing was refused', { from: request.socket.remoteAddress ?? '', reason: error instanceof Error ? error.message : String(error) })
      fail(request, response, error)
    }
  }

  async #pair(request: PairingRequest, socket: TLSSocket): Promise<string> {
    const { desk, keys, register, vaults, name, logger } = this.#setup
    const clientPin = this.#setup.pinOf(socket)
    if (clientPin === undefined) throw new VaultError('not-permitted', 'the connection showed no key')
    const scene = { exporter: socket.exportKeyingMaterial(exporterBytes, exporterLabel, Buffer.alloc(0)), clientPin, nodePin: keys.tlsPin }
    const secret = await desk.verify(request.invitationId, request.proof, scene)
    const deviceId = this.#requireWhole(request, clientPin)
    await register.change((access) => ({ access: this.#granted(desk.usedUp(access, secret), request), result: undefined }))
    logger.log('info', 'a device was let in', { vault: hex(request.vaultId).slice(0, 16) })
    const { header } = await vaults.welcome(request.vaultId)
    if (request.header !== undefined) {
      // The device sends it again when this copy is not what it should be.
      await header.put(request.header, deviceId).catch((error: unknown) => {
        logger.log('warn', 'the header that came with a pairing did not become the newest', { reason: error instanceof Error ? error.message : String(error) })
      })
    }
    return encodePairingAnswer({ proof: pairingProof('node', { ...scene, secret }), signing: keys.signPublicKey, name })
  }

  /** Answers which device asks. */
  #requireWhole({ vaultId, ownerPublicKey, salt, member, recovery }: PairingRequest, clientPin: Uint8Array): DeviceId {
    if (!isOwnerOf(vaultId, ownerPublicKey, salt)) throw new VaultError('corrupt', "the vault's id is not its owner's")
    const { tlsPublicKey, deviceId } = ownersMember(member, { vaultId, ownerPublicKey })
    if (!equalBytes(pinOf(tlsPublicKey), clientPin)) throw new VaultError('corrupt', 'the member record is of another key than the connection')
    if (recovery !== undefined) decodeRecoveryRecord(recovery, { vaultId, ownerPublicKey })
    return deviceId
  }

  #granted(access: Access, { vaultId, ownerPublicKey, salt, member, recovery }: PairingRequest): Access {
    const known = grantOf(access, vaultId)
    if (known === undefined && access.vaults.length >= nodeLimits.vaultsMax) throw new VaultError('too-many', `this node keeps ${access.vaults.length} vaults already`)
    const fresh: VaultGrant = {
      vaultId, ownerPublicKey, salt, addedSec: this.#setup.clock.now().sec, members: [], revocations: [], recovery: undefined, quotaBytes: undefined, dailyBytes: undefined,
    }
    const all = known === undefined ? { ...access, vaults: [...access.vaults, fresh] } : access
    return withGrant(all, vaultId, (grant) => {
      const joined = withMember(all, grant, member)
      return recovery === undefined ? joined : withRecovery(all, joined, recovery)
    })
  }
}
