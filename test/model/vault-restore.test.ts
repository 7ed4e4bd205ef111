// Restoring in a real vault without a kernel: what comes back, that nothing is lost by it, and what a crash leaves.

import { rmSync } from 'node:fs'
import t from 'tap'
import { accessAclName, encodeAcl } from '../../lib/tree/posix/acl.js'
import { modeType } from '../../lib/tree/entry.js'
import { VaultError } from '../../lib/terms/errors.js'
import { versionsOfPath } from '../../lib/vault-versions.js'
import { request, TestVault } from '../support/open-vault.js'
import { randomBytes } from '../support/random-bytes.js'
import { done, Hand } from '../support/vault-hand.js'

t.setTimeout(300_000)

const MiB = 1024 * 1024

/** One of each kind of entry and of content. */
async function makeFolder(hand: Hand): Promise<void> {
  const { operations } = hand
  await hand.mkdir('d', 0o750)
  await hand.mkdir('d/empty')
  await hand.mkdir('d/sub')
  await hand.write('d/inline', 'short', 0o600)
  await hand.write('d/nothing', '')
  await hand.write('d/chunks', randomBytes(1, 9 * MiB + 5))
  await hand.write('d/sparse', randomBytes(2, 100_000))
  done(await operations.setattr(hand.ino('d/sparse'), { size: 40 * MiB }, request))
  await hand.write('d/sub/b\xe4\xff', randomBytes(3, 5000))
  await hand.write('d/one', 'linked')
  await hand.link('d/one', 'd/sub/two')
  done(await operations.symlink(hand.ino('d'), 'link', Buffer.from('to/nowhere'), request))
  done(await operations.mknod(hand.ino('d'), 'fifo', modeType.fifo | 0o640, 0, 0, request))
  done(await operations.mknod(hand.ino('d'), 'null', modeType.character | 0o666, 0x103, 0, request))
  done(await operations.setattr(hand.ino('d/inline'), { uid: 12, gid: 34, mtime: { sec: -5, nsec: 7 } }, request))
  done(await operations.setxattr(hand.ino('d/inline'), 'user.a', Buffer.from('\0value'), 0, false, request))
  const acl = encodeAcl([{ tag: 1, perm: 6, id: 0xffffffff }, { tag: 2, perm: 4, id: 99 }, { tag: 4, perm: 4, id: 0xffffffff }, { tag: 0x10, perm: 4, id: 0xffffffff }, { tag: 0x20, perm: 0, id: 0xffffffff }])
  done(await operations.setxattr(hand.ino('d/sub'), accessAclName, acl, 0, false, request))
}

t.test('a folder comes back with everything, without a byte of it read or stored again', async (t) => {
  const hand = await Hand.open()
  await makeFolder(hand)
  await hand.snapshot('first')
  const before = await hand.picture('d')
  t.strictSame(await hand.kinds('d', 'first', { preview: true }), [], 'nothing differs')
  await hand.remove('d')
  await hand.test.vault.publishAll()
  const stored = hand.test.vault.parts.pool.statistics().storedBytes
  const steps = await hand.kinds('d', 'first')
  t.equal(steps.length, 13, 'the root of it and 12 below')
  t.ok(steps.includes('link d/sub/two') || steps.includes('link d/one'), 'one of two names is linked')
  t.strictSame(await hand.picture('d'), before)
  await hand.test.settle()
  const again = hand.test.vault.parts.pool.statistics().storedBytes - stored
  t.ok(again < 200_000, `${again} bytes stored for 9 MiB`)
  t.strictSame(await hand.picture('d'), before, 'after publishing too')
  await hand.snapshot('second')
  t.strictSame(await hand.kinds('d', 'first', { preview: true, exact: true }), [], 'and it is what it was')
  await hand.test.remove()
})

t.test('what differs is replaced, what is new is left alone or, exactly, removed; all of it is in the history', async (t) => {
  const hand = await Hand.open()
  await makeFolder(hand)
  await hand.snapshot('first')
  const before = await hand.picture('d')
  await hand.write('d/inline', 'longer than before')
  await hand.write('d/chunks', randomBytes(9, 2 * MiB))
  await hand.write('d/new', 'new')
  await hand.remove('d/sub')
  await hand.rename('d/nothing', 'd/something')
  done(await hand.operations.setattr(hand.ino('d/sparse'), { mode: 0o4711 }, request))
  const state = await hand.picture('d')
  const preview = await hand.kinds('d', 'first', { preview: true })
  t.strictSame(preview, [
    'attributes d/sparse', 'create d/nothing', 'create d/sub', 'create d/sub/b\xe4\xff', 'link d/sub/two', 'replace d/chunks', 'replace d/inline',
  ])
  t.strictSame(await hand.picture('d'), state, 'a preview changes nothing')
  t.strictSame(await hand.kinds('d', 'first'), preview, 'and says what is done')
  t.strictSame(hand.names('d').filter((name) => !Object.hasOwn(before, `/${name}`)), ['new', 'something'])
  await hand.snapshot('second')
  t.strictSame(await hand.kinds('d', 'first', { exact: true }), ['remove d/new', 'remove d/something'])
  t.strictSame(await hand.picture('d'), before)
  // Each of the two versions that were replaced, and what was removed, comes back.
  await hand.restore('d/inline', 'second', { to: 'inline' })
  t.equal(await hand.text('inline'), 'short')
  const versions = await versionsOfPath(hand.test.vault, hand.test.vault.parts.history, 'd/inline')
  const sizes = versions.filter(({ changes }) => !changes.includes('deleted')).map(({ entry }) => entry.content?.byteLength)
  t.ok(new Set(sizes).size >= 2, 'the version that was replaced is one of them')
  await hand.restore('d/new', 'second')
  t.equal(await hand.text('d/new'), 'new')
  await hand.test.remove()
})

t.test('what was written a moment ago, or while it is restored, is published before it is replaced', async (t) => {
  const hand = await Hand.open()
  await hand.write('f', 'old')
  await hand.snapshot('first')
  await hand.write('f', 'unpublished')
  let meanwhile = 0
  await hand.restore('f', 'first', {
    hooks: {
      // The first is asked before the new file is made, the second before it is bound.
      admit: () => (++meanwhile === 2 ? hand.write('f', 'meanwhile') : undefined),
    },
  })
  t.ok(meanwhile > 2, 'it was looked at again')
  t.equal(await hand.text('f'), 'old')
  const contents: string[] = []
  for (const { from, changes } of await versionsOfPath(hand.test.vault, hand.test.vault.parts.history, 'f')) {
    if (changes.includes('deleted')) continue
    const to = `copy${contents.length}`
    // Moments of one second are told apart by their position: looked for by what was in the file then.
    const entry = (await hand.test.vault.parts.history.list(from.position, 1, 0, 10)).find(({ name }) => name === 'f')?.entry
    contents.push(Buffer.from(entry?.content ?? []).toString('latin1').replace(/^[^a-z]*/, ''))
    t.notOk(hand.at(to))
  }
  t.ok(contents.includes('meanwhile'), contents.join())
  t.ok(contents.includes('unpublished'), contents.join())
  await hand.write('f', 'young')
  await t.rejects(hand.restore('f', 'first', { hooks: { admit: () => hand.write('f', String(++meanwhile)) } }), { code: 'busy' }, 'written all the time')
  await hand.test.remove()
})

t.test('a name is never without its file, and no crash leaves half of one', async (t) => {
  const hand = await Hand.open()
  await hand.write('f', randomBytes(4, 3 * MiB))
  const old = await hand.hash('f')
  await hand.snapshot('first')
  await hand.write('f', randomBytes(5, 2 * MiB))
  const young = await hand.hash('f')
  await hand.test.settle()
  const images: string[] = []
  await hand.restore('f', 'first', {
    hooks: {
      admit: async () => {
        t.ok([old, young].includes(await hand.hash('f')), 'one or the other')
        images.push(await hand.test.crashImage())
      },
    },
  })
  t.equal(await hand.hash('f'), old)
  t.ok(images.length >= 3)
  for (const store of images) {
    const left = new Hand(await TestVault.open({ store, clock: hand.test.clock }))
    t.equal(await left.hash('f'), young, 'not bound yet')
    t.strictSame(left.names(''), ['f'])
    t.strictSame(left.test.vault.parts.catalog.orphans().filter((ino) => left.test.vault.tree.get(ino) !== undefined), [], 'what was made without a name is gone')
    await left.test.close()
    rmSync(store, { recursive: true })
  }
  const store = await hand.test.crashImage()
  const after = new Hand(await TestVault.open({ store, clock: hand.test.clock }))
  t.equal(await after.hash('f'), old, 'on the disk when it resolves')
  await after.test.close()
  rmSync(store, { recursive: true })
  await hand.test.remove()
})

t.test('by what a path meant then; else by what has it now', async (t) => {
  const hand = await Hand.open()
  await hand.mkdir('a')
  await hand.write('a/f', 'one')
  await hand.snapshot('first')
  await hand.rename('a', 'b')
  await hand.write('b/f', 'two')
  await hand.snapshot('second')
  t.strictSame(await hand.kinds('a', 'first'), ['create a', 'create a/f'])
  t.equal(await hand.text('a/f'), 'one')
  t.strictSame(await hand.kinds('b', 'first'), ['replace b/f'], 'b was called a')
  t.equal(await hand.text('b/f'), 'one')
  await t.rejects(hand.restore('c', 'first'), { code: 'not-found' })
  await hand.remove('a')
  await hand.remove('b')
  t.strictSame(await hand.kinds('a/f', 'first'), ['create a', 'create a/f'], 'with the folder that it was in')
  await t.rejects(hand.restore('a/f', 'first', { to: 'c/f' }), { code: 'not-found' }, 'no folder is made up')
  await hand.restore('a/f', 'first', { to: 'a' }).then(() => t.fail('a/f is there'), (error: unknown) => t.match(error, { code: 'exists' }))
  await hand.restore('a/f', 'first', { to: 'g' })
  t.equal(await hand.text('g'), 'one')
  await hand.test.remove()
})

t.test('what was there and gone within one second is found by that second', async (t) => {
  const hand = await Hand.open()
  const { vault, clock } = hand.test
  await hand.write('f', 'short-lived')
  await vault.publishAll()
  await hand.remove('f')
  await vault.publishAll()
  const { sec } = clock.now()
  clock.advance(5000)
  t.strictSame(await hand.kinds('f', '', { when: { kind: 'through', sec } }), ['create f'])
  t.equal(await hand.text('f'), 'short-lived')
  await t.rejects(hand.restore('g', '', { when: { kind: 'through', sec } }), { code: 'not-found' })
  await hand.test.remove()
})

t.test('a log that takes no more ends it: what has a name by then is told, nothing is half there', async (t) => {
  const hand = await Hand.open()
  for (const name of ['a', 'b', 'c']) await hand.write(name, `old ${name}`)
  await hand.snapshot('first')
  for (const name of ['a', 'b', 'c']) await hand.write(name, 'new')
  await hand.test.settle()
  const told: string[] = []
  const { log } = hand.test.vault.parts
  const flush = log.flush.bind(log)
  await t.rejects(hand.restore('', 'first', {
    hooks: {
      renamed: (_, name) => {
        told.push(name)
        if (told.length === 2) log.flush = () => { throw new VaultError('no-space', 'full') }
      },
    },
  }), { code: 'no-space' })
  t.strictSame(told, ['a', 'b'])
  t.equal(hand.test.vault.refusal?.code, 'no-space')
  log.flush = flush
  hand.test.vault.flushLog()
  t.strictSame([await hand.text('a'), await hand.text('b'), await hand.text('c')], ['old a', 'old b', 'new'])
  await hand.restore('', 'first')
  t.equal(await hand.text('c'), 'old c', 'and goes on when there is room')
  await hand.test.remove()
})

t.test('kinds that changed are in the way unless everything is to be exact', async (t) => {
  const hand = await Hand.open()
  await hand.mkdir('d')
  await hand.mkdir('d/folder')
  await hand.write('d/folder/f', 'f')
  await hand.write('d/file', 'file')
  await hand.snapshot('first')
  const before = await hand.picture('d')
  await hand.remove('d/folder')
  await hand.write('d/folder', 'now a file')
  await hand.remove('d/file')
  await hand.mkdir('d/file')
  await hand.write('d/file/x', 'in a folder')
  await t.rejects(hand.restore('d', 'first', { preview: true }), { code: /is-a-directory|not-a-directory/ })
  await t.rejects(hand.restore('d/file', 'first'), { code: 'is-a-directory' })
  await t.rejects(hand.restore('d/folder', 'first'), { code: 'not-a-directory' })
  await t.rejects(hand.restore('d/folder/f', 'first'), { code: 'not-a-directory' })
  t.strictSame(await hand.kinds('d', 'first', { exact: true }), ['create d/file', 'create d/folder', 'create d/folder/f', 'remove d/file', 'remove d/file/x', 'remove d/folder'])
  t.strictSame(await hand.picture('d'), before)
  await hand.test.remove()
})

t.test('links are what they were, also where files that were apart are one now', async (t) => {
  const hand = await Hand.open()
  for (const name of ['a', 'b']) await hand.write(name, 'same')
  await hand.write('c', 'other')
  await hand.link('c', 'd')
  await hand.snapshot('first')
  await hand.remove('b')
  await hand.link('a', 'b')
  await hand.remove('d')
  await hand.write('d', 'other')
  await hand.restore('', 'first', { exact: true })
  t.not(hand.ino('a'), hand.ino('b'), 'two files')
  t.equal(hand.ino('c'), hand.ino('d'), 'one file')
  for (const [name, links] of [['a', 1], ['b', 1], ['c', 2]] as const) t.equal(hand.at(name)?.nlink, links, name)
  for (const name of ['a', 'b']) t.equal(await hand.text(name), 'same')
  for (const name of ['c', 'd']) t.equal(await hand.text(name), 'other')
  t.equal(hand.at('')?.nlink, 2)
  t.equal(hand.at('')?.children, 4)
  await hand.test.remove()
})

t.test('a vault that takes no changes restores nothing, but says what it would', async (t) => {
  const hand = await Hand.open()
  await hand.write('f', 'one')
  await hand.snapshot('first')
  await hand.write('f', 'two')
  await hand.snapshot('second')
  await hand.test.leave()
  const closed = new Hand(await TestVault.open({ store: hand.test.store, clock: hand.test.clock, readOnly: true }))
  await t.rejects(closed.restore('f', 'first'), { code: 'read-only' })
  t.strictSame(await closed.kinds('f', 'first', { preview: true }), ['replace f'])
  await closed.test.remove()
})
