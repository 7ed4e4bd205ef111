// The tables that a daemon leaves to the one that takes over: what is believed depends on where the log ends.
import tap from 'tap'
import { AnswerTable, DirtyTable, handoverTableBytes } from '../../../lib/store/handover.js'

const reply = (byte: number, length = 20): Uint8Array => new Uint8Array(length).fill(byte)

void tap.test('dirty bytes are left in the order in which they were written', (t) => {
  const shared = new SharedArrayBuffer(handoverTableBytes)
  const table = new DirtyTable(shared)
  const [first, second, third] = [table.take(5, 0, 100, 65536), table.take(6, 10, 20, 0), table.take(5, 50, 100, 131072)]
  table.lengthen(second, 40)
  table.free(first)
  const fourth = table.take(5, 0, 1, 70000)
  t.equal(fourth, first, 'rows are used again')
  const left = new DirtyTable(shared).left(0)
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
  t.equal(new DirtyTable(shared).left(11).length, 1, 'the record was lost: the bytes are needed')
  t.equal(new DirtyTable(shared).left(12).length, 0, 'the log has them')
  t.equal(new DirtyTable(shared).left(0).length, 0, 'and the row is free then')
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
