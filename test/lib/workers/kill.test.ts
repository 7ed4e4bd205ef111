// kill -9 at any moment: every blob that was called durable is there, whole, and opens; also the third time.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { execPath } from 'node:process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { decodeBlobReference, type BlobReference } from '../../../lib/format/blob-reference.js'
import type { Pool } from '../../../lib/workers/pool.js'
import { MiB, poolFolder, readAll } from '../../support/pool.js'
import { numbers } from '../../support/random-bytes.js'

t.setTimeout(120_000)
const program = fileURLToPath(new URL('./storing-process.js', import.meta.url))

/** Runs the process until it has told `lines` blobs, kills it, and answers what it told in whole lines. */
async function storeAndKill(directory: string, first: number, lines: number): Promise<BlobReference[]> {
  const child = spawn(execPath, [program, directory, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('latin1')
  child.stdout.on('data', (part: string) => {
    text += part
    if (text.split('\n').length > lines) child.kill('SIGKILL')
  })
  await once(child, 'close')
  return text.split('\n').slice(0, -1).map((line) => decodeBlobReference(Buffer.from(line, 'hex')))
}

async function opens(pool: Pool, reference: BlobReference): Promise<boolean> {
  for (let skip = 0; skip < reference.plainLength; skip += MiB) {
    await readAll(pool, [{ kind: 'blob', reference, skip, length: Math.min(MiB, reference.plainLength - skip) }])
  }
  return true
}

t.test('nothing that was called durable is lost', async (t) => {
  const folder = poolFolder()
  t.teardown(() => { folder.remove() })
  const random = numbers(1)
  const stored: BlobReference[] = []
  for (let round = 0; round < 3; round++) {
    const told = await storeAndKill(folder.directory, round * 1000, 50 + Math.floor(random() * 200))
    stored.push(...told)
    const pool = await folder.open({ segmentBytesMax: 8 * MiB })
    let whole = 0
    for (const reference of stored) if (await opens(pool, reference)) whole++
    t.equal(whole, stored.length, `round ${round}: ${stored.length} blobs`)
    t.ok(pool.statistics().blobs >= new Set(stored.map(({ blobId }) => Buffer.from(blobId).toString('hex'))).size)
    await pool.close()
  }
  rmSync(join(folder.directory, 'cache', 'cache.db'))
  const pool = await folder.open({ segmentBytesMax: 8 * MiB })
  for (const reference of stored) await opens(pool, reference)
  await pool.close()
})
