// What is given back of the arena is never in use, and all of it is given back in the end.
import t from 'tap'
import { Arena, arenaBlockBytes } from '../../../lib/store/arena.js'
import { numbers } from '../../support/random-bytes.js'

const blocks = 100

t.test('memory that was not used is given back, and nothing else', (t) => {
  const random = numbers(5)
  const arena = new Arena(blocks * arenaBlockBytes)
  const live = new Map<number, { readonly length: number; readonly mark: number }>()
  let discarded = 0
  const discard = (bytes: Uint8Array): void => {
    bytes.fill(0)
    discarded += bytes.byteLength
  }
  for (let step = 0; step < 5000; step++) {
    const wished = Math.floor(random() * 150)
    while (live.size < wished) {
      const length = 1 + Math.floor(random() * arenaBlockBytes)
      const position = arena.allocate(length)
      if (position < 0) break
      const mark = 1 + (step % 255)
      arena.bytes.fill(mark, position, position + length)
      live.set(position, { length, mark })
    }
    for (const position of [...live.keys()].filter(() => random() < 0.3)) {
      arena.free(position)
      live.delete(position)
    }
    if (random() < 0.3) arena.releaseIdle(discard)
  }
  const damaged = [...live].filter(([position, { length, mark }]) => arena.bytes[position] !== mark || arena.bytes[position + length - 1] !== mark)
  t.equal(damaged.length, 0, 'what is in use stays')
  t.ok(discarded > 0, 'some of it was given back meanwhile')
  for (const position of live.keys()) arena.free(position)
  for (let call = 0; call < 4; call++) arena.releaseIdle(discard)
  t.ok(arena.bytes.every((byte) => byte === 0), 'all of it, once nothing is written')
  const before = discarded
  arena.releaseIdle(discard)
  t.equal(discarded, before, 'once')
  t.end()
})
