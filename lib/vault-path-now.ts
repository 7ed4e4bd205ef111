// From an entry's number to a path of it in the present, for messages: the tree knows of a file's names only what leads
// to it.
import type { HistoryPort } from './store/history-port.js'
import { rootIno } from './tree/entry.js'
import type { Tree } from './tree/tree.js'
import type { Unpublished } from './tree/unpublished.js'

export interface PathSources {
  readonly tree: Tree
  readonly unpublished: Unpublished
  readonly history: HistoryPort
}

const depthMax = 4096

/** By the names that are not published yet, else as it was published; bytes as latin1 characters. Undefined: not known. */
export async function pathNow(sources: PathSources, ino: number, depth = 0): Promise<string | undefined> {
  const { tree, unpublished, history } = sources
  if (ino === rootIno || depth > depthMax) return ino === rootIno ? '' : undefined
  for (const { parent, name } of unpublished.namesOf(ino)) {
    if (tree.lookup(parent, name)?.ino !== ino) continue
    const folder = await pathNow(sources, parent, depth + 1)
    return folder === undefined ? undefined : folder === '' ? name : `${folder}/${name}`
  }
  const newest = await history.newest().catch(() => undefined)
  return newest === undefined ? undefined : await history.pathOf(newest.position, ino).catch(() => undefined)
}
