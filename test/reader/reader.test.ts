// The second reader against a real vault: what it restores is what was there, at every moment; what it is given damaged
// it names, and hands out nothing of it.
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { takeSnapshot, forget } from '../../lib/vault-history.js'
import { tellState } from '../../lib/vault-state.js'
import { KeyedHasher } from '../../native-deps/blake3.js'
import { hex } from '../../lib/terms/bytes.js'
import { mountTestVault, passphrase, type MountedTestVault } from '../mount/mounted-vault.js'
import { python, whyNoMounts } from '../native-deps/fuse-fixture.js'
import { vectorsFolder, type Vector } from '../vectors/vector.js'
import { parsedLines, runPython, whyNoReader, type Answer, type ListedEntry, type ListedMoment } from './second-reader.js'

t.setTimeout(300_000)
const isRoot = process.geteuid?.() === 0
const keepAll = { withinSec: 10 * 365 * 24 * 3600, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 0 }
const keepNone = { ...keepAll, withinSec: 0 }

/** Of everything, the top too: path, mode, owner, time, links, size, target, hash of the content. */
const fingerprint = `
import hashlib, stat
root = os.fsencode(a[0]); out = []
def look(path):
    s = os.lstat(path); kind = stat.S_IFMT(s.st_mode)
    line = [os.path.relpath(path, root), s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns]
    if kind != stat.S_IFDIR: line += [s.st_nlink, s.st_size, s.st_rdev]
    if kind == stat.S_IFLNK: line.append(os.readlink(path))
    if kind == stat.S_IFREG: line.append(hashlib.sha256(open(path, "rb").read()).hexdigest())
    out.append(repr(line))
look(root)
for at, folders, files in os.walk(root):
    for name in folders + files: look(os.path.join(at, name))
print("\\n".join(sorted(out)))`
const attributes = `
root = os.fsencode(a[0]); out = []
for at, folders, files in os.walk(root):
    for name in folders + files:
        path = os.path.join(at, name)
        for key in os.listxattr(path, follow_symlinks=False):
            out.append(repr([os.path.relpath(path, root), os.fsencode(key), os.getxattr(path, key, follow_symlinks=False).hex()]))
print("\\n".join(sorted(out)))`
const odd = `
d = os.fsencode(a[0]) + b"/odd"; os.mkdir(d)
for name in [b"caf\\xe9", "日本".encode(), b"new\\nline", b" ", b"-rf", b"\\xff\\xfe", b"n" * 255, b"back\\\\slash"]:
    open(d + b"/" + name, "wb").write(name[::-1])
os.symlink(b"caf\\xe9/\\xff", d + b"/link")
os.setxattr(d + b"/ ", "user.note", b"\\0bytes\\xff"); os.setxattr(d, "user.of a folder", b"x" * 3000)
f = os.open(a[0] + "/islands", os.O_CREAT | os.O_RDWR)
for n in range(700): os.pwrite(f, b"%d" % n, n * 16384)
os.close(f)`
const steps = [
  `mkdir -p a/b/c d; echo one > a/one; : > empty; head -c 3000000 /dev/urandom > a/b/large; seq 1 300000 > a/b/text; echo deep > a/b/c/deep; ln -s ../one a/b/arrow; mkfifo d/pipe;
   truncate -s 20M hole; printf x | dd of=hole bs=1 seek=7000000 conv=notrunc status=none; chmod 4751 a/one; chmod 1777 d; setfacl -m u:1234:r a/one; touch -d 1969-07-20T20:17:40.123456789Z d/pipe`,
  `echo two >> a/one; ln a/one d/second; ln a/one a/b/third; printf patch | dd of=a/b/large bs=1 seek=1000000 conv=notrunc status=none; chmod 700 a/b; truncate -s 100 a/b/text; truncate -s 5M a/b/c/deep`,
  `mv a/b d/moved; rm a/one; echo new > a/one; rm -r odd; touch -d 2001-01-01 d/moved; ln -sfn elsewhere d/moved/arrow; mv d/moved/large empty`,
]

t.test('vectors: the same verdicts, the same hashes', { skip: whyNoReader }, async (t) => {
  const { status, stdout, stderr } = await runPython('vectors.py', vectorsFolder())
  t.equal(status, 0, stderr)
  const lines = parsedLines<{ readonly name: string; readonly outcome: string } | { readonly length: number; readonly hash: string }>(stdout)
  const hasher = new KeyedHasher(Buffer.from('whats the Elvish word for friend'))
  let vectors = 0
  for (const line of lines) {
    if ('hash' in line) {
      t.equal(line.hash, hex(hasher.digest(Uint8Array.from({ length: line.length }, (_, at) => at % 251))), `BLAKE3 of ${line.length} bytes`)
    } else if (line.name.startsWith('blake3')) t.equal(line.outcome, 'ok', line.name)
    else {
      vectors++
      t.equal(line.outcome, (JSON.parse(readFileSync(join(vectorsFolder(), `${line.name}.json`), 'utf8')) as Vector).expect, line.name)
    }
  }
  t.equal(vectors, readdirSync(vectorsFolder()).filter((name) => name.endsWith('.json')).length)
})

t.test('a vault', { skip: whyNoMounts || whyNoReader }, async (t) => {
  const vault = await mountTestVault(t)
  const scratch = mkdtempSync(join(tmpdir(), 'vaultfs-reader-'))
  t.teardown(() => { rmSync(scratch, { recursive: true, force: true }) })
  const reader = readerOf(scratch, vault)
  const states = await makeStates(vault)
  const { history } = vault.mounted.vault.parts

  await t.test('a copy of it in use: every state, and what the product says of them', async (t) => {
    cpSync(vault.store, join(scratch, 'in-use'), { recursive: true })
    const moments = parsedLines<ListedMoment>((await reader.sound(t, 'versions', 'in-use', '--json')).stdout)
    const known = [...await history.retained(keepAll)].reverse()
    t.same(moments.map(({ position, sec, nsec, sequence, names }) => ({ position, sec, nsec, sequence, names })),
      known.map(({ position, sec, nsec, sequence, names }) => ({ position, sec, nsec, sequence, names })))
    for (const [at, { moment, was, xattrs }] of states.entries()) {
      await reader.sound(t, 'restore', 'in-use', `out-${at}`, '--at', moment)
      t.equal(await python(fingerprint, join(scratch, `out-${at}`)), was, `state ${at}`)
      const listed = parsedLines<ListedEntry>((await reader.sound(t, 'list', 'in-use', '--json', '--at', moment)).stdout)
      t.equal(xattrsOf(listed), xattrs, `xattrs of state ${at}`)
    }
  })

  await forget(vault.mounted.vault, keepNone, [])
  await vault.leave()
  const before = bytesOf(vault.store)

  await t.test('by the words; what is named stays, the rest was let go of', async (t) => {
    const moments = parsedLines<ListedMoment>((await reader.sound(t, 'versions', vault.store, '--json', '--kit')).stdout)
    t.same(moments.map(({ names }) => names), [['before'], []])
    await reader.sound(t, 'restore', vault.store, 'named', '--at', 'before', '--kit')
    t.equal(await python(fingerprint, join(scratch, 'named')), states[0]?.was)
    const folder = await reader.sound(t, 'restore', vault.store, 'one-folder', 'a/b/c', '--at', 'before')
    t.equal(folder.stderr, '')
    t.same(readdirSync(join(scratch, 'one-folder')), ['deep'])
    t.equal((await reader.run('list', vault.store, '--at', '2')).status, 2, 'a moment that was let go of')
    t.equal((await reader.run('list', vault.store, 'no/such/path')).status, 2)
  })

  await t.test('other secrets', async (t) => {
    writeFileSync(join(scratch, 'pw'), 'another\n')
    t.equal((await reader.run('versions', vault.store)).status, 3)
    writeFileSync(join(scratch, 'pw'), `${passphrase}\n`)
  })

  await t.test('damage is named, and nothing of it is handed out', (t) => damage(t, { vault, scratch, reader }))
  t.equal(bytesOf(vault.store), before, 'the store is as it was')
  t.same(vault.logged, [])
})

interface State {
  /** Its name in `.versions`. */
  readonly moment: string
  readonly was: string
  readonly xattrs: string
}

async function makeStates(vault: MountedTestVault): Promise<State[]> {
  const { folder, run, publish, mounted } = vault
  const states: State[] = []
  for (const [at, step] of steps.entries()) {
    await run(step)
    if (at === 0) await python(odd, folder)
    if (at === 1 && isRoot) await run('mknod d/device c 300 70000; chown -h 1234:4321 d/device a/b/arrow')
    const was = await python(fingerprint, folder)
    const xattrs = await python(attributes, folder)
    states.push({ moment: await publish(), was, xattrs })
    if (at === 0) await takeSnapshot(mounted.vault, 'before')
    // With roots of states among the entries, the reader has something to compare what it folds with.
    await tellState(mounted.vault)
  }
  return states
}

interface ReaderRuns {
  run(command: string, store: string, ...args: readonly string[]): Promise<Answer>
  /** One that must end well. */
  sound(t: Test, command: string, store: string, ...args: readonly string[]): Promise<Answer>
}

/** Folders are in `scratch`; `--kit` opens with the words. */
function readerOf(scratch: string, { kit }: MountedTestVault): ReaderRuns {
  writeFileSync(join(scratch, 'pw'), `${passphrase}\n`)
  writeFileSync(join(scratch, 'kit'), `${kit}\n`)
  const run = (command: string, store: string, ...args: readonly string[]): Promise<Answer> => {
    const secret = args.includes('--kit') ? ['--kit-file', join(scratch, 'kit')] : ['--passphrase-file', join(scratch, 'pw')]
    const [out, ...rest] = args.filter((arg) => arg !== '--kit')
    const target = out === undefined ? [] : [command === 'restore' ? join(scratch, out) : out]
    return runPython('vaultfs_reader.py', command, join('/', store.startsWith('/') ? store : join(scratch, store)), ...target, ...rest, ...secret)
  }
  const sound = async (t: Test, command: string, store: string, ...args: readonly string[]): Promise<Answer> => {
    const answer = await run(command, store, ...args)
    t.equal(answer.status, 0, `${command} ${args.join(' ')}: ${answer.stderr}`)
    return answer
  }
  return { run, sound }
}

interface Damaging {
  readonly vault: MountedTestVault
  readonly scratch: string
  readonly reader: ReaderRuns
}

async function damage(t: Test, { vault: { store }, scratch, reader }: Damaging): Promise<void> {
  const copy = (name: string): string => {
    const target = join(scratch, name)
    cpSync(store, target, { recursive: true })
    return target
  }
  const flip = (path: string, at: number): void => {
    const bytes = readFileSync(path)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(path, bytes)
  }
  const blob = copy('blob')
  const [segment] = readdirSync(join(blob, 'cache/segments'))
  // The largest blob there is holds the beginning of what was `large`.
  const blobs = join(blob, 'cache/segments', segment ?? '')
  const largest = framesOf(readFileSync(blobs)).sort((a, b) => b.length - a.length)[0]
  flip(blobs, (largest?.at ?? 0) + 1000)
  const hurt = await reader.run('restore', blob, 'hurt', '--at', 'before')
  t.equal(hurt.status, 1)
  t.match(hurt.stderr, `damaged: a/b/large: blob ${largest?.id ?? ''}: its bytes have another SHA-256`)
  const lines = async (folder: string): Promise<string[]> => (await python(fingerprint, join(scratch, folder))).split('\n')
  t.same(await lines('hurt'), (await lines('named')).filter((line) => !line.startsWith("[b'a/b/large'")), 'only that file is missing')

  const chain = copy('chain')
  const [name] = readdirSync(join(chain, 'manifest')).filter((each) => each.endsWith('.chain'))
  const path = join(chain, 'manifest', name ?? '')
  flip(path, 300)
  const broken = await reader.run('versions', chain)
  t.equal(broken.status, 1)
  t.match(broken.stderr, new RegExp(`damaged: manifest ${(name ?? '').slice(0, 32)}, entry 1:`))
  cpSync(join(store, 'manifest', name ?? ''), path)
  writeFileSync(path, readFileSync(path).subarray(0, -716))
  const cut = await reader.run('versions', chain)
  t.equal(cut.status, 1)
  t.match(cut.stderr, 'its mark tells of an entry')

  const header = copy('header')
  flip(join(header, 'header'), 200)
  const one = await reader.run('versions', header)
  t.equal(one.status, 1)
  t.match(one.stderr, 'damaged: header: header: its checksum is wrong')
  t.match(one.stdout, 'before')
  flip(join(header, 'header.backup'), 200)
  t.match(await reader.run('versions', header), { status: 1, stdout: '' })
}

interface Frame {
  readonly at: number
  readonly length: number
  readonly id: string
}

/** CACHE §1. */
function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at + 40 <= bytes.byteLength;) {
    const length = bytes.readUInt32BE(at + 4)
    frames.push({ at: at + 40, length, id: bytes.toString('hex', at + 8, at + 40) })
    at += 40 + length
  }
  return frames
}

function xattrsOf(entries: readonly ListedEntry[]): string {
  const bytes = (text: string): string => `b${pythonQuoted(Buffer.from(text, 'latin1'))}`
  return `${entries.filter(({ path }) => path !== '').flatMap(({ path, xattrs }) => Object.entries(xattrs).filter(([name]) => name.includes('.'))
    .map(([name, value]) => `[${bytes(path)}, ${bytes(name)}, '${value}']`)).sort().join('\n')}\n`
}

/** As Python's repr shows bytes; for names that hold no quotes. */
function pythonQuoted(bytes: Buffer): string {
  const escapes = new Map([[0x5c, '\\\\'], [0x0a, '\\n']])
  const shown = [...bytes].map((byte) => escapes.get(byte) ?? (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`))
  return `'${shown.join('')}'`
}

/** All files, and what is in them. */
function bytesOf(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map(({ parentPath, name }) => `${name} ${createHash('sha256').update(readFileSync(join(parentPath, name))).digest('hex')}`).sort().join('\n')
}
