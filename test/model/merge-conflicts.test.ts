// One rule of MERGE.md a test: what two devices did apart, in either order, and what both see afterwards.
import t, { type Test } from 'tap'
import { hands, play, settle, type Hand, type Steps } from './merge-hand.js'

const mark = (device: string): string => ` (conflict, ${device}, 2024-05-01 14-30)`

interface Case {
  readonly name: string
  /** On the laptop; the phone hears it. Each step is an entry. */
  readonly before?: Steps
  readonly laptop: Steps
  readonly phone: Steps
  /** What both see when the laptop's entries come first in the order, and when the phone's do. */
  readonly sees: Record<string, string> | readonly [laptopFirst: Record<string, string>, phoneFirst: Record<string, string>]
}

const cases: readonly Case[] = [
  {
    name: 'edit and edit: both contents, the later one under the name',
    before: [(one) => one.create('notes.txt', 'old')],
    laptop: [(one) => one.write('notes.txt', 'laptop')],
    phone: [(two) => two.write('notes.txt', 'phone')],
    sees: [{ 'notes.txt': 'phone', [`notes${mark('laptop')}.txt`]: 'laptop' }, { 'notes.txt': 'laptop', [`notes${mark('phone')}.txt`]: 'phone' }],
  },
  {
    name: 'the same edit twice is one',
    before: [(one) => one.create('notes.txt', 'old')],
    laptop: [(one) => one.write('notes.txt', 'new')],
    phone: [(two) => two.write('notes.txt', 'new')],
    sees: { 'notes.txt': 'new' },
  },
  {
    name: 'edit beats delete',
    before: [(one) => one.create('notes.txt', 'old')],
    laptop: [(one) => one.remove('notes.txt')],
    phone: [(two) => two.write('notes.txt', 'phone')],
    sees: { 'notes.txt': 'phone' },
  },
  {
    name: 'rename beats delete',
    before: [(one) => one.create('notes.txt', 'old')],
    laptop: [(one) => one.remove('notes.txt')],
    phone: [(two) => two.move('notes.txt', 'more.txt')],
    sees: { 'more.txt': 'old' },
  },
  {
    name: 'renamed there and back beats delete',
    before: [(one) => one.create('notes.txt', 'old')],
    laptop: [(one) => one.remove('notes.txt')],
    phone: [(two) => two.move('notes.txt', 'more.txt'), (two) => two.move('more.txt', 'notes.txt')],
    sees: { 'notes.txt': 'old' },
  },
  {
    name: 'delete and delete',
    before: [(one) => one.create('notes.txt', 'old')],
    laptop: [(one) => one.remove('notes.txt')],
    phone: [(two) => two.remove('notes.txt')],
    sees: {},
  },
  {
    name: 'two files of one name: both, the later claim has the plain name',
    laptop: [(one) => one.create('new', 'laptop')],
    phone: [(two) => two.create('new', 'phone')],
    sees: [{ new: 'phone', [`new${mark('laptop')}`]: 'laptop' }, { new: 'laptop', [`new${mark('phone')}`]: 'phone' }],
  },
  {
    name: 'rename and rename: the later wins',
    before: [(one) => one.create('notes', 'old')],
    laptop: [(one) => one.move('notes', 'laptop')],
    phone: [(two) => two.move('notes', 'phone')],
    sees: [{ phone: 'old' }, { laptop: 'old' }],
  },
  {
    name: 'rename and rename of one name of two: the other stays',
    before: [(one) => one.create('notes', 'old'), (one) => one.link('notes', 'second')],
    laptop: [(one) => one.move('second', 'third'), (one) => one.move('notes', 'laptop')],
    phone: [(two) => two.move('notes', 'phone')],
    sees: [{ phone: 'old', third: 'old' }, { laptop: 'old', third: 'old' }],
  },
  {
    name: 'rename and edit',
    before: [(one) => one.create('notes', 'old')],
    laptop: [(one) => one.move('notes', 'laptop')],
    phone: [(two) => two.write('notes', 'phone')],
    sees: { laptop: 'phone' },
  },
  {
    name: 'renamed over what another one edits',
    before: [(one) => one.create('draft', 'draft').create('notes', 'old')],
    laptop: [(one) => one.move('draft', 'notes').remove('notes')],
    phone: [(two) => two.write('notes', 'phone')],
    sees: { notes: 'draft', [`notes${mark('laptop')}`]: 'phone' },
  },
  {
    name: 'something made in a folder that another one removes',
    before: [(one) => one.mkdir('a').mkdir('a/b').create('a/b/old', 'old')],
    laptop: [(one) => one.remove('a/b/old').remove('a/b').remove('a')],
    phone: [(two) => two.create('a/b/new', 'new')],
    sees: { a: '', 'a/b': '', 'a/b/new': 'new' },
  },
  {
    name: 'the same, removed in several entries',
    before: [(one) => one.mkdir('a').mkdir('a/b').create('a/b/old', 'old')],
    laptop: [(one) => one.remove('a/b/old'), (one) => one.remove('a/b'), (one) => one.remove('a')],
    phone: [(two) => two.create('a/b/new', 'new')],
    sees: { a: '', 'a/b': '', 'a/b/new': 'new' },
  },
  {
    name: 'a file edited in a folder that another one removes',
    before: [(one) => one.mkdir('a').create('a/old', 'old').create('a/other', 'other')],
    laptop: [(one) => one.remove('a/old').remove('a/other').remove('a')],
    phone: [(two) => two.write('a/old', 'phone')],
    sees: { a: '', 'a/old': 'phone' },
  },
  {
    name: 'two folders moved into each other: the later move does not happen',
    before: [(one) => one.mkdir('a').mkdir('b').create('a/x', 'x').create('b/y', 'y')],
    laptop: [(one) => one.move('a', 'b/a')],
    phone: [(two) => two.move('b', 'a/b')],
    sees: [{ b: '', 'b/a': '', 'b/a/x': 'x', 'b/y': 'y' }, { a: '', 'a/b': '', 'a/b/y': 'y', 'a/x': 'x' }],
  },
  {
    name: 'a folder moved to two places is in the later one',
    before: [(one) => one.mkdir('a').create('a/x', 'x')],
    laptop: [(one) => one.move('a', 'laptop')],
    phone: [(two) => two.move('a', 'phone'), (two) => two.create('phone/y', 'y')],
    sees: [{ phone: '', 'phone/x': 'x', 'phone/y': 'y' }, { laptop: '', 'laptop/x': 'x', 'laptop/y': 'y' }],
  },
  {
    name: 'each takes one of two names away: the later one stays',
    before: [(one) => one.create('one', 'text'), (one) => one.link('one', 'two')],
    laptop: [(one) => one.remove('one', false)],
    phone: [(two) => two.remove('two', false)],
    sees: [{ two: 'text' }, { one: 'text' }],
  },
  {
    name: 'into a folder that another one moved into a third, which is removed',
    before: [(one) => one.mkdir('a').mkdir('b')],
    laptop: [(one) => one.remove('b')],
    phone: [(two) => two.move('a', 'b/a'), (two) => two.create('b/a/x', 'x')],
    sees: { b: '', 'b/a': '', 'b/a/x': 'x' },
  },
]

for (const { name, before = [], laptop, phone, sees } of cases) {
  for (const first of ['laptop', 'phone'] as const) {
    t.test(`${name} (${first} first)`, (t) => {
      const [one, two] = hands('laptop', 'phone')
      if (one === undefined || two === undefined) throw new Error('two hands')
      t.teardown(() => {
        one.close()
        two.close()
      })
      play(one, before)
      two.hear()
      // Whoever has said more comes later.
      for (let said = 0; said < 9; said++) (first === 'laptop' ? two : one).publish()
      play(one, laptop)
      play(two, phone)
      t.strictSame(settle([one, two]), isBoth(sees) ? sees[first === 'laptop' ? 0 : 1] : sees)
      t.end()
    })
  }
}

function isBoth(sees: Case['sees']): sees is readonly [Record<string, string>, Record<string, string>] {
  return Array.isArray(sees)
}

/** Two devices that know one file. */
function withFile(t: Test, path: string, text: string): readonly [Hand, Hand] {
  const [one, two] = hands('laptop', 'phone')
  if (one === undefined || two === undefined) throw new Error('two hands')
  t.teardown(() => {
    one.close()
    two.close()
  })
  play(one, [(hand) => hand.create(path, text)])
  two.hear()
  return [one, two]
}

t.test('contents stand side by side until a write names them all', (t) => {
  const [one, two] = withFile(t, 'notes', 'old')
  play(one, [(hand) => hand.write('notes', 'laptop')])
  play(two, [(hand) => hand.write('notes', 'phone')])
  t.strictSame(settle([one, two]), { notes: 'phone', [`notes${mark('laptop')}`]: 'laptop' })
  play(two, [(hand) => hand.write('notes', 'more')])
  t.strictSame(settle([one, two]), { notes: 'more', [`notes${mark('laptop')}`]: 'laptop' }, 'this one named what it opened')
  play(one, [(hand) => hand.write('notes', 'all', true)])
  t.strictSame(settle([one, two]), { notes: 'all' })
  t.end()
})

t.test('the copies of a conflict go where their file goes', (t) => {
  const [one, two] = withFile(t, 'notes', 'old')
  play(one, [(hand) => hand.mkdir('folder'), (hand) => hand.write('notes', 'laptop')])
  play(two, [(hand) => hand.write('notes', 'phone')])
  settle([one, two])
  play(two, [(hand) => hand.move('notes', 'other')])
  t.strictSame(settle([one, two]), { folder: '', other: 'laptop', [`other${mark('phone')}`]: 'phone' })
  play(two, [(hand) => hand.move('other', 'folder/moved')])
  t.strictSame(settle([one, two]), { folder: '', 'folder/moved': 'laptop', [`folder/moved${mark('phone')}`]: 'phone' })
  play(one, [(hand) => hand.remove('folder/moved').remove('folder')])
  t.strictSame(settle([one, two]), {}, 'who removed it had seen both')
  t.end()
})

t.test('the plain name is free again: whoever stood beside it has it', (t) => {
  const [one, two] = hands('laptop', 'phone')
  if (one === undefined || two === undefined) throw new Error('two hands')
  t.teardown(() => {
    one.close()
    two.close()
  })
  play(one, [(hand) => hand.create('new', 'laptop')])
  play(two, [(hand) => hand.create('new', 'phone')])
  settle([one, two])
  play(one, [(hand) => hand.move('new', 'other')])
  t.strictSame(settle([one, two]), { new: 'laptop', other: 'phone' })
  t.end()
})

t.test('attributes told beside the content of another one keep the size of that', (t) => {
  const [one, two] = withFile(t, 'notes', 'old')
  play(one, [(hand) => hand.write('notes', 'much longer')])
  play(two, [(hand) => hand.chmod('notes', 0o600)])
  settle([one, two])
  for (const hand of [one, two]) t.strictSame(hand.stat('notes'), { size: 11, permissions: 0o600 })
  t.end()
})
