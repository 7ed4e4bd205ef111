// A certificate that says nothing but its key: TLS wants one, and nobody reads its names or dates. PROTOCOL §1.
import { createPrivateKey } from 'node:crypto'
import { concatBytes } from '../terms/bytes.js'

/** PKCS #8 of an Ed25519 seed (RFC 8410) is this, and the seed. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex')

export interface TlsIdentity {
  /** PEM. Secret; memory that can't be wiped, as TLS needs it. */
  readonly key: string
  /** PEM. */
  readonly cert: string
}

/** Of an Ed25519 secret key as libsodium has it (seed ‖ public key), or of its seed. */
export async function tlsIdentity(secretKey: Uint8Array): Promise<TlsIdentity> {
  // Loaded when it is used: most of a short command's time is loading.
  await import('reflect-metadata')
  const { X509CertificateGenerator, cryptoProvider } = await import('@peculiar/x509')
  cryptoProvider.set(globalThis.crypto)
  const der = concatBytes(pkcs8Prefix, secretKey.subarray(0, 32))
  const key = createPrivateKey({ key: Buffer.from(der.buffer), format: 'der', type: 'pkcs8' })
  const jwk = key.export({ format: 'jwk' })
  const algorithm = { name: 'Ed25519' }
  const privateKey = await crypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
  const publicKey = await crypto.subtle.importKey('jwk', { kty: 'OKP', crv: 'Ed25519', x: jwk.x ?? '' }, algorithm, true, ['verify'])
  der.fill(0)
  const certificate = await X509CertificateGenerator.create({
    subject: 'CN=vaultfs', issuer: 'CN=vaultfs', serialNumber: '01',
    // No clock decides whether two that know each other's keys may speak.
    notBefore: new Date('2000-01-01T00:00:00Z'), notAfter: new Date('2099-12-31T00:00:00Z'),
    signingAlgorithm: algorithm, publicKey, signingKey: privateKey,
  })
  return { key: key.export({ format: 'pem', type: 'pkcs8' }) as string, cert: certificate.toString('pem') }
}
