// Where the thread that syncs to nodes begins: it is handed this machine's clock and entropy here. Started by lib/vault-sync.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { invariant } from '../lib/terms/errors.js'
import type { SyncSetup } from '../lib/vault-sync-messages.js'
import { runSyncThread } from '../lib/vault-sync-thread.js'
import { systemClock, systemEntropy } from './system-sources.js'

invariant(parentPort !== null, 'sync-thread.js is a worker thread')
await runSyncThread(parentPort, workerData as SyncSetup, { clock: systemClock, entropy: systemEntropy })
