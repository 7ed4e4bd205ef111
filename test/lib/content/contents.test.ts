// More files than contents are kept for: the one that was just asked for stays, or what is written to it would be
// forgotten with it. Guards `content === but` of contents.ts.
import t from 'tap'
import { limits } from '../../../lib/terms/limits.js'
import type { EntryId } from '../../../lib/terms/bytes.js'
import { modeType, newEntry } from '../../../lib/tree/entry.js'
import { PublishingWorld } from '../../model/publishing-world.js'
import { Random } from '../../model/random.js'

t.test('a content that was just opened is the one of its file, however many are open', async (t) => {
  const { contents, clock } = new PublishingWorld(new Random(1))
  // The oldest ones are in use, so that dropping idle ones goes on to the newest.
  const pinned = Array.from({ length: limits.cachedContentsMax }, (_, index) => contents.of(entryOf(index + 2)))
  for (const content of pinned) content.pins++
  for (let ino = limits.cachedContentsMax + 2; ino < limits.cachedContentsMax * 2; ino++) {
    const content = contents.of(entryOf(ino))
    if (contents.peek(ino) === content) continue
    t.fail(`the content of ${ino} was dropped at once`)
    break
  }
  t.ok([...contents.all()].length <= limits.cachedContentsMax * 1.25 + 1, 'idle ones go')

  function entryOf(ino: number): ReturnType<typeof newEntry> {
    const id = new Uint8Array(16) as Uint8Array as EntryId
    return newEntry({ ino, id, mode: modeType.file | 0o600, uid: 0, gid: 0, rdev: 0, now: clock.now() })
  }
})
