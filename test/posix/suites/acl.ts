// POSIX access lists by setfacl and getfacl: what is shown, what umask and chmod make of it, what is inherited, and whom
// it lets in, with real users.
import { join } from 'node:path'
import type { Suite } from '../suite.js'

/** Steps in one folder; each is a test, and sees what those before it left. `as UID GID COMMAND` runs as that user. */
const steps: Readonly<Record<string, string>> = {
  'an entry for a user is shown': 'echo x > f; chmod 640 f; setfacl -m u:1234:rw f; [ "$(show f)" = "user::rw-,user:1234:rw-,group::r--,mask::rw-,other::---" ]',
  'the mask stands in the place of the group\'s bits': '[ "$(stat -c %a f)" = 660 ]',
  'chmod changes the mask': 'chmod 640 f; [ "$(show f)" = "user::rw-,user:1234:rw-,group::r--,mask::r--,other::---" ]',
  'who is named gets in': 'as 1234 1234 cat f',
  'but not over the mask': '! as 1234 1234 sh -c "echo y >> f"',
  'who is not named does not': '! as 1235 1235 cat f',
  'a named group gets in': 'setfacl -m g:77:r f; as 1235 77 cat f',
  'an empty entry shuts out, whatever others may': 'chmod 644 f; setfacl -m u:1236:- f; ! as 1236 1236 cat f && as 1237 1237 cat f',
  'an entry is taken away': 'setfacl -x u:1234 f; ! getfacl -cn f | grep -q 1234',
  'all are taken away': 'setfacl -b f; [ "$(show f)" = "user::rw-,group::r--,other::r--" ] && ! getfattr -n system.posix_acl_access f',
  'a default list is inherited by files': 'mkdir d; setfacl -d -m u::rwx,g::rx,o::-,u:1234:rwx d; umask 077; echo x > d/f; [ "$(show d/f)" = "user::rw-,user:1234:rwx,group::r-x,mask::rw-,other::---" ]',
  'and by folders, which pass it on': 'mkdir d/e; [ "$(show d/e)" = "user::rwx,user:1234:rwx,group::r-x,mask::rwx,other::---,default:user::rwx,default:user:1234:rwx,default:group::r-x,default:mask::rwx,default:other::---" ]; mkdir d/e/g; getfacl -cn d/e/g | grep -q default:user:1234',
  'where there is none the umask counts': 'umask 027; echo x > plain; [ "$(stat -c %a plain)" = 640 ]',
  'a symlink has none of its own': 'ln -s f s; setfacl -m u:1234:r s; getfacl -cn f | grep -q user:1234:r--',
  'a rename keeps it': 'mv f g; getfacl -cn g | grep -q user:1234:r--',
  'so does cp -a': 'cp -a g h; [ "$(show g)" = "$(show h)" ]',
  'only the owner may set it': 'chmod 666 h; ! as 1235 1235 setfacl -m u:1235:rwx h',
  'a list that is none is refused': '! setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff h',
  'a default list on a file is refused': '! setfacl -d -m u:1:r h',
  'the set-gid bit falls when the group is not one\'s own': 'touch i; chown 1235:99 i; chmod 2755 i; as 1235 1235 setfacl -m u:1:r i; [ ! -g i ]',
  'five hundred entries': 'seq 10000 10499 | sed "s/.*/u:&:r/" | setfacl -M - g; [ "$(getfacl -cn g | grep -c ^user:1)" -ge 501 ]',
  // FUSE's are one page at most (fuse_set_acl): 511 entries. Other filesystems have other bounds.
  'more than there is room for are refused, and change nothing': 'before=$(show g); if seq 10000 19999 | sed "s/.*/u:&:r/" | setfacl -M - g; then exit 1; fi; [ "$(show g)" = "$before" ]',
  'they survive that all is copied back': 'getfacl -cn g > saved; setfacl -b g; setfacl --set-file=saved g; getfacl -cn g | cmp - saved',
  'in an unknown user\'s set of groups': 'echo x > j; chmod 600 j; setfacl -m g:4242:r j; setpriv --reuid 1238 --regid 1238 --groups 5,4242,6 cat j',
}

const frame = `show() { getfacl -cnE "$1" | grep . | paste -sd,; }
as() { local u=$1 g=$2; shift 2; setpriv --reuid "$u" --regid "$g" --clear-groups "$@"; }
cd "$1"; set -e; `

export const acl: Suite = {
  name: 'acl',
  packages: { setfacl: 'acl', setfattr: 'attr', setpriv: 'util-linux' },
  needsRoot: true,
  async run(bench) {
    const folder = join(bench.work, 'lists')
    await bench.execute('make-folder', { program: 'mkdir', args: [folder] })
    for (const [name, script] of Object.entries(steps)) await bench.check(name, { program: 'bash', args: ['-c', `${frame}{ ${script}; }`, '-', folder] })
  },
}
