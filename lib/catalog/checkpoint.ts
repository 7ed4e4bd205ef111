// A checkpoint of the catalog, off the main thread: afterwards what was committed before the call is on the disk.
import { Worker } from 'node:worker_threads'
import { VaultError } from '../terms/errors.js'

/** Answers false when something kept it from copying everything: nothing is known to be on the disk then. */
export function checkpointCatalog(path: string, keyPage: SharedArrayBuffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(new URL('./checkpoint-thread.js', import.meta.url), { workerData: { path, keyPage }, name: 'checkpoint', env: {}, execArgv: [] })
    thread.once('message', (whole: unknown) => {
      resolve(whole === true)
    })
    thread.once('error', (cause) => {
      reject(new VaultError('io', `The catalog could not be copied to the disk: ${cause.message}`, { subject: path, cause }))
    })
    thread.once('exit', () => {
      resolve(false)
    })
  })
}
