// Prompts in a real terminal: what is typed is never shown, Ctrl-C gives the terminal back, the kit is asked back.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { isRecord } from '../../lib/control/messages.js'
import { projectRoot } from '../tidy/source.js'

// Real derivations of keys, real mounts: slow on a busy machine, never stuck.
t.setTimeout(600_000)

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-prompt-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})
const script = join(projectRoot(import.meta.dirname), 'test/cli/terminal.py')
const program = join(import.meta.dirname, '../../bin/vaultfs.js')
const cheap = ['--kdf-memory-mib', '64', '--kdf-passes', '1']
// No word of it is in the list that kits are made of: those are shown.
const secret = 'ungeheuer-ü-parole'

interface Session {
  readonly shown: string
  readonly status: number
  readonly echo: boolean
  /** Prompts that never came. */
  readonly left: number
}

function atTerminal(words: readonly string[], answers: readonly (readonly [string, string])[]): Session {
  const { stdout, stderr } = spawnSync('env', ['-u', 'NODE_OPTIONS', 'python3', script, JSON.stringify(answers), process.execPath, program, ...words], {
    encoding: 'utf8', cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, TERM: 'xterm' },
  })
  const value: unknown = JSON.parse(stdout === '' ? '{}' : stdout)
  if (!isRecord(value) || typeof value['shown'] !== 'string') throw new Error(stderr)
  return { shown: value['shown'], status: Number(value['status']), echo: value['echo'] === true, left: Number(value['left']) }
}

if (spawnSync('python3', ['-c', 'import pty']).status !== 0) {
  t.comment('skipped: no python3')
  t.end()
} else {
  const store = join(folder, 'store')

  t.test('a new vault: passphrase twice, kit shown and asked back', async (t) => {
    const session = atTerminal(['init', '--store', store, ...cheap], [
      ['passphrase for the new vault: ', `${secret}\r`], ['same again: ', `${secret}\r`], ['off the screen: ', '\r'],
      ['Word (\\d+) of the kit: ', 'wrong\r'], ['Word (\\d+) of the kit: ', '{word}\r'], ['Word (\\d+) of the kit: ', '{word}\r'],
    ])
    t.equal(session.status, 0, 'made')
    t.equal(session.left, 0)
    t.notMatch(session.shown, 'ungeheuer', 'never shown')
    t.notMatch(session.shown, /\*\*/, 'its length neither')
    t.match(session.shown, /not it; look at the paper/)
    t.match(session.shown, 'made a vault')
    t.equal(spawnSync(process.execPath, [program, 'recovery', 'check', '--store', store], { stdio: 'ignore' }).status, 2, 'without a terminal an option is needed')
  })

  t.test('the passphrase opens it, typed with mistakes', async (t) => {
    const mistyped = `xx\u0015${secret.slice(0, -1)}öx\u007f\u007f${secret.slice(-1)}\r`
    const session = atTerminal(['recovery', 'show', '--store', store], [['Passphrase of store: ', mistyped]])
    t.equal(session.status, 10, 'it opened, and the kit is confirmed')
    t.match(session.shown, /confirmed/)
    t.notMatch(session.shown, 'ungeheuer')
    t.equal(session.echo, true)
  })

  t.test('Ctrl-C gives the terminal back, and nothing is made', async (t) => {
    const other = join(folder, 'other')
    for (const answers of [[['new vault: ', 'half\u0003']], [['new vault: ', `${secret}\r`], ['again: ', '\u0003']]] as [string, string][][]) {
      const session = atTerminal(['init', '--store', other, ...cheap], answers)
      t.equal(session.status, 52)
      t.equal(session.echo, true)
      t.match(session.shown, /cancelled/)
      t.notOk(existsSync(other))
    }
    const differing = atTerminal(['init', '--store', other, ...cheap], [['new vault: ', `${secret}\r`], ['again: ', 'another\r']])
    t.equal(differing.status, 2)
    t.match(differing.shown, /differ/)
    t.notOk(existsSync(other))
  })

  t.test('a kit that does not come back leaves a vault that says so', async (t) => {
    const later = join(folder, 'later')
    const session = atTerminal(['init', '--store', later, ...cheap], [
      ['new vault: ', `${secret}\r`], ['again: ', `${secret}\r`], ['screen: ', '\r'], ['Word', 'x\r'], ['Word', 'x\r'], ['Word', 'x\r'],
    ])
    t.equal(session.status, 52)
    t.match(session.shown, /recovery show/)
    const shown = atTerminal(['recovery', 'show', '--store', later], [['Passphrase of later: ', `${secret}\r`], ['screen: ', '\r'], ['Word (\\d+) of', '{word}\r'], ['Word (\\d+) of', '{word}\r']])
    t.equal(shown.status, 0, 'shown again, and confirmed')
  })

  t.test('restore shows what it would do, and does it when told to', { skip: existsSync('/dev/fuse') ? false : 'no /dev/fuse' }, async (t) => {
    const [past, mountPoint, passphrase] = [join(folder, 'past'), join(folder, 'Past'), join(folder, 'passphrase')]
    writeFileSync(passphrase, secret)
    const run = (...words: readonly string[]) => spawnSync(process.execPath, [program, ...words], { stdio: 'ignore', env: { PATH: process.env['PATH'], HOME: folder } }).status
    t.equal(run('mount', mountPoint, '--store', past, '--passphrase-file', passphrase, '--create', '--recovery', 'later', '--guard', 'none', ...cheap), 0)
    try {
      const note = join(mountPoint, 'note')
      writeFileSync(note, 'one')
      t.equal(run('snapshot', 'first', '--mountpoint', mountPoint), 0)
      writeFileSync(note, 'two, and more')
      const refused = atTerminal(['restore', `${note}@first`], [['Do that\\? ', 'n\r']])
      t.equal(refused.status, 52)
      t.match(refused.shown, /replace +note +3 B/)
      t.equal(readFileSync(note, 'utf8'), 'two, and more', 'nothing was done')
      t.equal(atTerminal(['restore', `${note}@first`], [['Do that\\? ', '\u0003']]).status, 52)
      const done = atTerminal(['restore', `${note}@first`], [['Do that\\? ', 'y\r']])
      t.equal(done.status, 0)
      t.match(done.shown, /restored note/)
      t.equal(readFileSync(note, 'utf8'), 'one')
    } finally {
      t.equal(run('unmount', mountPoint), 0)
    }
  })

  t.test('destroy asks for the name', async (t) => {
    t.equal(atTerminal(['destroy', '--store', store], [['name to agree: ', 'no\r']]).status, 52)
    t.ok(existsSync(store))
    t.equal(atTerminal(['destroy', '--store', store], [['name to agree: ', 'store\r']]).status, 0)
    t.notOk(existsSync(store))
  })
}
