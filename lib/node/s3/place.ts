// Where a bucket is: `s3://bucket/prefix?endpoint=https://host:port&region=us-east-1&ca=FILE`. Keys never stand in it:
// an address is seen by `ps`, by shells that remember, and in settings that are shown.
import { VaultError } from '../../terms/errors.js'

export interface S3Place {
  readonly bucket: string
  /** Without a slash at its ends; empty: the bucket is the node's alone. */
  readonly prefix: string
  /** Scheme, host and port, no path. */
  readonly endpoint: string
  readonly region: string
  /** PEM file of the authority that signed the endpoint's certificate; undefined: the system's. */
  readonly caPath: string | undefined
}

const defaultRegion = 'us-east-1'
const parameters = new Set(['endpoint', 'region', 'ca'])
/** What is the same in a path, in a signature and in a listing, so that nothing is ever escaped twice. */
const bucketName = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const prefixName = /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/
const regionName = /^[a-z0-9-]{1,64}$/

export function isS3Place(text: string): boolean {
  return text.startsWith('s3:')
}

/** Throws 'usage' and says what is wrong; what might be a secret is not quoted. */
export function parseS3Place(text: string): S3Place {
  const url = URL.parse(text)
  if (url === null || url.protocol !== 's3:') throw wrong('no address of a bucket')
  if (url.username !== '' || url.password !== '') throw wrong('keys do not belong into an address, it is seen by others', 'put them into a file of mode 0600 and name it by --credentials')
  for (const name of url.searchParams.keys()) if (!parameters.has(name)) throw wrong(`unknown parameter "${name}"`, `known are ${[...parameters].join(', ')}`)
  const bucket = url.hostname
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '')
  const region = url.searchParams.get('region') ?? defaultRegion
  if (!bucketName.test(bucket)) throw wrong(`"${bucket}" is no name of a bucket`)
  if (prefix !== '' && (!prefixName.test(prefix) || prefix.split('/').some((part) => part === '.' || part === '..')))
    throw wrong(`prefix "${prefix}"`, 'use letters, digits, dots, hyphens and underscores, and slashes between them')
  if (!regionName.test(region)) throw wrong(`"${region}" is no region`)
  return { bucket, prefix, endpoint: endpointIn(url.searchParams.get('endpoint'), region), region, caPath: url.searchParams.get('ca') ?? undefined }
}

function endpointIn(text: string | null, region: string): string {
  const url = URL.parse(text ?? `https://s3.${region}.amazonaws.com`)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '' || url.pathname !== '/' || url.search !== '')
    throw wrong('the endpoint is no address', 'write endpoint=https://host:port, without a path')
  return url.origin
}

function wrong(what: string, next = 'write it so: s3://bucket/prefix?endpoint=https://host:port&region=us-east-1'): VaultError {
  return new VaultError('usage', `--blobs: ${what}`, { subject: '--blobs', next })
}
