// EROFS: every call of every family on a vault mounted with --read-only, and that reading still works.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { at, fallocateFlag, nodeTypes, openFlags, renameFlag, timeNow } from '../call-flags.js'
import { must } from '../call-results.js'
import { device, fileTypes, makeFile, whyNoPosixMount } from '../posix-mount.js'
import { SystemCalls } from '../system-calls.js'
import { openAndClose } from './path-errors.js'

// Real derivations of keys in a daemon of its own: slow on a busy machine, never stuck.
t.setTimeout(600_000)
const skip = whyNoPosixMount()
const program = join(import.meta.dirname, '../../../bin/vaultfs.js')

t.test('a read-only mount', { skip }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'vaultfs-read-only-'))
  const folder = join(home, 'mnt')
  mkdirSync(folder)
  writeFileSync(join(home, 'passphrase'), 'read-only\n')
  const vaultfs = (...words: readonly string[]): void => {
    const { status, stderr } = spawnSync('env', ['-u', 'NODE_OPTIONS', process.execPath, program, ...words], {
      encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], cwd: '/', env: { PATH: process.env['PATH'], HOME: home, TMPDIR: home, VAULTFS_GUARD: 'mode' },
    })
    if (status !== 0) throw new Error(`vaultfs ${words.join(' ')}: ${stderr}`)
  }
  const mounted = ['mount', folder, '--store', join(home, 'store'), '--passphrase-file', join(home, 'passphrase'), '--allow-other']
  const root = new SystemCalls({ uid: 0, gid: 0 })
  t.teardown(async () => {
    await root.end()
    spawnSync('umount', ['-l', folder])
    rmSync(home, { recursive: true, force: true })
  })
  vaultfs(...mounted, '--create', '--recovery', 'later', '--kdf-memory-mib', '64', '--kdf-passes', '1')
  for (const type of fileTypes) await makeFile(root, type, `${folder}/${type}`)
  await must(root.truncate(`${folder}/regular`, 100))
  vaultfs('unmount', folder)
  vaultfs(...mounted, '--read-only')

  const before = new Map<string, unknown>()
  for (const type of fileTypes) before.set(type, await must(root.lstat(`${folder}/${type}`)))
  const file = `${folder}/regular`
  const fd = await must(root.open(file, openFlags.readOnly))
  const { readOnly, writeOnly, readWrite, create, truncate, exclusive, unnamed } = openFlags
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    mkdir: () => root.mkdir(`${folder}/new`), mkfifo: () => root.mkfifo(`${folder}/new`), symlink: () => root.symlink('x', `${folder}/new`),
    'mknod of a file': () => root.mknod(`${folder}/new`, nodeTypes.regular | 0o644), 'mknod of a device': () => root.mknod(`${folder}/new`, nodeTypes.char | 0o644, device),
    creat: () => root.creat(`${folder}/new`, 0o644), 'open to create': () => openAndClose(root, `${folder}/new`, create | readOnly),
    'open to create what may not be there': () => openAndClose(root, `${folder}/new`, create | exclusive | writeOnly), 'open of a nameless file': () => openAndClose(root, folder, unnamed | readWrite, 0o600),
    'open for writing': () => openAndClose(root, file, writeOnly), 'open for both': () => openAndClose(root, file, readWrite), 'open to truncate': () => openAndClose(root, file, readOnly | truncate),
    link: () => root.link(file, `${folder}/new`), 'linkat of an open file': () => root.linkat(fd, '', at.cwd, `${folder}/new`, at.emptyPath),
    rename: () => root.rename(file, `${folder}/new`), 'rename over': () => root.rename(file, `${folder}/fifo`), exchange: () => root.renameat2(file, `${folder}/fifo`, renameFlag.exchange),
    unlink: () => root.unlink(file), rmdir: () => root.rmdir(`${folder}/directory`),
    truncate: () => root.truncate(file, 5), utimensat: () => root.utimens(file, timeNow, timeNow), futimens: () => root.futimens(fd, [1, 1], [2, 2]),
    fchmod: () => root.fchmod(fd, 0o600), fchown: () => root.fchown(fd, 1, 1), access: () => root.access(file, 2),
    setxattr: () => root.setxattr(file, 'user.x', Buffer.from('y')), removexattr: () => root.removexattr(file, 'user.x'),
  }
  for (const [name, call] of Object.entries(calls)) t.equal(await call(), 'EROFS', name)
  for (const type of fileTypes) {
    const path = `${folder}/${type}`
    t.equal(await root.lchown(path, 1, 1), 'EROFS', `lchown of a ${type}`)
    if (type !== 'symlink') t.equal(await root.chmod(path, 0o600), 'EROFS', `chmod of a ${type}`)
    t.equal(await root.utimens(path, [1, 1], [2, 2], at.symlinkNoFollow), 'EROFS', `utimensat of a ${type}`)
    t.strictSame(await root.lstat(path), before.get(type), `a ${type} is as it was`)
  }
  t.equal(await root.ftruncate(fd, 5), 'EINVAL', 'what is open is open for reading')
  t.equal(await root.fallocate(fd, fallocateFlag.keepSize, 0, 5), 'EBADF')
  t.same(await root.pread(fd, 200, 0), Buffer.alloc(100), 'reading works')
  t.equal(await root.mkdir(`${folder}/directory`), 'EEXIST', 'what is there is said to be there')
  t.equal((await must(root.statvfs(folder))).flags & 1, 1, 'ST_RDONLY')
  await must(root.close(fd))
  vaultfs('unmount', folder)
})
