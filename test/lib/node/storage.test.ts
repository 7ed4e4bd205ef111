// The contract of NodeStorage over what a machine has without a server. Over an S3 store: s3/run.ts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemClock, systemEntropy } from '../../../bin/system-sources.js'
import { openNodeStorage } from '../../../lib/node/open-storage.js'
import { silent } from '../../../lib/terms/log.js'
import { MemoryNodeStorage, NodeMemory } from '../../support/memory-node-storage.js'
import { storageContract } from './storage-contract.js'

storageContract(t, 'memory', async () => {
  const memory = new NodeMemory()
  return { isShared: true, open: async () => new MemoryNodeStorage(memory) }
})

storageContract(t, 'disk', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'vaultfs-node-'))
  t.teardown(() => { rmSync(directory, { recursive: true, force: true }) })
  return { isShared: false, open: () => openNodeStorage({ directory, use: 'serve', clock: systemClock, entropy: systemEntropy, logger: silent }) }
})
