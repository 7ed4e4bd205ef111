// A directory of very many entries that is listed while names in it come and go: whatever is there all the time is seen
// once. 20 000 entries; ENTRIES=100000 (`npm run test:large-directory`) takes a minute or more.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { openFlags } from './call-flags.js'
import { must } from './call-results.js'
import { posixMount, whyNoPosixMount, type PosixMount } from './posix-mount.js'

t.setTimeout(900_000)
const skip = whyNoPosixMount()
const entries = Number(process.env['ENTRIES'] ?? '20000')
const listings = 3

t.test(`a directory of ${entries} entries`, { skip }, async (t) => {
  if (entries < 100_000) t.comment(`with ${entries} entries; ENTRIES=100000 for all of them`)
  const mount = await posixMount(t)
  const room = await mount.room()
  await filled(mount, room)
  const changer = spawn(process.execPath, [join(import.meta.dirname, 'directory-changer.js'), room, '500'], { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => { changer.kill('SIGKILL') })
  const gone = new Promise((resolve) => changer.once('exit', resolve))
  await new Promise((resolve) => changer.stdout.once('data', resolve))

  for (let listing = 0; listing < listings; listing++) {
    // Small and large steps: what one getdents64(2) brings, and what the kernel keeps between two.
    const { names, passing } = await listed(mount, room, listing === 0 ? 4096 : 262_144)
    t.strictSame([names.length, new Set(names).size], [entries, entries], `listing ${listing}: each of those that stay, once`)
    t.equal(new Set(passing).size, passing.length, `listing ${listing}: of those that come and go, none twice`)
  }
  t.equal(changer.exitCode, null, 'the other process is at it still')
  changer.kill('SIGKILL')
  await gone
  const { names, passing } = await listed(mount, room, 65_536)
  t.strictSame([names.length, passing.length > 0], [entries, true])
  t.equal((await must(mount.root.stat(room))).nlink, 2)
})

/** By calls that are sent ahead: nobody waits for each. */
async function filled({ root }: PosixMount, room: string): Promise<void> {
  for (let made = 0; made < entries; made += 2000) {
    const count = Math.min(2000, entries - made)
    await Promise.all(Array.from({ length: count }, (_, at) => must(root.mknod(`${room}/stays-${made + at}`, 0o100644))))
  }
}

async function listed({ root }: PosixMount, room: string, bufferBytes: number): Promise<{ names: string[]; passing: string[] }> {
  const fd = await must(root.open(room, openFlags.readOnly))
  const [names, passing]: [string[], string[]] = [[], []]
  for (;;) {
    const found = await root.getdents(fd, bufferBytes)
    if (typeof found === 'string') throw new Error(`getdents: ${found}`)
    if (found.length === 0) break
    for (const { name } of found) if (name !== '.' && name !== '..') (name.startsWith('passing-') ? passing : names).push(name)
  }
  await must(root.close(fd))
  return { names, passing }
}
