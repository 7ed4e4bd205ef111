// What a vault uses of a node, when several processes of it write.
import t from 'tap'
import { VaultAccount } from '../../../lib/node/vault-account.js'
import { MemoryNodeStorage, NodeMemory } from '../../support/memory-node-storage.js'
import { TestClock } from '../../support/test-clock.js'
import { deviceNamed, entries, sealedBlob, start, vaultNamed } from './storage-contract.js'

t.test('what another process brought counts too, when it is looked at', async (t) => {
  const memory = new NodeMemory()
  const [here, there] = [new MemoryNodeStorage(memory).vault(vaultNamed(1)), new MemoryNodeStorage(memory).vault(vaultNamed(1))]
  const quota = () => ({ totalBytes: 10_000, dailyBytes: 12_000 })
  const clock = new TestClock()
  const [mine, theirs] = [await VaultAccount.open(here, clock, quota), await VaultAccount.open(there, clock, quota)]
  await there.put([sealedBlob(1, 8000)])
  theirs.countBlobs(1, 8000)
  const chain = entries(vaultNamed(1), deviceNamed(1), { from: 1, count: 1 })
  const length = chain[0]?.bytes.byteLength ?? 0
  await there.append(deviceNamed(1), start, chain)
  theirs.countChain(length)
  await theirs.save()
  t.equal(mine.bytes, 0)
  mine.reserve(3000)()
  await mine.refresh()
  t.same([mine.blobs, mine.bytes, mine.writtenToday], [1, 8000 + length, 8000 + length])
  t.throws(() => mine.reserve(3000), { code: 'no-space' })
  mine.reserve(1000)()
  await here.remove([sealedBlob(1, 8000).blobId])
  await theirs.refresh()
  t.same([theirs.blobs, theirs.bytes, theirs.writtenToday], [0, length, 8000 + length], 'what is gone makes room, but was written')
  t.throws(() => theirs.reserve(5000), { code: 'busy' })
})
