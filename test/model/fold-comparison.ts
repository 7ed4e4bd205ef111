// Whether the folded manifest is the tree: the same names, and of each entry the same attributes, xattrs and content.
// Only when everything is published; entries without a name are nobody's business.
import { attributeBytes } from '../../lib/content/operations.js'
import { hex } from '../../lib/terms/bytes.js'
import { isDirectory, rootIno, type Entry } from '../../lib/tree/entry.js'
import type { Tree } from '../../lib/tree/tree.js'
import type { ManifestFold } from './manifest-fold.js'

/** Differences in words, at most a few. `unnamed`: entries that are open without a name, of which it may know or not. */
export function foldDifferences(fold: ManifestFold, tree: Tree, unnamed: readonly number[] = []): string[] {
  const found = [...fold.complaints]
  const left = new Set(fold.entries.keys())
  for (const ino of unnamed) left.delete(hex(tree.get(ino)?.id ?? new Uint8Array(0)))
  const names = new Map([...fold.names].map(([key, ids]) => [key, [...ids].join()]))
  const open = [rootIno]
  const seen = new Set<number>()
  for (let ino = open.pop(); ino !== undefined; ino = open.pop()) {
    const entry = tree.get(ino)
    if (seen.has(ino) || entry === undefined) continue
    seen.add(ino)
    left.delete(hex(entry.id))
    compareEntry(fold, entry, found)
    if (!isDirectory(entry)) continue
    tree.list(ino, 0, (dirent) => {
      const key = `${hex(entry.id)}/${dirent.name}`
      const id = hex(tree.get(dirent.ino)?.id ?? new Uint8Array(0))
      if (names.get(key) !== id) found.push(`${key} is entry ${String(dirent.ino)} (${id}), the manifest says ${String(names.get(key))}`)
      names.delete(key)
      open.push(dirent.ino)
      return true
    })
  }
  for (const [key, ids] of names) found.push(`the manifest says that ${key} is ${ids}, the tree does not`)
  for (const id of left) found.push(`the manifest knows ${id}, the tree does not`)
  return found.slice(0, 8)
}

function compareEntry(fold: ManifestFold, entry: Entry, found: string[]): void {
  const folded = fold.entries.get(hex(entry.id))
  const subject = `entry ${String(entry.ino)} (${hex(entry.id)})`
  if (folded === undefined) {
    found.push(`${subject} is not in the manifest`)
    return
  }
  // Blocks follow from the content: the announcement is older than its installation.
  const wanted = withoutBlocks(attributeBytes(entry))
  if (Buffer.compare(wanted, withoutBlocks(folded.attributes)) !== 0) found.push(`${subject}: attributes differ, ${hex(wanted)}, told ${hex(withoutBlocks(folded.attributes))}`)
  if (Buffer.compare(entry.content, folded.content) !== 0) found.push(`${subject}: content differs, ${String(entry.size)} bytes, told ${String(folded.size)}`)
}

/** Position of the field in the entry record: version, id, five numbers, size. */
const blocksAt = 1 + 16 + 4 * 5 + 8

function withoutBlocks(attributes: Uint8Array): Uint8Array {
  return new Uint8Array(attributes).fill(0, blocksAt, blocksAt + 8)
}
