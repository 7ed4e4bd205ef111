// Addresses, key files and signatures: published examples, an own computation beside the package's, and refusals in words.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseS3Credentials, readS3Credentials } from '../../../../lib/node/s3/credentials.js'
import { parseS3Place } from '../../../../lib/node/s3/place.js'
import { amzDate, emptyBodyHash, signedHeaders } from '../../../../lib/node/s3/signing.js'
import { authorization, sha256Hex } from '../../../support/s3-request.js'

const keys = { access: 'AKIAIOSFODNN7EXAMPLE', secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
const credentials = { accessKeyId: keys.access, secretAccessKey: keys.secret, sessionToken: undefined }
const scene = { credentials, region: 'us-east-1', sec: Date.UTC(2013, 4, 24) / 1000, cache: new Map<string, ArrayBuffer>() }

t.test("signatures of Amazon's own examples", async (t) => {
  for (const [query, signature] of [
    ['lifecycle=', 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['max-keys=2&prefix=J', '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ] as const) {
    const url = new URL(`https://examplebucket.s3.amazonaws.com/?${query}`)
    const headers = await signedHeaders({ method: 'GET', url, headers: {}, bodyHash: emptyBodyHash }, scene)
    t.ok(headers['authorization']?.endsWith(`SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`), query)
  }
})

t.test('an own computation says the same of what a node sends', async (t) => {
  const body = 'some bytes'
  for (const [method, address, headers, bodyHash] of [
    ['PUT', 'http://127.0.0.1:7480/vaults/pre.fix/vaults/00ff/records/grant_2fx-1/9007199254740990', { 'if-none-match': '*' }, sha256Hex(body)],
    ['GET', 'https://s3.example/vaults/?list-type=2&prefix=a%2Fb%2F&max-keys=1000&start-after=a%2Fb%2F00~&delimiter=%2F', {}, emptyBodyHash],
    ['DELETE', 'https://s3.example:9000/vaults/a/b', {}, emptyBodyHash],
  ] as const) {
    const url = new URL(address)
    const sent = await signedHeaders({ method, url, headers, bodyHash }, { ...scene, sec: 1_770_000_000, region: 'eu-central-1' })
    const date = amzDate(1_770_000_000)
    const signed = { host: url.host, 'x-amz-content-sha256': bodyHash, 'x-amz-date': date, ...headers }
    t.equal(sent['authorization'], authorization({ method, url, headers: signed, bodyHash, ...keys, region: 'eu-central-1', date }), address)
    t.equal(sent['x-amz-date'], '20260202T024000Z')
  }
  const lent = await signedHeaders({ method: 'GET', url: new URL('https://s3.example/b/k'), headers: {}, bodyHash: emptyBodyHash }, { ...scene, credentials: { ...credentials, sessionToken: 'lent' } })
  t.equal(lent['x-amz-security-token'], 'lent')
  t.match(lent['authorization'], /x-amz-security-token/, 'and it is signed')
})

t.test('addresses', async (t) => {
  t.same(parseS3Place('s3://vaults/a/b?endpoint=https://ceph.example:7480&region=eu-1&ca=/etc/ca.pem'), { bucket: 'vaults', prefix: 'a/b', endpoint: 'https://ceph.example:7480', region: 'eu-1', caPath: '/etc/ca.pem' })
  t.same(parseS3Place('s3://vaults'), { bucket: 'vaults', prefix: '', endpoint: 'https://s3.us-east-1.amazonaws.com', region: 'us-east-1', caPath: undefined })
  t.equal(parseS3Place('s3://vaults/a/?endpoint=http://127.0.0.1:80').endpoint, 'http://127.0.0.1')
  for (const [address, message] of [
    ['http://vaults', /no address of a bucket/], ['s3://v', /no name of a bucket/], ['s3://key:secret@vaults', /keys do not belong/], ['s3://vaults?endpint=x', /unknown parameter "endpint"/],
    ['s3://vaults/a%20b', /prefix/], ['s3://vaults/a/../b~', /prefix/], ['s3://vaults?endpoint=ftp://x', /endpoint/], ['s3://vaults?endpoint=https://x/path', /endpoint/],
    ['s3://vaults?endpoint=https://me:pw@x', /endpoint/], ['s3://vaults?region=Über', /region/],
  ] as const) t.throws(() => parseS3Place(address), { code: 'usage', message }, address)
  try {
    parseS3Place('s3://AKIA:verysecret@vaults')
    t.fail('it was taken')
  } catch (error) {
    t.notMatch(JSON.stringify([error, String(error)]), /verysecret/, 'a secret is not quoted')
  }
})

t.test('key files', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-keys-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  const path = join(folder, 'keys')
  writeFileSync(path, 'KEY\nse/cret+=\n', { mode: 0o600 })
  t.same(await readS3Credentials(path), { accessKeyId: 'KEY', secretAccessKey: 'se/cret+=', sessionToken: undefined })
  for (const mode of [0o640, 0o604, 0o622]) {
    chmodSync(path, mode)
    await t.rejects(readS3Credentials(path), { code: 'not-permitted', next: `chmod 600 ${path}` })
  }
  await t.rejects(readS3Credentials(join(folder, 'absent')), { code: 'not-found' })
  t.same(parseS3Credentials('# mine\n[other]\naws_access_key_id=A\n[default]\naws_access_key_id = B\naws_secret_access_key = C=\naws_session_token=D\n', path), { accessKeyId: 'B', secretAccessKey: 'C=', sessionToken: 'D' })
  t.same(parseS3Credentials('[one]\naws_access_key_id=A\naws_secret_access_key=B\n', path), { accessKeyId: 'A', secretAccessKey: 'B', sessionToken: undefined })
  for (const text of ['', 'KEY\n', 'KEY\nsecret\nmore\n', '[default]\naws_access_key_id=A\n']) t.throws(() => parseS3Credentials(text, path), { code: 'usage' }, JSON.stringify(text))
})
