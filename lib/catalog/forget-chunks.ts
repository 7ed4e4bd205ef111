// Chunks whose blob can't be read are known no more: who writes the same bytes again is to store them again.
import { openSealed } from '../../native-deps/sqlite.js'
import { encodeBlobReference, type BlobReference } from '../format/blob-reference.js'

/** Nobody has the catalog open. */
export function forgetChunks(path: string, key: Uint8Array, references: readonly BlobReference[]): void {
  if (references.length === 0) return
  const database = openSealed(path, key)
  try {
    const remove = database.prepare<[Uint8Array, Uint8Array], never>('DELETE FROM chunk WHERE chunk_id = ? AND reference = ?')
    database.transaction(() => {
      for (const reference of references) remove.run(reference.chunkId, encodeBlobReference(reference))
    })
  } finally {
    database.close()
  }
}
