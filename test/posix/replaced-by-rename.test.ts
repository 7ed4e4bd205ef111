// A file that is replaced by rename, as editors, browsers and package managers save: whoever reads it finds it there,
// always, and gets one version, whole. Readers and writers are processes of their own; the vault publishes meanwhile.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { posixMount, whyNoPosixMount } from './posix-mount.js'

t.setTimeout(300_000)
const run = promisify(execFile)
const skip = whyNoPosixMount()
const milliseconds = 4000

interface Read { readonly reads: number; readonly versions: number; readonly wrong: readonly string[] }

t.test('a file that is being replaced', { skip }, async (t) => {
  const mount = await posixMount(t)
  const { root } = mount
  const room = await mount.room()
  await must(root.mkdir(`${room}/folder`))
  for (const name of ['one', 'folder/two']) {
    const fd = await must(root.open(`${room}/${name}`, openFlags.create | openFlags.writeOnly, 0o644))
    await must(root.write(fd, 'a'.repeat(5000)))
    await must(root.close(fd))
  }
  const program = async (name: string, ...words: readonly string[]): Promise<unknown> =>
    JSON.parse((await run(process.execPath, [join(import.meta.dirname, `${name}.js`), String(milliseconds), ...words], { cwd: '/' })).stdout) as unknown
  const [one, two] = [`${room}/one`, `${room}/folder/two`]
  const readers = [program('replacing-reader', one), program('replacing-reader', one, two), program('replacing-reader', two)]
  const writers = [program('replacing-writer', one, 'first'), program('replacing-writer', one, 'second'), program('replacing-writer', two, 'third')]
  if (mount.vault !== undefined) for (let each = 0; each < 3; each++) await mount.vault.publish()
  const written = (await Promise.all(writers)) as readonly { readonly versions: number }[]
  const read = (await Promise.all(readers)) as readonly Read[]
  t.ok(written.every(({ versions }) => versions > 0), `${written.map(({ versions }) => versions).join(', ')} versions written`)
  for (const { reads, versions, wrong } of read) {
    t.strictSame(wrong, [], `${reads} reads of ${versions} versions`)
    t.ok(reads > 0)
  }
  t.strictSame((await must(root.stat(one))).nlink, 1)
})
