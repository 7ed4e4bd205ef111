// Passphrases and kits from files and descriptors; prompts are tested in a real terminal by test/cli/prompt.test.ts.
// And the comparison that the tour rests on: it must see every kind of difference.

import { chmodSync, closeSync, cpSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReadStream, WriteStream } from 'node:tty'
import t from 'tap'
import { damageStore } from '../../bin/damage.js'
import { compareFolders } from '../../bin/folder-comparison.js'
import { readNewPassphrase, readUnlock } from '../../bin/secrets.js'
import { Terminal } from '../../bin/terminal.js'

const home = mkdtempSync(join(tmpdir(), 'vaultfs-secrets-'))
t.teardown(() => {
  rmSync(home, { recursive: true })
})
// Streams that are no terminal: nothing is ever asked.
const none = new Terminal(Object.assign(Object.create(ReadStream.prototype), { isTTY: false }), Object.assign(Object.create(WriteStream.prototype), { isTTY: false }))
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(home, name), content)
  return join(home, name)
}
const passphraseOf = async (path: string): Promise<string> => {
  const unlock = await readUnlock({ passphraseFile: path }, none, '')
  return unlock.kind === 'passphrase' ? Buffer.from(unlock.passphrase).toString() : ''
}

t.test('passphrases', async (t) => {
  t.equal(await passphraseOf(file('a', 'horse battery\n')), 'horse battery', 'one newline is the editor\'s')
  t.equal(await passphraseOf(file('b', 'horse battery\n\n')), 'horse battery\n', 'a second is the user\'s')
  t.equal(await passphraseOf(file('c', ' ü \r\n')), ' ü \r')
  await t.rejects(passphraseOf(file('d', '\n')), { code: 'usage' }, 'empty')
  await t.rejects(passphraseOf(file('e', 'x'.repeat(5000))), { code: 'too-large' })
  await t.rejects(passphraseOf(join(home, 'none')), { code: 'not-found' })
  await t.rejects(passphraseOf(home), { code: 'is-a-directory' })
  const fd = openSync(file('f', 'by descriptor\n'), 'r')
  const unlock = await readUnlock({ passphraseFd: fd }, none, '')
  t.equal(unlock.kind === 'passphrase' && Buffer.from(unlock.passphrase).toString(), 'by descriptor')
  closeSync(fd)
  await t.rejects(readUnlock({ passphraseFd: 250 }, none, ''), { code: 'io', subject: 'descriptor 250' })
  await t.rejects(readUnlock({}, none, ''), { code: 'usage', next: /--passphrase-file/ }, 'no terminal: the option is named')
  await t.rejects(readNewPassphrase({}, none, '', '--new-passphrase-file FILE'), { code: 'usage', next: /--new-passphrase-file/ })
})

t.test('recovery kits', async (t) => {
  const words = Array.from({ length: 24 }, (_, at) => ['abandon', 'zoo', 'legal'][at % 3] ?? '')
  const wordsOf = async (text: string): Promise<string> => {
    const unlock = await readUnlock({ recoveryFile: file('kit', text) }, none, '')
    return unlock.kind === 'recovery' ? unlock.words : ''
  }
  t.equal(await wordsOf(words.join(' ') + '\n'), words.join(' '))
  t.equal(await wordsOf(words.join('\n')), words.join(' '))
  t.equal(await wordsOf(`The kit of the vault\n${words.map((word, at) => `${at + 1}. ${word}`).reverse().join('   ')}\n`), words.join(' '), 'as it was printed')
})

t.test('a comparison sees every difference', async (t) => {
  const original = join(home, 'original')
  mkdirSync(join(original, 'folder'), { recursive: true })
  writeFileSync(join(original, 'folder/file'), Buffer.alloc(3 * 1024 * 1024, 'content'))
  writeFileSync(join(original, 'mode'), '')
  symlinkSync('folder', join(original, 'link'))
  const changed = (name: string, change: (copy: string) => void): readonly string[] => {
    const copy = join(home, name)
    cpSync(original, copy, { recursive: true, verbatimSymlinks: true })
    change(copy)
    return compareFolders(original, copy).differences
  }
  t.strictSame(changed('same', () => undefined), [])
  t.match(changed('byte', (copy) => { damageStore(copy) }), [/folder\/file: differs at byte 16384/])
  t.match(changed('short', (copy) => { truncateSync(join(copy, 'folder/file'), 5) }), [/folder\/file: has 5 bytes/])
  t.match(changed('mode', (copy) => { chmodSync(join(copy, 'mode'), 0o600) }), [/mode: has mode/])
  t.match(changed('missing', (copy) => { rmSync(join(copy, 'mode')) }), [/mode: is missing/])
  t.match(changed('more', (copy) => { writeFileSync(join(copy, 'new'), '') }), [/new: is not in the original/])
  t.match(changed('link', (copy) => { rmSync(join(copy, 'link')); symlinkSync('mode', join(copy, 'link')) }), [/link: links elsewhere/])
  t.match(changed('kind', (copy) => { rmSync(join(copy, 'link')); mkdirSync(join(copy, 'link')) }), [/link: is of another kind/])
  const { files, bytes } = compareFolders(original, original)
  t.strictSame({ files, bytes }, { files: 2, bytes: statSync(join(original, 'folder/file')).size })
})
