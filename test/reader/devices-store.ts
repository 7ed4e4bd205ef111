// A whole store of several devices that worked apart: the histories of test/model/merge-world.ts, sealed and signed by the
// keys of each, as their chains in one folder `manifest`. There are no blobs: all content is inline.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createIdentity } from '../../lib/crypto/identity.js'
import { kitWords, ownerKeyPair } from '../../lib/crypto/recovery-kit.js'
import { createVault, type CreatedVault } from '../../lib/crypto/vault-keys.js'
import { encodeContent } from '../../lib/content/content-reference.js'
import type { Operation } from '../../lib/format/operations.js'
import { openChainFile } from '../../lib/manifest/chain-file.js'
import { ManifestChain } from '../../lib/manifest/chain.js'
import { pageAuthor } from '../../lib/manifest/entry-author.js'
import { hex, type ManifestHash } from '../../lib/terms/bytes.js'
import { randomBytes, sha256 } from '../../native-deps/sodium.js'
import { MergeDevice } from '../model/merge-device.js'
import { MergeWorld } from '../model/merge-world.js'
import { Random } from '../model/random.js'

export const passphrase = 'several devices'

interface Device {
  readonly chain: ManifestChain
  readonly signKey: Uint8Array
  readonly record: Uint8Array
}

/** In the folder, which is there and empty. */
export async function makeDevicesStore(store: string, seed: number): Promise<{ readonly created: CreatedVault; readonly conflicts: number; readonly kit: string }> {
  const entropy = { bytes: randomBytes }
  const created = await createVault({ passphrase: Buffer.from(passphrase), cost: { memoryBytes: 64 * 1024 * 1024, passes: 1 }, entropy, nowSec: 1_700_000_000, deviceName: 'unused' })
  for (const name of ['header', 'header.backup']) writeFileSync(join(store, name), created.headerBytes)
  for (const name of ['manifest', 'cache', 'cache/segments', 'log']) mkdirSync(join(store, name))
  const hands = Array.from({ length: 3 }, () => new MergeDevice())
  const world = new MergeWorld(new Random(seed), { devices: 3, rounds: 40, sharing: 0.3, forgetting: 0, isLastSilent: false }, hands)
  world.begin()
  world.run()
  world.end()
  const devices = new Map<string, Device>()
  for (const { deviceId, name } of world.chains) devices.set(hex(deviceId), await deviceOf(store, created, deviceId, name))
  const hashes = new Map<string, ManifestHash>()
  // What a content was called before it was made one that a reader can take apart.
  const bases = new Map<string, Uint8Array>()
  for (const { deviceId, sequence, lamport, sec, nsec, deps, operations } of world.entries) {
    const device = devices.get(hex(deviceId))
    if (device === undefined) throw new Error('an entry of nobody')
    created.page.set('device-sign', device.signKey)
    const head = await device.chain.append({
      lamport, sec, nsec, operations: operations.map((operation) => readable(operation, device.record, bases)),
      deps: deps.map((each) => ({ ...each, hash: hashes.get(`${hex(each.deviceId)} ${each.sequence}`) ?? missing() })),
    }, pageAuthor(created.page, entropy))
    if (head.sequence !== sequence) throw new Error('another place in the chain')
    hashes.set(`${hex(deviceId)} ${sequence}`, head.hash)
  }
  for (const { chain } of devices.values()) await chain.close()
  const conflicts = hands[0]?.database.prepare<[], number>("SELECT count(*) FROM dirent WHERE name LIKE '%(conflict, %'", 'first').get() ?? 0
  for (const hand of hands) hand.close()
  return { created, conflicts, kit: kitWords(created.kit).join(' ') }
}

async function deviceOf(store: string, { page, header, kit }: CreatedVault, deviceId: Uint8Array, name: string): Promise<Device> {
  // The 16 bytes that it draws are its id.
  const entropy = { bytes: (length: number) => (length === 16 ? Uint8Array.from(deviceId) : randomBytes(length)) }
  const { identity: { member, record } } = createIdentity(page, { vaultId: header.vaultId, name, createdSec: 1_700_000_000, ownerSecretKey: ownerKeyPair(kit).secretKey, entropy })
  const signKey = Uint8Array.from(page.key('device-sign'))
  const directory = join(store, 'manifest')
  const [entries, mark] = [await openChainFile(join(directory, `${hex(deviceId)}.chain`), directory), await openChainFile(join(directory, `${hex(deviceId)}.mark`), directory)]
  return { signKey, record, chain: await ManifestChain.open({ vaultId: header.vaultId, deviceId: member.deviceId, signPublicKey: member.signPublicKey, depth: 'full', entries, mark }) }
}

function readable(operation: Operation, record: Uint8Array, bases: Map<string, Uint8Array>): Operation {
  if (operation.kind === 'member') return { ...operation, record }
  if (operation.kind !== 'content') return operation
  const { content } = operation
  const length = content.byteLength
  const told = encodeContent({ length, allocated: length, body: { form: 'inline', bytes: content } })
  bases.set(hex(sha256(content)), sha256(told))
  return { ...operation, content: told, size: length, bases: operation.bases.map((base) => bases.get(hex(base)) ?? missing()) }
}

function missing(): never {
  throw new Error('it was not told before')
}
