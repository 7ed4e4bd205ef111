// `npm run keep:vault -- FOLDER [devices]`: makes a vault to be kept for ever, by this version, with a bit of everything in
// it and something unpublished, as a kill -9 leaves it; and writes down what was there. It makes none anew: FOLDER must not
// exist. `devices`: a second device went on where the first one ended.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHeaders, replaceHeaders } from '../../lib/crypto/header-store.js'
import { kitWords } from '../../lib/crypto/recovery-kit.js'
import { changePassphrase } from '../../lib/crypto/vault-changes.js'
import { createVault } from '../../lib/crypto/vault-keys.js'
import { exactName } from '../../lib/terms/moment-name.js'
import { forget, takeSnapshot } from '../../lib/vault-history.js'
import { tellState } from '../../lib/vault-state.js'
import { systemClock, systemEntropy } from '../../bin/system-sources.js'
import { python, run } from '../native-deps/fuse-fixture.js'
import type { ListedEntry } from '../reader/second-reader.js'
import { bringToSecondDevice } from './second-device.js'
import { mountStore, treeOf, type Expected, type KeptMount, type KeptState } from './kept-vault.js'

const passphrase = 'a vault that is kept: Käse, 日本'
const bytesMax = 1024 * 1024

const entries = `
d = os.fsencode(a[0])
def put(name, data):
    with open(d + b"/" + name, "wb") as file: file.write(data)
os.makedirs(d + b"/docs/deep/er/still"); os.mkdir(d + b"/odd"); os.mkdir(d + b"/special")
put(b"docs/long", b"".join(b"line %d of a long text\\n" % (n // 200) for n in range(150000)))
put(b"docs/noise", os.urandom(70000)); put(b"docs/bucket", os.urandom(5000)); put(b"docs/inline", b"a few bytes\\n"); put(b"empty", b"")
put(b"docs/deep/er/still/leaf", b"deep\\n" * 3000)
f = os.open(d + b"/islands", os.O_CREAT | os.O_RDWR)
for n in range(700): os.pwrite(f, b"island", n * 16384)
os.ftruncate(f, 20000000); os.close(f)
for name in [b"caf\\xe9", "日本".encode(), b"new\\nline", b" ", b"-rf", b"\\xff\\xfe", b"n" * 255, b"back\\\\slash", b"quote'\\""]:
    put(b"odd/" + name, name[::-1])
os.symlink(b"../docs/\\xff", d + b"/odd/link"); os.symlink(b"t" * 4000, d + b"/odd/far")
os.link(d + b"/docs/inline", d + b"/odd/hard"); os.link(d + b"/docs/inline", d + b"/docs/deep/hard")
os.mkfifo(d + b"/special/pipe"); os.mknod(d + b"/special/socket", 0o140600)
os.mknod(d + b"/special/characters", 0o020644, os.makedev(300, 70000)); os.mknod(d + b"/special/blocks", 0o060640, os.makedev(8, 1))
os.setxattr(d + b"/docs/noise", "user.note", b"\\0bytes\\xff"); os.setxattr(d + b"/odd", "user.of a folder", b"x" * 3000)
os.chown(d + b"/docs/bucket", 1234, 4321); os.chown(d + b"/odd/link", 1234, 4321, follow_symlinks=False)
os.chmod(d + b"/docs/bucket", 0o6751); os.chmod(d + b"/special", 0o1777); os.chmod(d + b"/empty", 0)
os.utime(d + b"/docs/noise", ns=(0, -14182940876543210)); os.utime(d + b"/empty", ns=(10413792000123456789, 10413792000123456789))`

/** What is done before each state. The second is let go of; the third loses its name. */
const steps: readonly { readonly script: string; readonly name?: string; readonly then?: 'state' }[] = [
  { script: 'setfacl -m u:1234:r,g:4321:rw docs/inline; setfacl -d -m u:1234:rwx docs; chattr +d docs/long; mkdir docs/heir; echo after > docs/heir/file', name: 'the first, näher' },
  { script: 'printf patch | dd of=docs/long bs=1 seek=1000000 conv=notrunc status=none; echo fleeting > fleeting' },
  { script: 'rm fleeting; mv docs/deep/er moved; mv -T moved odd/er; head -c 4000 docs/noise > docs/inline; rm odd/hard; truncate -s 50000 docs/noise; mkdir gone; echo x > gone/x', name: 'dropped later', then: 'state' },
  { script: 'rm -r gone special/pipe; mv docs/bucket empty; echo again > docs/bucket; ln -sfn elsewhere odd/link; setfattr -x user.note docs/noise; touch -d 2001-02-03 docs; truncate -s 9000000 docs/long', then: 'state' },
]
/** The last of it is one close of several dirty stretches: records that hold together. */
const unpublished = 'echo "not published" > only-in-the-log; cat docs/deep/hard >> docs/long; mv odd/er docs/er; rm docs/heir/file; chmod 600 docs/noise; mkdir late; ln only-in-the-log late/link; setfattr -n user.late -v yes late; python3 -c "import os; f = os.open(\\"docs/scattered\\", os.O_CREAT | os.O_RDWR); [os.pwrite(f, b\\"piece \\" * 700, n * 20000) for n in (3, 0, 5, 1)]; os.pwrite(f, b\\"over\\", 61000); os.close(f)"'

/** What the second device does before each of its states. */
const secondSteps: typeof steps = [
  { script: 'truncate -s 300 docs/bucket; chmod 640 docs/noise; echo second > by-the-second; mv odd/er docs/er; printf over | dd of=docs/long bs=1 seek=2000000 conv=notrunc status=none; truncate -s 100 docs/heir/file', name: 'another machine' },
  { script: 'rm by-the-second; ln docs/long twin; setfattr -n user.by -v second docs/noise; truncate -s 9500000 docs/long; mv docs/er special/er', then: 'state' },
]

const unpublishedSecond = unpublished.replace('mv odd/er docs/er; ', '')

async function generate(target: string, { devices }: { readonly devices: boolean }): Promise<void> {
  mkdirSync(target)
  const work = mkdtempSync(join(tmpdir(), 'vaultfs-generate-'))
  const [store, second, copy] = [join(work, 'store'), join(work, 'second'), join(work, 'copy')]
  for (const folder of [store, second]) mkdirSync(folder, { mode: 0o700 })
  try {
    const words = await makeKeys(store)
    const states = await whileMounted(store, makeStates)
    if (devices) {
      await bringToSecondDevice(store, words, second)
      states.push(...await whileMounted(second, makeMoreStates))
    }
    const last = devices ? second : store
    // The second time it is mounted the log begins anew, and small.
    const afterCrash = await whileMounted(last, (kept) => crash(kept, last, copy, devices ? unpublishedSecond : unpublished))
    write(target, copy, { passphrase, words, states, afterCrash })
  } finally {
    rmSync(work, { recursive: true })
  }
}

async function whileMounted<Result>(store: string, work: (kept: KeptMount) => Promise<Result>): Promise<Result> {
  const kept = await mountStore(store, { kind: 'passphrase', passphrase: Buffer.from(passphrase) })
  try {
    return await work(kept)
  } finally {
    await kept.leave()
    if (kept.logged.length > 0) throw new Error(kept.logged.join('\n'))
  }
}

/** A copy of the store as a kill -9 leaves it; answers what was there then. */
async function crash(kept: KeptMount, store: string, copy: string, script: string): Promise<readonly ListedEntry[]> {
  const { vault } = kept.mounted
  await kept.mounted.sync(() => undefined)
  await shell(kept, script)
  await vault.contents.spillAll()
  await vault.syncLog()
  execFileSync('cp', ['-r', '--preserve=mode', '--sparse=always', store, copy])
  // It was not published meanwhile, and so is in the log alone.
  if (kept.mounted.report().unpublished.entries === 0) throw new Error('everything was published already: try again')
  return treeOf(kept.folder)
}

/** Answers the words. The passphrase is the second one: the header was rewritten once. */
async function makeKeys(store: string): Promise<string> {
  const cost = { memoryBytes: 64 * 1024 * 1024, passes: 1 }
  const nowSec = systemClock.now().sec
  const created = await createVault({ passphrase: Buffer.from('the first one'), cost, entropy: systemEntropy, nowSec, deviceName: 'kept' })
  await createHeaders(store, created.headerBytes)
  writeFileSync(join(store, 'device'), created.deviceFile, { mode: 0o600 })
  await replaceHeaders(store, await changePassphrase(created, Buffer.from(passphrase), { entropy: systemEntropy, nowSec, cost }), created.page)
  const words = kitWords(created.kit).join(' ')
  created.page.wipe()
  return words
}

function shell({ folder }: KeptMount, script: string): Promise<string> {
  return run('bash', ['-euc', `cd "$0"; ${script}`, folder])
}

async function makeStates(kept: KeptMount): Promise<KeptState[]> {
  const { vault } = kept.mounted
  const states: KeptState[] = []
  // What follows may be published by the real clock, and is not to seem older.
  kept.clock.advance(-2 * 3600)
  await python(entries, kept.folder)
  for (const [at, { script, name, then }] of steps.entries()) {
    await shell(kept, script)
    const was = await treeOf(kept.folder)
    await vault.publishAll()
    if (name !== undefined) await takeSnapshot(vault, name)
    const newest = await vault.parts.history.newest()
    if (at !== 1) states.push({ moment: exactName(newest?.sec ?? 0), name: at === 2 || name === undefined ? null : name, entries: was })
    kept.clock.advance(600)
    if (then === 'state') await tellState(vault)
    // Keeps what is named and the newest.
    if (at === 2) await forget(vault, { withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, offsetMin: 60 }, [])
    kept.clock.advance(600)
  }
  await forget(vault, { withinSec: 3600, hourly: 24, daily: 30, weekly: 8, monthly: 12, offsetMin: 60 }, ['dropped later'])
  return states
}

/** Nothing is let go of; the clock has gone on. */
async function makeMoreStates(kept: KeptMount): Promise<KeptState[]> {
  const { vault } = kept.mounted
  const states: KeptState[] = []
  // Behind those of the first device, before what the real clock publishes.
  kept.clock.advance(-30 * 60)
  for (const { script, name, then } of secondSteps) {
    kept.clock.advance(300)
    await shell(kept, script)
    const was = await treeOf(kept.folder)
    await vault.publishAll()
    if (name !== undefined) await takeSnapshot(vault, name)
    const newest = await vault.parts.history.newest()
    states.push({ moment: exactName(newest?.sec ?? 0), name: name ?? null, entries: was })
    kept.clock.advance(300)
    if (then === 'state') await tellState(vault)
  }
  return states
}

function write(target: string, store: string, expected: Expected): void {
  // What is set aside to become log, and what readers of a database share while it is open, is not part of it.
  execFileSync('tar', ['-C', store, '--sparse', '--exclude=*-shm', '--exclude=spare-*', '--sort=name', '--owner=0', '--group=0', '--numeric-owner', '-czf', join(target, 'store.tar.gz'), '.'])
  const list = (entries: readonly ListedEntry[]): string => `[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`
  const states = expected.states.map(({ moment, name, entries }) => `{"moment": ${JSON.stringify(moment)}, "name": ${JSON.stringify(name)}, "entries": ${list(entries)}}`)
  writeFileSync(join(target, 'expected.json'), `{
"passphrase": ${JSON.stringify(expected.passphrase)},
"words": ${JSON.stringify(expected.words)},
"states": [${states.join(',\n')}],
"afterCrash": ${list(expected.afterCrash)}
}
`)
  const bytes = readdirSync(target).reduce((sum, name) => sum + statSync(join(target, name)).size, 0)
  if (bytes > bytesMax) throw new Error(`${bytes} bytes are too many to keep`)
  console.log(`${target}: ${bytes} bytes, ${expected.states.length} states`)
}

const [target, what] = process.argv.slice(2)
if (target === undefined) throw new Error('say where: a folder that is not there yet')
if (what !== undefined && what !== 'devices') throw new Error(`${what}: only 'devices' can be asked for`)
if (process.geteuid?.() !== 0) throw new Error('only root can make devices and files of others')
await generate(target, { devices: what === 'devices' })
