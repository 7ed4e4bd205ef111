// What a real gateway says when it refuses, and what comes of it when it is gone for a while.
import { writeFileSync } from 'node:fs'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock, systemEntropy } from '../../../../bin/system-sources.js'
import { openS3Storage, type S3Storage } from '../../../../lib/node/s3/storage.js'
import type { Clock } from '../../../../lib/terms/clock.js'
import { equalBytes } from '../../../../lib/terms/bytes.js'
import type { Logger } from '../../../../lib/terms/log.js'
import type { Ceph } from '../../../support/ceph.js'
import { s3Request } from '../../../support/s3-request.js'
import { deviceNamed, entries, sealedBlob, start, vaultNamed } from '../storage-contract.js'

export interface CephScene {
  readonly folder: string
  readonly bucket: string
  readonly credentialsPath: string
}

export function faultTests(t: Test, ceph: Ceph, { folder, bucket, credentialsPath }: CephScene): void {
  const lines: string[] = []
  const logger: Logger = { log: (_level, message) => { lines.push(message) } }
  const place = `s3://${bucket}/${randomUUID()}?endpoint=${ceph.endpoint}`
  const open = (options: { readonly blobs?: string; readonly credentialsPath?: string; readonly clock?: Clock } = {}): Promise<S3Storage> => openS3Storage({
    blobs: place, credentialsPath, use: 'serve', clock: systemClock, entropy: systemEntropy, logger, patience: { attemptMs: 1000, attempts: 3, givenUpMs: 60_000, backOffMs: 50 }, ...options,
  })
  const keyFile = (name: string, ...lines: readonly string[]): string => {
    const path = join(folder, name)
    writeFileSync(path, lines.join('\n'), { mode: 0o600 })
    return path
  }

  t.test('what it says of wrong keys, a missing bucket, and clocks that differ', async (t) => {
    await t.rejects(open({ credentialsPath: keyFile('wrong-secret', ceph.keys.access, 'wrong') }), { code: 'denied', message: /the secret key is not that of the access key/ })
    await t.rejects(open({ credentialsPath: keyFile('wrong-key', 'NOBODY', ceph.keys.secret) }), { code: 'denied', message: /does not know the access key/ })
    await t.rejects(open({ blobs: `s3://absent?endpoint=${ceph.endpoint}` }), { code: 'denied', message: /there is no such bucket/ })
    const slow: Clock = { ...systemClock, now: () => ({ sec: systemClock.now().sec - 3600, nsec: 0 }) }
    await t.rejects(open({ clock: slow }), { code: 'denied', message: /clock and ours differ by 3[56]\d\d seconds/, next: /clocks/ })
    await t.rejects(open({ blobs: `s3://${bucket}?endpoint=http://127.0.0.1:1` }), { code: 'offline' })
  })

  t.test('by TLS, with an authority of its own', async (t) => {
    await t.rejects(open({ blobs: `s3://${bucket}?endpoint=${ceph.secureEndpoint}` }), { code: 'offline', message: /certificate/ }, 'a certificate that nobody vouches for')
    const storage = await open({ blobs: `s3://${bucket}/tls?endpoint=${ceph.secureEndpoint}&ca=${ceph.caPath}` })
    const blob = sealedBlob(1, 100_000)
    t.same(await storage.vault(vaultNamed(1)).put([blob]), [true])
    t.ok(equalBytes(await storage.vault(vaultNamed(1)).read(blob.blobId), blob.sealed))
    await storage.close()
  })

  t.test('a quota that is used up is no space', async (t) => {
    const storage = await open()
    ceph.run('radosgw-admin', 'quota', 'set', '--quota-scope=user', '--uid=vaultfs', '--max-size=1024')
    ceph.run('radosgw-admin', 'quota', 'enable', '--quota-scope=user', '--uid=vaultfs')
    try {
      await t.rejects(storage.vault(vaultNamed(30)).put([sealedBlob(3, 1_000_000)]), { code: 'no-space' })
    } finally {
      ceph.run('radosgw-admin', 'quota', 'disable', '--quota-scope=user', '--uid=vaultfs')
    }
    t.same(await storage.vault(vaultNamed(30)).put([sealedBlob(3, 1_000_000)]), [true], 'and goes on when there is')
    await storage.close()
  })

  t.test('it is told what should arrive, and refuses what does not hash to it', async (t) => {
    const storage = await open()
    const [one, two] = [sealedBlob(4, 1000), sealedBlob(5, 1000)]
    await t.rejects(storage.vault(vaultNamed(31)).put([{ blobId: one.blobId, sealed: two.sealed }]), { code: 'corrupt' })
    t.same(await storage.vault(vaultNamed(31)).lengths([one.blobId]), [undefined])
    await storage.close()
  })

  t.test('the gateway goes and comes back', async (t) => {
    const storage = await open()
    const [vaultId, deviceId] = [vaultNamed(32), deviceNamed(32)]
    const vault = storage.vault(vaultId)
    const [first, second] = [entries(vaultId, deviceId, { from: 1, count: 2 }), entries(vaultId, deviceId, { from: 3, count: 2 })]
    t.equal(await vault.append(deviceId, start, first), true)
    await ceph.stopGateway()
    lines.length = 0
    await t.rejects(vault.heads(), { code: 'busy', message: /^the node's storage/ }, 'whom it serves is not told more')
    t.match(lines.join(), /ECONNREFUSED|closed/, 'who runs it is')
    await ceph.startGateway()
    t.equal((await vault.heads())[0]?.sequence, 2)
    t.equal(await vault.append(deviceId, first[1] ?? start, second), true)
    await storage.close()
  })

  t.test('outside hands: strange objects are passed over, a bucket lists nothing else', async (t) => {
    const storage = await open()
    const vault = storage.vault(vaultNamed(33))
    const blob = sealedBlob(6, 10)
    await vault.put([blob])
    const prefix = `${ceph.endpoint}/${bucket}/${/^s3:\/\/[^/]+\/([^?]+)/.exec(place)?.[1] ?? ''}/vaults/${Buffer.from(vaultNamed(33)).toString('hex')}`
    for (const key of ['blobs/README', 'blobs/zz/a&b', 'chains/note/1']) t.equal((await s3Request('PUT', `${prefix}/${key}`, ceph.keys, 'hello')).status, 200)
    t.equal((await vault.inventory(new Uint8Array(32), 100)).blobs.length, 1)
    t.same(await vault.heads(), [])
    t.same(await vault.statistics(), { blobs: 1, bytes: 10 })
    await storage.close()
  })
}
