// Long stretches of blobs come from the disk and not from the page cache, unless they lie there; either way the same bytes.
import { execFileSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import t from 'tap'
import { segmentPath } from '../../../lib/cache/segment-files.js'
import { cachedPages, privatePages } from '../../../native-deps/system.js'
import { blob, folder, open, read, type Blob } from './opened-cache.js'

const length = 1_200_000
const all = [blob(1, 777), blob(2, length), blob(3, 5_000), blob(4, length)]

function pagesOf(path: string): number | undefined {
  const fd = openSync(path, 'r')
  try {
    return cachedPages(fd, { offset: 0, length: 2 ** 40 })
  } finally {
    closeSync(fd)
  }
}

t.test('views, from the disk and from the page cache', (t) => {
  const directory = folder()
  const cache = open(directory, 16 << 20)
  cache.keeper.commit(cache.appender.append(all))
  const path = segmentPath(directory, 1)
  const letGo = (): void => { execFileSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']) }
  const view = ({ blobId }: Blob, offset: number, bytes: number): Uint8Array => {
    const location = cache.reader.locate(blobId)
    if (location === undefined) throw new Error('no place')
    return cache.reader.view(blobId, location, offset, bytes)
  }
  const same = (each: Blob, offset: number, bytes: number): boolean => Buffer.compare(view(each, offset, bytes), each.sealed.subarray(offset, offset + bytes)) === 0
  letGo()
  const canTell = pagesOf(path) === 0
  if (!canTell) t.comment('this filesystem keeps its pages, or the kernel does not tell of them: whether the disk was read is not looked at')
  for (const each of [all[1], all[3]]) {
    if (each === undefined) throw new Error('no blob')
    for (const [offset, bytes] of [[0, length], [1, 200_000], [4_095, 131_072], [length - 300_001, 300_001]] as const) t.ok(same(each, offset, bytes), `${String(bytes)} from ${String(offset)}`)
    t.throws(() => view(each, length - 200_000, 200_001), { code: 'corrupt' }, 'past the end')
    t.notOk(view(each, 0, length).buffer instanceof SharedArrayBuffer, 'no other thread sees it')
  }
  if (canTell) t.equal(pagesOf(path), 0, 'nothing came into the page cache')
  for (const each of all) t.ok(same(each, 0, each.sealed.byteLength), 'short ones too')
  if (canTell) t.ok((pagesOf(path) ?? 0) > 0, 'those came through it')
  for (const each of all) t.same(read(cache.reader, each)?.byteLength, each.sealed.byteLength)
  for (const each of all) t.ok(same(each, 0, each.sealed.byteLength), 'and all that lies there')
  cache.close()
  t.end()
})

t.test('memory for direct reads begins at a page', (t) => {
  for (const bytes of [4096, 8192, 1_200_000]) {
    const pages = privatePages(bytes)
    t.equal(pages.byteLength, bytes)
    pages.fill(1)
  }
  t.end()
})
