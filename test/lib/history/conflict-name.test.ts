// What a second entry of one name is called: the same on every device, never too long, never half a character.
import t from 'tap'
import { conflictName } from '../../../lib/history/conflict-name.js'

const may = Date.UTC(2024, 4, 1, 14, 30, 59) / 1000
const free = (): boolean => false
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
const utf8 = (name: string): string => new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(name, 'latin1'))

t.test('between stem and extension', (t) => {
  t.equal(conflictName('notes.txt', 'laptop', may, free), 'notes (conflict, laptop, 2024-05-01 14-30).txt')
  t.equal(conflictName('notes', 'laptop', may, free), 'notes (conflict, laptop, 2024-05-01 14-30)')
  t.equal(conflictName('a.tar.gz', 'laptop', may, free), 'a.tar (conflict, laptop, 2024-05-01 14-30).gz')
  t.equal(conflictName('.profile', 'laptop', may, free), '.profile (conflict, laptop, 2024-05-01 14-30)', 'a name that begins with a dot has no extension')
  t.equal(conflictName('Mr. Smith goes to Washington', 'laptop', may, free), 'Mr. Smith goes to Washington (conflict, laptop, 2024-05-01 14-30)')
  t.end()
})

t.test('a number where that is taken too', (t) => {
  const taken = new Set<string>()
  const names = Array.from({ length: 12 }, () => {
    const name = conflictName('notes.txt', 'laptop', may, (each) => taken.has(each))
    taken.add(name)
    return name
  })
  t.equal(new Set(names).size, 12)
  t.equal(names[1], 'notes (conflict, laptop, 2024-05-01 14-30, 2).txt')
  t.end()
})

t.test('no name of a device, or of a file, makes one that can not be', (t) => {
  for (const device of ['', 'a/b\0c', 'x'.repeat(300), '\u{1f980}'.repeat(100), '\u00e4rger']) {
    for (const name of ['a', latin1('\u00e4'.repeat(127)), latin1('\u{1f980}'.repeat(63)), `${latin1('\u20ac'.repeat(83))}.txt`, `${'x'.repeat(240)}.${'y'.repeat(14)}`]) {
      for (const number of [1, 2, 1000]) {
        let asked = 0
        const found = conflictName(name, device, may, () => ++asked < number)
        t.ok(found.length <= 255 && !/[/\0]/.test(found), `${found.length} bytes`)
        t.doesNotThrow(() => utf8(found), 'whole characters')
      }
    }
  }
  t.end()
})

t.test('bytes that are no UTF-8 stay as they are, as many as fit', (t) => {
  const odd = '\x80'.repeat(255)
  const found = conflictName(odd, 'laptop', may, free)
  t.equal(found.length, 255)
  t.match(found, /^\x80{200,} \(conflict, laptop, 2024-05-01 14-30\)$/)
  t.match(conflictName('a', 'laptop', 2 ** 60, free), /^a \(conflict, laptop, \+275760-/, 'a clock that is wrong by ages')
  t.end()
})
