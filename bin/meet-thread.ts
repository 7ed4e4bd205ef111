// Where the thread begins in which a node is met or looked at: it is handed this machine's clock and entropy here. Started by
// lib/vault-meet.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { invariant } from '../lib/terms/errors.js'
import type { MeetSetup } from '../lib/vault-meet-messages.js'
import { runMeetThread } from '../lib/vault-meet-thread.js'
import { systemClock, systemEntropy } from './system-sources.js'

invariant(parentPort !== null, 'meet-thread.js is a worker thread')
await runMeetThread(parentPort, workerData as MeetSetup, { clock: systemClock, entropy: systemEntropy })
