// The past through the kernel: every state of a tree as it was, whatever became of it since, for every program that reads.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { python, whyNoMounts } from '../native-deps/fuse-fixture.js'
import { mountTestVault } from './mounted-vault.js'

t.setTimeout(300_000)
const skip = whyNoMounts

function scratch(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-versions-saved-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  return folder
}

/** Of everything below: name, type, mode, owner, link count (not of folders), times, target, xattrs, a hash of the content. */
const fingerprint = `
import hashlib, stat
root = os.fsencode(a[0]); out = []
for at, folders, files in os.walk(root):
    for name in folders + files:
        path = os.path.join(at, name); s = os.lstat(path); kind = stat.S_IFMT(s.st_mode)
        line = [os.path.relpath(path, root), s.st_mode, s.st_uid, s.st_gid, s.st_mtime_ns, s.st_rdev]
        if kind != stat.S_IFDIR: line += [s.st_nlink, s.st_size, s.st_ctime_ns]
        if kind == stat.S_IFLNK: line.append(os.readlink(path))
        if kind == stat.S_IFREG: line.append(hashlib.sha256(open(path, "rb").read()).hexdigest())
        line.append(sorted((x, os.getxattr(path, x, follow_symlinks=False)) for x in os.listxattr(path, follow_symlinks=False)))
        out.append(repr(line))
print("\\n".join(sorted(out)))`

/** What is done between one state and the next. */
const steps = [
  `mkdir -p a/b/c d; echo one > a/one; head -c 3000000 /dev/urandom > a/b/large; echo deep > a/b/c/deep; ln -s ../one a/b/arrow; mkfifo d/pipe; chmod 640 a/one; touch -d 1969-07-20T20:17:40.123456789Z d`,
  `echo two >> a/one; ln a/one d/second; printf patch | dd of=a/b/large bs=1 seek=1000000 conv=notrunc status=none; chmod 700 a/b`,
  `mv a/b d/moved; rm a/one; echo new > a/one; touch -d 2001-01-01 d/moved; chown 1234:4321 d/moved/c/deep`,
  `rm -r d/moved/c; truncate -s 5000000 d/moved/large; mkdir d/moved/c; echo other > d/moved/c/deep; ln -sfn elsewhere d/moved/arrow`,
  `mv -T d/moved a/again; mv --exchange a d 2>/dev/null || { mv a x; mv d a; mv x d; }; : > d/one`,
  `rm -r a; rm -r d; echo all gone > left`,
]
const oddNames = `
for name in [b"caf\\xe9", "日本".encode(), b"new\\nline", b" ", b"-rf", b"\\xff\\xfe", b"n" * 255, b"a.versions", b"*"]:
    open(os.path.join(os.fsencode(a[0]), name), "wb").write(name[::-1])
os.setxattr(a[0] + "/one", "user.note", b"\\0bytes\\xff"); os.setxattr(a[0], "user.of a folder", b"x" * 3000)`

t.test('every state of a tree is there as it was, by each of its names', { skip }, async (t) => {
  const { folder, publish, run, drop, logged } = await mountTestVault(t)
  const saved = scratch(t)
  const states: { readonly name: string; readonly was: string }[] = []
  for (const [at, step] of steps.entries()) {
    await run(step)
    if (at === 1) await python(oddNames, join(folder, 'a'))
    const was = await python(fingerprint, folder)
    await run('cp -a . "$1"', join(saved, String(at)))
    states.push({ name: await publish(), was })
  }
  for (const mode of ['cached', 'cold']) {
    for (const [at, { name, was }] of states.entries()) {
      if (mode === 'cold') drop()
      const view = join(folder, '.versions', name)
      t.equal(await python(fingerprint, view), was, `state ${at} of ${name}, ${mode}`)
      t.equal(await run('diff -r --no-dereference ".versions/$1" "$2" 2>&1 | grep -v "is a fifo" || true', name, join(saved, String(at))), '', `diff -r of state ${at}, ${mode}`)
    }
  }
  const newest = states.at(-1)?.was
  t.equal(await python(fingerprint, join(folder, '.versions/latest')), newest)
  t.equal(await python(fingerprint, join(folder, '.versions/today')), newest)
  t.same(logged, [])
})

t.test('programs that walk it: find, cp, grep, tar, du, rsync', { skip }, async (t) => {
  const { folder, publish, run } = await mountTestVault(t)
  const saved = scratch(t)
  await run('mkdir -p x/y/z; for i in 1 2 3 4 5; do echo "line $i" > x/f$i; echo "needle $i" > x/y/z/g$i; done; ln x/f1 x/y/hard; ln -s ../f2 x/y/soft; head -c 200000 /dev/urandom > x/blob')
  const name = await publish()
  await run('cp -a x "$1"; rm -r x', join(saved, 'x'))
  const view = join(folder, '.versions', name)
  t.equal((await run('find "$1" | wc -l', view)).trim(), '17')
  t.equal((await run('cd "$1"; find . -type f -name "g*" | sort | tr "\\n" " "', view)).trim(), './x/y/z/g1 ./x/y/z/g2 ./x/y/z/g3 ./x/y/z/g4 ./x/y/z/g5')
  t.equal((await run('grep -rl needle "$1" | wc -l', view)).trim(), '5')
  const same = 'diff -r --no-dereference "$1/x" "$2/x"'
  await run('cp -r "$1/x" "$2/r"; cp -a "$1/x" "$2/a"; tar -C "$1" -cf - x | tar -C "$2" -xf -', view, folder)
  for (const copy of ['r', 'a', 'x']) await run(same.replace('$1/x', `$1/${copy}`), folder, saved)
  t.equal(await run('stat -c "%h %a %Y" a/f1 x/f1 "$1/x/f1" "$2/x/f1" | uniq | wc -l', view, saved), '1\n')
  t.equal(await run('stat -c %i a/f1'), await run('stat -c %i a/y/hard'), 'a hard link stays one')
  await run('rsync -aH "$1/x/" "$2/rsynced/"; diff -r --no-dereference "$2/rsynced" "$2/x"', view, saved)
  t.equal(await run('rsync -aHn --itemize-changes "$1/x/" "$2/x/"', view, saved), '', 'nothing differs for rsync either')
  t.equal((await run('du -s --apparent-size -B1 "$1/x/blob" | cut -f1', view)).trim(), '200000')
})

t.test('what is listed in the present is the present', { skip }, async (t) => {
  const { folder, publish, run } = await mountTestVault(t)
  const saved = scratch(t)
  await run('mkdir -p a/b; echo 1 > a/b/c')
  const name = await publish()
  await run('cat ".versions/$1/a/b/c" a/.versions/latest/b/c a/b/.versions/latest/c', name)
  t.equal(await run('find . | sort'), '.\n./a\n./a/b\n./a/b/c\n')
  t.equal(await run('ls -A . a a/b; rsync -a . "$1"; find "$1" | wc -l', saved), '.:\na\n\na:\nb\n\na/b:\nc\n4\n')
  await run('rm -r a')
  t.equal(await run('ls -A'), '')
  t.equal(await run('cd "$1"; cat a/b/c', join(folder, '.versions', name)), '1\n')
})

t.test('reading: large and sparse files, holes, copies that move no bytes', { skip }, async (t) => {
  const { folder, publish, run, mounted } = await mountTestVault(t)
  await run('head -c 9000000 /dev/urandom > big; truncate -s 4000000 sparse; printf end >> sparse; printf small > small; sha256sum big > sum')
  const name = await publish()
  await run('head -c 9000000 /dev/zero > big; rm sparse small')
  await publish()
  const view = join(folder, '.versions', name)
  t.equal((await python('f = os.open(a[0] + "/sparse", os.O_RDONLY); print(os.lseek(f, 0, os.SEEK_DATA), os.lseek(f, 0, os.SEEK_HOLE), os.lseek(f, 4000001, os.SEEK_HOLE))', view)).trim(), '3997696 0 4000003')
  const { writtenBytes } = mounted.vault
  const copied = await python(`
f = os.open(a[0] + "/big", os.O_RDONLY); g = os.open(a[1] + "/back", os.O_RDWR | os.O_CREAT, 0o600); n = 0
while (m := os.copy_file_range(f, g, 1 << 30)) > 0: n += m
print(n)`, view, folder)
  t.equal(copied.trim(), '9000000')
  t.equal(mounted.vault.writtenBytes, writtenBytes, 'its chunks were named again')
  await run('mv big old; mv back big; sha256sum -c sum')
  await run('cp "$1/small" "$1/sparse" .; cmp "$1/small" small; cmp "$1/sparse" sparse; cmp "$1/big" big', view)
  // Read at random, with pages of two versions of one file in the cache side by side.
  t.equal((await python(`
import random; r = random.Random(7); f = os.open(a[0] + "/big", os.O_RDONLY); g = os.open(a[1] + "/old", os.O_RDONLY); whole = os.pread(f, 9000000, 0); k = 0
while len(whole) < 9000000: whole += os.pread(f, 9000000, len(whole))
for i in range(300):
    at, n = r.randrange(9000000), r.randrange(1, 70000); k += os.pread(f, n, at) == whole[at:at + n]; k += not any(os.pread(g, n, at))
print(k)`, view, folder)).trim(), '600')
  t.equal(await python('import mmap, hashlib\nf = open(a[0] + "/big", "rb"); print(hashlib.sha256(mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)).hexdigest() + "  big")', view), await run('cat sum'))
})

t.test('a folder of thousands: the names of the past, as many as there were', { skip }, async (t) => {
  const { folder, publish, run, drop } = await mountTestVault(t)
  await python('os.mkdir(a[0] + "/d")\nfor i in range(5000): os.close(os.open(a[0] + "/d/file%05d" % i, os.O_CREAT))', folder)
  const first = await publish()
  await python('for i in range(0, 5000, 2): os.unlink(a[0] + "/d/file%05d" % i)\nfor i in range(5000, 6000): os.mkdir(a[0] + "/d/file%05d" % i)', folder)
  const second = await publish()
  await run('rm -r d')
  for (const [name, count, folders] of [[first, 5000, 0], [second, 3500, 1000]] as const) {
    drop()
    t.equal((await run('ls -l ".versions/$1/d" | tail -n +2 | wc -l', name)).trim(), String(count))
    t.equal((await run('ls ".versions/$1/d" | sort -u | wc -l', name)).trim(), String(count))
    t.equal((await run('find ".versions/$1/d" -mindepth 1 -type d | wc -l', name)).trim(), String(folders))
  }
  t.equal((await python('it = os.scandir(a[0]); d = os.open(a[0], os.O_RDONLY); one = os.listdir(d); print(len(one), os.stat(a[0] + "/file04999").st_size, os.path.exists(a[0] + "/file99999"))', join(folder, '.versions', first, 'd'))).trim(), '5000 0 False')
})
