// A disk whose calls fail now and then, or from some moment on: whoever saves is told, what was acknowledged is there, the
// rest reads, and when the disk is well again the vault is too. The calls fail by strace, of whichever thread they are.
import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap from 'tap'
import { mountAt } from '../../bin/mount-table.js'
import { hasTracer } from './torture/trial.js'
import { VaultRig } from './torture/vault-rig.js'

const skip = !existsSync('/dev/fuse') ? 'no /dev/fuse' : hasTracer ? false : 'it needs root and strace'
const files = 25

const cases: Readonly<Record<string, string>> = {
  'no sync works any more': 'fdatasync,fsync:error=EIO:when=4+',
  'a sync fails once': 'fdatasync,fsync:error=EIO:when=5',
  // Not write(2): that is what wakes threads and beats for the supervisor, on no disk.
  'no write works any more': 'pwrite64,pwritev:error=EIO:when=20+',
  'each fifth write finds no room': 'pwrite64:error=ENOSPC:when=3+5',
  'each third reading fails': 'pread64:error=EIO:when=2+3',
  'no file can be opened, made longer, renamed or removed': 'openat,ftruncate,fallocate,rename,unlink:error=EIO:when=2+',
}

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Its hash when it was acknowledged; undefined when somebody was told that it was not. */
function save(path: string): string | undefined {
  const bytes = randomBytes(30_000)
  let fd: number | undefined
  try {
    fd = openSync(path, 'wx')
    writeSync(fd, bytes)
    fsyncSync(fd)
    return hash(bytes)
  } catch {
    return undefined
  } finally {
    try {
      if (fd !== undefined) closeSync(fd)
    } catch {
      // It was synced before, or is given up.
    }
  }
}

function isIntact(path: string, wanted: string): boolean {
  try {
    return hash(readFileSync(path)) === wanted
  } catch {
    return false
  }
}

tap.setTimeout(300_000)

for (const [name, inject] of Object.entries(cases))
  void tap.test(name, { skip, timeout: 120_000 }, async (t) => {
    const vault = new VaultRig(mkdtempSync(join(tmpdir(), 'vaultfs-failing-')))
    t.teardown(async () => {
      await vault.close()
      rmSync(vault.folder, { recursive: true, force: true })
    })
    vault.create()
    await vault.mount()
    const path = (which: string): string => join(vault.mountPoint, which)
    const kept = new Map<string, string>()
    for (let index = 0; index < 3; index++) kept.set(path(`before${String(index)}`), save(path(`before${String(index)}`)) ?? 'not saved')
    await vault.publish()
    await vault.inject(inject)
    for (let index = 0; index < files; index++) {
      const saved = save(path(`file${String(index)}`))
      if (saved !== undefined) kept.set(path(`file${String(index)}`), saved)
      if (index === files >> 1) await vault.publish().catch(() => undefined)
    }
    t.ok(mountAt(vault.mountPoint), 'it stays mounted, or all that was saved would have gone elsewhere')
    await vault.leaveAlone()
    t.comment(`${String(kept.size - 3)} of ${String(files)} were acknowledged`)
    t.strictSame([...kept].filter(([each, wanted]) => !isIntact(each, wanted)).map(([each]) => each), [], 'what was acknowledged reads, with a disk that is well again')

    await vault.kill({ afterMs: 0 })
    await vault.mount()
    t.strictSame([...kept].filter(([each, wanted]) => !isIntact(each, wanted)).map(([each]) => each), [], 'and after a kill')
    const again = save(path('again'))
    t.ok(again !== undefined, 'and things can be saved')
    vault.unmount()
    vault.verify()
    t.equal(spawnSync('grep', ['-c', 'unforeseen', join(vault.store, 'daemon.log')], { encoding: 'utf8' }).stdout.trim(), '0', 'no error was unforeseen')
  })
