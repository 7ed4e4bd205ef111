// Whether an engine can be trusted with chains: a second conditional write of one object must be refused with 412, and what
// was written must be listed at once. Engines differ, and some answer 200 and overwrite.
import { hex } from '../../terms/bytes.js'
import type { Entropy } from '../../terms/entropy.js'
import { VaultError } from '../../terms/errors.js'
import type { S3Engine } from './engine.js'

/** `prefix` ends with a slash. Leaves nothing behind. Rejects 'unsupported', or with why the store refuses us. */
export async function testEngine(engine: S3Engine, prefix: string, entropy: Entropy): Promise<void> {
  const folder = `${prefix}self-test/`
  const key = folder + hex(entropy.bytes(16))
  const [ours, others] = [entropy.bytes(32), entropy.bytes(32)]
  const first = await engine.putNew(key, ours)
  try {
    if (!first.isNew && !first.isUnsure) throw unfit(engine, 'it says of an object that was never written that it is there')
    if ((await engine.putNew(key, others)).isNew) throw unfit(engine, 'it overwrites an object although "If-None-Match: *" was asked for')
    const { objects } = await engine.list({ prefix: folder })
    if (!objects.some((object) => object.key === key)) throw unfit(engine, 'it does not list at once what was written')
    const found = await engine.get(key, ours.byteLength)
    if (found === undefined || Buffer.compare(found.bytes, ours) !== 0) throw unfit(engine, 'it does not give back what was written')
  } finally {
    await engine.delete(key)
  }
}

function unfit({ place }: S3Engine, why: string): VaultError {
  return new VaultError('unsupported', `object store ${place.endpoint}: ${why}; chains of vaults could be lost there`, {
    subject: place.endpoint, next: 'update the engine, or use one that knows conditional writes, as Ceph, MinIO and AWS do; or keep blobs in a folder',
  })
}
