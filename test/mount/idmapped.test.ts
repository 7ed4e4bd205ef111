// A vault bound a second time with other owners (mount_setattr(2), `mount -o bind,X-mount.idmap=…`): what the kernel then
// asks with, and what it shows. Uid and gid 0 to 9 of the vault are 10000 to 10009 there.
import { existsSync } from 'node:fs'
import t from 'tap'
import { mountTestVault } from './mounted-vault.js'

/** Linux 6.12 is the first that maps owners of a FUSE mount. */
const without = !existsSync('/dev/fuse') ? 'no /dev/fuse' : process.geteuid?.() === 0 ? false : 'binding a mount needs root'

/** In a mount namespace of its own, so that nothing is left: binds the first argument over itself, evaluates the others. */
const program = `
import ctypes, os, stat, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
  if result < 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
  return result
path, calls = sys.argv[1].encode(), sys.argv[2:]
back = os.open(path, os.O_RDONLY)
check(libc.unshare(0x00020000))
check(libc.mount(b'none', b'/', None, 0x4000 | 0x40000, None))
ready, done = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
  check(libc.unshare(0x10000000))
  os.write(ready[1], b'.')
  os.read(done[0], 1)
  os._exit(0)
os.read(ready[0], 1)
for which in 'uid', 'gid': open(f'/proc/{child}/{which}_map', 'w').write('0 10000 10')
users = os.open(f'/proc/{child}/ns/user', os.O_RDONLY)
tree = check(libc.syscall(428, -100, path, 1))
try: check(libc.syscall(442, tree, b'', 0x1000, struct.pack('<4Q', 0x100000, 0, 0, users), 32))
except OSError as error: print('refused', error.strerror); calls = []
os.write(done[1], b'.')
os.waitpid(child, 0)
if calls: check(libc.syscall(429, tree, b'', -100, path, 4))
os.chdir(path)
def plain(name): return tuple(os.stat(name, dir_fd=back))[4:6]
def bound(name): return tuple(os.stat(name))[4:6]
def as_user(uid, call):
  one = os.fork()
  if one == 0:
    os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
    try: call()
    except OSError as error: os._exit(error.errno)
    os._exit(0)
  return os.waitstatus_to_exitcode(os.waitpid(one, 0)[1])
for call in calls: print(eval(call))
`

t.test('owners are mapped both ways', { skip: without }, async (t) => {
  const vault = await mountTestVault(t)
  await vault.run('mkdir folder; touch folder/root folder/five; chown 5:5 folder/five; chmod 777 folder')
  const calls: Readonly<Record<string, string>> = {
    'bound("root")': '(10000, 10000)', 'bound("five")': '(10005, 10005)', 'plain("five")': '(5, 5)',
    // The owner of the file there is 10005, of what that one makes 5 here.
    'as_user(10005, lambda: os.chmod("five", 0o600))': '0', 'as_user(5, lambda: os.chmod("five", 0o600))': '1',
    'as_user(10005, lambda: os.mkdir("made"))': '0', 'plain("made")': '(5, 5)', 'bound("made")': '(10005, 10005)',
    'as_user(10005, lambda: os.symlink("a", "link"))': '0', 'as_user(10005, lambda: os.mkfifo("fifo"))': '0', 'plain("fifo")': '(5, 5)',
    'os.chown("root", 10007, 10008)': 'None', 'plain("root")': '(7, 8)',
    // Who has no number here can neither make nor be given anything: EOVERFLOW.
    'as_user(20000, lambda: os.mkdir("no"))': '75', 'bound("fifo")': '(10005, 10005)',
  }
  const answers = (await vault.run('python3 -c "$1" "$0/folder" "${@:2}"', program, ...Object.keys(calls))).trim().split('\n')
  if (answers[0]?.startsWith('refused') === true) {
    t.pass('owners', { skip: `this kernel does not map owners of a FUSE mount: ${answers[0]}` })
    return
  }
  t.same(Object.fromEntries(Object.keys(calls).map((call, at) => [call, answers[at]])), calls)
  t.equal((await vault.run('stat -c "%u %g %F" folder/link folder/made')), '5 5 symbolic link\n5 5 directory\n')
})
