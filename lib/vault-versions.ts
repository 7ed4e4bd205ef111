// The history of a path: every published version of what has it now, and of what had it before. Programs that save by
// writing a new file and renaming it over the old one leave an entry for each save, so one entry's history is not enough.
import type { EntryVersion, FoundName, HistoryPort, PublishedMoment } from './store/history-port.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { entryNow, namesOf, pathText } from './vault-past.js'
import { shown } from './vault-restore-changes.js'
import type { Vault } from './vault.js'

/** Newest first. Rejects 'not-found' when nothing ever had the path. */
export async function versionsOfPath(vault: Vault, history: HistoryPort, path: string): Promise<readonly EntryVersion[]> {
  const names = namesOf(path)
  const asked = pathText(names)
  const now = entryNow(vault.tree, names)
  const bearers = names.length === 0 ? [] : await bearersOf(history, asked, names.at(-1) ?? '')
  const chief = now?.ino ?? bearers[0]?.ino
  if (chief === undefined) {
    throw new VaultError('not-found', `nothing was ever published as ${shown(asked)}`, {
      subject: shown(asked), next: "'vaultfs find-version' looks for a name in all folders and at all times",
    })
  }
  const versions = await versionsOfEntry(history, chief)
  for (const [at, { ino }] of bearers.entries()) {
    if (ino === chief || versions.length >= limits.versionsMax) continue
    const newer = bearers.slice(0, at).map(({ first }) => first.position)
    versions.push(...(await versionsOfEntry(history, ino)).filter((version) => isOfPath(version, asked, newer)))
  }
  return versions.sort((a, b) => b.from.position - a.from.position).slice(0, limits.versionsMax)
}

/** Others count while they had this path. That one was replaced is no end of the path: a `newer` one began by then. */
function isOfPath({ path, changes, from }: EntryVersion, asked: string, newer: readonly number[]): boolean {
  if (changes.includes('deleted')) return newer.every((position) => position > from.position)
  // Without a path: its name was told of a moment before its end, or after its beginning.
  return path === asked || path === undefined
}

/** Entries that had exactly this path, the newest first. */
async function bearersOf(history: HistoryPort, path: string, name: string): Promise<readonly FoundName[]> {
  const found = await history.findNames(literalPattern(name), limits.foundNamesMax)
  return found.filter((each) => each.path === path).sort((a, b) => b.last.position - a.last.position)
}

/** The last state of that very second in which something had the path: a later one of the second may be without it. */
export async function lastSeenIn(history: HistoryPort, sec: number, path: string): Promise<PublishedMoment | undefined> {
  const name = namesOf(path).at(-1)
  const bearers = name === undefined ? [] : await bearersOf(history, pathText(namesOf(path)), name)
  return bearers.find(({ last }) => last.sec === sec)?.last
}

/** A glob that means this name (bytes as latin1 characters), and hardly another one; globs are UTF-8. */
export function literalPattern(name: string): string {
  const text = shown(name)
  const isText = Buffer.from(text, 'utf8').toString('latin1') === name
  const sayable = isText ? text : name.replace(/[^\x20-\x7e]/g, '?')
  return sayable.replace(/[*[\]]/g, (character) => `[${character}]`).replace(/\?/g, isText ? '[?]' : '?')
}

async function versionsOfEntry(history: HistoryPort, ino: number): Promise<EntryVersion[]> {
  const versions: EntryVersion[] = []
  for (let before = 0; versions.length < limits.versionsMax; ) {
    const batch = await history.versions(ino, before, limits.versionsBatch)
    versions.push(...batch)
    const last = batch.at(-1)
    if (last === undefined || batch.length < limits.versionsBatch) break
    before = last.from.position
  }
  return versions
}
