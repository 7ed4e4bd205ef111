// Signature version 4, computed by hand from Amazon's description: to check the package that the node signs with, and to
// speak with a store beside the node.
import { createHash, createHmac } from 'node:crypto'

export interface HandSigned {
  readonly method: string
  readonly url: URL
  /** Lower-case names; `host` and all that is to be signed. */
  readonly headers: Readonly<Record<string, string>>
  readonly bodyHash: string
  readonly access: string
  readonly secret: string
  readonly region: string
  /** 20260102T030405Z */
  readonly date: string
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
export const sha256Hex = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const encoded = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)

/** The value of `authorization`. */
export function authorization({ method, url, headers, bodyHash, access, secret, region, date }: HandSigned): string {
  const names = Object.keys(headers).sort()
  const path = url.pathname.split('/').map((part) => encoded(decodeURIComponent(part))).join('/')
  const query = [...url.searchParams].map(([key, value]) => `${encoded(key)}=${encoded(value)}`).sort().join('&')
  const canonical = [method, path, query, ...names.map((name) => `${name}:${headers[name] ?? ''}`), '', names.join(';'), bodyHash].join('\n')
  const scope = `${date.slice(0, 8)}/${region}/s3/aws4_request`
  const key = ['s3', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${secret}`, date.slice(0, 8)), region))
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope, sha256Hex(canonical)].join('\n')).toString('hex')
  return `AWS4-HMAC-SHA256 Credential=${access}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
}

/** One request without the node's code. */
export async function s3Request(method: string, address: string, keys: { readonly access: string; readonly secret: string }, body = ''): Promise<Response> {
  const url = new URL(address)
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '')
  const bodyHash = sha256Hex(body)
  const headers = { host: url.host, 'x-amz-content-sha256': bodyHash, 'x-amz-date': date }
  const signed = authorization({ method, url, headers, bodyHash, ...keys, region: 'us-east-1', date })
  return await fetch(url, { method, headers: { ...headers, authorization: signed }, ...(body === '' ? {} : { body }) })
}
