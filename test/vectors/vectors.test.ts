// Runs every vector of this folder, and checks that the generators still make them byte for byte.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { chunkIdOf } from '../../lib/crypto/chunk-id.js'
import { openIdentity } from '../../lib/crypto/identity.js'
import { KeyRing } from '../../lib/crypto/key-ring.js'
import { openBlob } from '../../lib/crypto/open.js'
import { openPeers } from '../../lib/crypto/peers-file.js'
import { kitEntropy } from '../../lib/crypto/recovery-kit.js'
import { sealChunk } from '../../lib/crypto/seal.js'
import { verifyTagged } from '../../lib/crypto/signature.js'
import { openVault } from '../../lib/crypto/vault-keys.js'
import { decodeBlobReference } from '../../lib/format/blob-reference.js'
import { decodeEntry, entryHash } from '../../lib/format/manifest-entry.js'
import { encodeOperation } from '../../lib/format/operations.js'
import { decodeHeader } from '../../lib/format/vault-header.js'
import { openEntryBody } from '../../lib/manifest/entry-author.js'
import { recoveryRecordOf } from '../../lib/peer/recovery-record.js'
import { hex, type VaultId } from '../../lib/terms/bytes.js'
import { VaultError } from '../../lib/terms/errors.js'
import { decodeRecoveryRecord } from '../../lib/wire/owner-records.js'
import { blobVectors } from './generate/blobs.js'
import { entryVectors } from './generate/entries.js'
import { deviceVectors, headerVectors } from './generate/headers.js'
import { nodeVectors } from './generate/nodes.js'
import { bytesOf, pageOf, plainOf, vectorsFolder, type Vector } from './vector.js'

const files = readdirSync(vectorsFolder()).filter((name) => name.endsWith('.json'))
const vectors = new Map(files.map((name) => [name.slice(0, -5), JSON.parse(readFileSync(join(vectorsFolder(), name), 'utf8')) as Vector]))

for (const [name, vector] of vectors) {
  t.test(`${name}: ${vector.says} (FORMAT §${vector.section})`, async (t) => {
    let outcome: string = 'ok'
    try {
      await run(t, vector)
    } catch (error) {
      if (!(error instanceof VaultError)) throw error
      outcome = error.code
      t.comment(error.message)
    }
    t.equal(outcome, vector.expect)
  })
}

t.test('the generators make the same vectors', async (t) => {
  t.ok(vectors.size >= 40, `${vectors.size} vectors`)
  // Compressed ones are left out: another version of zstd may make other bytes, and readers must open them all.
  const again: Readonly<Record<string, Vector>> = { ...blobVectors(), ...await headerVectors(), ...deviceVectors(), ...entryVectors(), ...nodeVectors() }
  for (const [name, vector] of Object.entries(again)) t.same(vectors.get(name), vector, name)
  const [one, three] = [vectors.get('blob-zstd-level-1'), vectors.get('blob-zstd-level-3')]
  if (one?.kind !== 'blob' || three?.kind !== 'blob') {
    t.fail('the two levels are missing')
    return
  }
  const [first, second] = [decodeBlobReference(bytesOf(one.reference)), decodeBlobReference(bytesOf(three.reference))]
  t.equal(hex(first.chunkId), hex(second.chunkId), 'one chunk')
  t.not(one.sealed?.slice(32, 96), three.sealed?.slice(32, 96), 'two salts')
})

async function run(t: Test, vector: Vector): Promise<void> {
  switch (vector.kind) {
    case 'keys': {
      const page = pageOf(vector.roots)
      for (const [key, expected] of Object.entries(vector.derived)) t.equal(hex(page.key(key as Parameters<typeof page.key>[0])), expected, key)
      return
    }
    case 'blob':
      runBlob(t, vector)
      return
    case 'header': {
      const unlock = vector.words === undefined
        ? { kind: 'passphrase', passphrase: Buffer.from(vector.passphrase ?? '') } as const
        : { kind: 'recovery', entropy: kitEntropy(vector.words) } as const
      const opened = await openVault([decodeHeader(bytesOf(vector.header), 'header')], unlock)
      t.equal(hex(opened.page.key('master')), vector.master)
      t.equal(opened.trusted, vector.trusted)
      return
    }
    case 'device':
      openIdentity(pageOf(vector.roots), bytesOf(vector.file), { vaultId: bytesOf(vector.vaultId) as Uint8Array as VaultId, ownerPublicKey: bytesOf(vector.ownerPublicKey) })
      return
    case 'peers': {
      const peers = openPeers(bytesOf(vector.file), pageOf(vector.roots), bytesOf(vector.vaultId) as Uint8Array as VaultId)
      t.same(peers.map((peer) => ({ ...peer, peerId: hex(peer.peerId), pin: hex(peer.pin), signing: hex(peer.signing) })), vector.peers)
      return
    }
    case 'recovery': {
      const vaultId = bytesOf(vector.vaultId) as Uint8Array as VaultId
      t.equal(hex(decodeRecoveryRecord(bytesOf(vector.record), { vaultId, ownerPublicKey: bytesOf(vector.ownerPublicKey) }).tlsPublicKey), vector.tlsPublicKey)
      t.equal(hex(recoveryRecordOf(kitEntropy(vector.words), vaultId)), vector.record)
      return
    }
    case 'entry': {
      const entry = decodeEntry(bytesOf(vector.entry))
      const signed = verifyTagged('entry/v1', entry.signed, { signature: entry.signature, publicKey: bytesOf(vector.signPublicKey) })
      if (!signed) throw new VaultError('corrupt', 'the signature does not verify')
      const body = openEntryBody(entry, pageOf(vector.roots))
      t.equal(hex(entryHash(entry.signed)), vector.hash)
      t.equal(body.lamport, vector.lamport)
      t.same(body.operations.map((operation) => hex(encodeOperation(operation))), vector.operations)
    }
  }
}

function runBlob(t: Test, vector: Extract<Vector, { kind: 'blob' }>): void {
  const ring = new KeyRing(pageOf(vector.roots))
  const plain = plainOf(vector.plain)
  const reference = decodeBlobReference(bytesOf(vector.reference))
  const made = sealChunk(plain, chunkIdOf(plain, ring.idHasher(reference.kind)), ring.sealing, reference.kind)
  const sealed = vector.sealed === undefined ? made.sealed : bytesOf(vector.sealed)
  t.equal(hex(openBlob(reference, sealed, ring)), hex(plain))
  if (reference.framing === 'raw') t.equal(hex(made.blobId), hex(reference.blobId), 'sealed again it is the same blob')
}
