// From what a person names to what the past holds: a moment to a published state, a path to an entry at that state. A
// path means what it meant then; where nothing had it, what has it now is looked for under the name that it had then.
import type { HistoryPort, PastEntry, PublishedMoment } from './store/history-port.js'
import { VaultError } from './terms/errors.js'
import { exactName } from './terms/moment-name.js'
import { isDirectory, rootIno, type Entry, type Name } from './tree/entry.js'
import { decodeAttributes, decodeXattrs } from './tree/entry-codec.js'
import type { Tree } from './tree/tree.js'
import type { Vault } from './vault.js'

/** As lib/control/past-port.ts says it. */
export type MomentWish =
  | { readonly kind: 'through'; readonly sec: number }
  | { readonly kind: 'snapshot'; readonly name: string }
  | { readonly kind: 'latest' }
  | { readonly kind: 'now' }

/** Parts of a path from the root; the root has none. */
export type PathNames = readonly Name[]

export function namesOf(path: string): PathNames {
  return path.split('/').filter((name) => name !== '')
}

export function pathText(names: PathNames): string {
  return names.join('/')
}

/** The published state that is meant. Rejects 'not-found' where there was none yet, or no snapshot has the name. */
export async function publishedMoment(vault: Vault, history: HistoryPort, wish: MomentWish): Promise<PublishedMoment> {
  switch (wish.kind) {
    case 'now':
      await vault.publishAll()
      return present(await history.newest())
    case 'latest':
      return present(await history.newest())
    case 'snapshot':
      return await namedMoment(history, wish.name)
    case 'through':
      return (await history.at(wish.sec)) ?? (await beforeFirst(history, wish.sec))
  }
}

function present(newest: PublishedMoment | undefined): PublishedMoment {
  if (newest !== undefined) return newest
  throw new VaultError('not-found', 'nothing was ever published in this vault', { next: "write something, or 'vaultfs sync' publishes what there is" })
}

async function namedMoment(history: HistoryPort, name: string): Promise<PublishedMoment> {
  const found = await history.snapshot(name)
  if (found !== undefined) return found.moment
  throw new VaultError('not-found', `${name} is no moment, and no snapshot has that name`, {
    subject: name, next: "'vaultfs snapshots' lists them; a moment is written as 2024-05-01, 2024-05-01T14:30 or yesterday",
  })
}

async function beforeFirst(history: HistoryPort, sec: number): Promise<never> {
  const oldest = await history.oldest()
  if (oldest === undefined) present(undefined)
  throw new VaultError('not-found', `there is no state of ${exactName(sec)} or before`, {
    next: `the oldest is of ${exactName(oldest?.sec ?? 0)}`,
  })
}

export interface FoundEntry {
  readonly entry: PastEntry
  /** Where it lay at that moment. */
  readonly names: PathNames
}

/** The entry of a path at a moment; undefined: nothing had it, nor was what has it now there. */
export async function entryAt(vault: Vault, history: HistoryPort, moment: PublishedMoment, names: PathNames): Promise<FoundEntry | undefined> {
  const entry = await entryOfPath(history, moment, names)
  if (entry !== undefined) return { entry, names }
  const now = entryNow(vault.tree, names)
  const then = now === undefined ? undefined : await history.entry(moment.position, now.ino)
  const path = then === undefined ? undefined : await history.pathOf(moment.position, then.ino)
  return then === undefined || path === undefined ? undefined : { entry: then, names: namesOf(path) }
}

/** Only by the path as it was then. */
export async function entryOfPath(history: HistoryPort, { position }: PublishedMoment, names: PathNames): Promise<PastEntry | undefined> {
  let entry = await history.entry(position, rootIno)
  for (const name of names) {
    if (entry === undefined) return undefined
    entry = await history.lookup(position, entry.ino, name)
  }
  return entry
}

export function entryNow(tree: Tree, names: PathNames): Entry | undefined {
  let entry = tree.get(rootIno)
  for (const name of names) {
    if (entry === undefined || !isDirectory(entry)) return undefined
    const dirent = tree.lookup(entry.ino, name)
    entry = dirent === undefined ? undefined : tree.get(dirent.ino)
  }
  return entry
}

/** An entry of the past as one of the tree has it. */
export function decodePast({ ino, attributes, xattrs, content }: PastEntry): Entry {
  const { entry } = decodeAttributes(Buffer.from(attributes.buffer, attributes.byteOffset, attributes.byteLength), 0, ino)
  if (xattrs !== null) entry.xattrs = decodeXattrs(Buffer.from(xattrs.buffer, xattrs.byteOffset, xattrs.byteLength))
  if (content !== null) entry.content = content
  return entry
}
