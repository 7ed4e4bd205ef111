// A node in a folder of its own, in this process, on a port that the kernel chooses: for tests of whatever speaks with one.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createNodeKeys, readNodeKeys } from '../../lib/node/node-keys.js'
import { startNode, type NodeOptions, type RunningNode } from '../../lib/node/node-server.js'
import type { NodeStorage } from '../../lib/node/node-storage.js'
import { openNodeStorage } from '../../lib/node/open-storage.js'
import { silent } from '../../lib/terms/log.js'
import { systemClock, systemEntropy } from '../../bin/system-sources.js'

export interface TestNode {
  readonly directory: string
  readonly running: RunningNode
  readonly storage: NodeStorage
  /** host:port */
  readonly place: string
  readonly pin: Uint8Array
  /** Ends it as SIGTERM does; the folder stays. */
  stop(): Promise<void>
  /** Stops it and starts it again over the same folder, on the same port. */
  restart(): Promise<void>
}

export type TestNodeOptions = Partial<Pick<NodeOptions, 'quota' | 'deletion' | 'clock' | 'logger' | 'name' | 'patience'>> & {
  /** Another storage than the disk's. The caller's to close. */
  readonly storage?: NodeStorage
}

interface Teardown {
  teardown(end: () => Promise<void>): void
}

/** Stopped and removed when the test ends. */
export async function startTestNode(t: Teardown, options: TestNodeOptions = {}): Promise<TestNode> {
  const directory = mkdtempSync(join(tmpdir(), 'vaultfs-node-'))
  createNodeKeys(join(directory, 'keys'), systemEntropy)
  let { storage, running } = await start(directory, options, 0)
  let isRunning = true
  const stop = async (): Promise<void> => {
    if (!isRunning) return
    isRunning = false
    await running.close(5000)
    if (options.storage === undefined) await storage.close()
  }
  t.teardown(async () => {
    await stop()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    directory, stop,
    get running() { return running },
    get storage() { return storage },
    get place() { return `127.0.0.1:${running.port}` },
    get pin() { return running.pin },
    restart: async () => {
      const { port } = running
      await stop()
      ;({ storage, running } = await start(directory, options, port))
      isRunning = true
    },
  }
}

async function start(directory: string, options: TestNodeOptions, port: number): Promise<{ storage: NodeStorage; running: RunningNode }> {
  const { clock = systemClock, logger = silent } = options
  const storage = options.storage ?? await openNodeStorage({ directory, use: 'serve', clock, entropy: systemEntropy, logger })
  const running = await startNode({
    storage, clock, logger, keys: readNodeKeys(join(directory, 'keys')), name: options.name ?? 'a node', version: 'test', listen: { host: '127.0.0.1', port },
    quota: options.quota ?? { totalBytes: undefined, dailyBytes: undefined }, deletion: options.deletion ?? { delaySec: 7 * 24 * 3600, keepSec: 30 * 24 * 3600 }, entropy: systemEntropy,
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  })
  return { storage, running }
}

/** A code that a client can pair with. */
export async function inviteTo(node: TestNode, seconds = 900): Promise<string> {
  return node.running.invite({ seconds, places: [node.place] })
}
