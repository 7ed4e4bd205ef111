// No chain makes a circle, a lone device's neither: whoever holds its keys may tell what no device tells. MERGE.md
import t, { type Test } from 'tap'
import { attributesOf } from './merge-author.js'
import { hands, play, type Hand } from './merge-hand.js'
import { viewOf } from './merge-view.js'
import { rootId } from './merge-world.js'
import type { EntryId } from '../../lib/terms/bytes.js'

/** What both see of what the first one told, alone or after another device has spoken. */
function told(t: Test, names: readonly string[], steps: readonly ((hand: Hand) => unknown)[]): Record<string, string> {
  const all = hands(...names)
  t.teardown(() => { for (const hand of all) hand.close() })
  const [one] = all
  if (one === undefined) throw new Error('a hand')
  one.hear()
  play(one, steps)
  const { tree } = one
  t.equal(viewOf(one.device.database).names.size, Object.keys(tree).length, 'each name leads to the root')
  return tree
}

function idOf(hand: Hand, name: string): EntryId {
  const view = viewOf(hand.device.database)
  const found = [...view.names].find((each) => each.name === name)
  const entry = view.entries.get(found?.ino ?? 0)
  if (entry === undefined) throw new Error(`no ${name}`)
  return entry.id as EntryId
}

for (const names of [['laptop'], ['laptop', 'phone']]) {
  t.test(names.join(' and '), (t) => {
    const tower = (one: Hand): unknown => one.mkdir('a').mkdir('a/b').create('a/b/file', 'text')
    const whole = { a: '', 'a/b': '', 'a/b/file': 'text' }
    t.strictSame(told(t, names, [tower, (one) => one.move('a', 'a/b/a')]), whole, 'into what is in it: it stays')
    t.strictSame(told(t, names, [tower, (one) => one.move('a', 'a/a')]), whole, 'into itself')
    t.strictSame(told(t, names, [tower, (one) => one.link('a', 'a/b/again')]), whole, 'by a link')
    t.strictSame(told(t, names, [(one) => one.mkdir('a').mkdir('b'), (one) => one.move('a', 'b/a').move('b', 'a/b')]), { b: '', 'b/a': '' }, 'two at once')
    t.strictSame(told(t, names, [tower, (one) => one.move('a', 'a/b/a'), (one) => one.move('a/b', 'b'), (one) => one.move('a', 'b/a')]), { b: '', 'b/a': '', 'b/file': 'text' }, 'what comes later is done')
    t.strictSame(told(t, names, [tower, (one) => one.say({ kind: 'link', id: rootId, parent: idOf(one, 'b'), name: Buffer.from('root') })]), whole, 'the root')
    t.strictSame(told(t, names, [tower, (one) => one.say({ kind: 'move', id: idOf(one, 'b'), fromParent: idOf(one, 'a'), fromName: Buffer.from('b'), parent: idOf(one, 'file'), name: Buffer.from('b') })]), whole, 'into a file')
    t.strictSame(told(t, names, [tower, (one) => one.say({ kind: 'attributes', id: idOf(one, 'b'), attributes: attributesOf({ id: idOf(one, 'b'), isDirectory: false, size: 0, sec: 1, permissions: 0o644 }) }), (one) => one.link('a/b', 'b')]),
      { a: '', b: '', 'b/file': 'text' }, 'a folder stays one, and in one place')
    t.end()
  })
}
