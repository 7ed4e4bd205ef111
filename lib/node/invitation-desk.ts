// Invitations from being made to being used up or burnt. They are written where the vaults are, so that using one and
// granting what it is for is one write.
import { equalBytes, hex } from '../terms/bytes.js'
import type { Entropy } from '../terms/entropy.js'
import { VaultError } from '../terms/errors.js'
import { invitationId, invitationSecretBytes, isPairingProof, type PairingScene } from '../wire/invitation.js'
import type { Access, OpenInvitation } from './access.js'
import type { AccessRegister } from './access-register.js'
import { nodeLimits } from './node-limits.js'

export class InvitationDesk {
  readonly #register: AccessRegister
  readonly #nowSec: () => number

  constructor(register: AccessRegister, nowSec: () => number) {
    this.#register = register
    this.#nowSec = nowSec
  }

  get isOpen(): boolean {
    return openOnes(this.#register.access, this.#nowSec()).length > 0
  }

  /** Durable when it resolves. Throws 'too-many'. */
  async open(seconds: number, entropy: Entropy): Promise<{ readonly secret: Uint8Array; readonly expirySec: number }> {
    const secret = entropy.bytes(invitationSecretBytes)
    const expirySec = this.#nowSec() + seconds
    await this.#register.change((access) => {
      const open = openOnes(access, this.#nowSec())
      if (open.length >= nodeLimits.invitationsMax) throw new VaultError('too-many', `${open.length} invitations are open already`, { next: 'wait until they are used, or expire' })
      return { access: { ...access, invitations: [...open, { id: hex(invitationId(secret)), secret, expirySec, failures: 0 }] }, result: undefined }
    })
    return { secret, expirySec }
  }

  /**
   * The secret of an open invitation whose proof is right. A wrong proof is counted before this rejects; the fifth burns
   * the invitation. Nobody learns whether it was the proof or the invitation.
   */
  async verify(id: Uint8Array, proof: Uint8Array, scene: Omit<PairingScene, 'secret'>): Promise<Uint8Array> {
    // One that a command has made a moment ago.
    await this.#register.refresh()
    const found = openOnes(this.#register.access, this.#nowSec()).find((one) => one.id === hex(id))
    if (found === undefined) throw refused()
    if (isPairingProof(proof, 'client', { ...scene, secret: found.secret })) return found.secret
    await this.#register.change((access) => ({
      access: {
        ...access,
        invitations: access.invitations.flatMap((one) => {
          if (one.id !== found.id) return [one]
          return one.failures + 1 >= nodeLimits.invitationFailuresMax ? [] : [{ ...one, failures: one.failures + 1 }]
        }),
      },
      result: undefined,
    }))
    throw refused()
  }

  /** Without the invitation, for the write that grants. Throws 'denied' when it was used up, burnt or expired meanwhile. */
  usedUp(access: Access, secret: Uint8Array): Access {
    const open = openOnes(access, this.#nowSec())
    if (!open.some((one) => equalBytes(one.secret, secret))) throw refused()
    return { ...access, invitations: open.filter((one) => !equalBytes(one.secret, secret)) }
  }
}

function openOnes({ invitations }: Access, nowSec: number): readonly OpenInvitation[] {
  return invitations.filter(({ expirySec }) => expirySec > nowSec)
}

function refused(): VaultError {
  return new VaultError('denied', 'that invitation is not open here: it was used, it expired, or it is another node\'s', { next: 'make a new one with "vaultfs node invite"' })
}
