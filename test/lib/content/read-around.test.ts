// How much comes with a small read: the frame that holds it, and the more of them the more of the file was read before.
import t from 'tap'
import { encodeContent, type Run } from '../../../lib/content/content-reference.js'
import { OpenContent } from '../../../lib/content/open-content.js'
import type { PageStore } from '../../../lib/content/page-store.js'
import { aroundOf } from '../../../lib/content/read-around.js'
import { paddedLength, sealedLengthOf } from '../../../lib/format/blob-envelope.js'
import type { BlobReference } from '../../../lib/format/blob-reference.js'
import type { Entry } from '../../../lib/tree/entry.js'

const frame = 65_536
const page = 4096

function chunk(length: number): Run {
  const reference = {
    chunkId: new Uint8Array(32), blobId: new Uint8Array(32), tableHash: new Uint8Array(32), plainLength: length,
    sealedLength: sealedLengthOf(paddedLength(length)), epoch: 1, suite: 1, kind: 'chunk', framing: 'raw',
  } as unknown as BlobReference
  return { kind: 'chunk', length, skip: 0, reference }
}

function contentOf(...lengths: readonly number[]): OpenContent {
  const size = lengths.reduce((sum, length) => sum + length, 0)
  const content = encodeContent({ length: size, allocated: size, body: { form: 'runs', runs: lengths.map(chunk) } })
  return new OpenContent({ ino: 2, size, content } as unknown as Entry, () => undefined)
}

function around(content: OpenContent, offset: number): readonly [number, number] | undefined {
  const found = aroundOf(content, offset, page, {} as PageStore)
  return found === undefined ? undefined : [found.start, found.end]
}

t.test('whole frames of the chunk, in whole pages', async (t) => {
  const content = contentOf(20 * frame, 5 * frame + 100)
  t.same(around(content, 0), [0, frame])
  t.same(around(content, 3 * frame + 5 * page), [3 * frame, 4 * frame])
  t.same(around(content, 24 * frame), [24 * frame, 25 * frame])
  t.same(around(content, 25 * frame), [25 * frame, 25 * frame + 100], 'to the end of the file')
  const shifted = contentOf(frame + 100, 20 * frame)
  t.same(around(shifted, frame), undefined, 'a page of two chunks')
  t.same(around(shifted, frame + page), [frame + page, 2 * frame], 'pages that lie in it as a whole')
})

t.test('the more of the file was read in small reads, the more frames', async (t) => {
  const content = contentOf(14 * frame, 114 * frame)
  const after = (frames: number): readonly [number, number] | undefined => {
    content.aroundBytes = frames * frame
    return around(content, 5 * frame)
  }
  t.same([3, 4, 7, 8, 15, 16, 128].map(after), [[5, 6], [4, 6], [4, 6], [4, 8], [4, 8], [0, 8], [0, 8]].map((range) => range.map((each) => each * frame)))
  t.same(around(content, 13 * frame), [8 * frame, 14 * frame], 'not past the chunk')
  t.same(around(content, 14 * frame + page), [14 * frame, 22 * frame], 'as the next one has them')
  const shifted = contentOf(100, 40 * frame)
  shifted.aroundBytes = 40 * frame
  t.same(around(shifted, 8 * frame - page), [page, 8 * frame])
  t.same(around(shifted, 8 * frame), [7 * frame + page, 9 * frame], 'a page in two steps: the frames that hold it')
})
