// What the judge looks at: everything below a writer's folder, by whichever way it was read.
import { lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

export interface Found {
  /** A line for each name, as FolderModel has them. */
  readonly shape: string
  readonly contents: ReadonlyMap<string, Uint8Array>
}

/** Rejects when something can't be read. */
export type Look = (folder: string) => Promise<Found>

interface Seen {
  /** Below the folder. */
  readonly path: string
  /** Permissions, set-id and sticky bits. */
  readonly mode: number
}
export type SeenEntry = Seen & (
  | { readonly kind: 'file'; readonly ino: number; readonly sizeBytes: number; readonly bytes: Uint8Array }
  | { readonly kind: 'symlink'; readonly target: string }
  | { readonly kind: 'directory' }
)

export function foundOf(entries: readonly SeenEntry[]): Found {
  const lines: string[] = []
  const contents = new Map<string, Uint8Array>()
  const first = new Map<number, string>()
  for (const entry of [...entries].sort((one, other) => compare(one.path, other.path))) {
    const { path } = entry
    const mode = entry.mode.toString(8)
    if (entry.kind === 'symlink') lines.push(`${path} -> ${entry.target}`)
    else if (entry.kind === 'directory') lines.push(`${path} directory ${mode}`)
    else {
      if (entry.bytes.byteLength !== entry.sizeBytes) throw new Error(`${path}: ${String(entry.sizeBytes)} bytes by stat, ${String(entry.bytes.byteLength)} were read`)
      contents.set(path, entry.bytes)
      if (!first.has(entry.ino)) first.set(entry.ino, path)
      lines.push(`${path} file ${mode} ${first.get(entry.ino) ?? ''}`)
    }
  }
  return { shape: lines.join('\n'), contents }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}

/** A folder of a mounted filesystem. */
export async function lookAtFolder(folder: string): Promise<Found> {
  const entries: SeenEntry[] = []
  const visit = async (path: string): Promise<void> => {
    for (const name of await readdir(join(folder, path))) {
      const below = path === '' ? name : `${path}/${name}`
      const full = join(folder, below)
      const stat = await lstat(full)
      const seen = { path: below, mode: stat.mode & 0o7777 }
      if (stat.isSymbolicLink()) entries.push({ ...seen, kind: 'symlink', target: await readlink(full) })
      else if (stat.isDirectory()) {
        entries.push({ ...seen, kind: 'directory' })
        await visit(below)
      } else entries.push({ ...seen, kind: 'file', ino: stat.ino, sizeBytes: stat.size, bytes: await readFile(full) })
    }
  }
  await visit('')
  return foundOf(entries)
}
