// Chunks of a file that comes slowly, so that some of it is logged before it is cut: they follow on one another without a
// gap. What a gap leaves ends where no content says so, and is stored anew when the same bytes come again.
import t from 'tap'
import { stream } from '../../../lib/content/streaming.js'
import { limits } from '../../../lib/terms/limits.js'
import { rootIno } from '../../../lib/tree/entry.js'
import { PublishingWorld } from '../../model/publishing-world.js'
import { Random } from '../../model/random.js'

const mebibyte = 1024 * 1024

t.test('what was logged meanwhile is cut with what follows it', async (t) => {
  const world = new PublishingWorld(new Random(11), undefined, { listBatch: 3, cachedEntriesBytes: 4800 }, limits.arenaBytes)
  const entry = world.make(rootIno, 'large', 'file')
  const content = world.contents.of(entry)
  let size = 0
  const write = async (mebibytes: number): Promise<void> => {
    for (let count = 0; count < mebibytes; count++, size += mebibyte) await world.contents.write(content, size, Buffer.alloc(mebibyte, size / mebibyte))
  }
  for (let round = 0; round < 2; round++) {
    await write(7)
    await world.contents.spill(content)
    await write(limits.streamBytesMin / mebibyte + 1)
    t.ok(stream(content, world.contents.context, () => undefined))
    while (content.streaming !== undefined) await content.streaming
    const kinds = content.extents.all().map(({ source }) => source.kind)
    const chunks = kinds.lastIndexOf('blob') + 1
    t.ok(chunks > 0)
    t.ok(kinds.slice(0, chunks).every((kind) => kind === 'blob'), `after round ${String(round)} nothing lies between chunks`)
  }
  await world.settle()
  t.equal(world.tree.get(entry.ino)?.size, size)
})
