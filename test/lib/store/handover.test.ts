// The tables that a daemon leaves to the one that takes over: what is believed depends on where the log ends.
import tap from 'tap'
import { AnswerTable, DirtyTable, handoverTableBytes } from '../../../lib/store/handover.js'

const noArena = new Uint8Array(0)
const reply = (byte: number, length = 20): Uint8Array => new Uint8Array(length).fill(byte)

void tap.test('dirty bytes are left in the order in which they were written', (t) => {
  const shared = new SharedArrayBuffer(handoverTableBytes)
  const table = new DirtyTable(shared)
  const [first, second, third] = [table.take(5, 0, 100, 65536), table.take(6, 10, 20, 0), table.take(5, 50, 100, 131072)]
  table.lengthen(second, 40)
  table.free(first)
  const fourth = table.take(5, 0, 1, 70000)
  t.equal(fourth, first, 'rows are used again')
  const left = new DirtyTable(shared).left(0, noArena)
  t.strictSame(left.map(({ row, ino, start, length, position }) => [row, ino, start, length, position]), [
    [second, 6, 10, 40, 0], [third, 5, 50, 100, 131072], [fourth, 5, 0, 1, 70000],
  ])
  t.end()
})

void tap.test('a superseded row counts as long as the log does not hold its successor', (t) => {
  const shared = new SharedArrayBuffer(handoverTableBytes)
  const table = new DirtyTable(shared)
  const row = table.take(5, 0, 100, 0)
  table.supersede(row, 12)
  t.equal(new DirtyTable(shared).left(11, noArena).length, 1, 'the record was lost: the bytes are needed')
  t.equal(new DirtyTable(shared).left(12, noArena).length, 0, 'the log has them')
  t.equal(new DirtyTable(shared).left(0, noArena).length, 0, 'and the row is free then')
  t.end()
})

void tap.test('a write that was not finished is taken back', (t) => {
  const shared = new SharedArrayBuffer(handoverTableBytes)
  const arena = new Uint8Array(400_000)
  const table = new DirtyTable(shared)
  // Of file 5: [0, 100) by the first row, [50, 150) by a newer one, which is the last and may be lengthened.
  const first = table.take(5, 0, 100, 1000)
  const other = table.take(6, 0, 100, 3000)
  const last = table.take(5, 50, 100, 2000)
  arena.fill(1, 1000, 1100).fill(6, 3000, 3100).fill(2, 2000, 2100)
  const before = arena.slice()
  const seen = new Uint8Array([...arena.subarray(1040, 1050), ...arena.subarray(2000, 2100)])
  // A write of [40, 250): over both, behind the last, and into a row of its own.
  const write = { ino: 5, start: 40, length: 210, last: { row: last, length: 100 } }
  const dirty = [{ at: 0, bytes: seen.subarray(0, 10) }, { at: 10, bytes: seen.subarray(10) }]
  const change = (): number => {
    arena.fill(9, 1040, 1050).fill(9, 2000, 2140)
    table.lengthen(last, 140)
    return table.take(5, 190, 60, 4000)
  }
  table.beginWrite(write, dirty)
  const taken = change()
  const heir = new DirtyTable(shared)
  t.strictSame(heir.left(0, arena).map(({ row, length }) => [row, length]), [[first, 100], [other, 100], [last, 100]])
  t.strictSame(arena.subarray(1000, 1050), before.subarray(1000, 1050), 'what it wrote over is back')
  t.strictSame([arena.subarray(2000, 2100), arena.subarray(3000, 3100)], [before.subarray(2000, 2100), before.subarray(3000, 3100)])
  t.strictSame(arena.subarray(1050, 1100), new Uint8Array(50).fill(2), 'beneath the newer row lie its bytes, where nobody sees them')
  t.equal(heir.take(5, 190, 60, 4000), taken, 'its row is free')
  heir.free(taken)
  heir.beginWrite(write, dirty)
  change()
  heir.endWrite()
  t.equal(new DirtyTable(shared).left(0, arena).find(({ row }) => row === last)?.length, 140, 'a finished one stays')
  t.end()
})

void tap.test('a table that is full says so, and has room again', (t) => {
  const table = new DirtyTable(new SharedArrayBuffer(handoverTableBytes))
  let last = -1
  for (let row = 0; row >= 0; row = table.take(1, 0, 1, 0)) last = row
  t.ok(last > 10_000)
  table.free(last)
  t.equal(table.take(1, 0, 1, 0), last)
  t.equal(table.take(1, 0, 1, 0), -1)
  t.end()
})

void tap.test('an answer counts when the log holds what it acknowledges, once', (t) => {
  const shared = new SharedArrayBuffer(handoverTableBytes)
  const table = new AnswerTable(shared)
  table.note(1001, 7, reply(1))
  table.note(1002, 8, reply(2, 144))
  const answers = new AnswerTable(shared).take(7)
  t.strictSame([...answers.keys()], [1001])
  t.strictSame(answers.get(1001), reply(1))
  t.equal(new AnswerTable(shared).take(8).size, 0, 'all were taken')
  for (let request = 1; request <= 2000; request++) table.note(request, request, reply(request & 0xff))
  const last = new AnswerTable(shared).take(2000)
  t.ok(last.has(2000) && last.has(1900) && !last.has(1), 'the newest stay')
  t.strictSame(last.get(1999), reply(1999 & 0xff))
  t.end()
})
