// What a node's commands tell, as objects for scripts and as lines for people.
import { decodeMemberRecord } from '../lib/format/member-record.js'
import { grantOf, revokedDevices, type VaultGrant } from '../lib/node/access.js'
import type { AccessRegister } from '../lib/node/access-register.js'
import type { NodeSettings } from '../lib/node/node-settings.js'
import type { NodeStorage } from '../lib/node/node-storage.js'
import { equalBytes, hex } from '../lib/terms/bytes.js'
import { VaultError } from '../lib/terms/errors.js'
import { spanText } from '../lib/terms/retention.js'
import { encodeAddress } from '../lib/wire/pin.js'
import { reachablePlaces, runningState, type NodePlace } from './node-place.js'
import { bytesText, count } from './report.js'
import { programVersion } from './version.js'

export interface PeerReport {
  readonly vault: string
  readonly addedSec: number
  readonly blobs: number
  /** Of blobs and chains. */
  readonly bytes: number
  readonly quota: number | null
  readonly dailyWrites: number | null
  readonly recovery: boolean
  readonly devices: readonly { readonly device: string; readonly name: string; readonly createdSec: number; readonly revoked: boolean; readonly entries: number; readonly bytes: number }[]
}

export async function peerReport({ storage, settings, grant }: { readonly storage: NodeStorage; readonly settings: NodeSettings; readonly grant: VaultGrant }): Promise<PeerReport> {
  const vault = storage.vault(grant.vaultId)
  const [{ blobs, bytes }, heads] = [await vault.statistics(), await vault.heads()]
  const revoked = revokedDevices(grant)
  const devices = grant.members.map((record) => {
    const { deviceId, name, createdSec } = decodeMemberRecord(record).member
    const head = heads.find((one) => equalBytes(one.deviceId, deviceId))
    return { device: hex(deviceId), name, createdSec, revoked: revoked.has(hex(deviceId)), entries: head?.sequence ?? 0, bytes: head?.bytes ?? 0 }
  })
  return {
    vault: hex(grant.vaultId), addedSec: grant.addedSec, blobs, bytes: bytes + heads.reduce((sum, head) => sum + head.bytes, 0),
    quota: grant.quotaBytes === undefined ? settings.quotaBytes : grant.quotaBytes, dailyWrites: grant.dailyBytes === undefined ? settings.dailyBytes : grant.dailyBytes, recovery: grant.recovery !== undefined, devices,
  }
}

export function peerLines({ vault, blobs, bytes, quota, dailyWrites, devices }: PeerReport): readonly string[] {
  return [
    `${vault}  ${count(blobs, 'blob')}, ${bytesText(bytes)} of ${limitText(quota)}, ${limitText(dailyWrites)} a day`,
    // Names are what a device calls itself: shown without what a terminal would obey.
    ...devices.map(({ device, name, revoked, entries, bytes: chain }) => (
      `  ${device}  ${JSON.stringify(name)}  ${revoked ? 'revoked' : `${count(entries, 'entry', 'entries')}, ${bytesText(chain)}`}`
    )),
  ]
}

export interface NodeReport {
  readonly name: string
  readonly data: string
  readonly running: boolean
  readonly pid: number | null
  readonly listen: string
  readonly addresses: readonly string[]
  readonly vaults: number
  readonly blobs: number
  readonly bytes: number
  readonly invitations: number
  readonly quota: number | null
  readonly dailyWrites: number | null
  readonly keepSeconds: number
  readonly deleteDelaySeconds: number
  readonly version: string
}

export async function nodeReport(place: NodePlace, { storage, register }: { readonly storage: NodeStorage; readonly register: AccessRegister }, nowSec: number): Promise<NodeReport> {
  const { settings, keys, directory } = place
  const running = runningState(place)
  const { vaults, invitations } = register.access
  let [blobs, bytes] = [0, 0]
  for (const { vaultId } of vaults) {
    const [sizes, heads] = [await storage.vault(vaultId).statistics(), await storage.vault(vaultId).heads()]
    blobs += sizes.blobs
    bytes += sizes.bytes + heads.reduce((sum, head) => sum + head.bytes, 0)
  }
  return {
    name: settings.name, data: directory, running: running !== undefined, pid: running?.pid ?? null, listen: running?.listen || settings.listen,
    addresses: addressesOf(place, keys.tlsPin), vaults: vaults.length, blobs, bytes, invitations: invitations.filter(({ expirySec }) => expirySec > nowSec).length,
    quota: settings.quotaBytes, dailyWrites: settings.dailyBytes, keepSeconds: settings.keepSec, deleteDelaySeconds: settings.deleteDelaySec, version: programVersion(),
  }
}

function addressesOf(place: NodePlace, pin: Uint8Array): readonly string[] {
  try {
    return reachablePlaces(place).map((one) => encodeAddress({ place: one, pin }))
  } catch (error) {
    // On a port that nobody has chosen yet.
    if (error instanceof VaultError && error.code === 'usage') return []
    throw error
  }
}

export function nodeLines(report: NodeReport): readonly string[] {
  return [
    `${report.name} ${report.running ? `runs (process ${report.pid ?? 0}) on ${report.listen}` : 'does not run'}`,
    `  data       ${report.data}`,
    ...report.addresses.map((address) => `  address    ${address}`),
    `  keeps      ${count(report.vaults, 'vault')}, ${count(report.blobs, 'blob')}, ${bytesText(report.bytes)}`,
    `  limits     ${limitText(report.quota)} for each vault, ${limitText(report.dailyWrites)} a day`,
    `  deletion   ${spanText(report.deleteDelaySeconds)} after the owner asks, and nothing younger than ${spanText(report.keepSeconds)}`,
    ...(report.invitations === 0 ? [] : [`  open       ${count(report.invitations, 'invitation')}`]),
  ]
}

function limitText(bytes: number | null): string {
  return bytes === null ? 'no limit' : bytesText(bytes)
}

/** By its id or the beginning of it. Throws 'not-found' and 'usage'. */
export function grantNamed({ access }: AccessRegister, text: string): VaultGrant {
  const found = access.vaults.filter(({ vaultId }) => hex(vaultId).startsWith(text.toLowerCase()))
  const [only] = found
  if (only === undefined) throw new VaultError('not-found', `this node keeps no vault ${text}`, { subject: text, next: '"vaultfs node peers" lists those that it keeps' })
  if (found.length > 1 || text.length < 4) throw new VaultError('usage', `${text} is too short to name one vault`, { subject: text, next: 'write more of its id' })
  return grantOf(access, only.vaultId) ?? only
}
