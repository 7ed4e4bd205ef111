// Brings a path back as it was at a moment: missing entries, and those that differ. Content is named again, not read.
// A file is made without a name and then bound over the old one, so it appears whole or not at all; a folder is gone
// through entry by entry, so a crash leaves some of it restored. The preview walks the same way and changes nothing.
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { exactName } from './terms/moment-name.js'
import type { HistoryPort, PastEntry, PublishedMoment } from './store/history-port.js'
import { isDirectory, isFile, type Entry, type Name } from './tree/entry.js'
import { decodePast, entryAt, entryNow, entryOfPath, namesOf, pathText, publishedMoment, type FoundEntry, type MomentWish, type PathNames } from './vault-past.js'
import { RestoreChanges, shown, type Place } from './vault-restore-changes.js'
import { isSameAttributes, isSameContent, isSameTime, kindOf } from './vault-restore-comparison.js'
import type { RestoreListener, RestoreOrder, RestoreOutcome, RestoreStep } from './vault-restore-order.js'
import { lastSeenIn } from './vault-versions.js'
import type { Vault } from './vault.js'

/** Everything that it replaces or removes is in the history before; all of it is on the disk when it resolves. */
export async function restore(vault: Vault, history: HistoryPort, order: RestoreOrder, listener: RestoreListener): Promise<RestoreOutcome> {
  if (!order.preview && vault.refusal !== undefined) throw vault.refusal
  const asked = namesOf(order.path)
  const { moment, source } = await find(vault, history, order.when, asked)
  if (source === undefined) {
    throw new VaultError('not-found', `${shown(order.path)} was not there at ${exactName(moment.sec)}`, {
      subject: shown(order.path), next: "'vaultfs history' shows when it was, 'vaultfs find-version' looks for its name",
    })
  }
  // What is compared with is what the history knows.
  await vault.publishAll()
  const target = order.to === null ? asked : targetBeside(vault, namesOf(order.to), source.names)
  const restoring = new Restoring({ vault, history, moment, order, listener })
  await restoring.run(source.entry, target)
  if (!order.preview) await vault.syncLog()
  return { moment, path: pathText(source.names), target: pathText(target), unchanged: restoring.unchanged }
}

async function find(vault: Vault, history: HistoryPort, when: MomentWish, names: PathNames): Promise<{ readonly moment: PublishedMoment; readonly source: FoundEntry | undefined }> {
  const moment = await publishedMoment(vault, history, when)
  const source = await entryAt(vault, history, moment, names)
  if (source !== undefined || when.kind !== 'through') return { moment, source }
  const earlier = await lastSeenIn(history, when.sec, pathText(names))
  return earlier === undefined ? { moment, source } : { moment: earlier, source: await entryAt(vault, history, earlier, names) }
}

function targetBeside({ tree }: Vault, to: PathNames, source: PathNames): PathNames {
  const there = entryNow(tree, to)
  const own = source.at(-1)
  const target = there !== undefined && isDirectory(there) && own !== undefined ? [...to, own] : to
  const path = shown(pathText(target))
  if (entryNow(tree, target) !== undefined) throw new VaultError('exists', `${path} is there already`, { subject: path, next: 'choose another --to PATH, or leave --to away to restore in its place' })
  const folder = entryNow(tree, target.slice(0, -1))
  if (folder !== undefined && isDirectory(folder)) return target
  throw new VaultError('not-found', `the folder for ${path} is not there`, { subject: path, next: 'make it first' })
}

interface RestoringParts {
  readonly vault: Vault
  readonly history: HistoryPort
  readonly moment: PublishedMoment
  readonly order: RestoreOrder
  readonly listener: RestoreListener
}

/** Where something is to come; `parent` undefined: in a folder that only the real run will make. */
interface Goal {
  readonly parent: number | undefined
  readonly name: Name
  readonly path: string
}

class Restoring {
  unchanged = 0
  readonly #parts: RestoringParts
  readonly #changes: RestoreChanges
  readonly #steps: RestoreStep[] = []
  /** Of entries with several names: the one of the present that is it, by the number then. */
  readonly #settled = new Map<number, number>()
  readonly #taken = new Set<number>()
  /** Numbers for what a preview does not make. */
  #imagined = 0
  #turnBegan = 0

  constructor(parts: RestoringParts) {
    this.#parts = parts
    this.#changes = new RestoreChanges(parts.vault, parts.listener)
  }

  async run(source: PastEntry, target: PathNames): Promise<void> {
    const name = target.at(-1)
    if (name === undefined) await this.#directory(undefined, source)
    else await this.#child({ parent: await this.#folder(target.slice(0, -1)), name, path: pathText(target) }, source)
    await this.#tell()
  }

  /** The folder that takes what is restored; those that are missing on the way are made as they were. */
  async #folder(names: PathNames): Promise<number | undefined> {
    const { vault, history, moment } = this.#parts
    let parent: number | undefined = entryNow(vault.tree, [])?.ino
    for (const [at, name] of names.entries()) {
      const path = pathText(names.slice(0, at + 1))
      const goal: Goal = { parent, name, path }
      const now = this.#now(goal)
      if (now !== undefined && !isDirectory(now)) throw inTheWay(path, now)
      if (now !== undefined) {
        parent = now.ino
        continue
      }
      const past = await entryOfPath(history, moment, names.slice(0, at + 1))
      if (past === undefined) throw new VaultError('not-found', `the folder ${shown(path)} is not there`, { subject: shown(path), next: 'make it first, or use --to PATH' })
      parent = await this.#makeDirectory(goal, decodePast(past))
    }
    return parent
  }

  async #child(goal: Goal, past: PastEntry): Promise<void> {
    await this.#breathe()
    const wanted = decodePast(past)
    if (isDirectory(wanted)) return this.#directory(goal, past)
    const now = this.#now(goal)
    if (now !== undefined && isDirectory(now)) {
      if (!this.#parts.order.exact) throw inTheWay(goal.path, now)
      await this.#removeTree(goal, now)
    }
    const settled = this.#settled.get(past.ino) ?? this.#otherName(past, wanted, now)
    if (settled !== undefined) return this.#link(goal, now, settled, past, wanted)
    if (now !== undefined && !this.#taken.has(now.ino) && isSameContent(wanted, now, this.#parts.vault.contents)) {
      this.#settle(past, wanted, now.ino)
      if (isSameAttributes(wanted, now) && isSameTime(wanted, now)) this.unchanged++
      else await this.#attributes(goal, now, wanted, true)
      return
    }
    this.#note(now === undefined || isDirectory(now) ? 'create' : 'replace', goal.path, wanted)
    if (this.#parts.order.preview) return this.#settle(past, wanted, --this.#imagined)
    const ino = await this.#changes.make(wanted, past)
    try {
      await this.#changes.bind(this.#place(goal), ino, wanted)
    } finally {
      this.#changes.discard(ino)
    }
    this.#settle(past, wanted, ino)
  }

  /** Of an entry with several names: it may be there, as it was, under another of them. */
  #otherName(past: PastEntry, wanted: Entry, now: Entry | undefined): number | undefined {
    if (wanted.nlink < 2 || now !== undefined) return undefined
    const { tree, contents } = this.#parts.vault
    const other = tree.get(past.ino)
    if (other === undefined || other.nlink === 0 || this.#taken.has(other.ino)) return undefined
    return isSameContent(wanted, other, contents) && isSameAttributes(wanted, other) && isSameTime(wanted, other) ? other.ino : undefined
  }

  /** Another name of an entry that is there already. */
  async #link(goal: Goal, now: Entry | undefined, settled: number, past: PastEntry, wanted: Entry): Promise<void> {
    this.#settle(past, wanted, settled)
    if (now?.ino === settled) {
      this.unchanged++
      return
    }
    this.#note('link', goal.path, wanted)
    if (!this.#parts.order.preview) await this.#changes.bind(this.#place(goal), settled, wanted)
  }

  /** `goal` undefined: the root. */
  async #directory(goal: Goal | undefined, past: PastEntry): Promise<void> {
    const { vault, order: { exact, preview } } = this.#parts
    const wanted = decodePast(past)
    let now = goal === undefined ? entryNow(vault.tree, []) : this.#now(goal)
    if (goal !== undefined && now !== undefined && !isDirectory(now)) {
      if (!exact) throw inTheWay(goal.path, now)
      this.#note('remove', goal.path, now)
      if (!preview) await this.#changes.remove(this.#place(goal))
      now = undefined
    }
    const ino = now?.ino ?? (goal === undefined ? undefined : await this.#makeDirectory(goal, wanted))
    const names = exact && now !== undefined ? new Set<Name>() : undefined
    await this.#children({ path: goal?.path ?? '', ino }, past, names)
    if (now !== undefined && names !== undefined) await this.#removeOthers({ path: goal?.path ?? '', ino: now.ino }, names)
    const place = goal === undefined || goal.parent === undefined ? undefined : this.#place(goal)
    // The time of a folder that keeps newer names stays what it is.
    const withTimes = exact || now === undefined
    if (now !== undefined && !isSameAttributes(wanted, now)) {
      this.#note('attributes', goal?.path ?? '', wanted)
    } else if (now !== undefined) this.unchanged++
    const isOff = now === undefined || !isSameAttributes(wanted, now) || (withTimes && !isSameTime(wanted, vault.tree.get(now.ino) ?? now))
    if (!preview && ino !== undefined && isOff) await this.#changes.setAttributes(place, ino, wanted, withTimes)
  }

  async #children(folder: { readonly path: string; readonly ino: number | undefined }, past: PastEntry, names: Set<Name> | undefined): Promise<void> {
    const { history, moment: { position } } = this.#parts
    for (let after = 0; ; ) {
      const dirents = await history.list(position, past.ino, after, limits.listBatch)
      for (const { name, cookie, entry } of dirents) {
        names?.add(name)
        after = cookie
        await this.#child({ parent: folder.ino, name, path: within(folder.path, name) }, entry)
      }
      await this.#tell()
      if (dirents.length < limits.listBatch) return
    }
  }

  async #removeOthers(folder: { readonly path: string; readonly ino: number }, names: ReadonlySet<Name>): Promise<void> {
    const { tree } = this.#parts.vault
    for (let after = 0; ; ) {
      const batch: { readonly name: Name; readonly ino: number }[] = []
      tree.list(folder.ino, after, ({ name, ino, cookie }) => {
        batch.push({ name, ino })
        after = cookie
        return batch.length < limits.listBatch
      })
      for (const { name, ino } of batch) {
        await this.#breathe()
        const entry = tree.get(ino)
        if (entry !== undefined && !names.has(name)) await this.#removeTree({ parent: folder.ino, name, path: within(folder.path, name) }, entry)
      }
      await this.#tell()
      if (batch.length < limits.listBatch) return
    }
  }

  async #removeTree(goal: Goal, entry: Entry): Promise<void> {
    if (isDirectory(entry)) await this.#removeOthers({ path: goal.path, ino: entry.ino }, new Set())
    this.#note('remove', goal.path, entry)
    if (!this.#parts.order.preview) await this.#changes.remove(this.#place(goal))
  }

  async #makeDirectory(goal: Goal, wanted: Entry): Promise<number | undefined> {
    this.#note('create', goal.path, wanted)
    return this.#parts.order.preview ? undefined : await this.#changes.makeDirectory(this.#place(goal), wanted)
  }

  async #attributes(goal: Goal, now: Entry, wanted: Entry, withTimes: boolean): Promise<void> {
    this.#note('attributes', goal.path, wanted)
    if (!this.#parts.order.preview) await this.#changes.setAttributes(this.#place(goal), now.ino, wanted, withTimes)
  }

  #now({ parent, name }: Goal): Entry | undefined {
    const { tree } = this.#parts.vault
    const dirent = parent === undefined ? undefined : tree.lookup(parent, name)
    return dirent === undefined ? undefined : tree.get(dirent.ino)
  }

  #place({ parent, name, path }: Goal): Place {
    if (parent === undefined) throw new VaultError('broken-invariant', `${path} is restored into a folder that is not there`)
    return { parent, name }
  }

  #settle(past: PastEntry, wanted: Entry, ino: number): void {
    if (wanted.nlink > 1) this.#settled.set(past.ino, ino)
    this.#taken.add(ino)
  }

  #note(kind: RestoreStep['kind'], path: string, entry: Entry): void {
    this.#steps.push({ kind, path, entry: kindOf(entry), size: isFile(entry) ? entry.size : 0 })
  }

  async #tell(): Promise<void> {
    if (this.#steps.length > 0) await this.#parts.listener.steps(this.#steps.splice(0))
  }

  /** The thread that answers the kernel does so between some entries and the next. */
  async #breathe(): Promise<void> {
    const { clock } = this.#parts.vault.parts
    if (clock.monotonicMs() - this.#turnBegan < limits.catalogSliceMs) return
    await new Promise((resolve) => setImmediate(resolve))
    this.#turnBegan = clock.monotonicMs()
  }
}

function within(folder: string, name: Name): string {
  return folder === '' ? name : `${folder}/${name}`
}

function inTheWay(path: string, now: Entry): VaultError {
  const what = isDirectory(now) ? 'a folder' : 'no folder'
  return new VaultError(isDirectory(now) ? 'is-a-directory' : 'not-a-directory', `${shown(path)} is ${what} now`, {
    subject: shown(path), next: 'move it away, use --to PATH, or --exact to have it replaced',
  })
}
