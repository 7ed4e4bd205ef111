// A store on a disk that fills: what is accepted is kept, what can't be kept is refused before it is accepted, the rest can
// be read and deleted, and room that comes back is used without a remount. As root, on a disk in memory.
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap, { type Test } from 'tap'
import { until, VaultRig } from './torture/vault-rig.js'

const diskMib = 120
const skip = !existsSync('/dev/fuse') ? 'no /dev/fuse' : process.geteuid?.() !== 0 ? 'mounting a small disk needs root' : false

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Written and synced until one fails: what was acknowledged, and why the next was not. */
function fill(folder: string, prefix: string): { readonly kept: ReadonlyMap<string, string>; readonly code: string } {
  const kept = new Map<string, string>()
  for (let index = 0; index < 2 * diskMib; index++) {
    const path = join(folder, `${prefix}${String(index)}`)
    const bytes = randomBytes(1024 * 1024)
    let fd: number | undefined
    try {
      fd = openSync(path, 'w')
      writeSync(fd, bytes)
      fsyncSync(fd)
    } catch (error) {
      return { kept, code: (error as NodeJS.ErrnoException).code ?? String(error) }
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
    kept.set(path, hash(bytes))
  }
  return { kept, code: 'never' }
}

function lost(kept: ReadonlyMap<string, string>): readonly string[] {
  return [...kept].filter(([path, wanted]) => hash(readFileSync(path)) !== wanted).map(([path]) => path)
}

async function onSmallDisk(t: Test): Promise<{ readonly vault: VaultRig; readonly disk: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-full-'))
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${String(diskMib)}m`, 'none', disk])
  const vault = new VaultRig(join(folder, 'vault'), disk)
  t.teardown(async () => {
    await vault.close()
    await until(() => spawnSync('umount', [disk]).status === 0, `${disk} is held by somebody`)
    rmSync(folder, { recursive: true, force: true })
  })
  vault.create()
  await vault.mount()
  return { vault, disk }
}

tap.setTimeout(300_000)

void tap.test('a disk that is full', { skip }, async (t) => {
  const { vault, disk } = await onSmallDisk(t)
  const first = fill(vault.mountPoint, 'a')
  t.equal(first.code, 'ENOSPC', 'the one that has no room is told so')
  t.ok(first.kept.size > diskMib / 2, `and before that ${String(first.kept.size)} MiB went onto ${String(diskMib)}`)
  t.strictSame(lost(first.kept), [], 'what was acknowledged can be read')
  t.match(vault.run('status', vault.mountPoint), /the disk of .* is full/, 'status says why')
  t.throws(() => { writeFileSync(join(vault.mountPoint, 'one more'), randomBytes(1024 * 1024)) }, { code: 'ENOSPC' })

  const [gone] = first.kept.keys()
  rmSync(gone ?? '')
  t.notOk(existsSync(gone ?? ''), 'deleting works')
  mkdirSync(join(disk, 'other'))
  writeFileSync(join(disk, 'other', 'file'), '')

  spawnSync('mount', ['-o', `remount,size=${String(diskMib + 60)}m`, disk])
  const second = fill(vault.mountPoint, 'b')
  t.ok(second.kept.size > 20, `with 60 MiB more ${String(second.kept.size)} fit, without a remount`)
  t.equal(second.code, 'ENOSPC')

  await vault.kill({ afterMs: 0 })
  await vault.mount()
  const kept = new Map([...first.kept, ...second.kept].filter(([path]) => path !== gone))
  t.strictSame(lost(kept), [], 'after a kill on a full disk all is there')
  t.ok(readdirSync(vault.mountPoint).length >= kept.size)
  vault.unmount()
  vault.verify()
})

void tap.test('a disk that has no room at all, not even what is kept free', { skip }, async (t) => {
  const { vault, disk } = await onSmallDisk(t)
  const path = join(vault.mountPoint, 'kept')
  const bytes = randomBytes(3 * 1024 * 1024)
  writeFileSync(path, bytes)
  vault.run('snapshot', 'whole', '--mountpoint', vault.mountPoint)
  // Somebody else takes the whole disk.
  const other = join(disk, 'other')
  spawnSync('dd', ['if=/dev/zero', `of=${other}`, 'bs=1M'], { stdio: 'ignore' })
  t.throws(() => { writeFileSync(join(vault.mountPoint, 'new'), randomBytes(8 * 1024 * 1024)) }, { code: 'ENOSPC' })
  t.equal(hash(readFileSync(path)), hash(bytes), 'what is there can be read')
  rmSync(path)
  t.throws(() => vault.run('restore', `${path}@whole`, '--yes'), /the disk of .* is full/, 'what was deleted does not come back before there is room for it')
  t.notOk(existsSync(path), 'and nothing of it is there')
  // The log keeps a file set aside: with that it can be opened.
  spawnSync('truncate', ['-s', '-12M', other])
  vault.run('unmount', '--lazy', vault.mountPoint)
  await vault.mount()
  t.throws(() => { writeFileSync(join(vault.mountPoint, 'first'), randomBytes(8 * 1024 * 1024)) }, { code: 'ENOSPC' }, 'the first write after a mount too')
  rmSync(other)
  const again = join(vault.mountPoint, 'again')
  // Within the time in which the daemon looks at its disk.
  for (let tries = 0; tries < 50 && !existsSync(again); tries++) {
    try {
      writeFileSync(again, bytes)
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  t.equal(hash(readFileSync(again)), hash(bytes), 'and room that comes back is used')
  vault.run('restore', `${path}@whole`, '--yes')
  t.equal(hash(readFileSync(path)), hash(bytes), 'by restoring too')
  vault.unmount()
  vault.verify()
  await vault.mount()
  t.equal(hash(readFileSync(again)), hash(bytes))
})
