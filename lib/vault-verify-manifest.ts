// The first part of verifying: every entry of every chain (link, place, signature, body, operations), folded anew; and
// whether the database of the past says the same as what comes of it.
import { join } from 'node:path'
import { openSealed, type Database } from '../native-deps/sqlite.js'
import { comparedTables, compareHistories, type RowDifference } from './history/comparison.js'
import { Refold, reachOf, type Reach } from './history/refold.js'
import { hex } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { damageOf, finding, manifestNext, rebuildNext, type VerifyContext } from './vault-verify-context.js'
import { VerifiedPast } from './vault-verify-past.js'

const historyName = 'history.db'

export class ManifestCheck {
  readonly #context: VerifyContext
  readonly refold: Refold
  readonly #past: VerifiedPast
  /** The other database; undefined: there is none, or it can't be opened. */
  readonly #history: Database | undefined
  /** Of an entry that could not be read: what lies behind it is not known. */
  isBroken = false

  constructor(context: VerifyContext, refold: Refold, history: Database | undefined) {
    this.#context = context
    this.refold = refold
    this.#history = history
    this.#past = new VerifiedPast(refold.database)
  }

  /** Folds up to where the database of the past is, compares, and folds on to the end. */
  async run(durable: number): Promise<void> {
    if (this.#history === undefined) {
      await this.foldTo(this.#all(durable))
      return
    }
    await this.foldTo(reachOf(this.#history))
    if (!this.isBroken) await this.#compare(this.#history)
    await this.foldTo(this.#all(durable))
  }

  /** What else there is of ours is still being written. */
  #all(durable: number): Reach {
    return { devices: new Map([[hex(this.#context.setup.deviceId), durable]]), others: Infinity }
  }

  /** An entry that is damaged is told once; nothing is folded after it. */
  async foldTo(reach: Reach): Promise<void> {
    if (this.isBroken) return
    try {
      for (const _ of this.refold.to(reach)) {
        const { read, size } = this.refold.progress
        await this.#context.step('manifest', read, size)
      }
      for (const [device, sequence] of reach.devices) await this.#expect(device, sequence)
    } catch (error) {
      await this.#broken(error)
    }
    this.#past.changed()
  }

  /** A chain that ends too early is as bad as one that is damaged. */
  async #expect(device: string, sequence: number): Promise<void> {
    const folded = reachOf(this.refold.database).devices.get(device) ?? 0
    if (folded >= sequence) return
    this.isBroken = true
    await this.#context.found(finding({
      kind: 'chain', subject: `manifest/${device}.chain`, message: `it ends with entry ${folded}, but there were ${sequence}`, next: manifestNext,
    }))
  }

  async #broken(error: unknown): Promise<void> {
    const message = damageOf(error)
    this.isBroken = true
    const entry = /entry (\d+) of device ([0-9a-f]{32})/.exec(message)
    const [, number = '', device = ''] = entry ?? []
    const moment = this.#history === undefined || entry === null ? undefined : momentIn(this.#history, device, Number(number))
    await this.#context.found(finding({
      kind: 'chain', subject: entry === null ? 'manifest' : `manifest/${device}.chain entry ${number}`,
      message: `${message}; what follows it is not read`, next: manifestNext,
      versions: moment === undefined ? [] : [{ path: null, moment, isCurrent: false }],
    }))
  }

  /** Both as they are after the same entries: what is folded meanwhile must not show. */
  async #compare(history: Database): Promise<void> {
    history.exec('BEGIN')
    try {
      await this.foldTo(reachOf(history))
      if (this.isBroken) return
      let told = 0
      for (const difference of compareHistories(this.refold.database, history)) {
        if (typeof difference === 'number') {
          await this.#context.step('history', difference, comparedTables)
          continue
        }
        if (told++ < limits.verifiedRowsTold) await this.#differs(difference)
      }
      if (told > limits.verifiedRowsTold) await this.#context.found(finding({ kind: 'history', subject: historyName, message: `${told - limits.verifiedRowsTold} more rows differ from the manifest`, next: rebuildNext }))
    } catch (error) {
      await this.#context.found(finding({ kind: 'history', subject: historyName, message: damageOf(error), next: rebuildNext }))
    } finally {
      history.exec('ROLLBACK')
    }
  }

  async #differs({ table, kind, ino, began }: RowDifference): Promise<void> {
    const what = { missing: 'lacks a row that the manifest gives it', surplus: 'has a row that the manifest does not give it', other: 'differs from the manifest' }[kind]
    await this.#context.found(finding({
      kind: 'history', subject: historyName, message: `table ${table} ${what}`, next: rebuildNext,
      versions: ino === undefined || began === undefined ? [] : this.#past.versionAt(ino, began),
    }))
  }
}

function momentIn(history: Database, device: string, sequence: number): string | undefined {
  try {
    return new VerifiedPast(history).momentOf(Buffer.from(device, 'hex'), sequence)
  } catch (error) {
    damageOf(error)
    return undefined
  }
}

/** For reading; undefined when it is not there: it is made when somebody asks for the past. */
export function openHistory(context: VerifyContext): Database | undefined {
  const path = join(context.setup.store, historyName)
  try {
    return openSealed(path, context.page.key('history'), { readOnly: true, cacheBytes: limits.historyCacheBytes / 2 })
  } catch (error) {
    // A missing file can't be opened, and that is no damage; one that can't be read was told already.
    if (error instanceof VaultError && (error.code === 'io' || error.code === 'corrupt')) return undefined
    throw error
  }
}
