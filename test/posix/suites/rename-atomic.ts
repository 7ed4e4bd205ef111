// Who reads a file while it is replaced by rename sees the old one or the new one: never none, never a mixture. What was
// open stays what it was.
import { join } from 'node:path'
import type { Bench, Suite } from '../suite.js'

const programs = join(import.meta.dirname, '../programs')

export const renameAtomic: Suite = {
  name: 'rename-atomic',
  packages: { python3: 'python3' },
  needsRoot: false,
  async run(bench) {
    for (const how of ['rename', 'fsync', 'link']) await readWhileReplaced(bench, how)
    await bench.check('a replaced file that is open stays itself', { program: 'python3', args: ['-c', openStays, join(bench.work, 'open')] })
    await bench.check('exchanged names are both there at any time', { program: 'python3', args: ['-c', exchanged, join(bench.work, 'exchanged'), bench.quick ? '200' : '2000'] })
  },
}

async function readWhileReplaced(bench: Bench, how: string): Promise<void> {
  const file = join(bench.work, how, 'file')
  const seconds = bench.quick ? '2' : '10'
  await bench.execute('first', { program: 'bash', args: ['-c', 'mkdir "$(dirname "$1")" && head -c 700 /dev/zero | tr "\\0" "\\1" > "$1"', '-', file] })
  bench.at(`replaced by ${how}`)
  const node = (program: string, way: string) => ({ program: process.execPath, args: [join(programs, `${program}.js`), file, seconds, way] })
  const writer = bench.execute(`${how}-writer`, node('rename-writer', how))
  const readers = ['read', 'read', 'stat', 'list'].map(async (way, at) => {
    const { why, output } = await bench.execute(`${how}-${way}-${at}`, node('rename-reader', way))
    const test = `replaced by ${how}: reader ${at + 1}, ${way}`
    if (why === undefined) bench.passed(test)
    else bench.failed(test, output().trim().slice(0, 200))
  })
  await Promise.all(readers)
  const { why, output } = await writer
  if (why === undefined) bench.passed(`replaced by ${how}: writer`)
  else bench.failed(`replaced by ${how}: writer`, output().trim().slice(-200))
}

const openStays = `import os, sys
p = sys.argv[1]
def put(path, byte, n):
    with open(path, 'wb') as f: f.write(byte * n)
put(p, b'a', 100000); put(p + '.new', b'b', 50)
old = os.open(p, os.O_RDWR); was = os.fstat(old)
os.rename(p + '.new', p)
now = os.fstat(old)
assert (now.st_ino, now.st_size, now.st_nlink) == (was.st_ino, 100000, 0), now
assert os.pread(old, 200000, 0) == b'a' * 100000
os.pwrite(old, b'c', 100000); os.ftruncate(old, 100001); assert os.fstat(old).st_size == 100001
os.fchmod(old, 0o600); os.fsync(old)
assert open(p, 'rb').read() == b'b' * 50 and os.stat(p).st_ino != was.st_ino
os.unlink(p); fd = os.open(f'/proc/self/fd/{old}', os.O_RDONLY); assert os.pread(fd, 1, 100000) == b'c'`

const exchanged = `import ctypes, os, sys
p = sys.argv[1]; os.mkdir(p); a, b = p + '/a', p + '/b'
open(a, 'w').write('A'); os.mkdir(b)
c = ctypes.CDLL(None, use_errno=True); child = os.fork()
if child == 0:
    for each in range(int(sys.argv[2])):
        if c.renameat2(-100, a.encode(), -100, b.encode(), 2): os._exit(ctypes.get_errno())
    os._exit(0)
while True:
    ended, status = os.waitpid(child, os.WNOHANG)
    os.lstat(a); os.lstat(b)
    if sorted(os.listdir(p)) != ['a', 'b']: sys.exit(f'listed {os.listdir(p)}')
    if ended: sys.exit(os.strerror(os.waitstatus_to_exitcode(status)) if status else 0)`
