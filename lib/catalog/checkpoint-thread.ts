// Runs in a thread of its own, for one checkpoint: copying the catalog's write-ahead part waits for the disk.
import { parentPort, workerData } from 'node:worker_threads'
import { openSealed } from '../../native-deps/sqlite.js'
import { KeyPage } from '../crypto/key-page.js'

interface Request {
  readonly path: string
  readonly keyPage: SharedArrayBuffer
}

const { path, keyPage } = workerData as Request
const database = openSealed(path, KeyPage.attach(keyPage).key('catalog'), { synchronous: 'NORMAL' })
const whole = database.checkpoint('PASSIVE')
database.close()
parentPort?.postMessage(whole)
