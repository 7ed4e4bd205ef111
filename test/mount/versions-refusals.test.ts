// What can't be done to the past, and what can't be done to the name `.versions`: each a clear answer.
import fs from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { python, whyNoMounts } from '../native-deps/fuse-fixture.js'
import { mountTestVault } from './mounted-vault.js'

t.setTimeout(300_000)
const skip = whyNoMounts

/** Lines `NAME: call` in, lines `NAME ERRNO` out; `v` is the view, `p` the present, `g` its `.versions`. */
const attempts = `
v, p = a[0], a[1]; g = p + "/.versions"
r = os.open(v + "/f", os.O_RDONLY); w = os.open(p + "/w", os.O_RDWR | os.O_CREAT)
def renameat2(old, new, flags):
    if c.renameat2(-100, old.encode(), -100, new.encode(), flags): raise OSError(ctypes.get_errno(), "renameat2")
def xattr(path, name): os.setxattr(path, name, b"x")
for line in a[2].strip().split("\\n"):
    name, call = line.strip().split(": ", 1)
    try: eval(call); print(name, "0")
    except OSError as e: print(name, errno.errorcode[e.errno])`

const changesOfThePast = `
write: os.open(v + "/f", os.O_WRONLY)
readwrite: os.open(v + "/f", os.O_RDWR)
append: os.open(v + "/f", os.O_WRONLY | os.O_APPEND)
truncating open: os.open(v + "/f", os.O_RDONLY | os.O_TRUNC)
truncate: os.truncate(v + "/f", 0)
create: os.open(v + "/new", os.O_RDWR | os.O_CREAT)
create below: os.open(v + "/d/new", os.O_RDWR | os.O_CREAT)
unnamed: os.open(v, os.O_RDWR | os.O_TMPFILE)
mkdir: os.mkdir(v + "/new")
mknod: os.mknod(v + "/new", 0o010644)
symlink: os.symlink("x", v + "/new")
unlink: os.unlink(v + "/f")
rmdir: os.rmdir(v + "/d")
rename inside: os.rename(v + "/f", v + "/g")
rename out: os.rename(v + "/f", p + "/g")
rename in: os.rename(p + "/f", v + "/g")
exchange: renameat2(v + "/f", p + "/f", 2)
rename a view: os.rename(v, p + "/view")
link inside: os.link(v + "/f", v + "/g")
link out: os.link(v + "/f", p + "/g")
link in: os.link(p + "/f", v + "/g")
chmod: os.chmod(v + "/f", 0o600)
chown: os.chown(v + "/f", 1, 1)
times: os.utime(v + "/f", (1, 1))
chmod a folder: os.chmod(v + "/d", 0o700)
chmod a view: os.chmod(v, 0o700)
setxattr: xattr(v + "/f", "user.x")
acl: os.setxattr(v + "/f", "system.posix_acl_access", b"\\2\\0\\0\\0\\1\\0\\6\\0\\xff\\xff\\xff\\xff\\4\\0\\4\\0\\xff\\xff\\xff\\xff\\x20\\0\\4\\0\\xff\\xff\\xff\\xff")
removexattr: os.removexattr(v + "/f", "user.there")
make a moment: os.mkdir(g + "/2024-05-01")
make a snapshot: os.mkdir(g + "/mine")
file in it: os.open(g + "/x", os.O_RDWR | os.O_CREAT)
remove a moment: os.rmdir(v)
chmod of it: os.chmod(g, 0o700)`

/** Of what only reads. */
const readings = `
access: os.access(v + "/f", os.R_OK) or os.stat("/nowhere")
fsync: os.fsync(r)
fsync of a folder: os.fsync(os.open(v + "/d", os.O_RDONLY))
statvfs: os.statvfs(v)
listxattr: os.listxattr(v + "/f") == ["user.there"] or os.stat("/nowhere")
getxattr: os.getxattr(v + "/f", "user.there") == b"yes" or os.stat("/nowhere")
xattrs of it: os.listxattr(g) == [] or os.stat("/nowhere")
copy out: os.copy_file_range(r, w, 3) == 3 or os.stat("/nowhere")
lock: __import__("fcntl").flock(r, 1)
no such xattr: os.getxattr(v + "/f", "user.none")
read a folder: os.read(os.open(v + "/d", os.O_RDONLY), 1)
no such name: os.stat(v + "/none")
below a file: os.stat(v + "/f/x")
readlink of a file: os.readlink(v + "/f")`

t.test('every change of the past is EROFS; reading is as ever', { skip }, async (t) => {
  const { folder, publish, run } = await mountTestVault(t)
  await run('echo content > f; setfattr -n user.there -v yes f 2>/dev/null || python3 -c "import os; os.setxattr(\'f\', \'user.there\', b\'yes\')"; mkdir d')
  const name = await publish()
  const view = join(folder, '.versions', name)
  const before = await run('find "$1" -printf "%P %m %s %T@\\n"; cat "$1/f"', view)
  for (const [attempt, answer] of pairs(await python(attempts, view, folder, changesOfThePast))) t.equal(answer, 'EROFS', attempt)
  const expected = new Map([['no such xattr', 'ENODATA'], ['read a folder', 'EISDIR'], ['no such name', 'ENOENT'], ['below a file', 'ENOTDIR'], ['readlink of a file', 'EINVAL']])
  for (const [attempt, answer] of pairs(await python(attempts, view, folder, readings))) t.equal(answer, expected.get(attempt) ?? '0', attempt)
  t.equal(await run('find "$1" -printf "%P %m %s %T@\\n"; cat "$1/f"', view), before)
})

t.test('.versions can be neither made nor moved nor removed', { skip }, async (t) => {
  const { folder, publish, run } = await mountTestVault(t)
  await run('echo 1 > f; mkdir -p d/e')
  const view = join(folder, '.versions', await publish())
  const answers = new Map(pairs(await python(attempts, view, folder, `
mkdir: os.mkdir(g)
mkdir below: os.mkdir(p + "/d/.versions")
create: os.open(g, os.O_RDWR | os.O_CREAT | os.O_EXCL)
open: os.open(g, os.O_RDWR)
mknod: os.mknod(g, 0o100644)
symlink: os.symlink("x", g)
link: os.link(p + "/f", g)
rename a file to it: os.rename(p + "/f", g)
rename a folder to it: os.rename(p + "/d", p + "/d/e/../../.versions")
rename it: os.rename(g, p + "/h")
exchange it: renameat2(g, p + "/d", 2)
rmdir: os.rmdir(g)
unlink: os.unlink(g)`)))
  t.same(Object.fromEntries(answers), {
    'mkdir': 'EEXIST', 'mkdir below': 'EEXIST', 'create': 'EEXIST', 'open': 'EISDIR', 'mknod': 'EEXIST', 'symlink': 'EEXIST', 'link': 'EEXIST',
    'rename a file to it': 'EISDIR', 'rename a folder to it': 'EEXIST', 'rename it': 'EPERM', 'exchange it': 'EPERM', 'rmdir': 'EPERM', 'unlink': 'EISDIR',
  })
  await t.rejects(fs.stat(join(folder, 'f/.versions')), { code: 'ENOTDIR' })
  // A folder is as empty as it looks.
  await run('stat d/e/.versions > /dev/null; rmdir d/e; rm -r d; ls -A')
})

t.test('permissions and access lists of the time decide', { skip: skip || (process.geteuid?.() === 0 ? false : 'needs root') }, async (t) => {
  const { folder, publish, run } = await mountTestVault(t)
  // user::rw- user:nobody:r-- group::--- mask::r-- other::---
  const list = '02000000' + '01000600ffffffff' + '02000400feff0000' + '04000000ffffffff' + '10000400ffffffff' + '20000000ffffffff'
  await run('chmod 755 .; for f in private shared listed; do echo "$f" > $f; chmod 600 $f; done; chmod 644 shared; mkdir -m 700 closed; echo x > closed/x')
  await python('os.setxattr(a[0] + "/listed", "system.posix_acl_access", bytes.fromhex(a[1]))', folder, list)
  const name = await publish()
  // Now it is the other way round.
  await run('chmod 644 private; chmod 600 shared listed; chmod 755 closed')
  await publish()
  const out = await python(`
os.setgid(65534); os.setgroups([]); os.setuid(65534)
for path in ["private", "shared", "listed", "closed/x"]:
    for at in [a[1] + "/" + path, a[0] + "/" + path]:
        try: print(open(at).read().strip(), end=" ")
        except OSError as e: print(errno.errorcode[e.errno], end=" ")`, folder, join(folder, '.versions', name))
  t.equal(out.trim(), 'EACCES private shared EACCES listed EACCES EACCES x')
})

t.test('--show-versions lists it in the root, and there only', { skip }, async (t) => {
  const { folder, publish, run, drop } = await mountTestVault(t, { showVersions: true })
  await run('mkdir d; for i in $(seq 400); do : > "file-with-a-longer-name-$i"; done')
  await publish()
  drop()
  t.equal(await run('ls -A | grep -c .; ls -A | grep -Fx .versions; ls -A d; ls -lA | grep -c " .versions$"'), '402\n.versions\n1\n')
  t.equal((await fs.stat(join(folder, '.versions'))).isDirectory(), true)
})

function pairs(out: string): (readonly [string, string])[] {
  return out.trim().split('\n').map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)] as const)
}
