// Header, slots, recovery kit, identity: every way in opens, every other stays shut, and nothing is rewritten that
// somebody without the keys has touched. FORMAT §5 and §6.

import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { createHeaders, readHeaders, replaceHeaders } from '../../../lib/crypto/header-store.js'
import { createIdentity, openIdentity, verifyMember } from '../../../lib/crypto/identity.js'
import { epochsMax, KeyPage } from '../../../lib/crypto/key-page.js'
import { kdfDefault, normalisePassphrase, passphraseSecret } from '../../../lib/crypto/passphrase.js'
import { kitEntropy, kitText, kitWords, ownerKeyPair, placesToAsk } from '../../../lib/crypto/recovery-kit.js'
import { addSlot, changePassphrase, confirmRecovery, removeSlot, replaceMaster } from '../../../lib/crypto/vault-changes.js'
import { createVault, openVault, sealHeader, unconfirmedKit, type CreatedVault, type OpenedVault } from '../../../lib/crypto/vault-keys.js'
import { boxKeyPair, boxSeal, sha256 } from '../../../native-deps/sodium.js'
import { decodeHeader, encodeHeader, encodeHeaderBody, type VaultHeader } from '../../../lib/format/vault-header.js'
import { concatBytes, equalBytes, hex } from '../../../lib/terms/bytes.js'
import { VaultError, type ErrorCode } from '../../../lib/terms/errors.js'
import { limits } from '../../../lib/terms/limits.js'
import { seededEntropy } from '../../support/seeded-entropy.js'

/** The least that readers accept: these tests are about keys, not about cost. */
const cost = { memoryBytes: 64 * 1024 * 1024, passes: 1 }
const passphrase = Buffer.from('correct horse\n')
const unlock = { kind: 'passphrase', passphrase } as const
const nowSec = 1_700_000_000

async function make(seed: number): Promise<CreatedVault> {
  return await createVault({ passphrase, cost, entropy: seededEntropy(seed), nowSec, deviceName: 'laptop' })
}

async function open(bytes: Uint8Array, how: Parameters<typeof openVault>[1] = unlock): Promise<OpenedVault> {
  return await openVault([decodeHeader(bytes, 'header')], how)
}

async function codeOf(run: () => unknown): Promise<ErrorCode | undefined> {
  try {
    await run()
    return undefined
  } catch (error) {
    if (error instanceof VaultError) return error.code
    throw error
  }
}

const allKeys = (page: KeyPage): string => (['master', 'header-mac', 'local', 'wrap', 'catalog', 'log', 'history', 'id', 'page-id', 'chunker', 'data', 'siv', 'manifest'] as const)
  .map((name) => hex(page.key(name))).join()

t.test('a new vault opens with its passphrase, its words, and nothing else', async (t) => {
  const vault = await make(1)
  t.equal(new Set(allKeys(vault.page).split(',')).size, 13, 'thirteen different keys')
  for (const how of [unlock, { kind: 'passphrase', passphrase: Buffer.from('correct horse') } as const, { kind: 'recovery', entropy: vault.kit } as const]) {
    const opened = await open(vault.headerBytes, how)
    t.equal(allKeys(opened.page), allKeys(vault.page), how.kind)
    t.ok(opened.trusted)
  }
  t.equal(await codeOf(async () => await open(vault.headerBytes, { kind: 'passphrase', passphrase: Buffer.from('correct horse ') })), 'wrong-passphrase')
  t.equal(await codeOf(async () => await open(vault.headerBytes, { kind: 'recovery', entropy: new Uint8Array(32) })), 'wrong-passphrase')
  t.equal(await codeOf(async () => await open(vault.headerBytes, { kind: 'key-file', key: new Uint8Array(32) })), 'wrong-passphrase')
  t.notOk(hex(vault.headerBytes).includes(hex(vault.kit)) || hex(vault.headerBytes).includes(hex(vault.page.key('master'))), 'no secret lies open in the header')
  vault.page.wipe()
  t.ok(vault.page.key('master').every((byte) => byte === 0))
})

t.test('a worker sees the same keys through the shared page', async (t) => {
  const vault = await make(2)
  const attached = KeyPage.attach(vault.page.shared)
  t.equal(allKeys(attached), allKeys(vault.page))
  vault.page.wipe()
  t.ok(attached.key('log').every((byte) => byte === 0), 'a wipe reaches everybody')
})

t.test('every flipped bit of a header is found, by checksum or by MAC', async (t) => {
  const { headerBytes } = await make(3)
  for (let at = 0; at < headerBytes.byteLength; at += 1) {
    const flipped = headerBytes.slice()
    flipped[at] = (flipped[at] ?? 0) ^ (1 << at % 8)
    const code = await codeOf(() => decodeHeader(flipped, 'header'))
    const expected = at < 8 ? 'not-a-vault' : at < 10 ? 'format-unknown' : 'corrupt'
    if (code !== expected) t.fail(`byte ${at}: ${String(code)}`)
  }
  // The same by somebody who makes the checksum fit: passphrase still right, MAC no longer.
  const slotsAt = headerBytes.byteLength - 64 - 32
  for (const at of [14, 20, 130, 140, slotsAt]) {
    const forged = headerBytes.slice()
    forged[at] = (forged[at] ?? 0) ^ 1
    forged.set(sha256(forged.subarray(0, -32)), forged.byteLength - 32)
    const outcome = await codeOf(async () => {
      if ((await open(forged)).trusted) throw new VaultError('invalid', 'trusted')
    })
    t.not(outcome, 'invalid', `byte ${at} forged: ${String(outcome)}`)
  }
})

t.test('a header that somebody changed opens for reading only', async (t) => {
  const vault = await make(4)
  const forged = encodeHeader(encodeHeaderBody({ ...vault.header, createdSec: 5 }), new Uint8Array(32))
  const opened = await open(forged)
  t.notOk(opened.trusted)
  t.equal(await codeOf(() => confirmRecovery(opened)), 'read-only')
  t.equal(await codeOf(async () => await changePassphrase(opened, Buffer.from('x'), { entropy: seededEntropy(5), nowSec, cost })), 'read-only')
})

t.test('nobody can put a master key of his own into a slot', async (t) => {
  const vault = await make(5)
  const evil = new Uint8Array(32).fill(6)
  const slots = vault.header.slots.map((slot) => ({ ...slot, sealedMaster: boxSeal(evil, slot.publicKey, seededEntropy(6)) }))
  const forged = encodeHeader(encodeHeaderBody({ ...vault.header, slots }), new Uint8Array(32))
  t.equal(await codeOf(async () => await open(forged)), 'corrupt')
  t.equal(await codeOf(async () => await open(forged, { kind: 'recovery', entropy: vault.kit })), 'corrupt')
  const copies = [decodeHeader(forged, 'header'), decodeHeader(vault.headerBytes, 'header.backup')]
  t.ok((await openVault(copies, unlock)).trusted, 'the good copy beside it still opens')
  // And with a public key of his own the passphrase does not fit.
  const swapped = vault.header.slots.map((slot) => ({ ...slot, publicKey: boxKeyPair(evil).publicKey }))
  t.equal(await codeOf(async () => await open(encodeHeader(encodeHeaderBody({ ...vault.header, slots: swapped }), new Uint8Array(32)))), 'wrong-passphrase')
})

t.test('slots: change, add, remove, revoke', async (t) => {
  const vault = await make(7)
  const entropy = seededEntropy(8)
  const changed = { ...vault, header: await changePassphrase(vault, Buffer.from('new one'), { entropy, nowSec, cost }) }
  const bytes = sealHeader(changed.header, vault.page)
  t.equal(await codeOf(async () => await open(bytes)), 'wrong-passphrase', 'the old passphrase is out')
  const opened = await open(bytes, { kind: 'passphrase', passphrase: Buffer.from('new one') })
  t.equal(allKeys(opened.page), allKeys(vault.page), 'the keys are the same')
  t.equal(opened.header.generation, 2)

  const viaKit = await open(bytes, { kind: 'recovery', entropy: vault.kit })
  const forgotten = await changePassphrase(viaKit, passphrase, { entropy, nowSec, cost })
  t.ok((await open(sealHeader(forgotten, vault.page))).trusted, 'a forgotten passphrase is replaced with the kit')

  const keyFile = { kind: 'key-file', key: entropy.bytes(32) } as const
  const three: OpenedVault = { ...opened, header: await addSlot(opened, keyFile, { entropy, nowSec, cost, label: 'stick' }) }
  t.equal(allKeys((await open(sealHeader(three.header, vault.page), keyFile)).page), allKeys(vault.page))
  t.equal(await codeOf(async () => await open(bytes, { kind: 'key-file', key: new Uint8Array(31) })), 'wrong-passphrase')

  const revoked = replaceMaster({ ...three, header: removeSlot(three, opened.slotId) }, entropy)
  const after = sealHeader(revoked.header, revoked.page)
  t.equal(await codeOf(async () => await open(after, { kind: 'passphrase', passphrase: Buffer.from('new one') })), 'wrong-passphrase')
  for (const how of [keyFile, { kind: 'recovery', entropy: vault.kit } as const]) {
    const { page, header } = await open(after, how)
    t.not(hex(page.key('master')), hex(vault.page.key('master')), 'a new master reached a slot whose secret nobody gave')
    t.equal(page.currentEpoch, 2)
    t.equal(hex(page.epochKey(1, 'data')), hex(vault.page.key('data')), 'what was sealed before still opens')
    t.equal(hex(page.key('id')), hex(vault.page.key('id')), 'and dedups')
    t.not(hex(page.key('data')), hex(vault.page.key('data')))
    t.equal(hex(unconfirmedKit({ page, header, trusted: true, slotId: opened.slotId }) ?? new Uint8Array(0)), hex(vault.kit))
  }
  const lonely = { ...vault, header: { ...vault.header, slots: vault.header.slots.slice(0, 1) } }
  t.equal(await codeOf(() => removeSlot(lonely, vault.slotId)), 'denied', 'the last key stays')
  t.equal(await codeOf(() => removeSlot(vault, new Uint8Array(8))), 'not-found')
})

t.test('the kit: words there and back, checked, confirmed', async (t) => {
  const vault = await make(9)
  const words = kitWords(vault.kit)
  t.equal(words.length, 24)
  t.equal(hex(kitEntropy(words.map((word, index) => `${index + 1}. ${word.toUpperCase()}`).join('\n'))), hex(vault.kit), 'as printed, numbered, in any case')
  const text = kitText({ entropy: vault.kit, vaultId: vault.header.vaultId, created: '2026-11-29', name: 'notes', nodes: ['attic.example:8440#' + 'x'.repeat(43)] })
  t.ok(words.every((word) => text.includes(word)) && text.includes(hex(vault.header.vaultId)))
  const zeros = kitWords(new Uint8Array(32))
  t.equal(`${zeros[0]} ${zeros[23]}`, 'abandon art', 'the published BIP-39 vector')
  for (const bad of ['', words.slice(1).join(' '), words.with(3, 'vaultfs').join(' '), words.with(0, words[1] ?? '').with(1, words[0] ?? '').join(' ')]) {
    const code = await codeOf(() => kitEntropy(bad))
    if (words[0] !== words[1]) t.equal(code, 'invalid')
  }
  t.equal(hex(unconfirmedKit(vault) ?? new Uint8Array(0)), hex(vault.kit))
  const confirmed = { ...vault, header: confirmRecovery(vault) }
  t.equal(unconfirmedKit(confirmed), undefined)
  const reopened = await open(sealHeader(confirmed.header, vault.page), { kind: 'recovery', entropy: vault.kit })
  t.equal(reopened.header.recovery.state, 'confirmed')
  t.equal(hex(ownerKeyPair(vault.kit).publicKey), hex(vault.header.ownerPublicKey), 'the paper is the ownership')
  const places = new Set(Array.from({ length: 200 }, (_, index) => placesToAsk(seededEntropy(index))).flatMap(([a, b]) => {
    t.ok(a < b && a >= 1 && b <= 24)
    return [a, b]
  }))
  t.equal(places.size, 24, 'any word may be asked')
})

t.test('device identity: sealed, bound, signed by the owner', async (t) => {
  const vault = await make(10)
  const { vaultId, ownerPublicKey } = vault.header
  const opened = await open(vault.headerBytes)
  const identity = openIdentity(opened.page, vault.deviceFile, { vaultId, ownerPublicKey })
  t.equal(identity.member.name, 'laptop')
  for (const name of ['device-sign', 'device-box', 'device-tls'] as const) t.equal(hex(opened.page.key(name)), hex(vault.page.key(name)))
  t.equal(hex(verifyMember(identity.record, { vaultId, ownerPublicKey }).deviceId), hex(identity.member.deviceId))
  for (let at = 0; at < vault.deviceFile.byteLength; at += 1) {
    const flipped = vault.deviceFile.slice()
    flipped[at] = (flipped[at] ?? 0) ^ (1 << at % 8)
    const code = await codeOf(() => openIdentity(opened.page, flipped, { vaultId, ownerPublicKey }))
    if (code !== (at === 7 ? 'format-unknown' : 'corrupt')) t.fail(`byte ${at}: ${String(code)}`)
  }
  const stranger = createIdentity(opened.page, { vaultId, name: 'x', createdSec: 1, ownerSecretKey: ownerKeyPair(new Uint8Array(32)).secretKey, entropy: seededEntropy(1) })
  t.equal(await codeOf(() => verifyMember(stranger.identity.record, { vaultId, ownerPublicKey })), 'corrupt', 'not signed by the owner')
  t.equal(await codeOf(() => verifyMember(concatBytes(identity.record, new Uint8Array(1)), { vaultId, ownerPublicKey })), 'corrupt')
})

t.test('passphrases: one normal form', async (t) => {
  const same = (a: string | Uint8Array, b: string): boolean => equalBytes(normalisePassphrase(typeof a === 'string' ? Buffer.from(a) : a), Buffer.from(b))
  t.ok(same('caf\u0065\u0301', 'caf\u00e9'), 'NFC')
  t.ok(same('a\n', 'a') && same('a\r\n', 'a') && same('a\n\n', 'a\n') && same(' a ', ' a '), 'one line end goes, nothing else')
  for (const bad of [Buffer.from(''), Buffer.from('\n'), Buffer.from([0xff, 0xfe]), Buffer.alloc(5000, 65)]) t.equal(await codeOf(() => normalisePassphrase(bad)), 'invalid')
  t.ok(kdfDefault.memoryBytes >= 256 * 1024 * 1024 && kdfDefault.passes >= 3)
  for (const bad of [{ memoryBytes: 32 * 1024 * 1024, passes: 3 }, { memoryBytes: 5 * 1024 ** 3, passes: 3 }, { ...cost, passes: 0 }, { ...cost, passes: 11 }]) {
    t.equal(await codeOf(async () => await passphraseSecret(passphrase, { salt: new Uint8Array(16), ...bad })), 'corrupt', JSON.stringify(bad))
  }
})

t.test('two copies on the disk', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'vaultfs-header-'))
  t.teardown(async () => { await rm(directory, { recursive: true }) })
  const [main, backup] = [join(directory, 'header'), join(directory, 'header.backup')]
  t.equal(await codeOf(async () => await readHeaders(directory)), 'not-a-vault')
  const vault = await make(11)
  await createHeaders(directory, vault.headerBytes)
  t.equal(await codeOf(async () => { await createHeaders(directory, vault.headerBytes) }), 'exists')
  t.same(await readdir(directory), ['header', 'header.backup'], 'no temporary file stays')

  const damaged = vault.headerBytes.slice()
  damaged[50] = 0xaa
  await writeFile(main, damaged)
  const found = await readHeaders(directory)
  t.same(found.damaged, ['header'])
  t.ok((await openVault(found.copies, unlock)).trusted, 'the backup opens')
  await replaceHeaders(directory, confirmRecovery(vault), vault.page)
  t.same((await readHeaders(directory)).damaged, [], 'a rewrite heals both')
  t.equal(hex(await readFile(main)), hex(await readFile(backup)))
  t.equal(await codeOf(async () => { await replaceHeaders(directory, confirmRecovery(vault), vault.page) }), 'busy', 'a rewrite from an old state is refused')

  const next: VaultHeader = { ...vault.header, generation: 9 }
  const forged = encodeHeader(encodeHeaderBody({ ...vault.header, generation: 8 }), new Uint8Array(32))
  await writeFile(main, forged)
  t.equal(await codeOf(async () => { await replaceHeaders(directory, next, vault.page) }), 'read-only', 'nothing is written over a header that is not ours')
  t.equal(hex(await readFile(main)), hex(forged), 'and nothing was changed')
  t.ok((await openVault((await readHeaders(directory)).copies, unlock)).trusted, 'opening prefers the copy with a good MAC')

  await writeFile(main, damaged)
  await writeFile(backup, damaged.subarray(0, 100))
  t.equal(await codeOf(async () => await readHeaders(directory)), 'corrupt')
  await rm(backup)
  const newer = vault.headerBytes.slice()
  newer[9] = 2
  await writeFile(main, newer)
  t.equal(await codeOf(async () => await readHeaders(directory)), 'format-unknown')
})

t.test('a crash between the two copies of a revocation leaves a vault that opens and can be changed', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'vaultfs-header-'))
  t.teardown(async () => { await rm(directory, { recursive: true }) })
  const vault = await make(12)
  await createHeaders(directory, vault.headerBytes)
  const revoked = replaceMaster(vault, seededEntropy(13))
  await writeFile(join(directory, 'header.backup'), sealHeader(revoked.header, revoked.page))
  const opened = await openVault((await readHeaders(directory)).copies, unlock)
  t.equal(opened.header.generation, 2)
  await replaceHeaders(directory, confirmRecovery(opened), opened.page)
  t.equal((await readHeaders(directory)).copies.every(({ header }) => header.generation === 3), true)
})

t.test('the page holds as many epochs as a header', async (t) => {
  t.equal(epochsMax, limits.keyEpochsMax)
  const page = KeyPage.create()
  t.equal(await codeOf(() => { page.addEpoch(65, () => undefined) }), 'too-many')
  t.equal(await codeOf(() => page.epochKey(1, 'data')), 'corrupt')
})
