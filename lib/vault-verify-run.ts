// Verifying from beginning to end, in a thread of its own. Nothing is repaired, and nothing of the store is written but a
// database beside the others that is removed again (a crash leaves it to the next one who verifies, or mounts).
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openPlain, openSealed, type Database } from '../native-deps/sqlite.js'
import { CacheInventory } from './cache/inventory.js'
import { CatalogInventory } from './catalog/inventory.js'
import { KeyRing } from './crypto/key-ring.js'
import { reachOf, Refold } from './history/refold.js'
import type { VaultId } from './terms/bytes.js'
import { hex } from './terms/bytes.js'
import { limits } from './terms/limits.js'
import { BlobOpener } from './workers/blob-opener.js'
import { BlobCheck } from './vault-verify-blobs.js'
import { CatalogCheck } from './vault-verify-catalog.js'
import { ContentCheck } from './vault-verify-contents.js'
import { damageOf, finding, rebuildNext, type VerifyContext } from './vault-verify-context.js'
import { BlobLedger } from './vault-verify-ledger.js'
import { checkState } from './vault-verify-state.js'
import { ManifestCheck, openHistory } from './vault-verify-manifest.js'
import { refoldName } from './vault-verify-messages.js'
import { VerifiedPast } from './vault-verify-past.js'
import type { FindingKind, VerifySummary } from './vault-verify-report.js'

type Found = Omit<VerifySummary, 'findings' | 'loggedBytes'>

export async function verifyStore(context: VerifyContext): Promise<Found> {
  const { setup, page } = context
  await checkDatabases(context)
  const history = openHistory(context)
  try {
    const refold = new Refold({
      path: join(setup.store, refoldName), manifestDirectory: join(setup.store, 'manifest'), vaultId: setup.vaultId as VaultId,
      ownerPublicKey: setup.ownerPublicKey, page,
    })
    try {
      return await verifyWith(context, refold, history)
    } finally {
      refold.close()
    }
  } finally {
    history?.close()
  }
}

async function verifyWith(context: VerifyContext, refold: Refold, history: Database | undefined): Promise<Found> {
  const { setup, page } = context
  const manifest = new ManifestCheck(context, refold, history)
  const { sequence } = await context.settle({ inos: [], names: [] })
  await manifest.run(sequence)
  // Behind a damaged entry the manifest tells nothing: then the versions are those that were folded when it was whole.
  const past = manifest.isBroken ? history ?? refold.database : refold.database
  const ledger = new BlobLedger(refold.database)
  const inventory = new CacheInventory(join(setup.store, 'cache'))
  const keys = new KeyRing(page)
  const opener = new BlobOpener(inventory.reader, keys, { tables: 64, frames: 2 })
  try {
    const contents = new ContentCheck(context, { past, ledger, opener })
    await contents.collect()
    if (!manifest.isBroken) await checkState(context, { refold, ledger, keys, opener })
    const unpublished = await checkCatalog(context, { past, ledger, manifest })
    const blobs = new BlobCheck(context, { ledger, keys, inventory })
    await blobs.run()
    for (const references of ledger.damaged(limits.verifyBlobsBatch)) context.damaged(references)
    await contents.affected()
    await blobs.tellUnneeded()
    const manifestEntries = refold.database.prepare<[], number>('SELECT count(*) FROM moment', 'first').get() ?? 0
    return { manifestEntries, contents: contents.contents, blobs: blobs.blobs, blobBytes: blobs.bytes, unnamedBlobs: blobs.unnamed, unpublished }
  } finally {
    opener.close()
    keys.wipe()
    inventory.close()
  }
}

async function checkCatalog(
  context: VerifyContext, { past, ledger, manifest }: { readonly past: Database; readonly ledger: BlobLedger; readonly manifest: ManifestCheck },
): Promise<number> {
  let catalog: CatalogInventory
  try {
    catalog = new CatalogInventory(join(context.setup.store, 'catalog.db'), context.page.key('catalog'))
  } catch (error) {
    await context.found(finding({ kind: 'catalog', subject: 'catalog.db', message: damageOf(error), next: rebuildNext }))
    return 0
  }
  try {
    const verified = new VerifiedPast(past)
    const device = hex(context.setup.deviceId)
    const foldTo = async (sequence: number): Promise<boolean> => {
      await manifest.foldTo({ devices: new Map([[device, sequence]]), others: Infinity })
      verified.changed()
      return (reachOf(past).devices.get(device) ?? 0) >= sequence
    }
    const check = new CatalogCheck(context, { catalog, past: verified, ledger, foldTo })
    await check.run()
    return check.unpublished
  } finally {
    catalog.close()
  }
}

/** Each by itself: pages that open, trees that are trees, indexes that agree with their tables. */
async function checkDatabases(context: VerifyContext): Promise<void> {
  const { setup: { store }, page } = context
  const databases: readonly { readonly kind: FindingKind; readonly subject: string; readonly open: (path: string) => Database }[] = [
    { kind: 'catalog', subject: 'catalog.db', open: (path) => openSealed(path, page.key('catalog'), { readOnly: true }) },
    { kind: 'history', subject: 'history.db', open: (path) => openSealed(path, page.key('history'), { readOnly: true }) },
    { kind: 'cache', subject: 'cache/cache.db', open: (path) => openPlain(path, { readOnly: true }) },
  ]
  for (const [at, { kind, subject, open }] of databases.entries()) {
    await context.step('databases', at, databases.length)
    const path = join(store, subject)
    const fault = existsSync(path) ? integrityFault(() => open(path)) : undefined
    if (fault !== undefined) await context.found(finding({ kind, subject, message: fault, next: rebuildNext }))
  }
}

function integrityFault(open: () => Database): string | undefined {
  let database: Database | undefined
  try {
    database = open()
    const answer = String(database.pragma('integrity_check(1)'))
    return answer === 'ok' ? undefined : answer.replaceAll('\n', ' ')
  } catch (error) {
    return damageOf(error)
  } finally {
    database?.close()
  }
}
