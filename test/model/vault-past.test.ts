// What commands ask of the past, in a real vault: by moments and paths, not by numbers.

import t from 'tap'
import { takeSnapshot } from '../../lib/vault-history.js'
import { publishedMoment } from '../../lib/vault-past.js'
import { literalPattern, versionsOfPath } from '../../lib/vault-versions.js'
import { Hand } from '../support/vault-hand.js'

t.setTimeout(300_000)

async function differences(hand: Hand, from: string, to: string): Promise<string[]> {
  const { history } = hand.test.vault.parts
  const found: string[] = []
  const position = async (name: string): Promise<number> => (await publishedMoment(hand.test.vault, history, { kind: 'snapshot', name })).position
  await history.differences(await position(from), await position(to), 1, (batch) => {
    for (const { kind, path, from: before } of batch) found.push(`${kind} ${before === undefined ? '' : `${before} > `}${path}`)
  })
  return found.sort()
}

/** Writes as an editor does: beside, then renamed over. */
async function save(hand: Hand, path: string, text: string): Promise<void> {
  await hand.write(`${path}.new`, text)
  await hand.rename(`${path}.new`, path)
}

t.test('a file that is saved by renaming a new one over it is one file to look at', async (t) => {
  const hand = await Hand.open()
  await hand.mkdir('d')
  for (const text of ['one', 'two!', 'three']) {
    await save(hand, 'd/f', text)
    await hand.snapshot(text)
  }
  t.strictSame(await differences(hand, 'one', 'three'), ['content d/f'])
  t.strictSame(await differences(hand, 'three', 'one'), ['content d/f'], 'and back')
  await save(hand, 'd/f', 'three')
  await hand.snapshot('again')
  const { history } = hand.test.vault.parts
  const versions = await versionsOfPath(hand.test.vault, history, 'd/f')
  t.strictSame(versions.map(({ changes }) => changes.join()), ['created', 'created', 'created', 'created'], 'each of them, and no end')
  t.ok(versions.every(({ from }, at) => at === 0 || from.position <= (versions[at - 1]?.from.position ?? 0)), 'newest first')
  await hand.test.remove()
})

t.test('differences are of paths: what is restored is no difference', async (t) => {
  const hand = await Hand.open()
  await hand.mkdir('d')
  await hand.mkdir('d/e')
  await hand.write('d/e/f', 'f')
  await hand.write('d/g', 'g')
  await hand.write('d/backup', 'b')
  await hand.snapshot('first')
  await hand.remove('d')
  await hand.snapshot('gone')
  await hand.restore('d', 'first')
  await hand.snapshot('back')
  t.strictSame(await differences(hand, 'first', 'gone'), ['removed d', 'removed d/backup', 'removed d/e', 'removed d/e/f', 'removed d/g'])
  t.strictSame(await differences(hand, 'first', 'back'), [])
  // Kept under another name, and written anew; moved over another one; moved where nothing was; a folder for a file.
  await hand.rename('d/g', 'd/g~')
  await hand.write('d/g', 'new')
  await hand.rename('d/e/f', 'd/backup')
  await hand.mkdir('d/e/f')
  await hand.rename('d/e', 'd/h')
  await hand.snapshot('mixed')
  t.strictSame(await differences(hand, 'back', 'mixed'), ['added d/g~', 'added d/h/f', 'content d/backup', 'content d/g', 'removed d/e/f', 'renamed d/e > d/h'])
  await hand.test.remove()
})

t.test('the history of a path that ended, and began again', async (t) => {
  const hand = await Hand.open()
  await hand.write('f', 'one')
  await hand.snapshot('first')
  await hand.remove('f')
  await hand.snapshot('second')
  const { vault } = hand.test
  const { history } = vault.parts
  const changes = async (path: string): Promise<string[]> => (await versionsOfPath(vault, history, path)).map((version) => version.changes.join())
  t.strictSame(await changes('f'), ['deleted', 'created'])
  await hand.write('f', 'two')
  await hand.snapshot('third')
  t.strictSame(await changes('f'), ['created', 'deleted', 'created'])
  await hand.rename('f', 'g')
  await hand.snapshot('fourth')
  t.equal((await changes('g'))[0], 'renamed')
  t.strictSame((await changes('f')).slice(-2), ['deleted', 'created'])
  await t.rejects(versionsOfPath(vault, history, 'h'), { code: 'not-found' })
  await hand.write('[x]*\xff?', 'odd')
  await hand.snapshot('fifth')
  await hand.remove('[x]*\xff?')
  await hand.snapshot('sixth')
  t.strictSame(await changes('[x]*\xff?'), ['deleted', 'created'], 'a name that is a pattern, and no text')
  t.equal(literalPattern('a[b]?*'), 'a[[]b[]][?][*]')
  await hand.test.remove()
})

t.test('moments by time and by name', async (t) => {
  const hand = await Hand.open()
  const { vault, clock } = hand.test
  const { history } = vault.parts
  await t.rejects(publishedMoment(vault, history, { kind: 'latest' }), { code: 'not-found', message: /nothing was ever published/ })
  await t.rejects(publishedMoment(vault, history, { kind: 'through', sec: clock.now().sec }), { code: 'not-found', message: /nothing was ever published/ })
  await hand.write('f', 'one')
  const first = await takeSnapshot(vault, 'first')
  clock.advance(10_000)
  await hand.write('f', 'two')
  await vault.publishAll()
  const second = await publishedMoment(vault, history, { kind: 'latest' })
  t.ok(second.position > first.moment.position)
  t.strictSame(await publishedMoment(vault, history, { kind: 'through', sec: second.sec }), second)
  t.strictSame(await publishedMoment(vault, history, { kind: 'through', sec: second.sec - 1 }), first.moment)
  t.strictSame(await publishedMoment(vault, history, { kind: 'snapshot', name: 'first' }), first.moment)
  await t.rejects(publishedMoment(vault, history, { kind: 'through', sec: first.moment.sec - 1 }), { code: 'not-found', next: /the oldest is of/ })
  await t.rejects(publishedMoment(vault, history, { kind: 'snapshot', name: 'never' }), { code: 'not-found', subject: 'never' })
  await hand.write('f', 'three')
  t.ok((await publishedMoment(vault, history, { kind: 'now' })).position > second.position, 'it publishes first')
  await hand.test.remove()
})
