// Stands in for the worker's entry: a bulk thread that says it is ready and dies of its first job; others are real.

import { parentPort, workerData } from 'node:worker_threads'

const { role } = workerData as { readonly role: string }
if (role === 'bulk') {
  parentPort?.on('message', () => { process.exit(3) })
  parentPort?.postMessage({ kind: 'ready' })
} else {
  await import('../../../lib/vault-worker.js')
}
