// rsync -aHAX onto the mount and back: nothing of a file may change on the way, and a second run finds nothing to do.
import { join } from 'node:path'
import { makeTree, samePicture } from '../round-trip.js'
import type { Suite } from '../suite.js'

export const rsync: Suite = {
  name: 'rsync',
  packages: { rsync: 'rsync', setfattr: 'attr', setfacl: 'acl' },
  needsRoot: false,
  async run(bench) {
    const [source, back, there] = [join(bench.logs, 'source'), join(bench.logs, 'back'), join(bench.work, 'there')]
    await bench.execute('remove-old', { program: 'rm', args: ['-rf', source, back] })
    await makeTree(bench, source)
    const copy = (...args: readonly string[]) => ({ program: 'rsync', args: ['-aHAX', '--numeric-ids', ...args] })
    const idle = (...args: readonly string[]) => ({ program: 'bash', args: ['-c', 'said=$(rsync -aHAX --numeric-ids -i "$@") || exit; printf %s "$said"; [ -z "$said" ]', '-', ...args] })
    const script = (text: string) => ({ program: 'bash', args: ['-euc', text, '-', source, there] })

    await bench.check('onto the mount', copy(`${source}/`, `${there}/`))
    await samePicture(bench, 'the tree on the mount is the same', there, source)
    await bench.check('a second run finds nothing to do', idle(`${source}/`, `${there}/`))
    await bench.check('nor does one that compares contents', idle('-c', `${source}/`, `${there}/`))
    await bench.check('back from the mount', copy(`${there}/`, `${back}/`))
    await samePicture(bench, 'the tree that came back is the same', back, source)
    await bench.check('holes kept', copy('-S', `${source}/sparse`, `${there}/sparse2`))
    await bench.check('changed in place', script('printf zz | dd of="$1/size131072" bs=1 seek=70000 conv=notrunc status=none; rsync -a --inplace --no-whole-file "$1/size131072" "$2/"; cmp "$1/size131072" "$2/size131072"'))
    await bench.check('appended', script('echo more >> "$1/size65535"; rsync -a --append-verify "$1/size65535" "$2/"; cmp "$1/size65535" "$2/size65535"'))
    await bench.check('--link-dest makes hard links', script('rsync -aHAX --link-dest="$2/a" "$1/a/" "$2/linked/"; [ "$(stat -c %i "$2/a/b/f7")" = "$(stat -c %i "$2/linked/b/f7")" ]'))
    await bench.check('--delete', script('rm -r "$1/a/b"; rsync -aH --delete "$1/" "$2/"; [ ! -e "$2/a/b" ]'))
  },
}
