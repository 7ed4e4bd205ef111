// Stores blobs until it is killed; tells each on its standard output, in hexadecimal, once it is called durable.
// Arguments: the folder of the cache, and where the numbers begin from which the bytes are made.

import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { argv } from 'node:process'
import { encodeBlobReference } from '../../../lib/format/blob-reference.js'
import { hex } from '../../../lib/terms/bytes.js'
import { chunkIndexes, memory, MiB, poolFolder, requestOf } from '../../support/pool.js'
import { randomBytes } from '../../support/random-bytes.js'

const [, , directory = '', firstNumber = '0'] = argv
const folder = poolFolder(directory)
const pool = await folder.open({ cacheDirectory: join(directory, 'cache'), segmentBytesMax: 8 * MiB })
let number = Number(firstNumber)
const lane = async (at: number): Promise<never> => {
  for (;;) {
    folder.arena.bytes.set(randomBytes(number++, 2 * MiB), at)
    // A large file and forty small ones.
    const small = Array.from({ length: 40 }, (_, index) => requestOf([memory(at + index * 4096, 4096)]))
    const cuts = await pool.cut([requestOf([memory(at, 2 * MiB)]), ...small])
    const stored = await Promise.all(cuts.map((cut) => cut.store(chunkIndexes(cut))))
    writeSync(1, `${stored.flat().map((each) => hex(encodeBlobReference(each))).join('\n')}\n`)
  }
}
await Promise.all([lane(0), lane(2 * MiB)])
