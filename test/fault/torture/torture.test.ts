// Fifty kills of a real daemon under writers, and a judge that is shown to see what it has to see.
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync, writeSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tap, { type Test } from 'tap'
import { campaign, isSplit } from './campaign.js'
import { judge, type WriterRecord } from './judge.js'
import { FileModel } from './folder-model.js'
import { readNotes } from './notes.js'
import { Plan } from './plan.js'
import { remountTrial, resumeTrial } from './resume-trial.js'
import { contentOf, isSync } from './step.js'
import { hasTracer } from './trial.js'
import { VaultRig } from './vault-rig.js'

const trials = Number(process.env['TRIALS'] ?? 50)
const skip = existsSync('/dev/fuse') ? false : 'no /dev/fuse'

tap.setTimeout(900_000)

void tap.test('nothing acknowledged is lost by a kill', { skip, timeout: 600_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-torture-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  if (!hasTracer) t.comment('skipped: kills at a chosen system call (they need root and strace): all are at moments of the clock')
  let steps = 0
  let splits = 0
  await campaign({ folder, seed: 4000, trials, longestMs: 500, mayBeSplit: true }, (outcome, seed) => {
    steps += outcome.steps
    if (isSplit(outcome)) {
      splits++
      t.comment(`seed ${String(seed)}: ${outcome.faults.join('; ')}`)
    } else t.strictSame(outcome.faults, [], `seed ${String(seed)}, ${outcome.moment}: ${String(outcome.steps)} steps`)
  })
  t.ok(steps > trials, 'there were steps to lose')
  t.ok(splits <= 2, `${String(splits)} writes of which only the first request was there, which takes a machine that is far too busy`)
})

/** A folder in which a writer did so many steps, without any vault: so nothing is gone. */
function written(t: Test, seed: number): WriterRecord {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-judged-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  const record = { folder: join(folder, 'w'), seed, notes: join(folder, 'notes') }
  mkdirSync(record.folder)
  // By itself: a kill would tear its last write, and this filesystem promises nothing about that.
  spawnSync(process.execPath, [join(import.meta.dirname, 'writer.js'), record.folder, String(seed), record.notes, '400'], { stdio: ['ignore', 'ignore', 'inherit'] })
  return record
}

/** Of the steps that had ended, with a file in the tree that holds something. */
function modelled({ seed, notes }: WriterRecord): { readonly plan: Plan; readonly file: string; readonly steps: number } {
  const plan = new Plan(seed)
  const steps = readNotes(notes).filter(({ ended }) => ended !== undefined).length
  for (let index = 0; index < steps; index++) plan.next()
  const file = plan.model.files().find((path) => {
    const node = plan.model.nodes.get(path)
    return node instanceof FileModel && node.logged > 0 && node.sizeBytes > 100 && node.logged === node.edits.length
  })
  if (file === undefined) throw new Error('this seed has no such file')
  return { plan, file, steps }
}

void tap.test('the judge finds nothing where nothing was lost', async (t) => {
  for (const seed of [1, 2, 3]) {
    const record = written(t, seed)
    for (const crash of ['kill', 'power'] as const) t.strictSame((await judge([record], crash)).faults, [], `seed ${String(seed)} by ${crash}`)
  }
})

const damages: Readonly<Record<string, (path: string) => void>> = {
  'a file is gone': (path) => { unlinkSync(path) },
  'a file has another name': (path) => { renameSync(path, `${path}-other`) },
  'a bit is flipped': (path) => {
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    writeFileSync(path, bytes)
  },
  'a file is shorter': (path) => { writeFileSync(path, readFileSync(path).subarray(0, -1)) },
  'a file is longer': (path) => { writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(1)])) },
  'a file is empty': (path) => { writeFileSync(path, '') },
  'something is there that nobody made': (path) => { writeFileSync(`${path}-new`, '') },
}

void tap.test('the judge sees what is lost, torn or invented', async (t) => {
  for (const [name, damage] of Object.entries(damages)) {
    const record = written(t, 5)
    damage(join(record.folder, modelled(record).file))
    t.ok((await judge([record], 'kill')).faults.length > 0, name)
  }
})

void tap.test('of a write that begins within a page the first part is told from other mixtures', (t) => {
  const file = new FileModel()
  file.edit({ offset: 0, length: 5000, tag: 1 })
  file.edit({ offset: 5000, length: 8000, tag: 2 })
  const bytes = Buffer.concat([contentOf(1, 5000), contentOf(2, 8000)])
  t.equal(file.splitOf(bytes.subarray(0, 8192), 0, 2), 1)
  t.equal(file.splitOf(bytes.subarray(0, 8192), 2, 2), undefined, 'the whole write was acknowledged')
  for (const length of [4096, 5000, 8191, 12_288, 13_000]) t.equal(file.splitOf(bytes.subarray(0, length), 0, 2), undefined, String(length))
  t.end()
})

void tap.test('after a loss of power a later change may be gone, an earlier one not', async (t) => {
  const record = written(t, 6)
  const { steps } = modelled(record)
  const plan = new Plan(record.seed)
  let synced = 0
  for (let index = 0; index < steps; index++) if (isSync(plan.next())) synced = index + 1
  const { faults, acknowledged } = await judge([record], 'power')
  t.strictSame(faults, [])
  t.equal(acknowledged, synced, 'what is demanded ends with the last sync')
  rmSync(record.folder, { recursive: true })
  mkdirSync(record.folder)
  t.ok((await judge([record], 'power')).faults.length > 0, 'all of it is gone')
})

void tap.test('a write that met the end of its mount may be short by whole pages, and no other way', (t) => {
  const file = new FileModel()
  file.edit({ offset: 0, length: 20_001, tag: 1 })
  file.edit({ offset: 20_001, length: 20_000, tag: 2 })
  const whole = file.contentAt(2, 40_001)
  t.ok(file.hasPartOfLast(whole.subarray(0, 20_480)))
  t.notOk(file.hasPartOfLast(whole.subarray(0, 20_481)))
  t.notOk(file.hasPartOfLast(Buffer.concat([whole.subarray(0, 20_479), Buffer.alloc(1)])))
  t.end()
})

/** Mounted. */
async function withHeirs(t: Test, afterCrash: 'resume' | 'remount' = 'resume'): Promise<VaultRig> {
  const vault = new VaultRig(mkdtempSync(join(tmpdir(), 'vaultfs-heirs-')), undefined, afterCrash)
  t.teardown(async () => {
    await vault.close()
    rmSync(vault.folder, { recursive: true, force: true })
  })
  vault.create()
  await vault.mount()
  return vault
}

void tap.test('heirs of a killed daemon go on, and nobody notices', { skip, timeout: 300_000 }, async (t) => {
  const vault = await withHeirs(t)
  for (const seed of [1, 2]) {
    const { faults, moment, steps, waits } = await resumeTrial({ vault, seed, kills: 2, longestMs: 400, hangs: seed === 2 })
    t.comment(`who asked after a death waited for ${waits.map((ms) => String(Math.round(ms))).join(', ')} ms`)
    t.strictSame(faults, [], `seed ${String(seed)}, ${moment}: ${String(steps)} steps`)
  }
  vault.unmount()
  vault.verify()
})

void tap.test('where the mount ends with its daemon another one mounts anew, with what was in memory', { skip, timeout: 300_000 }, async (t) => {
  const vault = await withHeirs(t, 'remount')
  const { faults, moment, steps, waits } = await remountTrial({ vault, seed: 1, longestMs: 400 })
  t.comment(`who asked after a death waited for ${waits.map((ms) => String(Math.round(ms))).join(', ')} ms`)
  t.strictSame(faults, [], `${moment}: ${String(steps)} steps`)
  const open = openSync(join(vault.mountPoint, 'open'), 'w+')
  writeSync(open, 'not logged yet')
  await vault.end()
  t.throws(() => { writeSync(open, 'more') }, { code: /ENOTCONN|ECONNABORTED/ }, 'who has a file open is told')
  await vault.resumed()
  t.throws(() => { closeSync(open) })
  t.equal(readFileSync(join(vault.mountPoint, 'open'), 'utf8'), 'not logged yet')
  t.match(vault.run('status', vault.mountPoint), /another mounted anew/)
  vault.unmount()
  vault.verify()
})

void tap.test('a daemon that hangs is replaced too', { skip, timeout: 120_000 }, async (t) => {
  const vault = await withHeirs(t)
  const file = await open(join(vault.mountPoint, 'file'), 'w+')
  await file.write('before')
  vault.hang()
  const began = performance.now()
  await file.write(' and after')
  t.comment(`who wrote waited for ${((performance.now() - began) / 1000).toFixed(1)} s`)
  await vault.resumed()
  t.equal((await file.read(Buffer.alloc(100), 0, 100, 0)).buffer.toString('utf8').replaceAll('\0', ''), 'before and after')
  await file.close()
  t.match(vault.run('status', vault.mountPoint), /another went on/)
  vault.unmount()
})
