// What belongs to this machine: defaults ← settings.json ← what it says of this vault ← environment ← options, frozen.
// The only reader of process.env. A key that is not known is refused by name; secrets have no key here.

import { readFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { isRecord } from '../lib/control/messages.js'
import { fromErrno, VaultError } from '../lib/terms/errors.js'
import type { LogLevel } from '../lib/terms/log.js'
import { memoryMib as memoryBounds } from '../lib/terms/memory.js'
import { parseSpan, retentionCountMax, retentionDefault } from '../lib/terms/retention.js'
import { readIdRanges, readOwner } from './owner-options.js'
import { readRate, readSchedule } from './sync-options.js'

export interface Settings {
  /** Folders of the XDG specification. */
  readonly dataHome: string
  readonly stateHome: string
  readonly configHome: string
  /** Undefined: a private folder below the temporary one is used. */
  readonly runtimeFolder: string | undefined
  readonly temporaryFolder: string
  readonly driver: 'kernel' | 'fuse-native'
  readonly logLevel: LogLevel
  /** What becomes of the mount when the daemon dies or hangs: another goes on with it, or mounts anew, or it is taken away. */
  readonly afterCrash: 'resume' | 'remount' | 'detach'
  /** How an unmounted mount point is kept from being written to. */
  readonly guard: 'immutable' | 'mode' | 'none'
  /** Microseconds for which the kernel driver goes on polling after activity. */
  readonly spinMicroseconds: number
  /** For data on its way and what is kept at hand. */
  readonly memoryMib: number
  /** How this machine sees who owns what (owner-options.ts); empty: as it is stored. */
  readonly mapUid: string
  readonly mapGid: string
  readonly forceOwner: string
  /** How much of the past stays: every published moment of so many seconds, the last one of so many hours, days … */
  readonly keepWithin: number
  readonly hourly: number
  readonly daily: number
  readonly weekly: number
  readonly monthly: number
  /** How fast nodes are spoken with, and when (sync-options.ts); empty: without a limit, always. */
  readonly uploadLimit: string
  readonly downloadLimit: string
  readonly syncSchedule: string
}

type Choice = Omit<Settings, 'dataHome' | 'stateHome' | 'configHome' | 'runtimeFolder' | 'temporaryFolder'>
type Key = keyof Choice

const { withinSec: keepWithin, ...schedule } = retentionDefault
const defaults: Choice = { driver: 'kernel', logLevel: 'info', afterCrash: 'resume', guard: 'immutable', spinMicroseconds: 50, memoryMib: memoryBounds.usual, mapUid: '', mapGid: '', forceOwner: '', keepWithin, ...schedule, uploadLimit: '', downloadLimit: '', syncSchedule: '' }

const drivers = ['kernel', 'fuse-native'] as const
const logLevels = ['error', 'warn', 'info', 'debug'] as const
const afterCrashes = ['resume', 'remount', 'detach'] as const
const guards = ['immutable', 'mode', 'none'] as const
export const choices = { driver: drivers, logLevel: logLevels, afterCrash: afterCrashes, guard: guards }

const variables: Readonly<Record<Key, string>> = {
  driver: 'VAULTFS_DRIVER', logLevel: 'VAULTFS_LOG_LEVEL', afterCrash: 'VAULTFS_AFTER_CRASH', guard: 'VAULTFS_GUARD',
  spinMicroseconds: 'VAULTFS_SPIN_MICROSECONDS', memoryMib: 'VAULTFS_MEMORY_MIB', mapUid: 'VAULTFS_MAP_UID', mapGid: 'VAULTFS_MAP_GID',
  forceOwner: 'VAULTFS_FORCE_OWNER', keepWithin: 'VAULTFS_KEEP_WITHIN', hourly: 'VAULTFS_KEEP_HOURLY',
  daily: 'VAULTFS_KEEP_DAILY', weekly: 'VAULTFS_KEEP_WEEKLY', monthly: 'VAULTFS_KEEP_MONTHLY',
  uploadLimit: 'VAULTFS_UPLOAD_LIMIT', downloadLimit: 'VAULTFS_DOWNLOAD_LIMIT', syncSchedule: 'VAULTFS_SYNC_SCHEDULE',
}

const readCount = (value: unknown): number | undefined => wholeNumber(value, 0, retentionCountMax)

/** Reads one value from text or JSON; undefined: it is none. */
const readers: { readonly [K in Key]: (value: unknown) => Choice[K] | undefined } = {
  driver: (value) => drivers.find((one) => one === value),
  logLevel: (value) => logLevels.find((one) => one === value),
  afterCrash: (value) => afterCrashes.find((one) => one === value),
  guard: (value) => guards.find((one) => one === value),
  spinMicroseconds: (value) => wholeNumber(value, 0, 1000),
  memoryMib: (value) => wholeNumber(value, memoryBounds.min, memoryBounds.max),
  mapUid: readIdRanges, mapGid: readIdRanges, forceOwner: readOwner,
  keepWithin: (value) => (typeof value === 'string' || typeof value === 'number' ? parseSpan(String(value)) : undefined),
  hourly: readCount, daily: readCount, weekly: readCount, monthly: readCount,
  uploadLimit: readRate, downloadLimit: readRate, syncSchedule: readSchedule,
}

function wholeNumber(value: unknown, min: number, max: number): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max ? number : undefined
}

export type Environment = Readonly<Record<string, string | undefined>>

/** `flags` are the options of the command line that were given; `vault`: the name of the one that it is about. */
export function readSettings(flags: Readonly<Partial<Record<Key, unknown>>>, environment: Environment = process.env, vault?: string): Settings {
  const home = environment['HOME'] ?? homedir()
  const folder = (name: string, otherwise: string): string => {
    const value = environment[name]
    // The specification: a relative path is to be ignored.
    return value !== undefined && isAbsolute(value) ? value : join(home, otherwise)
  }
  const configHome = folder('XDG_CONFIG_HOME', '.config')
  const runtimeFolder = environment['XDG_RUNTIME_DIR']
  const fromEnvironment = Object.fromEntries(keys().map((key) => [key, environment[variables[key]]]))
  const choice = { ...defaults }
  const file = join(configHome, 'vaultfs', 'settings.json')
  const { vaults, ...ofMachine } = readFile(file)
  apply(choice, ofMachine, (key) => `${key} in ${file}`)
  const ofVault = ownSettings(vaults, file)
  if (vault !== undefined) apply(choice, ofVault.get(vault) ?? {}, (key) => `vaults.${vault}.${key} in ${file}`)
  apply(choice, fromEnvironment, (key) => variables[key])
  apply(choice, flags, (key) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`)
  return Object.freeze({
    ...choice,
    dataHome: folder('XDG_DATA_HOME', '.local/share'),
    stateHome: folder('XDG_STATE_HOME', '.local/state'),
    configHome,
    runtimeFolder: runtimeFolder !== undefined && isAbsolute(runtimeFolder) ? runtimeFolder : undefined,
    temporaryFolder: tmpdir(),
  })
}

/** What a daemon hands on to the one that goes on for it: language, time zone, where programs and folders are, how malloc is tuned. */
export function environmentOfHeirs(environment: Environment = process.env): Readonly<Record<string, string>> {
  const handedOn = /^(PATH|HOME|TZ|LANG|LC_\w+|TMPDIR|XDG_\w+|MALLOC_\w+)$/
  return Object.fromEntries(Object.entries(environment).flatMap(([name, value]) => (handedOn.test(name) && value !== undefined ? [[name, value]] : [])))
}

function keys(): readonly Key[] {
  return Object.keys(variables) as Key[]
}

function apply(choice: { -readonly [K in Key]: Choice[K] }, values: Readonly<Record<string, unknown>>, nameOf: (key: Key) => string): void {
  const put = <K extends Key>(key: K, value: unknown): void => {
    const read = readers[key](value)
    if (read === undefined)
      throw new VaultError('usage', `${nameOf(key)}: ${typeof value === 'string' ? `'${value}'` : JSON.stringify(value)} is no value for it`, { subject: nameOf(key), next: 'bin/CLI.md lists the settings and their values' })
    choice[key] = read
  }
  for (const key of keys()) if (values[key] !== undefined) put(key, values[key])
}

function readFile(path: string): Readonly<Record<string, unknown>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const wrong = fromErrno(error, path)
    if (wrong.code === 'not-found') return {}
    throw wrong
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new VaultError('usage', `${path} is not JSON`, { subject: path, next: 'mend or remove it', cause: error })
  }
  return known(value, path, [...keys(), 'vaults'])
}

/** What the file says of single vaults, by name. */
function ownSettings(vaults: unknown, path: string): ReadonlyMap<string, Readonly<Record<string, unknown>>> {
  const record = vaults === undefined ? {} : asRecord(vaults, `vaults in ${path}`)
  return new Map(Object.entries(record).map(([name, value]) => [name, known(value, `vaults.${name} in ${path}`, keys())]))
}

function known(value: unknown, where: string, names: readonly string[]): Readonly<Record<string, unknown>> {
  const record = asRecord(value, where)
  for (const key of Object.keys(record))
    if (!names.includes(key)) throw new VaultError('usage', `unknown key '${key}' in ${where}`, { subject: key, next: `known keys: ${names.join(', ')}` })
  return record
}

function asRecord(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (isRecord(value)) return { ...value }
  throw new VaultError('usage', `${where}: settings are names with values, in braces`, { subject: where, next: 'bin/CLI.md lists the settings and their values' })
}

/** For a child process: ours, with some of it set otherwise. */
export function environmentWith(changes: Environment): NodeJS.ProcessEnv {
  return { ...process.env, ...changes }
}
