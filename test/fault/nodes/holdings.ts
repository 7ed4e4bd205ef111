// What a node has on its disk, read without it: its folder for a vault has the shape of a store (PROTOCOL, FORMAT). And what
// a vault's daemon believes that it has.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CacheReader } from '../../../lib/cache/reader.js'
import { hex, type BlobId } from '../../../lib/terms/bytes.js'
import { openPlain } from '../../../native-deps/sqlite.js'

/** The one vault that this node keeps; undefined: none yet. */
export function vaultFolderOf(data: string): string | undefined {
  const folder = join(data, 'vaults')
  const name = existsSync(folder) ? readdirSync(folder)[0] : undefined
  return name === undefined ? undefined : join(folder, name)
}

/** Ids in hexadecimal, of a store's or a node's cache. */
export function blobsIn(folder: string): Set<string> {
  const database = openPlain(join(folder, 'cache', 'cache.db'), { readOnly: true })
  try {
    return new Set(database.prepare<[], [Uint8Array]>('SELECT id FROM blobs', 'array').all().map(([id]) => hex(id)))
  } finally {
    database.close()
  }
}

/** Those of which the bytes are not what the name says. */
export function damagedIn(folder: string): string[] {
  const reader = new CacheReader(join(folder, 'cache'))
  try {
    return [...blobsIn(folder)].filter((name) => {
      const blobId = new Uint8Array(Buffer.from(name, 'hex')) as Uint8Array as BlobId
      const location = reader.locate(blobId)
      if (location === undefined) return true
      const bytes = new Uint8Array(location.length)
      reader.read(blobId, location, 0, bytes)
      return createHash('sha256').update(bytes).digest('hex') !== name
    })
  } finally {
    reader.close()
  }
}

/** Chains by the name of their file. */
export function chainsIn(folder: string): Map<string, Buffer> {
  const manifest = join(folder, 'manifest')
  const names = existsSync(manifest) ? readdirSync(manifest).filter((name) => name.endsWith('.chain')) : []
  return new Map(names.map((name) => [name, readFileSync(join(manifest, name))]))
}

/** Ids of the blobs that the daemon was told are durable there, in the order in which its nodes were added. */
export function believedHeld(store: string): readonly Set<string>[] {
  const path = join(store, 'sync.db')
  if (!existsSync(path)) return []
  const database = openPlain(path, { readOnly: true })
  try {
    const peers = database.prepare<[], [number]>('SELECT peer FROM peers ORDER BY peer', 'array').all()
    const held = database.prepare<[number], [Uint8Array]>('SELECT blob FROM held WHERE peer = ?', 'array')
    return peers.map(([peer]) => new Set(held.all(peer).map(([id]) => hex(id))))
  } finally {
    database.close()
  }
}
