// Which header the nodes have of the vault that the kit's words open: the newest whose MAC is right. Nodes keep no slots of
// passphrases, so whoever comes back this way chooses a new one. A device that was broken into can put noise in the place of
// the newest: then the older ones are looked through that nodes keep beside it.
import { addSlot } from './crypto/vault-changes.js'
import type { KdfCost } from './crypto/passphrase.js'
import { openVault, sealHeader, type OpenedVault } from './crypto/vault-keys.js'
import { decodeHeader, type EncodedHeader } from './format/vault-header.js'
import { equalBytes, hex, type DeviceId } from './terms/bytes.js'
import type { Entropy } from './terms/entropy.js'
import { VaultError } from './terms/errors.js'
import type { NodeNote } from './vault-nodes.js'

export interface OfferedHeader {
  /** What the user calls the node. */
  readonly node: string
  readonly bytes: Uint8Array
}

/** Of a node, beside the one that it hands out. */
export interface KeptOffer extends OfferedHeader {
  /** When it came, by the node's clock, in seconds since 1970. */
  readonly sec: number
  /** Who brought it; zeros: that is not known. */
  readonly deviceId: DeviceId
}

interface Candidate {
  readonly node: string
  readonly encoded: EncodedHeader
}

/**
 * `kit`: its 32 bytes. `kept` is asked when none of the offers is the vault's. The page is the caller's to wipe. Throws what
 * is wrong when no node has one that opens.
 */
export async function newestHeader(offers: readonly OfferedHeader[], kit: Uint8Array, onNote: (note: NodeNote) => void, kept: () => Promise<readonly KeptOffer[]> = () => Promise.resolve([])): Promise<OpenedVault> {
  const candidates = offers.flatMap((offer) => decoded(offer, onNote)).sort((one, other) => other.encoded.header.generation - one.encoded.header.generation)
  const vaults = new Set(candidates.map(({ encoded }) => hex(encoded.header.vaultId)))
  if (vaults.size > 1) {
    throw new VaultError('usage', 'these nodes keep different vaults', { subject: candidates.map(({ node }) => node).join(', '), next: 'name nodes of one vault only, by the addresses on its kit' })
  }
  let found: { readonly opened: OpenedVault; readonly candidate: Candidate } | undefined
  let wrong: unknown
  for (const candidate of candidates) {
    const { node, encoded } = candidate
    if (found !== undefined) {
      const { header, mac } = found.candidate.encoded
      if (encoded.header.generation < header.generation) onNote({ node, message: `its header is an older one (generation ${encoded.header.generation}, ${found.candidate.node} has ${header.generation})` })
      else if (!equalBytes(encoded.mac, mac)) onNote({ node, message: `its header is another one than ${found.candidate.node} has` })
      continue
    }
    try {
      const opened = await openVault([encoded], { kind: 'recovery', entropy: kit })
      if (opened.trusted) found = { opened, candidate }
      else {
        opened.page.wipe()
        wrong = changed(node)
        onNote({ node, message: 'its header was changed by somebody without the keys: it is not used' })
      }
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      wrong ??= error
      onNote({ node, message: error.message })
    }
  }
  if (found !== undefined) return found.opened
  const older = await keptHeader(offers, await kept(), kit)
  if (older !== undefined) {
    onNote({ node: older.node, message: older.message })
    return older.opened
  }
  throw wrong ?? new VaultError('not-found', 'no node has a header of the vault', { next: "on a device that has the vault, 'vaultfs sync --wait' brings it there" })
}

/** The newest of those kept that the words open, unless it is among the offers: those were tried. */
async function keptHeader(offers: readonly OfferedHeader[], kept: readonly KeptOffer[], kit: Uint8Array): Promise<{ readonly opened: OpenedVault; readonly node: string; readonly message: string } | undefined> {
  const others = kept.filter(({ bytes }) => !offers.some((offer) => equalBytes(offer.bytes, bytes)))
  const candidates = others.flatMap((offer) => decoded(offer, () => undefined).map(({ encoded }) => ({ encoded, offer })))
  for (const { encoded, offer: { node, sec } } of candidates.sort((one, other) => other.encoded.header.generation - one.encoded.header.generation)) {
    const opened = await openVault([encoded], { kind: 'recovery', entropy: kit }).catch((error: unknown) => {
      if (!(error instanceof VaultError)) throw error
      return undefined
    })
    if (opened?.trusted === true) return { opened, node, message: keptText(encoded.header.generation, sec, bringerOf(offers, kept, node)) }
    opened?.page.wipe()
  }
  return undefined
}

/** In hexadecimal, who brought what the node hands out. */
function bringerOf(offers: readonly OfferedHeader[], kept: readonly KeptOffer[], node: string): string | undefined {
  const newest = offers.find((offer) => offer.node === node)
  const bringer = kept.find((offer) => offer.node === node && newest !== undefined && equalBytes(offer.bytes, newest.bytes))?.deviceId
  return bringer?.some((byte) => byte !== 0) === true ? hex(bringer) : undefined
}

function keptText(generation: number, sec: number, bringer: string | undefined): string {
  const moment = new Date(sec * 1000).toISOString().slice(0, 16).replace('T', ' ')
  return `what it hands out as the newest header is not the vault's, so the one of generation ${generation} is taken that it has kept since ${moment} UTC. Files and versions are all the same in it. `
    + `The other came with the key of ${bringer === undefined ? "one of the vault's devices" : `device ${bringer}`}, which somebody else may have: 'vaultfs device list' names it, 'vaultfs device revoke' shuts it out`
}

/** The bytes of both header files: with a passphrase again. The passphrase is the caller's to wipe. */
export async function headerWithPassphrase(vault: OpenedVault, passphrase: Uint8Array, options: { readonly entropy: Entropy; readonly nowSec: number; readonly cost: KdfCost }): Promise<Uint8Array> {
  const header = await addSlot(vault, { kind: 'passphrase', passphrase }, { ...options, label: 'passphrase' })
  // The words were typed in: they are on paper.
  return sealHeader({ ...header, recovery: { state: 'confirmed' } }, vault.page)
}

function decoded({ node, bytes }: OfferedHeader, onNote: (note: NodeNote) => void): Candidate[] {
  try {
    return [{ node, encoded: decodeHeader(bytes, `the header of node ${node}`) }]
  } catch (error) {
    if (!(error instanceof VaultError)) throw error
    onNote({ node, message: error.message })
    return []
  }
}

function changed(node: string): VaultError {
  return new VaultError('corrupt', `the header that node ${node} has was changed by somebody without the keys`, { subject: node, next: 'name another node with --node' })
}
