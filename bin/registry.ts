// Which vaults this user has and where they are mounted: one small file a vault under $XDG_STATE_HOME/vaultfs/vaults,
// named after its store's real path and written by rename, so that no lock is needed. Holds nothing secret and nothing
// that cannot be lost: `mount` writes it again.

import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isRecord } from '../lib/control/messages.js'
import { fromErrno } from '../lib/terms/errors.js'

export interface Registration {
  readonly name: string
  /** Real path. */
  readonly store: string
  /** Real path of where it was last mounted. */
  readonly mountPoint?: string
  /** Of the running daemon; left behind by one that died. */
  readonly socket?: string
  readonly pid?: number
  /** How the mount point was before it was ours: permissions, or null when we made it. */
  readonly mountPointMode?: number | null
}

/** Where it is remembered how far each store was seen: outside of the stores, since it is to notice when one goes back. */
export function headsFolder({ stateHome }: { readonly stateHome: string }): string {
  return join(stateHome, 'vaultfs', 'heads')
}

export class Registry {
  readonly #folder: string

  constructor(stateHome: string) {
    this.#folder = join(stateHome, 'vaultfs', 'vaults')
  }

  list(): readonly Registration[] {
    return this.#names().map((name) => readOne(join(this.#folder, name))).filter((one) => one !== undefined)
  }

  ofStore(store: string): Registration | undefined {
    return readOne(this.#pathOf(store))
  }

  /** The newest one when several vaults have been mounted at one place. */
  ofMountPoint(mountPoint: string): Registration | undefined {
    const all = this.list().filter((one) => one.mountPoint === mountPoint)
    return all.find((one) => one.socket !== undefined) ?? all[0]
  }

  put(registration: Registration): void {
    const path = this.#pathOf(registration.store)
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
      const draft = `${path}.${process.pid}.new`
      writeFileSync(draft, JSON.stringify(registration, null, 2) + '\n', { mode: 0o600 })
      renameSync(draft, path)
    } catch (error) {
      throw fromErrno(error, path)
    }
  }

  remove(store: string): void {
    rmSync(this.#pathOf(store), { force: true })
  }

  #pathOf(store: string): string {
    return join(this.#folder, `${storeKey(store)}.json`)
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#folder).filter((name) => name.endsWith('.json'))
    } catch {
      return []
    }
  }
}

/** A short name for a store's real path: of its registration, socket and pid file. */
export function storeKey(store: string): string {
  return createHash('sha256').update(store).digest('hex').slice(0, 16)
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
}

function readOne(path: string): Registration | undefined {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
  if (!isRecord(value)) return undefined
  const { name, store, mountPoint, socket, pid, mountPointMode } = value
  if (typeof name !== 'string' || typeof store !== 'string') return undefined
  return {
    name,
    store,
    ...(typeof mountPoint === 'string' ? { mountPoint } : {}),
    ...(typeof socket === 'string' ? { socket } : {}),
    // 0 and less would be a signal to many.
    ...(isWhole(pid, 1, 2 ** 31) ? { pid } : {}),
    ...(isWhole(mountPointMode, 0, 0o7777) || mountPointMode === null ? { mountPointMode } : {}),
  }
}
