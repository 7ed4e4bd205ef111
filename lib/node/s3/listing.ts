// The answer to a listing, as far as it is looked at: keys and sizes. Keys of ours hold nothing that XML would escape, so
// a parser is not needed; a key with an entity in it is not ours and is passed over.
import { VaultError } from '../../terms/errors.js'

export interface ListedObject {
  readonly key: string
  readonly size: number
  /** Milliseconds since 1970 by the store's clock. */
  readonly modifiedMs: number
}

export interface Listing {
  /** Ascending. */
  readonly objects: readonly ListedObject[]
  /** With a delimiter: what keys have before it, behind the prefix; it ends with the delimiter. */
  readonly folders: readonly string[]
  readonly isTruncated: boolean
  /** Now, by the store's clock; NaN: it does not say. */
  readonly dateMs: number
}

export function parseListing(xml: string, date: string | undefined): Listing {
  if (!xml.includes('<ListBucketResult') || !xml.includes('</ListBucketResult>'))
    throw new VaultError('io', 'the object store answered a listing with something else', { next: 'check that the endpoint is the address of an S3 service' })
  const objects: ListedObject[] = []
  for (const [, inner = ''] of xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
    const [key, size, modified] = [textOf(inner, 'Key'), Number(textOf(inner, 'Size')), Date.parse(textOf(inner, 'LastModified') ?? '')]
    if (key !== undefined && !key.includes('&') && Number.isSafeInteger(size)) objects.push({ key, size, modifiedMs: modified })
  }
  const folders: string[] = []
  for (const [, inner = ''] of xml.matchAll(/<CommonPrefixes>(.*?)<\/CommonPrefixes>/gs)) {
    const folder = textOf(inner, 'Prefix')
    if (folder !== undefined && !folder.includes('&')) folders.push(folder)
  }
  return { objects, folders, isTruncated: textOf(xml, 'IsTruncated') === 'true', dateMs: Date.parse(date ?? '') }
}

/** Of the first element of that name. */
export function textOf(xml: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
}
