// The second reader over the folder of a vault as a node keeps it: with the words, and nothing else of the machine that is
// gone, every published version comes back.
import { mkdtempSync, readFileSync, rmSync, writeFileSync, appendFileSync, existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { CacheInventory } from '../../lib/cache/inventory.js'
import { headerForNodes } from '../../lib/crypto/header-for-nodes.js'
import { kitWords, ownerKeyPair, recoveryTlsKeyPair } from '../../lib/crypto/recovery-kit.js'
import { concatBytes, hex, type Sealed } from '../../lib/terms/bytes.js'
import { encodeFrames, type SealedBlob } from '../../lib/wire/blob-frames.js'
import { tlsIdentity } from '../../lib/wire/certificate.js'
import { encodeRecoveryRecord } from '../../lib/wire/owner-records.js'
import { TestVault, removeFolder, testKeys } from '../support/open-vault.js'
import { inviteTo, startTestNode } from '../support/node.js'
import { pairTestDevice, TestClient } from '../support/node-client.js'
import { randomBytes } from '../support/random-bytes.js'
import { Hand } from '../support/vault-hand.js'
import { parsedLines, runPython, whyNoReader, type ListedMoment } from './second-reader.js'

t.test('by the words, from what a node has', { skip: whyNoReader, timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-reader-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  const noise = randomBytes(3, 3_000_000)
  const { store } = await written(noise)
  t.teardown(() => { removeFolder(store) })
  const node = await startTestNode(t)
  const { header: { vaultId }, kit } = await testKeys()
  await upload(node.place, await inviteTo(node), store)
  await node.stop()
  const held = join(node.directory, 'vaults', hex(vaultId))
  const kitFile = join(folder, 'kit')
  writeFileSync(kitFile, kitWords(kit).join(' '))
  const reader = (command: string, ...args: readonly string[]): ReturnType<typeof runPython> => runPython('vaultfs_reader.py', command, held, ...args, '--kit-file', kitFile, '--skip-ids')
  const versions = await reader('versions', '--json')
  t.same([versions.status, versions.stderr], [0, ''], 'nothing is missing in it')
  t.ok(parsedLines<ListedMoment>(versions.stdout).some(({ names }) => names.includes('first')))
  t.match(await reader('restore', join(folder, 'then'), '--at', 'first'), { status: 0, stderr: '' })
  t.equal(readFileSync(join(folder, 'then', 'docs', 'letter'), 'utf8'), 'as it was')
  t.ok(readFileSync(join(folder, 'then', 'noise')).equals(noise))
  t.match(await reader('restore', join(folder, 'now')), { status: 0, stderr: '' })
  t.equal(readFileSync(join(folder, 'now', 'docs', 'letter'), 'utf8'), 'as it is')
  t.notOk(existsSync(join(folder, 'now', 'noise')))
  const chain = join(held, 'manifest', `${hex((await testKeys()).identity.member.deviceId)}.chain`)
  const whole = readFileSync(chain)
  appendFileSync(chain, whole.subarray(0, 500))
  t.match(await reader('versions'), { status: 0, stderr: '' }, 'an entry that is just being written is no damage')
  const damaged = Buffer.from(whole)
  damaged[whole.byteLength - 10] = (damaged[whole.byteLength - 10] ?? 0) ^ 1
  writeFileSync(chain, damaged)
  t.match(await reader('versions'), { status: 1, stderr: /signature/ })
})

async function written(noise: Uint8Array): Promise<{ readonly store: string }> {
  const hand = new Hand(await TestVault.open())
  await hand.mkdir('docs')
  await hand.write('docs/letter', 'as it was')
  await hand.write('noise', noise)
  await hand.snapshot('first')
  await hand.write('docs/letter', 'as it is')
  await hand.remove('noise')
  await hand.snapshot('second')
  await hand.test.leave()
  return { store: hand.test.store }
}

/** What a device of the vault does, byte for byte. */
async function upload(place: string, code: string, store: string): Promise<void> {
  const created = await testKeys()
  const { page, header, identity, kit } = created
  const vaultId = header.vaultId
  const tls = await tlsIdentity(page.key('device-tls'))
  const recoveryRecord = encodeRecoveryRecord({ vaultId, tlsPublicKey: recoveryTlsKeyPair(kit).publicKey }, ownerKeyPair(kit).secretKey)
  await pairTestDevice({
    owner: { vaultId, keys: { publicKey: header.ownerPublicKey }, salt: header.salt, recoveryRecord },
    parts: { tls: { publicKey: identity.member.tlsPublicKey }, record: identity.record, identity: tls },
  }, code, { header: headerForNodes(created) })
  const client = new TestClient({ place, identity: tls })
  const inventory = new CacheInventory(join(store, 'cache'))
  const blobs: SealedBlob[] = inventory.batch(0, Number.MAX_SAFE_INTEGER, 1000).map(({ blobId, location }) => {
    const sealed = new Uint8Array(location.length)
    inventory.reader.read(blobId, location, 0, sealed)
    return { blobId, sealed: sealed as Uint8Array as Sealed }
  })
  inventory.close()
  const put = await client.ask('putBlobs', { body: concatBytes(...encodeFrames(blobs)) })
  const device = hex(identity.member.deviceId)
  const appended = await client.ask('appendEntries', { parameters: { device }, body: readFileSync(join(store, 'manifest', `${device}.chain`)) })
  client.close()
  if (put.status !== 200 || appended.status !== 200) throw new Error(`${put.status} ${appended.status}`)
}
