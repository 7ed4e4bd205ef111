// Header, members, revocations, recovery, deletions and health of one vault. PROTOCOL §7 to §9. All that counts is signed
// by the vault's owner; a device only carries it.
import { ByteWriter } from '../format/writer.js'
import { concatBytes, hex } from '../terms/bytes.js'
import type { Clock } from '../terms/clock.js'
import { VaultError } from '../terms/errors.js'
import { encodeKeptHeaders, keptHeadersBytesMax } from '../wire/kept-headers.js'
import { decodeDeletion } from '../wire/owner-records.js'
import { grantOf, withGrant, type Access, type VaultGrant } from './access.js'
import type { AccessRegister } from './access-register.js'
import { deviceOf, hexParameter, type Answer, type Asked, type Handler } from './answers.js'
import { counted, type ByteBudget } from './byte-budget.js'
import type { DeletionRules } from './deletion-marks.js'
import type { HeldVault } from './held-vaults.js'
import { prefixedRecords } from './member-copies.js'
import { withMember, withRecovery, withRevocation } from './member-list.js'

export interface VaultSetup {
  readonly register: AccessRegister
  readonly clock: Clock
  readonly name: string
  readonly version: string
  readonly deletion: DeletionRules
  /** The key that signs lists. */
  readonly signing: Uint8Array
  readonly answers: ByteBudget
}

export type VaultRoute =
  | 'getHeader' | 'putHeader' | 'keptHeaders' | 'members' | 'putMember' | 'revocations' | 'putRevocation' | 'recovery' | 'putRecovery' | 'putDeletion' | 'deletions'
  | 'cancelDeletion' | 'health'

export function vaultHandlers(setup: VaultSetup): Readonly<Record<VaultRoute, Handler>> {
  const { register, clock, answers } = setup
  const grant = (asked: Asked): VaultGrant => requireGrant(register.access, asked)
  return {
    getHeader: async ({ vault }) => {
      const header = await vault.header.get()
      if (header === undefined) throw new VaultError('not-found', 'this node has no header of the vault')
      return { status: 200, body: header }
    },
    putHeader: async (asked) => {
      await asked.vault.header.put((await asked.body()).slice(), deviceOf(asked).deviceId)
      return { status: 204 }
    },
    keptHeaders: async ({ vault }) => ({ status: 200, body: counted(answers, hex(vault.vaultId), keptHeadersBytesMax, async () => encodeKeptHeaders(await vault.header.kept())) }),
    members: async (asked) => ({ status: 200, body: prefixedRecords(grant(asked).members) }),
    putMember: (asked) => changed(register, asked, withMember),
    revocations: async (asked) => ({ status: 200, body: concatBytes(...grant(asked).revocations) }),
    putRevocation: (asked) => changed(register, asked, (_, known, record) => withRevocation(known, record)),
    recovery: async (asked) => {
      const { recovery } = grant(asked)
      if (recovery === undefined) throw new VaultError('not-found', 'this node has no recovery record of the vault')
      return { status: 200, body: recovery }
    },
    putRecovery: (asked) => changed(register, asked, withRecovery),
    putDeletion: async (asked) => {
      const intent = decodeDeletion((await asked.body()).slice(), grant(asked))
      await asked.vault.deletions.add(intent, clock.now().sec)
      return { status: 204 }
    },
    deletions: async ({ vault }) => {
      const writer = new ByteWriter(4).u32(vault.deletions.waiting.length)
      for (const { intentId, dueSec, blobs } of vault.deletions.waiting) writer.bytes(Buffer.from(intentId, 'hex')).u64(dueSec).u32(blobs)
      return { status: 200, body: writer.take() }
    },
    cancelDeletion: async (asked) => {
      await asked.vault.deletions.cancel(hex(hexParameter(asked, 'intent', 16)))
      return { status: 204 }
    },
    health: async (asked) => ({ status: 200, body: healthOf(asked.vault, setup) }),
  }
}

function healthOf({ vaultId, account }: HeldVault, { name, version, deletion, clock, signing }: VaultSetup): string {
  const { totalBytes, dailyBytes } = account.quota
  return JSON.stringify({
    node: name, vault: hex(vaultId), blobs: account.blobs, bytes: account.bytes, quota: totalBytes ?? null, writtenToday: account.writtenToday,
    dailyWrites: dailyBytes ?? null, keepSeconds: deletion.keepSec, deleteDelaySeconds: deletion.delaySec, version, time: clock.now().sec,
    signing: hex(signing),
  })
}

/** A record of the owner's, taken in; the same one twice is one. */
async function changed(register: AccessRegister, asked: Asked, change: (access: Access, grant: VaultGrant, record: Uint8Array) => VaultGrant): Promise<Answer> {
  const record = (await asked.body()).slice()
  await register.change((access) => {
    const before = requireGrant(access, asked)
    const after = change(access, before, record)
    return { access: after === before ? access : withGrant(access, asked.vault.vaultId, () => after), result: undefined }
  })
  return { status: 204 }
}

function requireGrant(access: Access, asked: Asked): VaultGrant {
  const grant = grantOf(access, asked.vault.vaultId)
  if (grant === undefined) throw new VaultError('not-permitted', 'this node does not keep that vault any more')
  return grant
}
