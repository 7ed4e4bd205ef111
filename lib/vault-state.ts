// Tells the whole state in the manifest now and then: a reader need not begin with the first entry, and `verify` has a
// root to compare with. As often as everything has changed once, so that it costs no more than the changes did.
import { encodeBlobReference, type BlobReference } from './format/blob-reference.js'
import { ByteWriter } from './format/writer.js'
import type { HistoryPort, StateCursor } from './store/history-port.js'
import type { PoolPort } from './store/pool-port.js'
import type { DeviceId } from './terms/bytes.js'
import { invariant } from './terms/errors.js'
import { limits } from './terms/limits.js'
import type { Vault } from './vault.js'

/** Whether enough came after the newest one. */
export async function isStateDue({ parts: { history } }: Vault): Promise<boolean> {
  const { operations, entries } = await history.stateAge()
  return operations >= Math.max(limits.stateOperationsMin, entries)
}

/**
 * Durable when it resolves. Publishing goes on beside it: what is told is one state, the newest when it began.
 * `isStopped`: then nothing is told, and what was stored for it is found again by the next.
 */
export async function tellState({ parts }: Vault, isStopped: () => boolean = () => false): Promise<void> {
  const { history, pool, manifest } = parts
  const moment = await history.newest()
  if (moment === undefined) return
  const lowest: BlobReference[] = []
  let records = 0
  let cursor: StateCursor | undefined
  do {
    const part = await history.statePart(moment.position, cursor)
    lowest.push(...await pool.storePages(part.pages))
    records += part.records
    cursor = part.next
    if (isStopped()) return
  } while (cursor !== undefined)
  const [root, cut, top] = await Promise.all([
    history.stateRoot(lowest.map(({ chunkId }) => chunkId), records), cutOf(history, moment.position), storeAbove(pool, lowest),
  ])
  await manifest.append([{ kind: 'state', root, entries: records, cut, index: encodeBlobReference(top) }])
}

async function cutOf(history: HistoryPort, position: number): Promise<readonly { readonly deviceId: DeviceId; readonly sequence: number; readonly hash: Uint8Array }[]> {
  return (await history.cut(position)).map(({ deviceId, sequence, hash }) => ({ deviceId: deviceId as DeviceId, sequence, hash }))
}

/** Pages of references above the lowest ones, up to the one at the top. */
async function storeAbove(pool: PoolPort, lowest: readonly BlobReference[]): Promise<BlobReference> {
  let level = lowest
  while (level.length > 1) {
    const pages: Uint8Array[] = []
    for (let at = 0; at < level.length; at += limits.statePagesBelow) {
      const below = level.slice(at, at + limits.statePagesBelow)
      const writer = new ByteWriter(below.length * 112).u8(2).varint(below.length)
      for (const reference of below) writer.bytes(encodeBlobReference(reference))
      pages.push(writer.take())
    }
    level = await pool.storePages(pages)
  }
  const [top] = level
  invariant(top !== undefined, 'a state has at least its root folder')
  return top
}
