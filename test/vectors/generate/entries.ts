// Vectors of manifest entries, good and bad. FORMAT §7.

import { encodeEntryBody, type EntryBody } from '../../../lib/format/entry-body.js'
import { encodeEntryClear, entryClearBytes, entryHash, noPrevious } from '../../../lib/format/manifest-entry.js'
import { encodeOperation, type Operation } from '../../../lib/format/operations.js'
import { pageAuthor } from '../../../lib/manifest/entry-author.js'
import { signKeyPair } from '../../../native-deps/sodium.js'
import { concatBytes, hex, type DeviceId, type EntryId, type ManifestHash, type VaultId } from '../../../lib/terms/bytes.js'
import { randomBytes } from '../../support/random-bytes.js'
import { seededEntropy } from '../../support/seeded-entropy.js'
import { pageOf, type Vector } from '../vector.js'
import { roots } from './blobs.js'

const page = pageOf(roots)
const keys = signKeyPair(new Uint8Array(32).fill(9))
page.set('device-sign', keys.secretKey)

const id = (seed: number): EntryId => randomBytes(seed, 16) as Uint8Array as EntryId
const operations: readonly Operation[] = [
  { kind: 'create', id: id(1), ino: 300, attributes: Uint8Array.of(1, 2, 3) },
  { kind: 'content', id: id(1), size: 5, content: Uint8Array.of(4, 5), bases: [randomBytes(3, 32)] },
  { kind: 'move', id: id(1), fromParent: id(2), fromName: Buffer.from('notes.txt'), parent: id(4), name: Buffer.from('old.txt') },
  { kind: 'unlink', id: id(5), parent: id(2), name: Uint8Array.of(0xff) },
  { kind: 'trash', id: id(5) },
  { kind: 'snapshot', name: Buffer.from('before the move'), sec: 1_700_000_000, nsec: 0 },
  { kind: 'forget', nowSec: 1_700_000_100, policy: { withinSec: 604_800, hourly: 24, daily: 30, weekly: 8, monthly: 12, offsetMin: -90 }, drop: [Buffer.from('old')] },
  { kind: 'state', root: randomBytes(20, 32), entries: 2, cut: [{ deviceId: randomBytes(11, 16) as Uint8Array as DeviceId, sequence: 7, hash: randomBytes(22, 32) }], index: randomBytes(21, 110) },
]

function entry(plain: Uint8Array, previous: ManifestHash = noPrevious, sequence = 1): Uint8Array {
  const author = pageAuthor(page, seededEntropy(45))
  const clear = encodeEntryClear({
    vaultId: randomBytes(10, 32) as Uint8Array as VaultId, deviceId: randomBytes(11, 16) as Uint8Array as DeviceId,
    sequence, previous, epoch: author.epoch, bodyLength: author.sealedLength(plain),
  })
  const signed = concatBytes(clear, author.sealBody(plain, clear))
  return concatBytes(signed, author.sign(signed))
}

/** Sealed and signed well, but with something inside that no reader may pass over. */
function bodyWith(change: (plain: Uint8Array) => void): Uint8Array {
  const plain = encodeEntryBody({ ...body, operations: [{ kind: 'trash', id: id(5) }] })
  change(plain)
  return plain
}

const body: EntryBody = { lamport: 12, sec: 1_700_000_000, nsec: 7, deps: [{ deviceId: randomBytes(12, 16) as Uint8Array as DeviceId, sequence: 4, hash: randomBytes(13, 32) as Uint8Array as ManifestHash }], operations }

export function entryVectors(): Readonly<Record<string, Vector>> {
  const good = entry(encodeEntryBody(body))
  const change = (at: number): string => {
    const out = good.slice()
    out[at] = (out[at] ?? 0) ^ 1
    return hex(out)
  }
  // The one operation of `bodyWith`: after length, lamport, time, one dep, the counts and its own length.
  const operationAt = 4 + 8 + 8 + 4 + 1 + 56 + 1 + 1
  const base = { kind: 'entry', section: '7', roots, signPublicKey: hex(keys.publicKey) } as const
  return {
    'entry': { ...base, says: 'a first entry with eight operations', expect: 'ok', entry: hex(good), hash: hex(entryHash(good.subarray(0, -64))), lamport: 12, operations: operations.map((operation) => hex(encodeOperation(operation))) },
    'entry-signature-flipped': { ...base, says: 'one bit of the signature', expect: 'corrupt', entry: change(good.byteLength - 1) },
    'entry-body-flipped': { ...base, says: 'one bit of the sealed body', expect: 'corrupt', entry: change(entryClearBytes + 40) },
    'entry-sequence-flipped': { ...base, section: '7.1', says: 'a first entry that says it is another', expect: 'corrupt', entry: change(4 + 32 + 16 + 6) },
    'entry-second-after-nothing': { ...base, section: '7.1', says: 'sequence 2 with no hash before it', expect: 'corrupt', entry: hex(entry(encodeEntryBody(body), noPrevious, 2)) },
    'entry-version-newer': { ...base, section: '7.1', says: 'version 0 or 2 of an entry', expect: 'format-unknown', entry: change(3) },
    'entry-operation-unknown': { ...base, section: '7.3', says: 'an operation with code 200', expect: 'format-unknown', entry: hex(entry(bodyWith((plain) => { plain[operationAt] = 200 }))) },
    'entry-padding-dirty': { ...base, section: '7.2', says: 'padding that is not zero', expect: 'corrupt', entry: hex(entry(bodyWith((plain) => { plain[plain.byteLength - 1] = 1 }))) },
  }
}
