// A log that ends before the catalog does is an older one, or lost its end. What it says of a file may have been
// overwritten and published since: over a catalog that is made anew of the manifest it would lay old bytes over new ones.
import { existsSync, renameSync, mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { openSealed } from '../native-deps/sqlite.js'
import { Replay } from './log/replay.js'
import { openNodeDisk } from './log/node-disk.js'
import { survey } from './log/survey.js'
import { VaultError, fromErrno } from './terms/errors.js'
import type { OpenStore } from './vault-open.js'

/** Puts it beside when the catalog, which is to be replaced, still can tell. Durable; answers where it is now, or null. */
export async function setStaleLogAside(options: Pick<OpenStore, 'store' | 'page' | 'header' | 'identity' | 'logger'>): Promise<string | null> {
  const { store, logger } = options
  const directory = join(store, 'log')
  const appliedLsn = appliedBy(options)
  if (appliedLsn === undefined || !existsSync(directory)) return null
  const lastLsn = lastOf(options, directory)
  if (lastLsn === undefined || lastLsn >= appliedLsn) return null
  if (lastLsn === 0) {
    logger.log('error', 'the log is lost: what was written last, and not published, is missing')
    return null
  }
  const aside = freePath(`${directory}.aside`)
  try {
    renameSync(directory, aside)
    mkdirSync(directory, { mode: 0o700 })
    const folder = await open(store, 'r')
    await folder.sync().finally(() => folder.close())
  } catch (error) {
    throw fromErrno(error, directory)
  }
  logger.log('error', `the log ends at record ${lastLsn}, before the catalog, which ended at ${appliedLsn}: it is an older one, or has lost its end, and is not used; it is kept as ${aside}`)
  return aside
}

/** Undefined: the catalog is lost. */
function appliedBy({ store, page }: Pick<OpenStore, 'store' | 'page'>): number | undefined {
  const path = join(store, 'catalog.db')
  if (!existsSync(path)) return undefined
  try {
    const catalog = openSealed(path, page.key('catalog'))
    try {
      return catalog.prepare<[], number>("SELECT value FROM mark WHERE name = 'appliedLsn'", 'first').get()
    } finally {
      catalog.close()
    }
  } catch (error) {
    if (error instanceof VaultError && error.code !== 'io' && error.code !== 'no-space') return undefined
    throw error
  }
}

/** Undefined: it is damaged, and refused when it is opened. */
function lastOf({ page, header, identity }: Pick<OpenStore, 'page' | 'header' | 'identity'>, directory: string): number | undefined {
  const disk = openNodeDisk({ directory, readOnly: true })
  try {
    const owner = { vault: header.vaultId, device: identity.member.deviceId }
    const key = page.key('log')
    const found = survey(disk, owner, key)
    return new Replay({ disk, owner, key }, found, () => undefined).run().lastLsn
  } catch (error) {
    if (error instanceof VaultError) return undefined
    throw error
  } finally {
    disk.close()
  }
}

function freePath(path: string): string {
  for (let number = 1; ; number++) if (!existsSync(`${path}-${number}`)) return `${path}-${number}`
}
