// One damaged store, met as a user meets it: it is opened, or refused with a next step, which is followed; every byte that
// is read must be the one that was written, and whatever can't be read must be EIO and be named by verify. Throws on the
// first violation.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { constants } from 'node:os'
import { openKeys } from '../../../bin/open-keys.js'
import { silent } from '../../../lib/terms/log.js'
import { VaultError } from '../../../lib/terms/errors.js'
import { rebuildTestStore, removeFolder, request, TestVault } from '../../support/open-vault.js'
import { Hand } from '../../support/vault-hand.js'
import { salvaged } from '../salvage/salvaged-store.js'
import { verified } from '../verify/verified-vault.js'
import { copyStore, filesOf, type WholeStore } from './whole-store.js'

export interface Damage {
  /** What is done, for messages. */
  readonly what: string
  /** Files of the store that it touches. */
  readonly names: readonly string[]
  readonly apply: (store: string) => void
  /** The header and this device's file are opened with the passphrase, as a mount does. */
  readonly withKeys?: boolean
}

export interface Outcome {
  readonly state: 'sound' | 'hurt' | 'refused'
  /** What was refused, and what helped. */
  readonly code?: string
  readonly followed?: string
}

const lookedFor = { EIO: -constants.errno.EIO, ENOENT: -constants.errno.ENOENT }
const stepBytes = 1024 * 1024

export async function tryDamage(whole: WholeStore, damage: Damage, thorough: boolean): Promise<Outcome> {
  const store = await copyStore(whole.store)
  try {
    damage.apply(store)
    if (thorough) await checkSalvage(whole, store, damage)
    return await meet(whole, store, damage, [])
  } finally {
    removeFolder(store)
  }
}

async function meet(whole: WholeStore, store: string, damage: Damage, followed: readonly string[]): Promise<Outcome> {
  let world: TestVault
  try {
    if (damage.withKeys === true) await openWithKeys(store)
    world = await TestVault.open({ store, clock: whole.clock })
  } catch (error) {
    return await follow(whole, store, damage, { error, followed })
  }
  const told = { ...(followed.length === 0 ? {} : { followed: followed.join(', ') }) }
  try {
    const isLogLost = followed.includes('rebuild') && damage.names.some((name) => name.startsWith('log'))
    const hurt = await readAll(new Hand(world), isLogLost ? whole.published : whole.expected, whole.expected)
    demand(world.vault.failsafe === undefined, `${damage.what}: the vault went into its failsafe: ${String(world.vault.failsafe?.message)}`)
    if (hurt.length > 0) await checkVerify(world, hurt, damage)
    await goOn(new Hand(world), damage).catch((error: unknown) => {
      // Where the page with the root's names is damaged, none can be added; which is an error of damage, too.
      if (hurt.length === 0 || !(error instanceof VaultError) || error.code !== 'corrupt') throw error
    })
    return { state: hurt.length > 0 ? 'hurt' : followed.length > 0 ? 'refused' : 'sound', ...told }
  } finally {
    await world.close()
  }
}

async function openWithKeys(store: string): Promise<void> {
  const { opened } = await openKeys({ store, unlock: { kind: 'passphrase', passphrase: Buffer.from('model') }, logger: silent, readOnly: false })
  demand(opened.trusted, 'a header that was flipped is not trusted')
  opened.page.wipe()
}

interface Refused {
  readonly error: unknown
  readonly followed: readonly string[]
}

/** Each step is really done; it must lead to a vault that opens. */
async function follow(whole: WholeStore, store: string, damage: Damage, { error, followed }: Refused): Promise<Outcome> {
  if (!(error instanceof VaultError)) throw new Error(`${damage.what}: no error of ours: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
  const { code, next, message, subject } = error
  const about = `${damage.what}: ${code}: ${message}; ${String(next)}`
  demand(['corrupt', 'chain-broken', 'format-unknown', 'not-a-vault', 'not-found'].includes(code), `${about}: not an error of damage`)
  demand(next !== undefined && subject !== undefined, `${about}: names nothing, or no next step`)
  demand(followed.length < 3, `${about}: the steps (${followed.join(', ')}) lead nowhere`)
  if (/vaultfs rebuild/.test(next ?? '') && !followed.includes('rebuild')) {
    try {
      await rebuildTestStore(store, whole.clock)
    } catch (worse) {
      return await follow(whole, store, damage, { error: worse, followed: [...followed, 'rebuild failed'] })
    }
    return { ...await meet(whole, store, damage, [...followed, 'rebuild']), state: 'refused', code }
  }
  demand(/cop(y|ies)|back|salvage/i.test(next ?? ''), `${about}: no step that can be followed`)
  await checkSalvage(whole, store, damage)
  // What else a user has: the files that are damaged, from a copy of the store.
  for (const { name } of filesOf(whole.store)) {
    if (!damage.names.includes(name)) continue
    rmSync(join(store, name), { force: true })
    cpSync(join(whole.store, name), join(store, name))
  }
  return { ...await meet(whole, store, damage, [...followed, 'copy']), state: 'refused', code }
}

/** Answers paths of which something can't be read. `or`: what a file may have as well. */
async function readAll(hand: Hand, expected: WholeStore['expected'], or: WholeStore['expected']): Promise<string[]> {
  const hurt: string[] = []
  for (const [path, bytes] of expected) {
    const found = await lookup(hand, path)
    if (found === undefined) hurt.push(path)
    else if (bytes !== null && !(await readFile(hand, found, path, [bytes, or.get(path) ?? bytes]))) hurt.push(path)
  }
  return hurt
}

/** Undefined: EIO. */
async function lookup({ operations }: Hand, path: string): Promise<{ readonly ino: number; readonly size: number } | undefined> {
  let at = { ino: 1, size: 0 }
  for (const name of path.split('/')) {
    const found = await operations.lookup(at.ino, name, request)
    if (typeof found !== 'number') at = found
    else if (found === lookedFor.EIO) return undefined
    else throw new Error(`${path}: looking for ${name} answers ${found === lookedFor.ENOENT ? 'ENOENT' : found}`)
  }
  return at
}

async function readFile({ operations }: Hand, { ino, size }: { readonly ino: number; readonly size: number }, path: string, expected: readonly Buffer[]): Promise<boolean> {
  demand(expected.some(({ byteLength }) => byteLength === size), `${path} has ${size} bytes instead of ${expected[0]?.byteLength ?? 0}`)
  let whole = true
  for (let at = 0; at < size; at += stepBytes) {
    const bytes = await operations.read(ino, 0, at, stepBytes, request)
    if (typeof bytes === 'number') {
      demand(bytes === lookedFor.EIO, `${path}: reading answers ${bytes}`)
      whole = false
      continue
    }
    demand(expected.some((each) => each.subarray(at, at + stepBytes).equals(bytes)), `${path} at ${at}: other bytes`)
  }
  return whole
}

async function checkVerify(world: TestVault, hurt: readonly string[], { what }: Damage): Promise<void> {
  const { findings } = await verified(world)
  for (const path of hurt) {
    const isNamed = findings.some((finding) => finding.path === path || finding.versions.some((version) => version.path === path))
    const isWide = findings.some(({ kind }) => kind === 'catalog')
    demand(isNamed || isWide, `${what}: ${path} can't be read, and verify does not name it: ${findings.map(({ subject, message }) => `${subject} ${message}`).join('; ')}`)
  }
}

/** The vault goes on beside the damage. */
async function goOn(hand: Hand, { what }: Damage): Promise<void> {
  const bytes = Buffer.from(`written after ${what}`.repeat(200))
  await hand.write('after', bytes)
  await hand.test.vault.publishAll()
  const read = await hand.operations.read(hand.ino('after'), 0, 0, stepBytes, request)
  demand(typeof read !== 'number' && bytes.equals(read), `${what}: what is written afterwards can't be read`)
}

async function checkSalvage({ expected }: WholeStore, store: string, { what, withKeys }: Damage): Promise<void> {
  const found = await salvaged(store).catch((error: unknown) => {
    throw new Error(`${what}: salvage: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
  })
  try {
    const told = new Set(found.problems.map(({ path }) => path))
    const isWide = found.hurt.includes('store -')
    for (const [path, bytes] of expected) {
      const name = `files/${path}`
      if (!(name in found.picture)) demand(isWide || told.has(path) || withKeys === true, `${what}: salvage says nothing of ${path}`)
      else if (bytes !== null && !told.has(path) && !isWide) demand(bytes.equals(found.bytes(name)), `${what}: salvaged ${path} has other bytes`)
    }
  } finally {
    found.remove()
  }
}

export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
