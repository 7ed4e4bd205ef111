// Room for plaintext: pieces never overlap, what is let go of is used again, and what does not fit gets memory of its own.

import t from 'tap'
import { HeldCuts, type HeldMemory } from '../../../lib/workers/held-cuts.js'
import { numbers } from '../../support/random-bytes.js'

t.test('pieces of the room', (t) => {
  const random = numbers(1)
  const held = new HeldCuts(1000, true)
  const live = new Map<number, HeldMemory>()
  let own = 0
  for (let cut = 0; cut < 2000; cut++) {
    const memory = held.memory(Math.floor(random() * 400))
    if (memory.bytes.buffer instanceof SharedArrayBuffer) {
      for (const other of live.values()) {
        const apart = other.bytes.byteOffset >= memory.bytes.byteOffset + memory.bytes.byteLength
          || memory.bytes.byteOffset >= other.bytes.byteOffset + other.bytes.byteLength
        if (!apart && other.bytes.buffer === memory.bytes.buffer) t.fail('two pieces overlap')
      }
    } else own++
    held.hold(cut, { memory, chunks: [] })
    live.set(cut, memory)
    while (live.size > 3) {
      const [oldest] = [...live.keys()].sort(() => random() - 0.5)
      if (oldest === undefined) break
      held.release(oldest)
      held.release(oldest)
      live.delete(oldest)
    }
  }
  t.ok(own > 0 && own < 1000, `${own} did not fit`)
  for (const cut of live.keys()) held.release(cut)
  t.equal(held.memory(1000).bytes.buffer instanceof SharedArrayBuffer, true, 'all of it is free again')
  t.end()
})

t.test('a piece lives as long as the last of its cuts', (t) => {
  const held = new HeldCuts(100, false)
  const memory = held.memory(100)
  held.hold(1, { memory, chunks: [] })
  held.hold(2, { memory, chunks: [] })
  held.release(1)
  t.not(held.memory(1).bytes.buffer, memory.bytes.buffer)
  t.equal(held.get(1), undefined)
  held.release(2)
  t.equal(held.memory(100).bytes.buffer, memory.bytes.buffer)
  t.end()
})

t.test('a room that was not used is given back, and nothing of what is held', (t) => {
  const random = numbers(3)
  const held = new HeldCuts(10_000, true)
  const live = new Map<number, HeldMemory>()
  let discarded = 0
  const discard = (bytes: Uint8Array): void => {
    bytes.fill(0)
    discarded += bytes.byteLength
  }
  for (let cut = 0; cut < 3000; cut++) {
    const memory = held.memory(1 + Math.floor(random() * 2000))
    memory.bytes.fill(1 + (cut % 255))
    held.hold(cut, { memory, chunks: [] })
    live.set(cut, memory)
    if (random() < 0.3) held.releaseIdle(discard)
    for (const old of [...live.keys()].filter(() => random() < 0.3)) {
      held.release(old)
      live.delete(old)
    }
  }
  t.ok([...live].every(([cut, { bytes }]) => bytes.every((byte) => byte === 1 + (cut % 255))), 'what is held stays')
  t.ok(discarded > 0)
  for (const cut of live.keys()) held.release(cut)
  for (let call = 0; call < 2; call++) held.releaseIdle(discard)
  t.ok(held.memory(10_000).bytes.every((byte) => byte === 0), 'all of it, once nothing is held')
  t.end()
})
