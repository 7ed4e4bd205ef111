// Chains of entries, in and out. PROTOCOL §4. Who brings entries is all the same: they are their device's word, and signed;
// what comes must follow what is here.
import { entryBytesMax, noPrevious } from '../format/manifest-entry.js'
import { decodeMemberRecord } from '../format/member-record.js'
import { ByteWriter } from '../format/writer.js'
import { equalBytes, hex, type DeviceId, type ManifestHash, type VaultId } from '../terms/bytes.js'
import { VaultError } from '../terms/errors.js'
import { verifiedRevocation } from '../wire/owner-records.js'
import { grantOf, type VaultGrant } from './access.js'
import type { AccessRegister } from './access-register.js'
import { deviceOf, hexParameter, numberOf, type Asked, type Handler } from './answers.js'
import type { ByteBudget } from './byte-budget.js'
import type { CheckedEntry, CheckerCalls } from './checker.js'
import type { HeldVault } from './held-vaults.js'
import { nodeLimits } from './node-limits.js'
import type { VaultStorage } from './node-storage.js'
import type { ThreadLink } from './thread-link.js'

export interface ChainSetup {
  readonly checker: ThreadLink<CheckerCalls>
  readonly register: AccessRegister
  readonly answers: ByteBudget
}

interface Head {
  readonly sequence: number
  readonly hash: ManifestHash
  readonly bytes: number
}

export function chainHandlers({ checker, register, answers }: ChainSetup): Readonly<Record<'appendEntries' | 'readEntries', Handler>> {
  return {
    appendEntries: async (asked) => {
      const deviceId = hexParameter(asked, 'device', 16) as DeviceId
      const grant = grantOf(register.access, deviceOf(asked).vaultId)
      const author = authorOf(grant, deviceId)
      const { account } = asked.vault
      const release = account.reserve(asked.bodyLength)
      try {
        const body = await asked.body()
        const entries = await checker.call('entries', body, author)
        requireCounting(grant, deviceId, entries)
        const head = await asked.vault.queueOf(deviceId).run(() => append(asked, deviceId, body, entries))
        return { status: 200, body: new ByteWriter(48).u64(head.sequence).bytes(head.hash).u64(head.bytes).take() }
      } finally {
        release()
      }
    },
    readEntries: async (asked) => {
      const deviceId = hexParameter(asked, 'device', 16) as DeviceId
      const bytesMax = numberOf(asked, 'bytes', nodeLimits.entriesBytesMax, nodeLimits.entriesBytesMax)
      return { status: 200, body: entriesBehind(asked.vault, answers, deviceId, { after: numberOf(asked, 'after', 0, Number.MAX_SAFE_INTEGER), bytesMax }) }
    },
  }
}

/** One entry may be longer than what was asked for: then it is read again, with room for the longest. */
async function* entriesBehind({ storage, vaultId }: HeldVault, answers: ByteBudget, deviceId: DeviceId, { after, bytesMax }: { readonly after: number; readonly bytesMax: number }): AsyncGenerator<Uint8Array> {
  for (const counted of [bytesMax, entryBytesMax]) {
    const release = await answers.take(hex(vaultId), counted)
    try {
      const entries = await storage.readEntries(deviceId, after, bytesMax)
      if (entries.byteLength > counted) continue
      yield entries
      return
    } finally {
      release()
    }
  }
}

/** With whose key the chain is verified. Throws 'not-permitted' for a device that this node was not told of. */
function authorOf(grant: VaultGrant | undefined, deviceId: DeviceId): { readonly vaultId: VaultId; readonly deviceId: DeviceId; readonly signPublicKey: Uint8Array } {
  for (const record of grant?.members ?? []) {
    const { member } = decodeMemberRecord(record)
    if (equalBytes(member.deviceId, deviceId)) return { vaultId: member.vaultId, deviceId, signPublicKey: member.signPublicKey }
  }
  throw new VaultError('not-permitted', `device ${hex(deviceId)} is no member of this vault, as far as this node was told`, { subject: hex(deviceId), next: 'send its member record first' })
}

/** What a revoked device said up to the last entry that its owner named, others may still bring. */
function requireCounting(grant: VaultGrant | undefined, deviceId: DeviceId, entries: readonly CheckedEntry[]): void {
  for (const record of grant?.revocations ?? []) {
    const { deviceId: revoked, lastSequence } = verifiedRevocation(record)
    if (!equalBytes(revoked, deviceId) || (entries.at(-1)?.sequence ?? 0) <= lastSequence) continue
    throw new VaultError('not-permitted', `device ${hex(deviceId)} was revoked: nothing after its entry ${lastSequence} counts`, { subject: hex(deviceId) })
  }
}

async function append(asked: Asked, deviceId: DeviceId, body: Uint8Array, entries: readonly CheckedEntry[]): Promise<Head> {
  const { storage, account } = asked.vault
  for (;;) {
    const head = await headOf(storage, deviceId)
    const [first] = entries
    if (first === undefined) return head
    if (first.sequence > head.sequence + 1) throw conflict('chain-broken', 'entries are missing before these', head, first)
    const known = entries.filter(({ sequence }) => sequence <= head.sequence)
    if (known.length > 0) await requireKnown(storage, deviceId, body, { head, known })
    const fresh = entries.slice(known.length)
    const [next] = fresh
    if (next === undefined) return head
    if (!equalBytes(next.previous, head.hash)) throw conflict('forked', 'these entries follow another one than the newest here', head, next)
    const bytes = fresh.reduce((sum, { length }) => sum + length, 0)
    const appended = fresh.map(({ sequence, hash, offset, length }) => ({ sequence, hash, bytes: body.subarray(offset, offset + length) }))
    // Another process of this node may have been faster: then it is looked at anew.
    if (!await storage.append(deviceId, head, appended)) continue
    account.countChain(bytes)
    const last = fresh.at(-1) ?? next
    return { sequence: last.sequence, hash: last.hash, bytes: head.bytes + bytes }
  }
}

async function headOf(storage: VaultStorage, deviceId: DeviceId): Promise<Head> {
  const found = (await storage.heads()).find((head) => equalBytes(head.deviceId, deviceId))
  return found ?? { sequence: 0, hash: noPrevious, bytes: 0 }
}

/** What is here already must be what came, byte for byte. */
async function requireKnown(storage: VaultStorage, deviceId: DeviceId, body: Uint8Array, { head, known }: { readonly head: Head; readonly known: readonly CheckedEntry[] }): Promise<void> {
  const [first, last] = [known[0], known.at(-1)]
  if (first === undefined || last === undefined) return
  const length = last.offset + last.length - first.offset
  let at = first.offset
  for (let { sequence } = first; sequence <= last.sequence;) {
    const here = await storage.readEntries(deviceId, sequence - 1, Math.min(length, nodeLimits.entriesBytesMax))
    const sent = body.subarray(at, Math.min(at + here.byteLength, last.offset + last.length))
    if (sent.byteLength === 0 || !equalBytes(here.subarray(0, sent.byteLength), sent)) throw conflict('forked', 'another entry stands here in the place of one of these', head, first)
    at += sent.byteLength
    if (at >= last.offset + last.length) return
    const next = known.find(({ offset }) => offset === at)
    if (next === undefined) throw conflict('forked', 'another entry stands here in the place of one of these', head, first)
    sequence = next.sequence
  }
}

/** Both heads, the node's first: `SEQUENCE:HASH SEQUENCE:HASH`; the client's is the one that its first entry follows. */
function conflict(code: 'chain-broken' | 'forked', message: string, head: Head, first: CheckedEntry): VaultError {
  return new VaultError(code, message, { subject: `${head.sequence}:${hex(head.hash)} ${first.sequence - 1}:${hex(first.previous)}` })
}
