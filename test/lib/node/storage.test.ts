// The contract of NodeStorage over what a machine has without a server. Over an S3 store: s3/run.ts.
import t from 'tap'
import { MemoryNodeStorage, NodeMemory } from '../../support/memory-node-storage.js'
import { storageContract } from './storage-contract.js'

storageContract(t, 'memory', async () => {
  const memory = new NodeMemory()
  return { isShared: true, open: async () => new MemoryNodeStorage(memory) }
})
