// Manifest entries: the clear part, the whole of one (sealed and signed), its body, its operations, and the records of
// entries that they carry. FORMAT §7, §10.1.
import { signKeyPair } from '../../../native-deps/sodium.js'
import { verifyTagged } from '../../../lib/crypto/signature.js'
import { decodeEntryBody, encodeEntryBody, paddedBodyLength, type EntryBody } from '../../../lib/format/entry-body.js'
import { decodeEntry, encodeEntryClear, noPrevious, type EntryClear } from '../../../lib/format/manifest-entry.js'
import { decodeOperation, encodeOperation, type Operation } from '../../../lib/format/operations.js'
import { splitRecord } from '../../../lib/history/version-attributes.js'
import { openEntryBody, pageAuthor } from '../../../lib/manifest/entry-author.js'
import { concatBytes, type ManifestHash, type VaultId } from '../../../lib/terms/bytes.js'
import { VaultError } from '../../../lib/terms/errors.js'
import type { Entry } from '../../../lib/tree/entry.js'
import { decodeAttributes, decodeXattrs } from '../../../lib/tree/entry-codec.js'
import { Random } from '../../model/random.js'
import { testPage } from '../../support/test-keys.js'
import { codecTarget, isOneOf, require, same, type Field, type Target } from '../target.js'
import { attributesRecord, deviceId, entry, magnitude, operation } from './samples.js'

const unknowns = ['corrupt', 'format-unknown'] as const
const page = testPage(31, 2)
const device = signKeyPair(new Random(3).bytes(32))
page.set('device-sign', device.secretKey)

export function entryBody(random: Random): EntryBody {
  return {
    lamport: 1 + magnitude(random, 40), sec: magnitude(random, 33), nsec: random.below(1e9),
    deps: Array.from({ length: random.below(3) }, () => ({ deviceId: deviceId(random), sequence: 1 + magnitude(random, 30), hash: random.bytes(32) as Uint8Array as ManifestHash })),
    operations: Array.from({ length: random.below(5) }, () => operation(random)),
  }
}

function clearOf(random: Random, bodyLength: number, epoch: number): EntryClear {
  const sequence = random.chance(0.3) ? 1 : 2 + magnitude(random, 30)
  const previous = sequence === 1 ? noPrevious : random.bytes(32) as Uint8Array as ManifestHash
  return { vaultId: random.bytes(32) as Uint8Array as VaultId, deviceId: deviceId(random), sequence, previous, epoch, bodyLength }
}

const clear = codecTarget({
  name: 'entry-clear', says: 'a manifest entry as whoever has no key sees it, FORMAT §7.1', refusals: unknowns,
  make: (random) => {
    const length = random.below(600)
    return concatBytes(encodeEntryClear(clearOf(random, length, random.below(100))), random.bytes(length + 64))
  },
  decode: decodeEntry,
  encode: ({ clear: fields, sealedBody, signature }) => concatBytes(encodeEntryClear(fields), sealedBody, signature),
})

const whole: Target<EntryBody> = {
  name: 'entry', says: 'a manifest entry, sealed and signed, FORMAT §7.1', canonical: false, refusals: unknowns, pace: 0.5,
  make: (random) => {
    const author = pageAuthor(page, { bytes: (length) => random.bytes(length) })
    const plain = encodeEntryBody(entryBody(random))
    const head = encodeEntryClear(clearOf(random, author.sealedLength(plain), author.epoch))
    const signed = concatBytes(head, author.sealBody(plain, head))
    return concatBytes(signed, author.sign(signed))
  },
  decode: (input) => {
    const read = decodeEntry(input)
    // Opened first: whoever seals with the vault's key may still not be this device.
    const body = openEntryBody(read, page)
    if (!verifyTagged('entry/v1', read.signed, { signature: read.signature, publicKey: device.publicKey })) throw new VaultError('corrupt', 'not signed')
    return body
  },
  judge: (body, input, known) => {
    require(isOneOf(input, known), 'an entry that was changed opens and verifies')
    require(same(encodeEntryBody(body), encodeEntryBody(openEntryBody(decodeEntry(input), page))), 'another body than was sealed')
  },
}

/** Length and padding made to fit whatever lies between. */
function fitted(input: Uint8Array): Uint8Array {
  const end = Math.max(4, input.findLastIndex((byte) => byte !== 0) + 1)
  const out = new Uint8Array(paddedBodyLength(end))
  out.set(input.subarray(0, end))
  new DataView(out.buffer).setUint32(0, end)
  return out
}

const body = codecTarget<EntryBody>({
  name: 'entry-body', says: 'what is sealed in a manifest entry, FORMAT §7.2', refusals: unknowns,
  make: (random) => encodeEntryBody(entryBody(random)),
  decode: decodeEntryBody,
  encode: encodeEntryBody,
  repair: fitted,
})

const single = codecTarget<Operation>({
  name: 'operation', says: 'one operation of a manifest entry, FORMAT §7.3', refusals: unknowns, pace: 2,
  make: (random) => encodeOperation(operation(random)),
  decode: decodeOperation,
  encode: encodeOperation,
})

function fieldsOfRecord(valid: Uint8Array): readonly Field[] {
  const words = [17, 21, 25, 29, 33, 61, 73, 85, 97, 109].map((at): Field => ({ at, length: 4, kind: 'little' }))
  const longs = [37, 45, 53, 65, 77, 89, 101].map((at): Field => ({ at, length: 8, kind: 'little' }))
  const target = Buffer.from(valid).readUInt16LE(113)
  const behind = 115 + target
  const xattr: readonly Field[] = behind + 6 > valid.byteLength ? [] : [{ at: behind, length: 2, kind: 'little' }, { at: behind + 2, length: 4, kind: 'little' }]
  return [{ at: 0, length: 1, kind: 'little' }, ...words, ...longs, { at: 113, length: 2, kind: 'little' }, ...xattr]
}

/** As history and catalog take it apart when they are made anew. */
const record = codecTarget<Entry>({
  name: 'attributes', says: 'an entry record with its xattrs, FORMAT §10.1', pace: 2,
  make: (random) => attributesRecord(entry(random)),
  decode: (input) => {
    const { attributes, xattrs } = splitRecord(Buffer.from(input), 7)
    const { entry: read } = decodeAttributes(attributes, 0, 7)
    read.xattrs = xattrs === null ? null : decodeXattrs(xattrs)
    return read
  },
  encode: attributesRecord,
  fields: fieldsOfRecord,
})

export const manifestTargets: readonly Target[] = [clear, whole, body, single, record]
