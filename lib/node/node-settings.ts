// What a node was told when it was made: the file node.json in its folder, for people too. Limits of single vaults and who
// may connect stand in its database.
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { fromErrno, VaultError } from '../terms/errors.js'
import { limits } from '../terms/limits.js'
import { splitPlace } from '../wire/pin.js'
import { writeDurably } from './disk/vault-folder.js'
import type { BucketPlace } from './open-storage.js'
import { parseS3Place } from './s3/place.js'

export interface NodeSettings {
  readonly name: string
  /** host:port; port 0: one that is free. */
  readonly listen: string
  /** host:port, where clients reach it; empty: where it listens. */
  readonly advertise: readonly string[]
  /** For each vault that has no other; null: no limit. */
  readonly quotaBytes: number | null
  readonly dailyBytes: number | null
  /** The least time that a blob is kept, and the time between an intent to delete and the deletion. */
  readonly keepSec: number
  readonly deleteDelaySec: number
  /** Undefined: everything lies in the node's folder. */
  readonly bucket?: BucketPlace | undefined
}

export const settingsName = 'node.json'
export const keysName = 'keys'
const advertisedMax = 8

export function writeNodeSettings(directory: string, settings: NodeSettings): void {
  writeDurably(join(directory, settingsName), Buffer.from(`${JSON.stringify({ version: 1, ...requireSettings(settings, settingsName) }, undefined, 2)}\n`))
}

export function readNodeSettings(directory: string): NodeSettings {
  const path = join(directory, settingsName)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const failure = fromErrno(error, path)
    if (failure.code !== 'not-found') throw failure
    throw new VaultError('not-found', `${directory} is no node's folder`, { subject: directory, next: '"vaultfs node init --data DIR" makes one' })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new VaultError('usage', `${path} is not JSON`, { subject: path, next: 'mend it', cause: error })
  }
  if (typeof value !== 'object' || value === null) throw wrong(path, 'it')
  const { version, ...rest } = value as NodeSettings & { readonly version?: unknown }
  if (version !== 1) throw new VaultError('format-unknown', `${path}: written by a newer VaultFS (version ${String(version)})`, { subject: path, next: 'Update VaultFS and try again.' })
  return requireSettings(rest, path)
}

/** Where to listen; port 0 is allowed. Throws 'usage'. */
export function listenPlace(text: string): { readonly host: string; readonly port: number } {
  return text.endsWith(':0') ? { host: splitPlace(`${text.slice(0, -1)}1`).host, port: 0 } : splitPlace(text)
}

function requireSettings(settings: NodeSettings, path: string): NodeSettings {
  const { name, listen, advertise, quotaBytes, dailyBytes, keepSec, deleteDelaySec, bucket, ...unknown } = settings
  const [other] = Object.keys(unknown)
  if (other !== undefined) throw new VaultError('usage', `unknown key '${other}' in ${path}`, { subject: other, next: 'remove it' })
  if (typeof name !== 'string' || name === '' || name.length > limits.vaultNameLengthMax || /[\p{Cc}\p{Cf}]/u.test(name)) throw wrong(path, 'name')
  listenPlace(typeof listen === 'string' ? listen : '')
  if (!Array.isArray(advertise) || advertise.length > advertisedMax) throw wrong(path, 'advertise')
  for (const place of advertise) splitPlace(String(place))
  for (const [key, value] of Object.entries({ quotaBytes, dailyBytes })) if (value !== null && !isCount(value)) throw wrong(path, key)
  for (const [key, value] of Object.entries({ keepSec, deleteDelaySec })) if (!isCount(value)) throw wrong(path, key)
  return { name, listen, advertise, quotaBytes, dailyBytes, keepSec, deleteDelaySec, ...(bucket === undefined ? {} : { bucket: requireBucket(bucket, path) }) }
}

function requireBucket(bucket: unknown, path: string): BucketPlace {
  if (typeof bucket !== 'object' || bucket === null) throw wrong(path, 'bucket')
  const { address, credentialsPath, ...unknown } = bucket as Readonly<Record<string, unknown>>
  if (typeof address !== 'string' || typeof credentialsPath !== 'string' || !isAbsolute(credentialsPath) || Object.keys(unknown).length > 0) throw wrong(path, 'bucket')
  parseS3Place(address)
  return { address, credentialsPath }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function wrong(path: string, key: string): VaultError {
  return new VaultError('usage', `${path}: ${key} is not what it should be`, { subject: path, next: 'bin/CLI.md says what it may be' })
}
