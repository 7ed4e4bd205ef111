// What a device that was broken into can do to the headers of its vault, and what not.
import t from 'tap'
import { headerForNodes } from '../../../lib/crypto/header-for-nodes.js'
import { decodeHeader } from '../../../lib/format/vault-header.js'
import { HeaderShelf } from '../../../lib/node/header-shelf.js'
import { nodeLimits } from '../../../lib/node/node-limits.js'
import { equalBytes, type DeviceId } from '../../../lib/terms/bytes.js'
import { headersKeptMax } from '../../../lib/wire/kept-headers.js'
import { MemoryNodeStorage, NodeMemory } from '../../support/memory-node-storage.js'
import { testKeys } from '../../support/open-vault.js'

t.test('no flood of headers drives out what came before it, or from others', async (t) => {
  let sec = 1_700_000_000
  const created = await testKeys()
  const { vaultId } = created.header
  const headerOf = (generation: number): Uint8Array => headerForNodes({ ...created, header: { ...created.header, generation } })
  const { records } = new MemoryNodeStorage(new NodeMemory()).vault(vaultId)
  // As an earlier version left it: what was replaced lies there under its second alone.
  await records.put('header-before/000000000007', 0, headerOf(1))
  await records.put('header', 0, headerOf(2))
  const shelf = new HeaderShelf(records, vaultId, { now: () => ({ sec, nsec: 0 }), monotonicMs: () => 0 })
  const [honest, thief] = [1, 2].map((byte) => new Uint8Array(16).fill(byte) as Uint8Array as DeviceId) as [DeviceId, DeviceId]
  await shelf.put(headerOf(3), thief)
  for (let generation = 1000; generation < 1200; generation++) {
    if (generation % nodeLimits.headersPerDayMax === 0) sec += 24 * 3600
    await shelf.put(headerOf(generation), thief)
    if (generation === 1100) await t.rejects(shelf.put(headerOf(4), honest), { code: 'exists', message: /kept beside/ })
  }
  const kept = (await shelf.kept()).map(({ bytes, deviceId }) => [decodeHeader(bytes, 'kept').header.generation, deviceId[0]])
  t.equal(kept.length, headersKeptMax)
  for (const one of [[1, 0], [2, 0], [3, 2], [4, 1]]) t.ok(kept.some((each) => each[0] === one[0] && each[1] === one[1]), `generation ${one[0]} stays`)
  t.ok(equalBytes(await shelf.get() ?? new Uint8Array(0), headerOf(1199)))
})
