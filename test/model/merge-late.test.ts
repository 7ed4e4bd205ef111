// What comes late: an entry before those that it stands on, an edit of what was removed and forgotten meanwhile, a device
// that nobody had heard of.
import t from 'tap'
import { MergeDevice } from './merge-device.js'
import { hands, play, settle, strangers } from './merge-hand.js'

const nothing = { withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }

t.test('what was removed, and forgotten, comes back with an edit by somebody who did not know', (t) => {
  const [one, two] = hands('laptop', 'phone')
  if (one === undefined || two === undefined) throw new Error('two hands')
  t.teardown(() => { for (const hand of [one, two]) hand.close() })
  play(one, [(hand) => hand.create('notes', 'old')])
  two.hear()
  play(one, [(hand) => hand.remove('notes'), (hand) => hand.say({ kind: 'forget', nowSec: 2 ** 31, policy: nothing, drop: [] }), (hand) => hand.create('other', 'x')])
  play(two, [(hand) => hand.write('notes', 'phone')])
  t.strictSame(settle([one, two]), { notes: 'phone', other: 'x' })
  t.end()
})

t.test('a device that nobody knew edits what was removed, forgotten and pruned', (t) => {
  const [one, two, three] = strangers('laptop', 'desk', 'phone')
  if (one === undefined || two === undefined || three === undefined) throw new Error('three hands')
  t.teardown(() => { for (const hand of [one, two, three]) hand.close() })
  play(one, [(hand) => hand.create('notes', 'old')])
  two.hear()
  for (let said = 0; said < 20; said++) two.publish()
  three.hear()
  play(one, [(hand) => hand.remove('notes'), (hand) => hand.say({ kind: 'forget', nowSec: 2 ** 31, policy: nothing, drop: [] })])
  for (let round = 0; round < 3; round++) {
    for (const hand of [two, one]) {
      hand.hear()
      hand.publish()
    }
  }
  const rows = (): number => one.device.database.prepare<[], number>('SELECT count(*) FROM past_dirent', 'first').get() ?? 0
  t.equal(rows(), 0, 'nobody who is known needs the name any more')
  play(three, [(hand) => hand.write('notes', 'phone')])
  t.strictSame(settle([one, two, three]), { notes: 'phone' })
  t.equal(one.device.complaints + two.device.complaints, 0)
  t.end()
})

t.test('an entry that is folded once more still finds what it brings back', (t) => {
  const [one, two, three] = hands('laptop', 'phone', 'desk')
  if (one === undefined || two === undefined || three === undefined) throw new Error('three hands')
  t.teardown(() => { for (const hand of [one, two, three]) hand.close() })
  play(one, [(hand) => hand.create('notes', 'old')])
  settle([one, two, three])
  for (let said = 0; said < 20; said++) three.publish()
  two.hear()
  play(one, [(hand) => hand.remove('notes'), (hand) => hand.say({ kind: 'forget', nowSec: 2 ** 31, policy: nothing, drop: [] })])
  two.hear()
  two.publish()
  for (let said = 0; said < 20; said++) three.publish()
  play(three, [(hand) => hand.write('notes', 'desk')])
  three.hear()
  three.publish()
  one.hear()
  one.publish()
  t.strictSame(one.tree, { notes: 'desk' })
  // Before the edit, and late.
  play(two, [(hand) => hand.create('late', 'phone')])
  t.strictSame(settle([one, two, three]), { late: 'phone', notes: 'desk' })
  t.end()
})

t.test('an entry waits for what its author had seen', (t) => {
  const [one, two, three] = hands('laptop', 'phone', 'desk')
  if (one === undefined || two === undefined || three === undefined) throw new Error('three hands')
  t.teardown(() => { for (const hand of [one, two, three]) hand.close() })
  settle([one, two, three])
  play(one, [(hand) => hand.mkdir('a')])
  two.hear()
  play(two, [(hand) => hand.create('a/x', 'x')])
  three.hear('phone')
  t.strictSame(three.tree, {})
  three.hear()
  t.strictSame(three.tree, { a: '', 'a/x': 'x' })
  t.equal(three.device.complaints, 0)
  t.end()
})

t.test('an entry that says it is earlier than what it follows', (t) => {
  for (const followsOwn of [true, false]) {
    const [one, two] = hands('laptop', 'phone')
    if (one === undefined || two === undefined) throw new Error('two hands')
    t.teardown(() => { for (const hand of [one, two]) hand.close() })
    settle([one, two])
    play(one, [(hand) => hand.create('notes', 'old'), (hand) => hand.write('notes', 'new')])
    if (!followsOwn) two.hear()
    const { entries } = followsOwn ? one.device.chain : two.device.chain
    two.publish()
    const last = entries.at(-1)
    if (last === undefined) throw new Error('no entry')
    entries[entries.length - 1] = { ...last, lamport: 2 }
    const reader = new MergeDevice()
    t.teardown(() => { reader.close() })
    reader.begin(one.device.chain, [one.device.chain, two.device.chain])
    for (const chain of reader.received) chain.receive(Infinity)
    t.throws(() => { reader.catchUp() }, { code: 'chain-broken' })
  }
  t.end()
})
