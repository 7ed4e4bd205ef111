// Many processes at once on one file, in one directory, and renaming: nothing is torn, lost or listed twice, and a
// watchdog sees that every request of the kernel is answered. What each process did to names of its own is a model.
import t, { type Test } from 'tap'
import { mountTestVault, type MountedTestVault } from '../mount/mounted-vault.js'
import { whyNoMounts } from '../native-deps/fuse-fixture.js'
import { Watchdog } from './watchdog.js'

t.setTimeout(300_000)
const skip = whyNoMounts

/** Forks `jobs`, functions of a number; each one's failures come to standard output, and the whole says 'ended'. */
const prelude = `import os, sys, random, mmap
def together(*jobs):
    children = []
    for number, job in enumerate(jobs):
        child = os.fork()
        if child == 0:
            random.seed(number)
            try: job(number)
            except BaseException as error: print('FAILED', number, repr(error), flush=True)
            os._exit(0)
        children.append(child)
    for child in children: os.waitpid(child, 0)
    print('ended')
`

async function storm(t: Test, vault: MountedTestVault, script: string): Promise<readonly string[]> {
  const watchdog = new Watchdog({
    mountPoint: vault.folder, stuckMs: 45_000, counts: () => Promise.resolve(vault.mounted.report().requests), onStuck: () => undefined,
  })
  const said = await vault.run('python3 -c "$1"', `${prelude}${script}`)
  t.match(watchdog.end(), { stuck: undefined }, 'every request was answered')
  t.strictSame(vault.logged, [], 'nothing went wrong in the daemon')
  const lines = said.trim().split('\n')
  t.equal(lines.at(-1), 'ended')
  return lines.slice(0, -1)
}

t.test('readers of a file see whole writes', { skip }, async (t) => {
  const vault = await mountTestVault(t)
  t.strictSame(await storm(t, vault, `
size, blocks = 16384, 8
with open('f', 'wb') as file: file.write(bytes(size * blocks))
def writer(number):
    file = os.open('f', os.O_WRONLY)
    for turn in range(150):
        os.pwrite(file, bytes([number + 1]) * size, random.randrange(blocks) * size)
        if turn % 50 == 49: os.fsync(file)
def reader(number):
    file = os.open('f', os.O_RDONLY | os.O_DIRECT)
    memory = mmap.mmap(-1, size)
    for turn in range(150):
        os.preadv(file, [memory], random.randrange(blocks) * size)
        if len(set(memory[:])) != 1: print('torn', set(memory[:]), flush=True)
def watcher(number):
    file = os.open('f', os.O_RDONLY)
    for turn in range(150):
        strange = set(os.pread(file, size, random.randrange(blocks) * size)) - set(range(4))
        if strange: print('strange', strange, flush=True)
together(writer, writer, writer, reader, reader, watcher)
`), [])
})

t.test('appending processes lose nothing', { skip }, async (t) => {
  const vault = await mountTestVault(t)
  t.strictSame(await storm(t, vault, `
open('f', 'wb').close()
def appender(number):
    file = os.open('f', os.O_WRONLY | os.O_APPEND)
    for turn in range(200): os.write(file, b'%d %06d\\n' % (number, turn))
together(appender, appender, appender, appender)
with open('f', 'rb') as file: lines = file.read().split(b'\\n')
if sorted(lines) != sorted([b''] + [b'%d %06d' % (number, turn) for number in range(4) for turn in range(200)]): print('lost or torn')
print('ended')
`), ['ended'])
})

t.test('a file that is replaced is always there, and whole', { skip }, async (t) => {
  const vault = await mountTestVault(t)
  t.strictSame(await storm(t, vault, `
def put(name, number):
    with open(name, 'wb') as file: file.write(bytes([number]) * (1000 + 5000 * number))
put('t', 9)
def replacer(number):
    for turn in range(100):
        put('new%d' % number, number)
        os.rename('new%d' % number, 't')
def reader(number):
    for turn in range(200):
        with open('t', 'rb') as file: data = file.read()
        if len(set(data)) != 1 or len(data) != 1000 + 5000 * data[0]: print('torn', len(data), set(data), flush=True)
together(replacer, replacer, replacer, reader, reader, reader)
print('\\n'.join(sorted(os.listdir('.'))))
print('ended')
`), ['ended', 't'])
})

t.test('one directory, names of many: nothing is lost, nothing is listed twice', { skip }, async (t) => {
  const vault = await mountTestVault(t)
  const lines = await storm(t, vault, `
os.mkdir('d')
for number in range(300): open('d/stays%d' % number, 'w').close()
def maker(number):
    mine = set()
    for turn in range(300):
        name = 'd/%d-%d' % (number, turn)
        kind = random.randrange(4)
        if kind == 0 and mine:
            gone = random.choice(sorted(mine)); mine.remove(gone); os.unlink(gone)
        elif kind == 1 and mine:
            old = random.choice(sorted(mine)); mine.remove(old); mine.add(name); os.rename(old, name)
        elif kind == 2 and mine:
            os.link(random.choice(sorted(mine)), name); mine.add(name)
        else:
            with open(name, 'w') as file: file.write(name)
            mine.add(name)
    for name in sorted(mine): os.write(1, b'has %s\\n' % name[2:].encode())
def lister(number):
    for turn in range(30):
        names = os.listdir('d')
        if len(names) != len(set(names)): print('twice', flush=True)
        if sum(name.startswith('stays') for name in names) != 300: print('not listed', flush=True)
together(maker, maker, maker, maker, lister, lister)
for name in sorted(os.listdir('d')): print('is', name)
links = {}
for name in os.listdir('d'):
    status = os.stat('d/' + name)
    links.setdefault((status.st_ino, status.st_nlink), []).append(name)
for (ino, nlink), names in links.items():
    if len(names) != nlink: print('links', nlink, names)
print('ended')
`)
  const wanted = [...lines.filter((line) => line.startsWith('has ')).map((line) => line.slice(4)), ...Array.from({ length: 300 }, (_, number) => `stays${String(number)}`)].sort()
  t.strictSame(lines.filter((line) => line.startsWith('is ')).map((line) => line.slice(3)).sort(), wanted, 'the directory is what its makers made')
  t.strictSame(lines.filter((line) => !/^(has|is) |^ended$/.test(line)), [])
  const moment = await vault.publish()
  t.equal(await vault.run(`diff <(ls -1 d | sort) <(ls -1 .versions/${moment}/d | sort) && echo same`), 'same\n', 'and so it is published')
})

t.test('a storm of renames between directories keeps every file once', { skip }, async (t) => {
  const vault = await mountTestVault(t)
  t.strictSame(await storm(t, vault, `
import ctypes
c = ctypes.CDLL(None, use_errno=True)
folders = ['a', 'b', 'c', 'a/inner']
for folder in folders: os.mkdir(folder)
for number in range(60): open('a/%d' % number, 'w').write(str(number))
def mover(number):
    for turn in range(250):
        name = str(random.randrange(60))
        source, goal = random.sample(folders, 2)
        try: os.rename(source + '/' + name, goal + '/' + name)
        except FileNotFoundError: pass
def swapper(number):
    for turn in range(100):
        c.renameat2(-100, b'b', -100, b'c', 2)
        try: os.rename('a/inner', 'c/inner')
        except OSError: pass
        try: os.rename('c/inner', 'a/inner')
        except OSError: pass
together(mover, mover, mover, mover, swapper)
found = {}
for path, below, names in os.walk('.'):
    if os.stat(path).st_nlink != 2 + len(below): print('links of', path, os.stat(path).st_nlink, below)
    for name in names:
        found.setdefault(name, []).append(path)
        if open(path + '/' + name).read() != name: print('content of', path, name)
for number in range(60):
    if len(found.get(str(number), [])) != 1: print('lost or twice', number, found.get(str(number)))
print('ended')
`), ['ended'])
})
