// The header that nodes are given: made of the newest on the disk, which a change of passphrase may have written while the
// vault is mounted, and made again only when that is another one.
import { headerForNodes } from './crypto/header-for-nodes.js'
import { readHeaders, type FoundHeaders } from './crypto/header-store.js'
import type { KeyPage } from './crypto/key-page.js'
import { openWithMaster } from './crypto/vault-keys.js'
import { equalBytes } from './terms/bytes.js'
import { VaultError, type ErrorCode } from './terms/errors.js'

/** Nothing else of a vault has to wait for it. */
const withoutHeader: ReadonlySet<ErrorCode> = new Set(['unsupported', 'read-only', 'corrupt', 'not-a-vault', 'wrong-passphrase'])

/** Resolves undefined when there is none to give. */
export function headerGiver(store: string, page: KeyPage): () => Promise<Uint8Array | undefined> {
  let from = new Uint8Array(0)
  let made: Uint8Array | undefined
  return async () => {
    try {
      const { copies } = await readHeaders(store)
      const mac = copies[0]?.mac ?? from
      if (equalBytes(mac, from)) return made
      made = headerOf(copies, page)
      from = new Uint8Array(mac)
      return made
    } catch (error) {
      if (error instanceof VaultError && withoutHeader.has(error.code)) return undefined
      throw error
    }
  }
}

function headerOf(copies: FoundHeaders['copies'], page: KeyPage): Uint8Array {
  const newest = openWithMaster(copies, page.key('master'))
  try {
    return headerForNodes(newest)
  } finally {
    newest.page.wipe()
  }
}
