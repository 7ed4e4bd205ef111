// Each rule of the log is taken out in turn, and the crash model, or the damage, must notice: what is named here is the
// line that the model guards. A copy of the compiled code is changed, not the code. SLOW=1; about a minute or two.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { packageRoot } from '../../native-deps/addon.js'

interface Mutant {
  readonly rule: string
  readonly file: string
  readonly changes: readonly (readonly [find: string, replace: string])[]
  readonly notice: 'crashes' | 'faults' | 'damage'
}

const mutants: readonly Mutant[] = [
  {
    rule: 'a segment is begun only when the one before is on the disk', file: 'lib/log/segments.js', notice: 'crashes',
    changes: [['this.#current.durable && synced >= this.#current.firstLsn - 1', 'synced >= 0']],
  },
  {
    rule: 'a segment is removed only when its successor is on the disk', file: 'lib/log/segments.js', notice: 'crashes',
    changes: [['next === this.#current && !this.#current.durable', 'false']],
  },
  {
    rule: 'only synced records are trimmed', file: 'lib/log/write-ahead-log.js', notice: 'crashes',
    changes: [['Math.min(lsn, this.#syncedLsn + 1)', 'lsn']],
  },
  {
    rule: 'the directory is synced with the first records of a segment', file: 'lib/log/segments.js', notice: 'crashes',
    changes: [['jobs.push(disk.syncDirectory())', 'void 0']],
  },
  {
    rule: 'a sync covers what was flushed when it began, no more', file: 'lib/log/write-ahead-log.js', notice: 'crashes',
    changes: [['this.#syncedLsn = target', 'this.#syncedLsn = this.#flushedLsn']],
  },
  {
    rule: 'a segment that was left is synced as well', file: 'lib/log/segments.js', notice: 'crashes',
    changes: [['leaving.map(async ({ file }) => { await file.datasync(); })', '[]']],
  },
  {
    rule: 'the payload of a record that may be torn is verified', file: 'lib/log/replay.js', notice: 'crashes',
    changes: [['record.head.extent === undefined)', 'true)']],
  },
  {
    rule: 'the header names where the segment before it ends', file: 'lib/log/replay.js', notice: 'crashes',
    changes: [['this.#position < next.header.previousEnd', 'true']],
  },
  {
    rule: 'a used file is taken only when the disk has its new name', file: 'lib/log/spare-file.js', notice: 'crashes',
    changes: [['await this.#options.disk.syncDirectory()', 'await undefined']],
  },
  {
    rule: 'an older life\'s records are not taken for new ones: generation', file: 'lib/log/write-ahead-log.js', notice: 'crashes',
    changes: [['end.newestGeneration + 1', '1']],
  },
  {
    rule: 'what was read from the page cache only is written again', file: 'lib/log/tail.js', notice: 'faults',
    changes: [['writeAgain(file, from, to);', '']],
  },
  {
    rule: 'a mark is durable by a later record only', file: 'lib/log/replay.js', notice: 'faults',
    changes: [['(record.head.kind === syncMarkKind ? 1 : 0)', '0']],
  },
  {
    rule: 'after a failed sync nothing is acknowledged', file: 'lib/log/write-ahead-log.js', notice: 'faults',
    changes: [['throw this.#fail(error);\n        }\n    }', 'throw error;\n        }\n    }']],
  },
  {
    rule: 'a header that could not be written whole is removed', file: 'lib/log/segments.js', notice: 'faults',
    changes: [['this.#undo(segment, file);', '']],
  },
  {
    rule: 'a later record that says so is proof of damage', file: 'lib/log/replay.js', notice: 'damage',
    changes: [['synced > this.#lastLsn', 'false']],
  },
  {
    rule: 'a mark behind the last records says that they were synced', file: 'lib/log/write-ahead-log.js', notice: 'damage',
    changes: [['this.#mark();', '']],
  },
]

interface Model {
  runModel(options: object, figures: object): Promise<void>
}

interface Damage {
  damageLog(ending: string, step: number, figures: object): Promise<void>
}

const seedsMax = 30

async function noticed(root: string, mutant: Mutant): Promise<string | undefined> {
  const load = async (name: string): Promise<unknown> => import(pathToFileURL(join(root, 'test/model', name)).href)
  try {
    if (mutant.notice === 'damage') {
      const { damageLog } = await load('log-damage.js') as Damage
      for (const ending of ['closed', 'killed', 'closed and opened']) {
        await damageLog(ending, 3, { refused: 0, harmless: 0, dataRefused: 0 })
      }
      return undefined
    }
    const { runModel } = await load('log-model.js') as Model
    for (let seed = 1; seed <= seedsMax; seed++) {
      await runModel({ seed, operations: 60, depth: 2, faults: mutant.notice === 'faults' }, { lives: 0, crashes: 0, records: 0 })
    }
    return undefined
  } catch (error) {
    return String(error)
  }
}

if (process.env['SLOW'] === undefined) {
  t.pass('skipped: SLOW=1 takes each rule of the log out and looks whether the crash model notices')
} else {
  t.setTimeout(1_800_000)
  const compiled = join(dirname(fileURLToPath(import.meta.url)), '../..')
  for (const mutant of mutants) {
    await t.test(mutant.rule, async (t) => {
      const root = mkdtempSync(join(tmpdir(), 'vaultfs-mutant-'))
      t.teardown(() => { rmSync(root, { recursive: true, force: true }) })
      for (const folder of ['lib', 'native-deps', 'test/model']) cpSync(join(compiled, folder), join(root, folder), { recursive: true })
      for (const name of ['package.json', 'node_modules']) symlinkSync(join(packageRoot(), name), join(root, name))
      const path = join(root, mutant.file)
      let code = readFileSync(path, 'utf8')
      for (const [find, replace] of mutant.changes) {
        t.ok(code.includes(find), `the line is there: ${find}`)
        code = code.replace(find, replace)
      }
      writeFileSync(path, code)
      const found = await noticed(root, mutant)
      t.ok(found, 'noticed')
      if (found !== undefined) t.comment(found)
    })
  }
}
