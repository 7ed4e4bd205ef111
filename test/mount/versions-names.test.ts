// Names in `.versions`: which state each leads to, for how long, and that no place is two or one place two directories.
import fs from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { forget, takeSnapshot } from '../../lib/vault-history.js'
import { python, until, whyNoMounts } from '../native-deps/fuse-fixture.js'
import { mountTestVault, retention } from './mounted-vault.js'

t.setTimeout(300_000)
const skip = whyNoMounts

t.test('moments, days, words, snapshots: each leads to the newest state at or before it', { skip }, async (t) => {
  const { folder, publish, run, clock, mounted } = await mountTestVault(t)
  const read = (name: string, below = 'f'): Promise<string> => fs.readFile(join(folder, '.versions', name, below), 'utf8').catch((error: NodeJS.ErrnoException) => error.code ?? '')
  await fs.writeFile(join(folder, 'f'), 'one')
  const first = await publish()
  await fs.writeFile(join(folder, 'f'), 'two')
  await fs.mkdir(join(folder, 'later'))
  await fs.writeFile(join(folder, 'later/g'), 'g')
  const { name: mark } = await takeSnapshot(mounted.vault, 'märk 1')
  clock.advance(3 * 24 * 3600)
  await fs.writeFile(join(folder, 'f'), 'three')
  const third = await publish()

  t.equal(await read(first), 'one')
  t.equal(await read(third), 'three')
  t.equal(await read(mark), 'two')
  t.equal(await read('latest'), 'three')
  const [day, dayOfThird] = [first.slice(0, 10), third.slice(0, 10)]
  t.equal(await read(day), 'two', 'the last state of the day')
  t.equal(await read(dayOfThird), 'three')
  t.equal(await read(`@GMT-${first.slice(0, 10).replaceAll('-', '.')}-${first.slice(11, 19).replaceAll('-', '.')}`), 'one')
  t.equal(await read(first.replace(/T(..)-(..)-(..)Z/, 'T$1:$2:$3+00:00')), 'one')
  t.equal(await read('1 day ago'), 'two')
  t.equal(await read('2d'), 'two')
  t.equal(await read('2999-01-01'), 'three')
  for (const name of ['2001-01-01', '10 years ago', '@1000000000', '2024-13-01', 'no snapshot', '.hidden', '2024', 'f', '.versions']) t.equal(await read(name, '.'), 'ENOENT', name)
  t.equal(await read(third, '.versions'), 'ENOENT', 'the past has no past of its own')
  t.equal(await read(first, 'later/g'), 'ENOENT')

  const listed = (await fs.readdir(join(folder, '.versions'))).sort()
  t.same(listed.filter((name) => [first, third, day, dayOfThird, 'latest', 'märk 1'].includes(name)).sort(), [...new Set([first, third, day, dayOfThird, 'latest', 'märk 1'])].sort())
  for (const name of listed) t.equal((await fs.stat(join(folder, '.versions', name))).isDirectory(), true, name)
  // Of a folder that was not there yet, the moments before it are not listed, and can't be entered.
  const later = await fs.readdir(join(folder, 'later/.versions'))
  t.ok(later.includes(third) && later.includes('märk 1') && !later.includes(first))
  t.equal(await run('cat "later/.versions/$1/g"', third), 'g')
  await t.rejects(fs.stat(join(folder, 'later/.versions', first)), { code: 'ENOENT' })
  // The vault publishes by itself as well, and may do so in between: then another folder is made.
  const { history } = mounted.vault.parts
  for (let attempt = 0; ; attempt++) {
    const before = (await history.newest())?.sec
    const fresh = join(folder, `new ${attempt}`)
    await fs.mkdir(fresh)
    const listed = await fs.readdir(join(fresh, '.versions'))
    const latest = await fs.stat(join(fresh, '.versions/latest')).then(() => 'there', (error: NodeJS.ErrnoException) => error.code)
    if ((await history.newest())?.sec !== before && attempt < 10) continue
    t.same({ listed, latest }, { listed: [], latest: 'ENOENT' }, 'of a folder that no state has')
    break
  }
})

t.test('names that move on: latest, days under way, snapshots that come', { skip }, async (t) => {
  const { folder, publish, mounted, clock } = await mountTestVault(t)
  const at = (name: string): string => join(folder, '.versions', name)
  const reads = (name: string, content: string): Promise<void> => until(async () => (await fs.readFile(join(at(name), 'f'), 'utf8')) === content)
  await t.rejects(fs.stat(at('before')), { code: 'ENOENT' })
  await fs.writeFile(join(folder, 'f'), '1')
  await publish()
  for (let step = 2; step < 6; step++) {
    for (const name of ['latest', 'today', '1s', '2999-01-01']) await reads(name, String(step - 1))
    await fs.writeFile(join(folder, 'f'), String(step))
    await publish()
  }
  await fs.writeFile(join(folder, 'f'), 'at last')
  await takeSnapshot(mounted.vault, 'before')
  t.equal(await fs.readFile(join(at('before'), 'f'), 'utf8'), 'at last', 'that it was not there was not remembered')
  await until(async () => (await fs.readdir(at(''))).includes('before'))
  clock.advance(3600)
  t.equal(await fs.readFile(join(at('before'), 'f'), 'utf8'), 'at last')
})

t.test('no directory is in two places; versions of a file are files of their own', { skip }, async (t) => {
  const { folder, publish, run } = await mountTestVault(t)
  await run('mkdir -p a/b/c; echo 1 > a/b/c/f; ln a/b/c/f a/g; echo same > a/b/same')
  const first = await publish()
  await run('echo 22 > a/b/c/f; touch h')
  const second = await publish()
  // The same folder at the same moment: from the root, from itself, and from the folder between; by two names; all held open at once.
  const places = [`.versions/${first}/a/b`, `a/.versions/${first}/b`, `a/b/.versions/${first}`, `.versions/${second}/a/b`, 'a/b/.versions/latest', `a/b/.versions/${second}`, 'a/b']
  const out = await python(`
held = [os.open(a[0] + "/" + p, os.O_RDONLY) for p in a[1:]]
print(len({os.fstat(d).st_ino for d in held}), len(held))
for d in held + held: os.fchdir(d); print(os.getcwd()[len(a[0]) + 1:], open("c/f").read().strip(), os.stat("..").st_ino == os.stat(os.path.dirname(os.getcwd())).st_ino)
inos = lambda name: [os.stat(a[0] + "/" + p + name).st_ino for p in a[1:]]
print(len(set(inos("/c/f"))), len(set(inos("/same"))), len(set(inos("/c"))))`, folder, ...places)
  const lines = out.trim().split('\n')
  t.equal(lines[0], '7 7')
  const contents = ['1', '1', '1', '22', '22', '22', '22']
  t.same(lines.slice(1, -1), [...places, ...places].map((place, at) => `${place} ${contents[at % 7] ?? ''} True`))
  t.equal(lines.at(-1), '3 2 7', 'a file has one number for each of its versions, and the present has its own')
  t.equal(await run('stat -c "%h %i" ".versions/$1/a/b/c/f" ".versions/$1/a/g" | uniq | wc -l', first), '1\n')
})

t.test('who is in a view stays there, whatever becomes of the folder that it was entered from', { skip }, async (t) => {
  const { folder, publish, run } = await mountTestVault(t)
  await run('mkdir -p a/b; echo old > a/b/f; echo also > a/g')
  const name = await publish()
  const out = await run(`cd "a/.versions/$1"; cat b/f; mv "$0/a" "$0/z"; cat b/f; cd b; cat f; ls; rm -r "$0/z"; cat f ../g; cd ..; find . | sort; cd ../..; pwd || true`, name)
  t.equal(out.slice(0, out.indexOf('.\n')), 'old\nold\nold\nf\nold\nalso\n')
  t.match(out, '.\n./b\n./b/f\n./g\n')
  t.equal(await run('ls -A'), '')
  t.equal(await run('cat ".versions/$1/a/b/f"', name), 'old\n')
  await publish()
  // The name leads to another folder now; the old one's past stays its own.
  await run('mkdir -p a/b; echo new > a/b/f')
  const second = await publish()
  await t.rejects(fs.stat(join(folder, 'a/.versions', name)), { code: 'ENOENT' })
  t.equal(await run('cat ".versions/$1/a/b/f" "a/.versions/$2/b/f"', name, second), 'old\nnew\n')
})

t.test('a folder shows itself as it was, wherever it lay then', { skip }, async (t) => {
  const { publish, run } = await mountTestVault(t)
  await run('mkdir -p a/b c; echo 1 > a/b/f')
  const first = await publish()
  await run('mv a/b c/moved; echo 2 > c/moved/f')
  const second = await publish()
  t.equal(await run('cat "c/moved/.versions/$1/f" "c/moved/.versions/$2/f"', first, second), '1\n2\n')
  t.equal(await run('ls ".versions/$1/c" ".versions/$1/a"', first), `.versions/${first}/a:\nb\n\n.versions/${first}/c:\n`)
})

t.test('a state that retention lets go of, kept open: stale, and its name leads to the newest before it', { skip }, async (t) => {
  const { folder, publish, mounted, clock, run } = await mountTestVault(t)
  const keepNothing = { ...retention, withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 }
  await run('mkdir -p d/e; echo 1 > d/f; echo x > d/e/x')
  await takeSnapshot(mounted.vault, 'kept')
  clock.advance(600)
  const states: string[] = []
  for (let step = 2; step <= 4; step++) {
    await run('echo "$1" > d/f; mkdir "d/e$1"; echo in > "d/e$1/x"', String(step))
    states.push(await publish())
  }
  const gone = states[1] ?? ''
  const held = await fs.open(join(folder, '.versions', gone, 'd'), 'r')
  t.equal(await run('cat ".versions/$1/d/f"; ls ".versions/$1/d"', gone), '3\ne\ne2\ne3\nf\n')
  t.ok((await forget(mounted.vault, keepNothing, [])).moments > 0)
  // What the kernel does not have itself it has to ask for.
  const inside = `/proc/${process.pid}/fd/${held.fd}`
  t.equal((await python(`
try: print(os.stat(a[0] + "/e2/x"))
except OSError as e: print(errno.errorcode[e.errno])`, inside)).trim(), 'ESTALE')
  await held.close()
  await until(async () => (await run('cat ".versions/$1/d/f"', gone)) === '1\n')
  t.equal(await run('cat .versions/kept/d/f .versions/latest/d/f'), '1\n4\n')
  t.same((await fs.readdir(join(folder, '.versions'))).filter((name) => states.slice(0, 2).includes(name)), [])
})

t.test('what the kernel lets go of is forgotten here', { skip }, async (t) => {
  const { publish, run, drop, mounted } = await mountTestVault(t)
  await run('for i in $(seq 200); do mkdir -p "d/$i"; echo "$i" > "d/$i/f"; done')
  const name = await publish()
  await run('find ".versions/$1" -type f -exec cat {} + > /dev/null; find d -maxdepth 1 -printf "%p/.versions/latest\\n" | xargs stat > /dev/null', name)
  t.ok(mounted.pastPlaces > 600, `${mounted.pastPlaces} places`)
  drop()
  for (const ino of (await run('stat -c %i d d/*')).trim().split('\n')) drop(Number(ino))
  await until(() => mounted.pastPlaces === 0)
  t.equal(await run('find ".versions/$1" -type f | wc -l', name), '200\n')
})
