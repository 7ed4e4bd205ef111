// Looking for records in a segment that somebody made to take long.
import t from 'tap'
import { HeadCodec, headPosition, plainHeadBytes, putFraming, putHead, recordBytes, viewOf } from '../../../lib/format/log-record.js'
import { segmentHeaderBytes } from '../../../lib/format/log-segment.js'
import { segmentName, type LogFile } from '../../../lib/log/disk.js'
import { SegmentReader } from '../../../lib/log/segment-reader.js'
import { recordKind } from '../../../lib/store/log-port.js'
import { randomBytes } from '../../../native-deps/sodium.js'
import { MemoryDisk } from '../../fuzz/targets/memory-disk.js'

const owner = { vault: new Uint8Array(32).fill(1), device: new Uint8Array(16).fill(2) }
const key = new Uint8Array(32).fill(3)
const MiB = 1024 * 1024
const segment = 7

function putRecord(bytes: Uint8Array, at: number, lsn: number, bodyBytes: number): number {
  const framing = { headBytes: plainHeadBytes + bodyBytes, payloadBytes: 0, segment, generation: 1, lsn }
  putFraming(viewOf(bytes), at, framing)
  putHead(viewOf(bytes), at + headPosition, recordKind.mark, 0)
  bytes.fill(lsn, at + headPosition + plainHeadBytes, at + headPosition + framing.headBytes)
  new HeadCodec(owner, key).seal(bytes, at, framing.headBytes, randomBytes(24), new Uint8Array(16))
  return at + recordBytes(framing)
}

/** What is found in it, and how many bytes were read for it. */
function scan(bytes: Uint8Array): { readonly lsns: number[]; readonly readBytes: number } {
  const disk = new MemoryDisk()
  disk.files.set(segmentName(segment), bytes)
  const file = disk.open(segmentName(segment), false)
  let readBytes = 0
  const counted: LogFile = {
    ...file, sizeBytes: bytes.byteLength,
    pread: (into, position) => {
      readBytes += into.byteLength
      return file.pread(into, position)
    },
  }
  const lsns: number[] = []
  new SegmentReader(counted, owner, key).scan(0, segment, ({ framing }) => { lsns.push(framing.lsn) })
  return { lsns, readBytes }
}

t.test('claims of long records at every place take no longer than a few readings of the file', (t) => {
  for (const headBytes of [4 * MiB, 100_000, 400]) {
    const bytes = new Uint8Array(8 * MiB)
    let at = putRecord(bytes, segmentHeaderBytes, 1, 1000)
    for (; at < 3 * MiB; at += 64) putFraming(viewOf(bytes), at, { headBytes, payloadBytes: 0, segment, generation: 1, lsn: 2 })
    at = putRecord(bytes, at, 3, 200)
    putRecord(bytes, at, 4, 300)
    const { lsns, readBytes } = scan(bytes)
    t.same(lsns, [1, 3, 4], `${headBytes}: and what is there is found`)
    t.ok(readBytes < 8 * bytes.byteLength, `${headBytes}: ${readBytes} bytes read`)
  }
  t.end()
})

t.test('records behind damaged long ones are found, long ones too', (t) => {
  const bytes = new Uint8Array(16 * MiB)
  let at = segmentHeaderBytes
  const starts: number[] = []
  for (let lsn = 1; lsn <= 5; lsn++) {
    starts.push(at)
    at = putRecord(bytes, at, lsn, 3 * MiB)
  }
  for (const start of starts.slice(0, 4)) {
    const inBody = start + MiB
    bytes[inBody] = (bytes[inBody] ?? 0) ^ 1
  }
  t.same(scan(bytes).lsns, [5])
  t.end()
})
