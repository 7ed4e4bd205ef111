// The same vault on another machine, with keys of its own and everything that the first one published: what `vaultfs recover`
// makes, without a node between.
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { openVault } from '../../lib/crypto/vault-keys.js'
import { createIdentity } from '../../lib/crypto/identity.js'
import { readHeaders, writeDurably } from '../../lib/crypto/header-store.js'
import { kitEntropy, ownerKeyPair } from '../../lib/crypto/recovery-kit.js'
import { silent } from '../../lib/terms/log.js'
import { retentionDefault } from '../../lib/terms/retention.js'
import { rebuildStore } from '../../lib/vault-rebuild.js'
import { systemClock, systemEntropy } from '../../bin/system-sources.js'

/** Into the folder, which is there and empty. */
export async function bringToSecondDevice(store: string, words: string, target: string): Promise<void> {
  const kit = kitEntropy(words)
  const { page, header } = await openVault((await readHeaders(store)).copies, { kind: 'recovery', entropy: kit })
  mkdirSync(join(target, 'cache'), { mode: 0o700 })
  for (const name of ['header', 'header.backup', 'manifest', 'cache/segments']) cpSync(join(store, name), join(target, name), { recursive: true })
  const { identity, file } = createIdentity(page, {
    vaultId: header.vaultId, name: 'kept as well', createdSec: systemClock.now().sec, ownerSecretKey: ownerKeyPair(kit).secretKey, entropy: systemEntropy,
  })
  for (const name of ['device.backup', 'device']) await writeDurably(join(target, name), file)
  await rebuildStore({
    store: target, page, header, identity, readOnly: false, bulkThreads: 1, retention: { ...retentionDefault, offsetMin: 0 }, owner: { uid: 0, gid: 0 },
    clock: systemClock, entropy: systemEntropy, logger: silent,
  }, () => undefined)
  page.wipe()
}
