// What goes past the page cache lies in the file as what goes through it does, at any place and in any pieces, for whoever
// reads meanwhile, too.
import { spawnSync } from 'node:child_process'
import { constants, mkdirSync, openSync, readFileSync, readSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DirectRoom, SegmentOutput } from '../../../lib/cache/segment-output.js'
import { numbers, randomBytes } from '../../support/random-bytes.js'
import { folder } from './opened-cache.js'

const KiB = 1024
/** TMPFS_MAGIC of <linux/magic.h>: its files are in memory and nowhere else. */
const tmpfs = 0x01021994

function newFile(): string {
  const directory = folder()
  mkdirSync(directory, { recursive: true })
  return join(directory, 'out')
}

t.test('runs of any length, in pieces of any length, one behind the other', (t) => {
  const path = newFile()
  const output = new SegmentOutput(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, new DirectRoom())
  const reading = openSync(path, 'r')
  const random = numbers(7)
  const expected: Uint8Array[] = []
  let position = 0
  for (let run = 0; run < 40; run++) {
    const parts = Array.from({ length: 1 + Math.floor(random() * 6) }, (_, index) => randomBytes(1000 * run + index + 1, Math.floor(random() ** 3 * 900 * KiB) + 1))
    output.write(parts, position)
    expected.push(...parts)
    const from = position
    position += parts.reduce((sum, part) => sum + part.byteLength, 0)
    // Into the page cache, as a reader would: around the seam of two runs, and the end.
    for (const at of [Math.max(0, from - 5000), Math.max(0, position - 3000)]) {
      const seen = Buffer.alloc(Math.min(10_000, position - at))
      readSync(reading, seen, 0, seen.byteLength, at)
      t.ok(seen.equals(Buffer.concat(expected).subarray(at, at + seen.byteLength)), `run ${run}`)
    }
  }
  t.ok(readFileSync(path).equals(Buffer.concat(expected)))
  output.truncate(position - 300 * KiB)
  const last = randomBytes(5, 700 * KiB)
  output.write([last], position - 300 * KiB)
  output.close()
  t.ok(readFileSync(path).equals(Buffer.concat([Buffer.concat(expected).subarray(0, position - 300 * KiB), last])), 'after it was cut back')
  t.end()
})

t.test('a long run leaves no pages behind', (t) => {
  const path = newFile()
  const output = new SegmentOutput(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, new DirectRoom())
  const bytes = randomBytes(1, 8 * 1024 * KiB)
  for (let run = 0; run < 12; run++) output.write([bytes], run * bytes.byteLength + 1)
  output.close()
  if (statfsSync(path).type === tmpfs) t.comment('in memory: nothing to see')
  else {
    const { stdout } = spawnSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', path], { encoding: 'utf8' })
    t.ok(Number(stdout) < 1024 * KiB, `${stdout.trim()} of ${12 * bytes.byteLength} bytes are in the page cache`)
  }
  t.end()
})

/** Where a disk wants bytes in line, and these are not. */
class Misaligned extends DirectRoom {
  override get bytes(): Uint8Array<ArrayBuffer> {
    return super.bytes.subarray(1)
  }
}

t.test('a filesystem that refuses direct writes takes all of it the usual way', (t) => {
  const path = newFile()
  const output = new SegmentOutput(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, new Misaligned())
  const parts = [randomBytes(1, 2_500_000), randomBytes(2, 900_000)]
  output.write(parts, 0)
  output.write(parts, 3_400_000)
  output.close()
  t.ok(readFileSync(path).equals(Buffer.concat([...parts, ...parts])))
  t.end()
})
