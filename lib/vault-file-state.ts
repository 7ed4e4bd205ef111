// Where a file's content is: what the extended attribute `user.vaultfs.state` says. Of what is published, a node has all of
// it when it has every blob and the manifest entry that names them; what is not published is only here.
import { belowContent, belowPage, type Below } from './content/content-walk.js'
import { decodeContent } from './content/content-reference.js'
import type { SyncPort } from './store/sync-port.js'
import { equalBytes, type BlobId } from './terms/bytes.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Entry } from './tree/entry.js'
import type { Vault } from './vault.js'

interface OurSync extends Pick<SyncPort, 'report' | 'copies'> {
  readonly deviceId: Uint8Array
}

/** 'syncing 1/3': there are three nodes, and one has all of it. */
export type FileState = 'damaged' | 'only-here' | 'safe' | `syncing ${number}/${number}`

/** Rejects 'too-many' for a file of more blobs than are asked for, and 'deadline' when nobody knows in time. */
export async function fileState(vault: Vault, sync: OurSync | undefined, entry: Entry): Promise<FileState> {
  if (vault.damageMet.isMet(entry.ino)) return 'damaged'
  const nodes = sync?.report().peers.length ?? 0
  if (sync === undefined || nodes === 0 || !isPublished(vault, entry.ino)) return 'only-here'
  const blobIds = await blobsOf(vault, entry)
  const newest = await sync.copies(blobIds, vault.parts.manifest.sequence)
  // Something else may be on its way: then it is asked which entry this file needs.
  const { complete } = newest.complete === newest.nodes ? newest : await sync.copies(blobIds, await sequenceOf(vault, entry.ino, sync.deviceId))
  // It may have been written to meanwhile.
  if (complete === 0 || !isPublished(vault, entry.ino)) return 'only-here'
  return complete === newest.nodes ? 'safe' : `syncing ${complete}/${newest.nodes}`
}

function isPublished({ contents, parts }: Vault, ino: number): boolean {
  const content = contents.peek(ino)
  const isClean = content === undefined || (content.extents.size === 0 && content.group === undefined)
  return isClean && parts.unpublished.entries.get(ino)?.born !== true
}

async function blobsOf({ contents }: Vault, { ino, content }: Entry): Promise<readonly BlobId[]> {
  const found: BlobId[] = []
  const waiting: Below[] = [...belowContent(contents.peek(ino)?.base ?? decodeContent(content))]
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    found.push(below.reference.blobId)
    if (found.length > limits.fileStateBlobsMax) throw new VaultError('too-many', 'the file has more blobs than are asked for')
    if (below.reference.kind === 'page') waiting.push(...belowPage(await contents.context.pages.load(below.reference)))
  }
  return found
}

/** Of our manifest entry that told the newest of it; 0: another device did. */
async function sequenceOf({ parts: { history, manifest } }: Vault, ino: number, deviceId: Uint8Array): Promise<number> {
  const [newest] = await history.versions(ino, 0, 1)
  if (newest === undefined) return manifest.sequence
  return equalBytes(newest.from.device, deviceId) ? newest.from.sequence : 0
}
