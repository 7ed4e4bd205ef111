// AWS signature version 4 for one request. What is sent must be what is signed, so the URL and the headers of the request
// come out of here and nothing is added to them later but `range` and the length, which are not signed.
import { AwsV4Signer } from 'aws4fetch'
import type { S3Credentials } from './credentials.js'

export interface Unsigned {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hexadecimal: the store compares it with what arrives. */
  readonly bodyHash: string
}

export interface SigningScene {
  readonly credentials: S3Credentials
  readonly region: string
  /** Seconds since 1970. */
  readonly sec: number
  /** Derived keys of a day, kept by the caller. */
  readonly cache: Map<string, ArrayBuffer>
}

/** SHA-256 of nothing. */
export const emptyBodyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export async function signedHeaders({ method, url, headers, bodyHash }: Unsigned, { credentials, region, sec, cache }: SigningScene): Promise<Record<string, string>> {
  const signer = new AwsV4Signer({
    method, url: url.href, headers: { ...headers, 'x-amz-content-sha256': bodyHash },
    accessKeyId: credentials.accessKeyId, secretAccessKey: credentials.secretAccessKey,
    ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
    service: 's3', region, cache, datetime: amzDate(sec),
  })
  const signed = await signer.sign()
  return Object.fromEntries(signed.headers)
}

/** 20260102T030405Z */
export function amzDate(sec: number): string {
  return new Date(sec * 1000).toISOString().replace(/[:-]|\.\d{3}/g, '')
}
