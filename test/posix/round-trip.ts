// A tree of everything that a file can be, and how it is compared: for suites that carry it to the mount and back.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from './suite.js'

/** Names, sizes, holes, links, times to the nanosecond, xattrs, access lists; for root also owners and devices. */
const making = `set -e
mkdir -p "$1" && cd "$1"
mkdir -p a/b/c empty perm
for size in 0 1 4095 4096 4097 65535 131072 1000001; do head -c $size /dev/urandom > size$size; done
for each in $(seq 1 300); do head -c $((each * 11)) /dev/urandom > a/b/f$each; done
for name in 'sp ace' $'new\\nline' $'tab\\t' "quote\\"'" -dash .dot ... ünï $'e\\xcc\\x81' 日本語 🙂 'back\\slash' con a:b '*?' 'trail ' trail. $'bad\\xff\\xfeutf8' "$(printf 'x%.0s' $(seq 255))"; do
  printf %s "$name" > "a/$name"
done
truncate -s 9000000 sparse; printf end | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
ln size4096 a/hard1; ln size4096 a/b/hard2; ln -s ../size1 a/relative; ln -s b a/to-folder; ln -s "/nowhere/$(printf 'y%.0s' $(seq 200))" a/dangling
ln a/relative a/b/hard-symlink
mkfifo fifo
for mode in 0000 0400 0444 0600 0755 4755 2755 1777; do echo p > perm/$mode; chmod $mode perm/$mode; done
chmod 2775 empty; chmod 1777 perm
setfattr -n user.text -v value size1; setfattr -n user.none -v '' size1; setfattr -n user.bytes -v 0x00ff0a00 a; setfattr -n user.big -v "$(head -c 2000 /dev/zero | tr '\\0' q)" size0
setfacl -m u:1234:r,g:77:rw size1; setfacl -m u:1234:rwx,d:g:4321:rx,d:u::rwx a; setfacl -d -m o::- empty; setfacl -m u:5:x,m::rx perm/0755
if [ "$(id -u)" = 0 ]; then
  mknod null c 1 3; mknod loop b 7 200; chown 12345:54321 size4095; chown -h 777:888 a/relative; chown 4000000000:4000000001 a/b/c
  setfattr -n trusted.mark -v 1 size1; setfattr -h -n trusted.link -v 2 a/dangling; setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 size4097
fi
touch -h -d '2009-02-13T23:31:30.123456789Z' size1 a/relative fifo; touch -h -d '1905-01-01T00:00:00.987654321Z' size0; touch -h -d '2040-05-05T05:05:05.000000001Z' a/dangling
touch -d '2005-03-18T01:58:31.987654321Z' empty; touch -d '2001-09-09T01:46:40.5Z' a/b; touch -d '2262-01-01T00:00:00Z' size65535`

/** Off the mount. */
export async function makeTree(bench: Bench, folder: string): Promise<void> {
  const { why, output } = await bench.execute('make-tree', { program: 'bash', args: ['-c', making, '-', folder], env: { ...bench.env, LC_ALL: 'C.UTF-8' } })
  if (why !== undefined) throw new Error(`the tree to compare could not be made: ${why}: ${output()}`)
}

/** One test: the folder is like the picture, which is that of `of` when it is the first. */
export async function samePicture(bench: Bench, test: string, folder: string, other: string): Promise<void> {
  bench.at(test)
  const [here, there] = [await pictureOf(bench, `${test}-1`, folder), await pictureOf(bench, `${test}-2`, other)]
  const [wanted, found] = [new Set(there), new Set(here)]
  const lost = there.filter((line) => !found.has(line))
  const foreign = here.filter((line) => !wanted.has(line))
  if (lost.length === 0 && foreign.length === 0) return bench.passed(test)
  bench.failed(test, `${lost.length} of ${there.length} lines differ, for example: ${lost[0]?.slice(0, 160) ?? 'nothing'} → ${foreign[0]?.slice(0, 160) ?? 'nothing'}; all in ${bench.logs}`)
}

/** Lines of picture.js, and one for each xattr, access lists among them. */
async function pictureOf(bench: Bench, name: string, folder: string): Promise<readonly string[]> {
  const drawn = await bench.execute(`${name}-picture`, { program: process.execPath, args: [join(import.meta.dirname, 'programs/picture.js'), folder] })
  const told = await bench.execute(`${name}-xattrs`, { program: 'getfattr', args: ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '.'], cwd: folder })
  if (drawn.why !== undefined) throw new Error(`${folder} can't be read: ${drawn.why}: ${drawn.output().slice(-300)}`)
  const xattrs = told.output().split('\n\n').flatMap((block) => {
    const [file = '', ...lines] = block.split('\n').filter((line) => line !== '')
    return lines.map((line) => `${file} ${line}`)
  })
  const lines = [...drawn.output().split('\n').filter((line) => line !== ''), ...xattrs.sort()]
  writeFileSync(join(bench.logs, `${name.replace(/\W+/g, '_')}.lines`), lines.join('\n'))
  return lines
}
