// NodeStorage over a real S3 store: Ceph's gateway, started for this, or any other that is named:
//   npm run test:s3 [-- 's3://bucket/prefix?endpoint=…' CREDENTIALS]
// Not in CI, as it needs Ceph's packages (ceph-mon ceph-mgr ceph-osd ceph-common radosgw), two minutes, and a GB of memory.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { systemClock, systemEntropy } from '../../../../bin/system-sources.js'
import { openS3Storage, type S3Storage } from '../../../../lib/node/s3/storage.js'
import { silent } from '../../../../lib/terms/log.js'
import { missingForCeph, startCeph } from '../../../support/ceph.js'
import { s3Request } from '../../../support/s3-request.js'
import { storageContract } from '../storage-contract.js'
import { faultTests } from './ceph-faults.js'
import { processTests } from './node-processes.js'
import { sizeTests } from './sizes.js'

t.setTimeout(600_000)
const [address, credentialsPath] = process.argv.slice(2)

function run(addressOf: (prefix: string) => string, credentialsPath: string): void {
  const open = (prefix: string): Promise<S3Storage> => openS3Storage({ blobs: addressOf(prefix), credentialsPath, use: 'serve', clock: systemClock, entropy: systemEntropy, logger: silent })
  storageContract(t, 'S3', async () => {
    const prefix = randomUUID()
    return { isShared: true, open: () => open(prefix) }
  })
  sizeTests(t, () => open(randomUUID()))
}

if (address !== undefined && credentialsPath !== undefined) {
  run((prefix) => address.replace(/^(s3:\/\/[^?]*[^?/])\/?(\?|$)/, `$1/${prefix}$2`), credentialsPath)
} else if (missingForCeph().length > 0) {
  t.comment(`skipped: no Ceph to try it on (${missingForCeph().join(', ')} missing): apt-get install ceph-mon ceph-mgr ceph-osd ceph-common radosgw openssl`)
  t.pass('nothing was tried')
} else {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-s3-'))
  const ceph = await startCeph()
  t.teardown(async () => {
    await ceph.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const path = join(folder, 'keys')
  writeFileSync(path, `${ceph.keys.access}\n${ceph.keys.secret}\n`, { mode: 0o600 })
  t.equal((await s3Request('PUT', `${ceph.endpoint}/vaults`, ceph.keys)).status, 200, 'a bucket')
  // For who works on one of them.
  if (process.env['ONLY'] !== 'processes') run((prefix) => `s3://vaults/${prefix}?endpoint=${ceph.endpoint}`, path)
  processTests(t, { folder, address: `s3://vaults/processes?endpoint=${ceph.endpoint}`, credentialsPath: path })
  faultTests(t, ceph, { folder, bucket: 'vaults', credentialsPath: path })
}
