// tar and cp -a onto the mount and back: nothing of a file may change on the way.
import { join } from 'node:path'
import { makeTree, samePicture } from '../round-trip.js'
import type { Suite } from '../suite.js'

const keepAll = ['--format=posix', '--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner']

export const tar: Suite = {
  name: 'tar',
  packages: { tar: 'tar', setfattr: 'attr', setfacl: 'acl' },
  needsRoot: false,
  async run(bench) {
    const [source, back, there, copied] = [join(bench.logs, 'source'), join(bench.logs, 'back'), join(bench.work, 'there'), join(bench.work, 'copied')]
    await bench.execute('remove-old', { program: 'rm', args: ['-rf', source, back] })
    await makeTree(bench, source)
    await bench.execute('make-folders', { program: 'mkdir', args: [back, there] })
    const [first, second] = [join(bench.logs, 'first.tar'), join(bench.work, 'second.tar')]
    const pack = (archive: string, folder: string) => ({ program: 'tar', args: [...keepAll, '-S', '-C', folder, '-cf', archive, '.'] })
    const unpack = (archive: string, folder: string) => ({ program: 'tar', args: [...keepAll, '-C', folder, '-xpf', archive] })

    await bench.check('packed off the mount', pack(first, source))
    await bench.check('unpacked on the mount', unpack(first, there))
    await samePicture(bench, 'the tree on the mount is the same', there, source)
    await bench.check('tar finds no difference', { program: 'tar', args: ['--numeric-owner', '-C', there, '-df', first] })
    await bench.check('packed on the mount', pack(second, there))
    await bench.check('unpacked off the mount', unpack(second, back))
    await samePicture(bench, 'the tree that came back is the same', back, source)
    await bench.check('cp -a within the mount', { program: 'cp', args: ['-a', there, copied] })
    await samePicture(bench, 'the tree that cp made is the same', copied, source)
    await bench.execute('remove-archive', { program: 'rm', args: ['-f', first] })
  },
}
