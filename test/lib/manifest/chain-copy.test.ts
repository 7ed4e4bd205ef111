// The copy of another device's chain: what is wrong with its mark costs asking again, never the chain.
import t from 'tap'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openChainFile } from '../../../lib/manifest/chain-file.js'
import { ChainCopy } from '../../../lib/manifest/chain-copy.js'
import { ManifestChain } from '../../../lib/manifest/chain.js'
import { pageAuthor } from '../../../lib/manifest/entry-author.js'
import { concatBytes, type DeviceId, type VaultId } from '../../../lib/terms/bytes.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { testPage } from '../../support/test-keys.js'

const keys = signKeyPair(randomBytes(1, 32))
const identity = { vaultId: randomBytes(2, 32) as Uint8Array as VaultId, deviceId: randomBytes(3, 16) as Uint8Array as DeviceId, signPublicKey: keys.publicKey }

t.test('a mark that is damaged in both places counts as none: everything is asked for again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-chain-copy-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const filesOf = async (name: string) => ({ entries: await openChainFile(join(folder, `${name}.chain`), folder), mark: await openChainFile(join(folder, `${name}.mark`), folder) })
  const page = testPage(4)
  page.set('device-sign', keys.secretKey)
  const chain = await ManifestChain.open({ ...identity, ...await filesOf('own'), depth: 'full' })
  const entries: Uint8Array[] = []
  for (let lamport = 1; lamport <= 3; lamport++) {
    const { bytes } = await chain.append({ lamport, sec: 1, nsec: 0, deps: [], operations: [{ kind: 'snapshot', name: randomBytes(lamport, 8), sec: 1, nsec: 2 }] }, pageAuthor(page, seededEntropy(lamport)))
    entries.push(bytes)
  }
  await chain.close()
  const first = await ChainCopy.open(identity, await filesOf('copy'))
  await first.append(concatBytes(...entries.slice(0, 1)))
  await first.append(concatBytes(...entries.slice(1)))
  await first.close()
  const whole = await ChainCopy.open(identity, await filesOf('copy'))
  t.equal(whole.sequence, 3)
  await whole.close()
  const path = join(folder, 'copy.mark')
  writeFileSync(path, readFileSync(path).map((byte) => byte ^ 1))
  const again = await ChainCopy.open(identity, await filesOf('copy'))
  t.same([again.sequence, again.bytes], [0, 0])
  await again.append(concatBytes(...entries))
  await again.close()
  const last = await ChainCopy.open(identity, await filesOf('copy'))
  t.same([last.sequence, last.bytes], [3, concatBytes(...entries).byteLength])
  await last.close()
})
