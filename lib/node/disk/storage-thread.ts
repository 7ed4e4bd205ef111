// The entry of both threads of a node's disk.
import { parentPort, workerData } from 'node:worker_threads'
import { invariant } from '../../terms/errors.js'
import type { DiskSetup } from './disk-calls.js'
import { DiskReader } from './disk-reader.js'
import { DiskWriter } from './disk-writer.js'
import { answerCalls, postingLogger } from '../thread-link.js'

invariant(parentPort !== null, 'a thread')
const { role, directory } = workerData as DiskSetup
const part = role === 'reader' ? new DiskReader(directory) : new DiskWriter(directory, postingLogger(parentPort))
answerCalls(parentPort, boundCalls(part))

/** Methods by name, as they are called from outside. */
function boundCalls(of: DiskReader | DiskWriter): Parameters<typeof answerCalls>[1] {
  const calls = of as unknown as Record<string, (...parameters: never[]) => unknown>
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(of)).filter((name) => name !== 'constructor')
  return { ...Object.fromEntries(names.map((name) => [name, (...parameters: never[]) => calls[name]?.(...parameters)])), close: () => { of.close() } }
}
