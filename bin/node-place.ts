// A node's folder as its commands see it: settings, keys, storage, and whether a node runs over it. The lock is the kernel's
// and lies on the folder itself; `running.json` only says more of who holds it.
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { AccessRegister } from '../lib/node/access-register.js'
import { createNodeKeys, readNodeKeys, type NodeKeys } from '../lib/node/node-keys.js'
import { keysName, listenPlace, readNodeSettings, settingsName, writeNodeSettings, type NodeSettings } from '../lib/node/node-settings.js'
import type { NodeStorage } from '../lib/node/node-storage.js'
import { openNodeStorage } from '../lib/node/open-storage.js'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import { silent, type Logger } from '../lib/terms/log.js'
import { StoreLock } from './store-lock.js'
import { systemClock, systemEntropy } from './system-sources.js'

export interface NodePlace {
  readonly directory: string
  readonly settings: NodeSettings
  readonly keys: NodeKeys
}

export interface RunningState {
  readonly pid: number
  /** host:port, the port that it has. */
  readonly listen: string
  readonly sinceSec: number
}

export function nodePlace(data: string): NodePlace {
  const settings = readNodeSettings(resolve(data))
  const directory = realpathSync(data)
  return { directory, settings, keys: readNodeKeys(join(directory, keysName)) }
}

/** Rejects 'exists' where there is a node, and with why a bucket can't be used. */
export async function makeNodePlace(data: string, settings: NodeSettings): Promise<NodePlace> {
  const directory = resolve(data)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fromErrno(error, directory)
  }
  if (existsSync(join(directory, settingsName))) throw new VaultError('exists', `${directory} is a node's folder already`, { subject: directory, next: '"vaultfs node run" starts it' })
  // Before there is a node that could not start.
  if (settings.bucket !== undefined) await (await openStorageOf({ directory, settings }, 'serve', silent)).close()
  // Keys first: a folder with settings has keys.
  if (existsSync(join(directory, keysName))) readNodeKeys(join(directory, keysName))
  else createNodeKeys(join(directory, keysName), systemEntropy)
  writeNodeSettings(directory, settings)
  return nodePlace(directory)
}

/** Rejects 'locked' when a node runs there. */
export async function takeNodeLock({ directory }: NodePlace): Promise<StoreLock> {
  // A command that looks whether one runs holds the lock for a moment.
  for (let attempt = 0; attempt < 10; attempt++) {
    const lock = StoreLock.tryTake(directory)
    if (lock !== undefined) return lock
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new VaultError('locked', `a node runs over ${directory} already`, { subject: directory, next: '"vaultfs node status" says more of it' })
}

/** Undefined: none runs. */
export function runningState({ directory }: NodePlace): RunningState | undefined {
  const lock = StoreLock.tryTake(directory)
  if (lock !== undefined) {
    lock.release()
    return undefined
  }
  try {
    return JSON.parse(readFileSync(join(directory, 'running.json'), 'utf8')) as RunningState
  } catch {
    // It is just starting.
    return { pid: 0, listen: '', sinceSec: 0 }
  }
}

export function noteRunning({ directory }: NodePlace, state: RunningState): () => void {
  const path = join(directory, 'running.json')
  writeFileSync(path, `${JSON.stringify(state)}\n`, { mode: 0o600 })
  return () => { rmSync(path, { force: true }) }
}

/** Where clients reach it: what it was told, or else where it listens. */
export function reachablePlaces(place: NodePlace): readonly string[] {
  const { advertise, listen } = place.settings
  if (advertise.length > 0) return advertise
  const { host, port } = listenPlace(runningState(place)?.listen || listen)
  if (port === 0) throw new VaultError('usage', 'it is not known yet on which port the node listens', { next: 'start it first, or make the node with --advertise HOST:PORT' })
  const name = host === '0.0.0.0' || host === '::' ? hostname() : host
  return [`${name.includes(':') ? `[${name}]` : name}:${port}`]
}

/** For a command, beside a node that may run. */
export async function looking<Result>(place: NodePlace, work: (open: { readonly storage: NodeStorage; readonly register: AccessRegister }) => Promise<Result>): Promise<Result> {
  const storage = await openStorageOf(place, 'look', silent)
  try {
    return await work({ storage, register: await AccessRegister.open(storage.records) })
  } finally {
    await storage.close()
  }
}

export function openStorageOf({ directory, settings: { bucket } }: Pick<NodePlace, 'directory' | 'settings'>, use: 'serve' | 'look', logger: Logger, onBroken?: (error: VaultError) => void): Promise<NodeStorage> {
  return openNodeStorage({ directory, use, bucket, clock: systemClock, entropy: systemEntropy, logger, onBroken })
}
