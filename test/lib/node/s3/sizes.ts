// More than one page, window and object of everything, and how fast it goes.
import type { Test } from 'tap'
import type { ChainEntry, NodeStorage } from '../../../../lib/node/node-storage.js'
import { equalBytes, type ManifestHash } from '../../../../lib/terms/bytes.js'
import { bytesOf, deviceNamed, entries, sealedBlob, start, vaultNamed } from '../storage-contract.js'

const MiB = 1024 * 1024

export function sizeTests(t: Test, open: () => Promise<NodeStorage>): void {
  t.test('more blobs than a page lists', async (t) => {
    const storage = await open()
    const vault = storage.vault(vaultNamed(20))
    const all = Array.from({ length: 2300 }, (_, index) => sealedBlob(10_000 + index, 10 + index % 7))
    await vault.put(all)
    const bytes = all.reduce((sum, { sealed }) => sum + sealed.byteLength, 0)
    t.same(await vault.statistics(), { blobs: all.length, bytes })
    const strangers = Array.from({ length: 500 }, (_, index) => sealedBlob(50_000 + index, 10))
    const asked = [...strangers, ...all.slice(0, 1500)].sort((a, b) => Buffer.compare(Buffer.from(a.sealed), Buffer.from(b.sealed)))
    const here = new Map(all.map(({ blobId, sealed }) => [Buffer.from(blobId).toString('hex'), sealed.byteLength]))
    t.same(await vault.lengths(asked.map(({ blobId }) => blobId)), asked.map(({ blobId }) => here.get(Buffer.from(blobId).toString('hex'))), 'many that are asked for at once')
    const sorted = all.map(({ blobId }) => blobId).sort(Buffer.compare)
    const page = await vault.inventory(new Uint8Array(32), 65_536)
    t.ok(page.isLast && page.blobs.length === all.length && page.blobs.every(({ blobId }, index) => equalBytes(blobId, sorted[index] ?? blobId)), 'one answer of three pages')
    const some = await vault.inventory(sorted[99] ?? new Uint8Array(32), 1500)
    t.ok(!some.isLast && some.blobs.length === 1500 && equalBytes(some.blobs[0]?.blobId ?? new Uint8Array(0), sorted[100] ?? new Uint8Array(0)))
    await storage.close()
  })
  t.test('a chain of more objects than a page lists, and an object of more than is read at once', async (t) => {
    const storage = await open()
    const [vaultId, deviceId] = [vaultNamed(21), deviceNamed(21)]
    const vault = storage.vault(vaultId)
    const chain: ChainEntry[] = []
    let head: { readonly sequence: number; readonly hash: ManifestHash } = start
    const append = async (count: number, bodyLength: number): Promise<void> => {
      const more = entries(vaultId, deviceId, { from: chain.length + 1, count, bodyLength })
      t.equal(await vault.append(deviceId, head, more) || `not appended at ${chain.length}`, true)
      chain.push(...more)
      head = more.at(-1) ?? head
    }
    await append(30_000, 100)
    for (let round = 0; round < 950; round++) await append(1, 200)
    await append(20, 700_000)
    t.ok(equalBytes(await vault.readEntries(deviceId, 0, 32 * MiB), bytesOf(chain).subarray(0, lengthWithin(chain, 32 * MiB))))
    for (const after of [29_999, 30_000, 30_500, 30_950, 30_955]) {
      const rest = chain.slice(after)
      t.ok(equalBytes(await vault.readEntries(deviceId, after, 8 * MiB), bytesOf(rest).subarray(0, lengthWithin(rest, 8 * MiB))), `behind ${after}`)
    }
    t.equal((await vault.heads())[0]?.bytes, bytesOf(chain).byteLength)
    await storage.close()
  })
  t.test('how fast blobs of 1 MiB go, and small ones', async (t) => {
    const storage = await open()
    const vault = storage.vault(vaultNamed(22))
    const large = Array.from({ length: 128 }, (_, index) => sealedBlob(index, MiB))
    const small = Array.from({ length: 1000 }, (_, index) => sealedBlob(5000 + index, 2000))
    const timed = async (what: string, work: () => Promise<unknown>): Promise<number> => {
      const begin = performance.now()
      await work()
      const seconds = (performance.now() - begin) / 1000
      t.ok(seconds > 0, what)
      return seconds
    }
    const put = await timed('put', async () => { for (let at = 0; at < large.length; at += 32) await vault.put(large.slice(at, at + 32)) })
    const got = await timed('get', async () => { for (let at = 0; at < large.length; at += 16) await Promise.all(large.slice(at, at + 16).map(({ blobId }) => vault.read(blobId))) })
    const putSmall = await timed('put small', () => vault.put(small))
    const has = await timed('has', () => vault.lengths(small.map(({ blobId }) => blobId)))
    t.comment(`blobs of 1 MiB: put ${(large.length / put).toFixed(1)} MB/s, get ${(large.length / got).toFixed(1)} MB/s; of 2 kB: put ${(small.length / putSmall).toFixed(0)}/s, has ${(small.length / has).toFixed(0)}/s`)
    await storage.close()
  })
}

function lengthWithin(chain: readonly ChainEntry[], bytesMax: number): number {
  let total = 0
  for (const { bytes } of chain) {
    if (total + bytes.byteLength > bytesMax) break
    total += bytes.byteLength
  }
  return total
}
