// Entry records as operations carry them, looked at before they are folded: the fold writes into them and keeps them, and a
// catalog is made of them. Whoever signed them may be of another version.
import type { Operation } from '../format/operations.js'
import { decodeAttributes, decodeXattrs } from '../tree/entry-codec.js'
import { splitRecord } from './version-attributes.js'

/** Throws 'corrupt' when one of them is none. */
export function requireRecords(operations: readonly Operation[]): void {
  for (const operation of operations) {
    if (operation.kind !== 'create' && operation.kind !== 'attributes') continue
    const record = operation.attributes
    const { attributes, xattrs } = splitRecord(Buffer.from(record.buffer, record.byteOffset, record.byteLength), 0)
    decodeAttributes(attributes, 0, 0)
    if (xattrs !== null) decodeXattrs(xattrs)
  }
}
