// What a store keeps of nodes: the sealed list, the recovery record, and the header that a node gets.
import tap from 'tap'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { headerForNodes } from '../../../lib/crypto/header-for-nodes.js'
import { openPeers, peersName, readPeers, sealPeers, writePeers } from '../../../lib/crypto/peers-file.js'
import { readRecoveryFile, recoveryName, writeRecoveryFile } from '../../../lib/crypto/recovery-file.js'
import { addSlot } from '../../../lib/crypto/vault-changes.js'
import { createVault, hasOurMac, openVault, sealHeader, type OpenedVault } from '../../../lib/crypto/vault-keys.js'
import { slotKinds } from '../../../lib/format/key-slot.js'
import { decodePeerList, encodePeerList, type KnownPeer } from '../../../lib/format/peer-list.js'
import { decodeHeader } from '../../../lib/format/vault-header.js'
import { recoveryRecordOf } from '../../../lib/peer/recovery-record.js'
import type { VaultId } from '../../../lib/terms/bytes.js'
import { decodeRecoveryRecord } from '../../../lib/wire/owner-records.js'
import { recoveryTlsKeyPair } from '../../../lib/crypto/recovery-kit.js'
import { randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { testPage } from '../../support/test-keys.js'

const vaultId = randomBytes(1, 32) as Uint8Array as VaultId
const page = testPage(5)
const attic: KnownPeer = { peerId: randomBytes(2, 8), name: 'attic', pin: randomBytes(3, 32), signing: randomBytes(4, 32), places: ['attic.example:8440', '[fe80::1]:80'], addedSec: 1_700_000_000 }
const cellar: KnownPeer = { ...attic, peerId: randomBytes(6, 8), name: 'Keller 2 äöü', places: [] }

function folder(t: { teardown(end: () => void): void }): string {
  const made = mkdtempSync(join(tmpdir(), 'vaultfs-peers-'))
  t.teardown(() => { rmSync(made, { recursive: true }) })
  return made
}

tap.test('the list of nodes is written as a whole and read as it was', async (t) => {
  const store = folder(t)
  t.same(await readPeers(store, page, vaultId), [], 'none without the file')
  await writePeers(store, page, vaultId, [attic, cellar], seededEntropy(1))
  t.same(await readPeers(store, page, vaultId), [attic, cellar])
  t.equal(statSync(join(store, peersName)).mode & 0o777, 0o600)
  t.notOk(readFileSync(join(store, peersName)).includes('attic'), 'and says nothing to who has no keys')
  await writePeers(store, page, vaultId, [cellar], seededEntropy(2))
  t.same(await readPeers(store, page, vaultId), [cellar])
})

tap.test('every changed bit of it is noticed, and another vault\'s list is none', async (t) => {
  const sealed = sealPeers([attic], page, vaultId, seededEntropy(1))
  for (let at = 0; at < sealed.byteLength; at += 3) {
    const changed = sealed.slice()
    changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
    t.throws(() => openPeers(changed, page, vaultId), { code: at === 7 ? 'format-unknown' : 'corrupt' }, `byte ${at}`)
  }
  for (const length of [0, 7, 40, sealed.byteLength - 1]) t.throws(() => openPeers(sealed.subarray(0, length), page, vaultId), { code: 'corrupt' })
  t.throws(() => openPeers(sealed, testPage(6), vaultId), { code: 'corrupt' })
  t.throws(() => openPeers(sealed, page, randomBytes(9, 32) as Uint8Array as VaultId), { code: 'corrupt' })
  const store = folder(t)
  writeFileSync(join(store, peersName), 'x')
  await t.rejects(readPeers(store, page, vaultId), { code: 'corrupt' })
})

tap.test('a list that can not be is refused, whoever sealed it', (t) => {
  const list = encodePeerList([attic, cellar])
  t.same(decodePeerList(list), [attic, cellar])
  t.throws(() => decodePeerList(encodePeerList([attic, { ...cellar, name: 'attic' }])), { code: 'corrupt', message: /two nodes of one name/ })
  t.throws(() => decodePeerList(encodePeerList([attic, { ...cellar, peerId: attic.peerId }])), { code: 'corrupt', message: /two nodes of one id/ })
  t.throws(() => decodePeerList(Uint8Array.of(1, 65)), { code: 'corrupt' })
  t.throws(() => decodePeerList(Uint8Array.of(2, 0)), { code: 'format-unknown' })
  t.throws(() => decodePeerList(new Uint8Array([...list, 0])), { code: 'corrupt' }, 'bytes behind the end')
  t.throws(() => decodePeerList(list.subarray(0, -1)), { code: 'corrupt' })
  t.throws(() => encodePeerList([{ ...attic, pin: randomBytes(1, 31) }]), { code: 'broken-invariant' })
  t.end()
})

tap.test('the recovery record is the kit\'s word, kept for nodes', async (t) => {
  const store = folder(t)
  const kit = randomBytes(11, 32)
  const record = recoveryRecordOf(kit, vaultId)
  t.equal(await readRecoveryFile(store), undefined)
  await writeRecoveryFile(store, record)
  t.same(await readRecoveryFile(store), record)
  const { ino } = statSync(join(store, recoveryName))
  await writeRecoveryFile(store, record)
  t.equal(statSync(join(store, recoveryName)).ino, ino, 'what is there already is not written again')
  writeFileSync(join(store, recoveryName), 'damaged')
  await t.rejects(readRecoveryFile(store), { code: 'corrupt', next: /recovery check/ })
  await writeRecoveryFile(store, record)
  t.same(await readRecoveryFile(store), record, 'a damaged one is made anew')
  const made = await createVault({ passphrase: Buffer.from('x'), cost: { memoryBytes: 64 * 1024 * 1024, passes: 1 }, entropy: seededEntropy(7), nowSec: 1, deviceName: 'here' })
  const { vaultId: own, ownerPublicKey } = made.header
  t.same(decodeRecoveryRecord(recoveryRecordOf(made.kit, own), { vaultId: own, ownerPublicKey }).tlsPublicKey, recoveryTlsKeyPair(made.kit).publicKey)
  t.throws(() => decodeRecoveryRecord(record, { vaultId, ownerPublicKey }), { code: 'corrupt' }, 'not of another kit')
})

tap.test('a node gets a header that the kit opens and no passphrase does', async (t) => {
  const entropy = seededEntropy(8)
  const cost = { memoryBytes: 64 * 1024 * 1024, passes: 1 }
  const passphrase = Buffer.from('right')
  const made = await createVault({ passphrase, cost, entropy, nowSec: 1, deviceName: 'here' })
  const key = randomBytes(12, 32)
  const header = await addSlot(made, { kind: 'key-file', key }, { entropy, nowSec: 2, cost, label: 'stick' })
  const newer = header.slots.slice(0, 1).map((slot) => ({ ...slot, slotId: randomBytes(1, 8), kind: 9 }))
  const vault: OpenedVault = { ...made, header: { ...header, slots: [...header.slots, ...newer] } }
  const bytes = headerForNodes(vault)
  const encoded = decodeHeader(bytes, 'header')
  t.same(encoded.header.slots.map(({ kind }) => kind), [slotKinds.recovery, slotKinds['key-file']], 'kinds that are not known stay at home too')
  t.same({ ...encoded.header, slots: [], recovery: {} }, { ...vault.header, slots: [], recovery: {} }, 'the rest is as it is, the generation too')
  t.same(encoded.header.recovery, { state: 'confirmed' })
  t.ok(hasOurMac(encoded, made.page))
  await t.rejects(openVault([encoded], { kind: 'passphrase', passphrase }), { code: 'wrong-passphrase' })
  for (const unlock of [{ kind: 'recovery', entropy: made.kit }, { kind: 'key-file', key }] as const) {
    const opened = await openVault([encoded], unlock)
    t.ok(opened.trusted)
    t.same(opened.page.key('master'), made.page.key('master'))
    opened.page.wipe()
  }
  t.throws(() => headerForNodes({ ...vault, trusted: false }), { code: 'read-only' }, 'one that somebody changed is not handed on')
  t.throws(() => headerForNodes({ ...vault, header: { ...header, slots: header.slots.filter(({ kind }) => kind === slotKinds.passphrase) } }), { code: 'unsupported' })
  t.notSame(bytes, sealHeader(vault.header, vault.page))
})
