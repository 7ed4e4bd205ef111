// The past through the portable driver, which knows paths only: what works there, as mount/POSIX.md says it.
import fs from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { VaultError } from '../../lib/terms/errors.js'
import { whyNoMounts } from '../native-deps/fuse-fixture.js'
import { mountTestVault, type MountedTestVault } from './mounted-vault.js'

t.setTimeout(300_000)

t.test('views by path, read-only, apart from the present', { skip: whyNoMounts }, async (t) => {
  const mounting = await mountTestVault(t, { driver: 'fuse-native' }).catch((error: unknown) => error)
  if (mounting instanceof VaultError && mounting.code === 'missing-dependency') {
    t.comment(`skipped: ${mounting.message}`)
    t.pass('skipped: fuse-native does not load')
    return
  }
  if (mounting instanceof Error) throw mounting
  const { folder, publish, run } = mounting as MountedTestVault
  await run('mkdir -p a/b; echo one > a/b/f; ln -s f a/b/arrow; ln a/b/f a/g')
  const first = await publish()
  await run('echo two > a/b/f; rm a/g')
  const second = await publish()
  t.equal(await run('cat ".versions/$1/a/b/f" "a/.versions/$2/b/f" a/b/.versions/latest/arrow', first, second), 'one\ntwo\ntwo\n')
  t.equal(await run('cd ".versions/$1"; find . | sort; stat -c %h a/g', first), '.\n./a\n./a/b\n./a/b/arrow\n./a/b/f\n./a/g\n2\n')
  t.equal(await run('diff -r --no-dereference ".versions/$1" . || true', first), `diff -r --no-dereference .versions/${first}/a/b/f ./a/b/f\n1c1\n< one\n---\n> two\nOnly in .versions/${first}/a: g\n`)
  t.equal(await run('find . | sort'), '.\n./a\n./a/b\n./a/b/arrow\n./a/b/f\n')
  const listed = await fs.readdir(join(folder, '.versions'))
  t.ok([first, second, 'latest', first.slice(0, 10)].every((name) => listed.includes(name)))
  await t.rejects(fs.writeFile(join(folder, '.versions', first, 'a/b/f'), 'x'), { code: 'EROFS' })
  await t.rejects(fs.mkdir(join(folder, '.versions', first, 'new')), { code: 'EROFS' })
  await t.rejects(fs.mkdir(join(folder, 'a/.versions')), { code: 'EEXIST' })
  await t.rejects(fs.stat(join(folder, '.versions/2001-01-01')), { code: 'ENOENT' })
})
