// What every NodeStorage promises, whatever it keeps things in. `open` opens the same store each time, also beside one that is
// open when `isShared`.
import type { Test } from 'tap'
import { encodeEntryClear, noPrevious } from '../../../lib/format/manifest-entry.js'
import { recordBytesMax, type ChainEntry, type NodeStorage, type VaultStorage } from '../../../lib/node/node-storage.js'
import { concatBytes, equalBytes, hex, type BlobId, type DeviceId, type ManifestHash, type Sealed, type VaultId } from '../../../lib/terms/bytes.js'
import { encodeFrames, frameHeadBytes, type SealedBlob } from '../../../lib/wire/blob-frames.js'
import { sha256 } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'

export interface ContractScene {
  readonly isShared: boolean
  open(): Promise<NodeStorage>
}


export const vaultNamed = (seed: number): VaultId => randomBytes(seed, 32).slice() as Uint8Array as VaultId
export const deviceNamed = (seed: number): DeviceId => randomBytes(seed, 16).slice() as Uint8Array as DeviceId
export const start = { sequence: 0, hash: noPrevious }

export function sealedBlob(seed: number, length: number): SealedBlob {
  const sealed = randomBytes(seed, length).slice() as Uint8Array as Sealed
  return { blobId: sha256(sealed) as Uint8Array as BlobId, sealed }
}

/** Entries as they look from outside; nobody signed them, which a storage does not look at. */
export function entries(vaultId: VaultId, deviceId: DeviceId, { from, count, bodyLength = 100, seed = 1 }: { readonly from: number; readonly count: number; readonly bodyLength?: number; readonly seed?: number }): ChainEntry[] {
  return Array.from({ length: count }, (_, index) => {
    const sequence = from + index
    const body = randomBytes(seed * 1_000_003 + sequence, bodyLength)
    const previous = sequence === 1 ? noPrevious : randomBytes(sequence, 32) as Uint8Array as ManifestHash
    const bytes = concatBytes(encodeEntryClear({ vaultId, deviceId, sequence, previous, epoch: 1, bodyLength }), body, new Uint8Array(64))
    return { sequence, hash: sha256(bytes) as Uint8Array as ManifestHash, bytes }
  })
}

export const bytesOf = (all: readonly ChainEntry[]): Uint8Array => concatBytes(...all.map(({ bytes }) => bytes))
const headOf = (all: readonly ChainEntry[]): { sequence: number; hash: ManifestHash } => all.at(-1) ?? start

export function storageContract(t: Test, name: string, makeScene: () => Promise<ContractScene>): void {
  t.test(`${name}: blobs`, async (t) => { await blobContract(t, await makeScene()) })
  t.test(`${name}: inventory and counts`, async (t) => { await inventoryContract(t, await makeScene()) })
  t.test(`${name}: chains`, async (t) => { await chainContract(t, await makeScene()) })
  t.test(`${name}: who appends at the same time`, async (t) => { await raceContract(t, await makeScene()) })
  t.test(`${name}: records`, async (t) => { await recordContract(t, await makeScene()) })
}

async function blobContract(t: Test, scene: ContractScene): Promise<void> {
  const storage = await scene.open()
  const vault = storage.vault(vaultNamed(1))
  const all = [1, 1000, 65_536, 300_001].map((length, index) => sealedBlob(10 + index, length))
  const ids = all.map(({ blobId }) => blobId)
  const absent = sealedBlob(99, 10).blobId
  t.same(await vault.lengths([...ids, absent]), [undefined, undefined, undefined, undefined, undefined])
  t.same(await vault.put(all), [true, true, true, true], 'all of them are new')
  t.same(await vault.put(all.slice(1, 3)), [false, false], 'and then known')
  t.same(await vault.lengths([absent, ...ids]), [undefined, 1, 1000, 65_536, 300_001])
  const [never, ...secs] = await vault.storedSec([absent, ...ids])
  t.ok(never === undefined && secs.every((sec) => sec !== undefined && Math.abs(sec - Date.now() / 1000) < 3700), 'and when they came')
  const shared = new Uint8Array(new SharedArrayBuffer(1000))
  shared.set(randomBytes(77, 1000))
  const lent = { blobId: sha256(shared.slice()) as Uint8Array as BlobId, sealed: shared as Uint8Array as Sealed }
  t.same(await vault.put([lent]), [true])
  const bytes = shared.slice()
  shared.fill(0)
  t.ok(equalBytes(await vault.read(lent.blobId), bytes), 'memory that is shared, and used again')
  await vault.remove([lent.blobId])
  for (const { blobId, sealed } of all) t.ok(equalBytes(await vault.read(blobId), sealed), `${sealed.byteLength} bytes come back`)
  const large = all[3] as SealedBlob
  t.ok(equalBytes(await vault.read(large.blobId, { start: 1234, length: 99 }), large.sealed.subarray(1234, 1333)))
  t.ok(equalBytes(await vault.read(large.blobId, { start: 300_000, length: 1 }), large.sealed.subarray(300_000)))
  const frames = new Uint8Array(new SharedArrayBuffer(400_000))
  const asked = [absent, ...ids]
  const whole = concatBytes(...encodeFrames([{ blobId: absent, sealed: new Uint8Array(0) as Sealed }, ...all]))
  t.ok(equalBytes(frames.subarray(0, await vault.readFrames(asked, frames)), whole), 'frames, an empty one for what is not here')
  t.equal(await vault.readFrames(asked, frames.subarray(0, whole.byteLength - 1)), whole.byteLength - frameHeadBytes - large.sealed.byteLength, 'up to what does not fit')
  t.equal(await vault.readFrames([large.blobId], frames.subarray(0, 1000)), frameHeadBytes, 'the first one too')
  await t.rejects(vault.read(absent), { code: 'not-found' })
  await t.rejects(vault.read(absent, { start: 0, length: 1 }), { code: 'not-found' })
  t.same(await storage.vault(vaultNamed(2)).lengths(ids), [undefined, undefined, undefined, undefined], 'another vault has none of them')
  await vault.remove([ids[0] as BlobId, absent])
  t.same(await vault.lengths(ids), [undefined, 1000, 65_536, 300_001])
  t.same(await vault.put([all[0] as SealedBlob]), [true], 'what was removed may come again')
  await storage.close()
  const again = await scene.open()
  t.ok(equalBytes(await again.vault(vaultNamed(1)).read(large.blobId), large.sealed), 'all is there the next time')
  t.same(await again.vault(vaultNamed(1)).lengths(ids), [1, 1000, 65_536, 300_001])
  await again.close()
}

async function inventoryContract(t: Test, scene: ContractScene): Promise<void> {
  const storage = await scene.open()
  const vault = storage.vault(vaultNamed(3))
  const nothing = new Uint8Array(32)
  t.same(await vault.inventory(nothing, 10), { isLast: true, blobs: [] })
  t.same(await vault.statistics(), { blobs: 0, bytes: 0 })
  const all = Array.from({ length: 25 }, (_, index) => sealedBlob(100 + index, 50 + index))
  await vault.put(all)
  const sorted = all.toSorted((a, b) => Buffer.compare(a.blobId, b.blobId)).map(({ blobId, sealed }) => ({ blobId: hex(blobId), length: sealed.byteLength }))
  const found: { blobId: string; length: number }[] = []
  let after: Uint8Array = nothing
  for (let page = 0; page < 10; page++) {
    const { isLast, blobs } = await vault.inventory(after, 10)
    found.push(...blobs.map(({ blobId, length }) => ({ blobId: hex(blobId), length })))
    if (isLast) break
    t.equal(blobs.length, 10)
    after = blobs.at(-1)?.blobId ?? nothing
  }
  t.same(found, sorted, 'in the order of ids, each once')
  const bytes = all.reduce((sum, { sealed }) => sum + sealed.byteLength, 0)
  t.same(await vault.statistics(), { blobs: 25, bytes })
  await vault.put(all.slice(0, 5))
  t.same(await vault.statistics(), { blobs: 25, bytes }, 'what was there counts once')
  await vault.remove(all.slice(0, 5).map(({ blobId }) => blobId))
  const rest = all.slice(5).reduce((sum, { sealed }) => sum + sealed.byteLength, 0)
  t.same(await vault.statistics(), { blobs: 20, bytes: rest })
  await storage.close()
  const again = await scene.open()
  t.same(await again.vault(vaultNamed(3)).statistics(), { blobs: 20, bytes: rest }, 'counted anew it is the same')
  await again.close()
}

async function chainContract(t: Test, scene: ContractScene): Promise<void> {
  const storage = await scene.open()
  const [vaultId, one, two] = [vaultNamed(4), deviceNamed(1), deviceNamed(2)]
  const vault = storage.vault(vaultId)
  t.same(await vault.heads(), [])
  t.equal((await vault.readEntries(one, 0, 1000)).byteLength, 0, 'a chain that is not there is empty')
  const first = entries(vaultId, one, { from: 1, count: 3 })
  t.equal(await vault.append(one, start, first), true)
  t.equal(await vault.append(one, start, first), false, 'the chain is not new any more')
  const second = entries(vaultId, one, { from: 4, count: 1 })
  t.equal(await vault.append(one, { sequence: 3, hash: vaultNamed(77) as Uint8Array as ManifestHash }, second), false, 'another entry 3')
  t.equal(await vault.append(one, { sequence: 2, hash: (first[1] as ChainEntry).hash }, entries(vaultId, one, { from: 3, count: 1, seed: 5 })), false, 'behind what is no head')
  t.equal(await vault.append(two, headOf(first), entries(vaultId, two, { from: 4, count: 1 })), false, 'a chain that is not there has no head')
  t.equal(await vault.append(one, headOf(first), second), true)
  const third = entries(vaultId, one, { from: 5, count: 40, bodyLength: 5000 })
  t.equal(await vault.append(one, headOf(second), third), true)
  const others = entries(vaultId, two, { from: 1, count: 1 })
  t.equal(await vault.append(two, start, others), true)
  const all = [...first, ...second, ...third]
  const expected = [{ deviceId: one, ...headOf(all), bytes: bytesOf(all).byteLength }, { deviceId: two, ...headOf(others), bytes: bytesOf(others).byteLength }]
    .map(({ deviceId, sequence, hash, bytes }) => ({ device: hex(deviceId), sequence, hash: hex(hash), bytes })).toSorted((a, b) => a.device < b.device ? -1 : 1)
  t.same(await headsOf(vault), expected)
  await storage.close()
  const again = await scene.open()
  const reopened = again.vault(vaultId)
  t.same(await headsOf(reopened), expected, 'the next time too, in the order of devices')
  for (const after of [0, 1, 3, 4, 20, 43]) {
    t.ok(equalBytes(await reopened.readEntries(one, after, 10_000_000), bytesOf(all.slice(after))), `all behind ${after}`)
    const some = await reopened.readEntries(one, after, 12_000)
    t.ok(await endsWholly(some, all.slice(after), 12_000), `about 12 000 bytes behind ${after}`)
  }
  t.ok(equalBytes(await reopened.readEntries(one, 30, 1), (all[30] as ChainEntry).bytes), 'one, when not even one fits')
  t.equal((await reopened.readEntries(one, 44, 1000)).byteLength, 0, 'nothing behind the head')
  t.equal((await reopened.readEntries(one, 400, 1000)).byteLength, 0)
  let [at, rest] = [0, Buffer.alloc(0)]
  for (let round = 0; round < 100; round++) {
    const piece = await reopened.readEntries(one, at, 30_000)
    if (piece.byteLength === 0) break
    rest = Buffer.concat([rest, piece])
    at += countOf(piece, all.slice(at))
  }
  t.ok(equalBytes(rest, bytesOf(all)), 'piece by piece it is the same')
  t.equal(await reopened.append(one, headOf(all), entries(vaultId, one, { from: 45, count: 2 })), true, 'and it goes on')
  await again.close()
}

async function headsOf(vault: VaultStorage): Promise<unknown> {
  return (await vault.heads()).map(({ deviceId, sequence, hash, bytes }) => ({ device: hex(deviceId), sequence, hash: hex(hash), bytes }))
}

function countOf(piece: Uint8Array, following: readonly ChainEntry[]): number {
  let [bytes, count] = [0, 0]
  for (const entry of following) {
    if (bytes >= piece.byteLength) break
    bytes += entry.bytes.byteLength
    count++
  }
  return bytes === piece.byteLength ? count : NaN
}

async function endsWholly(piece: Uint8Array, following: readonly ChainEntry[], bytesMax: number): Promise<boolean> {
  const count = countOf(piece, following)
  const more = following[count]?.bytes.byteLength ?? Infinity
  return count > 0 && equalBytes(piece, bytesOf(following.slice(0, count))) && piece.byteLength <= bytesMax && piece.byteLength + more > bytesMax
}

async function raceContract(t: Test, scene: ContractScene): Promise<void> {
  const storages = scene.isShared ? [await scene.open(), await scene.open()] : [await scene.open()]
  const [vaultId, device] = [vaultNamed(5), deviceNamed(5)]
  const vaults = Array.from({ length: 4 }, (_, at) => (storages[at % storages.length] as NodeStorage).vault(vaultId))
  const chain: ChainEntry[] = []
  for (let round = 0; round < 12; round++) {
    const attempts = vaults.map((_, who) => entries(vaultId, device, { from: chain.length + 1, count: 1 + (round + who) % 3, seed: 10 + who }))
    const won = await Promise.all(vaults.map((vault, who) => vault.append(device, headOf(chain), attempts[who] ?? [])))
    t.equal(won.filter((one) => one).length, 1, `round ${round}: one of them wins`)
    chain.push(...attempts[won.indexOf(true)] ?? [])
    for (const vault of vaults) t.same((await vault.heads())[0]?.sequence, chain.length)
  }
  for (const vault of vaults.slice(0, 2)) t.ok(equalBytes(await vault.readEntries(device, 0, 10_000_000), bytesOf(chain)), 'each reads what the others wrote')
  const blob = sealedBlob(500, 2000)
  const news = (await Promise.all(vaults.map((vault) => vault.put([blob])))).flat()
  t.ok(news.includes(true) && (await vaults[1]?.lengths([blob.blobId]))?.[0] === 2000, 'a blob that all of them bring')
  const counters = await Promise.all(vaults.map(async (vault) => await countUp(vault, 5)))
  t.equal((await vaults[0]?.records.get('counter'))?.bytes[0], 5 * vaults.length, 'no change of a record is lost')
  t.ok(counters.every((one) => one > 0))
  for (const storage of storages) await storage.close()
}

/** Answers how often it was tried. */
async function countUp(vault: VaultStorage, times: number): Promise<number> {
  let tries = 0
  for (let done = 0; done < times;) {
    const found = await vault.records.get('counter')
    tries++
    if (await vault.records.put('counter', found?.version ?? 0, Uint8Array.of((found?.bytes[0] ?? 0) + 1))) done++
  }
  return tries
}

async function recordContract(t: Test, scene: ContractScene): Promise<void> {
  const storage = await scene.open()
  const vault = storage.vault(vaultNamed(6))
  for (const records of [storage.records, vault.records]) {
    t.equal(await records.get('a'), undefined)
    t.same(await records.list(''), [])
    t.equal(await records.put('a', 1, Uint8Array.of(1)), false, 'there is no version 1')
    t.equal(await records.put('a', 0, Uint8Array.of(1, 2)), true)
    t.equal(await records.put('a', 0, Uint8Array.of(3)), false)
    t.same(await records.get('a'), { version: 1, bytes: Buffer.of(1, 2) })
    t.equal(await records.put('a', 1, new Uint8Array(0)), true)
    t.equal(await records.put('a', 1, Uint8Array.of(9)), false)
    t.equal((await records.get('a'))?.version, 2)
    t.equal((await records.get('a'))?.bytes.byteLength, 0, 'an empty document is one')
    for (let version = 2; version < 40; version++) t.equal(await records.put('a', version, Uint8Array.of(version)), true)
    t.same(await records.get('a'), { version: 40, bytes: Buffer.of(39) })
    const large = randomBytes(1, recordBytesMax)
    t.equal(await records.put('large', 0, large), true)
    t.ok(equalBytes((await records.get('large'))?.bytes ?? new Uint8Array(0), large), 'the largest')
    await t.rejects(records.put('large', 1, new Uint8Array(recordBytesMax + 1)), { code: 'too-large' })
    for (const name of ['member-2', 'member-10', 'member-1', 'members']) await records.put(name, 0, Uint8Array.of(1))
    for (const name of ['a/b_d/ü', 'a/b_c']) await records.put(name, 0, Uint8Array.of(1))
    t.same(await records.list('member-'), ['member-1', 'member-10', 'member-2'])
    t.same(await records.list('a/b_'), ['a/b_c', 'a/b_d/ü'])
    t.same(await records.list(''), ['a', 'a/b_c', 'a/b_d/ü', 'large', 'member-1', 'member-10', 'member-2', 'members'])
    await records.remove('member-10')
    await records.remove('never-there')
    t.equal(await records.get('member-10'), undefined)
    t.same(await records.list('member-'), ['member-1', 'member-2'])
    t.equal(await records.put('member-10', 1, Uint8Array.of(7)), false, 'what was removed is not changed')
    t.equal(await records.put('member-10', 0, Uint8Array.of(8)), true, 'but may be written anew')
    t.same(await records.get('member-10'), { version: 1, bytes: Buffer.of(8) })
  }
  await storage.close()
  const again = await scene.open()
  t.same(await again.records.get('a'), { version: 40, bytes: Buffer.of(39) }, 'it is there the next time')
  t.same(await again.vault(vaultNamed(6)).records.list('l'), ['large'])
  t.equal(await again.vault(vaultNamed(7)).records.get('a'), undefined, 'another vault has its own')
  t.equal(await again.records.put('a', 40, Uint8Array.of(40)), true)
  await again.close()
}
