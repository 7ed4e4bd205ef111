// What a cut leaves of a disk, on a few writes that are easily seen through.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap from 'tap'
import { chooseCut, survivors, type Cut } from './cut.js'
import { Journal, readJournal, type DiskEvent } from './journal.js'

const sectors = (count: number, fill: number): Uint8Array => new Uint8Array(512 * count).fill(fill)
const events: readonly DiskEvent[] = [
  { kind: 'write', began: 10n, offset: 0, bytes: sectors(8, 1) },
  { kind: 'flush', began: 20n },
  { kind: 'write', began: 30n, offset: 4096, bytes: sectors(16, 2) },
  { kind: 'write', began: 40n, offset: 512, bytes: sectors(1, 3) },
  { kind: 'flush', began: 50n },
  { kind: 'write', began: 60n, offset: 0, bytes: sectors(8, 4) },
]
const chances = { events, from: 15n, until: 70n, acknowledged: [55n] }
const cut: Cut = { seed: 1, point: 4, safe: 2, at: 49n, fate: 'torn', sectorBytes: 512, keptShare: 0.9 }
const cuts = Array.from({ length: 200 }, (_, seed) => chooseCut(chances, seed))

void tap.test('a journal is read as it was written', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-journal-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  const path = join(folder, 'journal')
  const journal = new Journal(path)
  for (const event of events) {
    if (event.kind === 'write') journal.write(event.began, event.offset, event.bytes)
    else journal.flush(event.began)
  }
  journal.close()
  t.strictSame(readJournal(path).map((event) => ({ ...event, bytes: event.kind === 'write' ? [...event.bytes] : [] })), events.map((event) => ({ ...event, bytes: event.kind === 'write' ? [...event.bytes] : [] })))
  t.end()
})

void tap.test('a cut comes after what was promised, counts what was acknowledged before the next event, and keeps what was flushed', (t) => {
  for (const { point, safe, at } of cuts) {
    t.ok(point >= 1 && point <= events.length)
    t.equal(at, (events[point]?.began ?? 71n) - 1n)
    t.equal(safe, point >= 5 ? 5 : point >= 2 ? 2 : 0)
  }
  t.strictSame([...new Set(cuts.map(({ point }) => point))].sort(), [1, 2, 3, 4, 5, 6], 'everywhere')
  t.end()
})

void tap.test('a disk that lies has kept nothing of its last flushes', (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const { point, safe } = chooseCut({ ...chances, lyingEvents: 3 }, seed)
    t.ok(safe <= Math.max(1, point - 3))
  }
  t.end()
})

void tap.test('what is not safe is there, or not, or some of its sectors are', (t) => {
  t.strictSame(survivors(events, { ...cut, fate: 'lost' }), [])
  t.strictSame(survivors(events, { ...cut, fate: 'written' }), events.slice(2, 4))
  const seen = new Set<string>()
  for (let seed = 0; seed < 300; seed++) {
    const whole = survivors(events, { ...cut, seed, fate: 'some', keptShare: 0.5 })
    t.ok(whole.every((piece) => events.includes(piece as DiskEvent)))
    seen.add(`some ${String(whole.length)}`)
    for (const sectorBytes of [512, 4096] as const) {
      for (const { offset, bytes } of survivors(events, { ...cut, seed, sectorBytes })) {
        const event = events.find((each) => each.kind === 'write' && each.bytes[0] === bytes[0])
        t.ok(event?.kind === 'write' && offset >= event.offset && offset + bytes.byteLength <= event.offset + event.bytes.byteLength)
        t.ok(event?.kind === 'write' && (bytes.byteLength === event.bytes.byteLength || bytes.byteLength === sectorBytes), 'no sector is torn')
        seen.add(`torn ${String(bytes.byteLength)}`)
      }
    }
  }
  t.strictSame([...seen].sort(), ['some 0', 'some 1', 'some 2', 'torn 4096', 'torn 512', 'torn 8192'], 'everything that can be')
  t.end()
})
