// Each rule of the log is taken out in turn, and the crash model, or the damage, must notice: what is named here is the
// line that the model guards. A copy of the compiled code is changed, not the code. SLOW=1 (about two
// minutes); RULE=words for one of them.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { packageRoot } from '../../native-deps/addon.js'

interface Mutant {
  readonly rule: string
  readonly changes: readonly (readonly [file: string, find: string, replace: string])[]
  readonly notice: 'crashes' | 'faults' | 'damage' | 'stale'
}

const mutants: readonly Mutant[] = [
  {
    rule: 'a segment is begun only when the one before is on the disk', notice: 'crashes',
    changes: [['lib/log/segments.js', 'this.#current.durable && synced >= this.#current.firstLsn - 1', 'synced >= 0']],
  },
  {
    rule: 'a segment is removed only when its successor is on the disk', notice: 'crashes',
    changes: [['lib/log/segments.js', 'next === this.#current && !this.#current.durable', 'false']],
  },
  {
    rule: 'the directory is synced with the first records of a segment', notice: 'crashes',
    changes: [['lib/log/segments.js', 'jobs.push(disk.syncDirectory())', 'void 0']],
  },
  {
    rule: 'a sync covers what was flushed when it began, no more', notice: 'crashes',
    changes: [['lib/log/write-ahead-log.js', 'this.#syncedLsn = target', 'this.#syncedLsn = this.#flushedLsn']],
  },
  {
    rule: 'a segment that was left is synced as well', notice: 'crashes',
    changes: [['lib/log/segments.js', 'leaving.map(', '[].map(']],
  },
  {
    rule: 'the payload of a record that may be torn is verified', notice: 'crashes',
    changes: [['lib/log/replay.js', 'record.head.extent === undefined)', 'true)']],
  },
  {
    rule: 'the header names where the segment before it ends', notice: 'crashes',
    changes: [['lib/log/replay.js', 'this.#position < next.header.previousEnd', 'true']],
  },
  {
    rule: 'a used file is taken only when the disk has its new name', notice: 'crashes',
    changes: [['lib/log/spare-file.js', 'await this.#options.disk.syncDirectory()', 'await undefined']],
  },
  {
    // Each of the two alone is enough against accidents; the chain is there against an adversary as well.
    rule: 'an older life\'s records are not taken for new ones: generation and chain', notice: 'stale',
    changes: [
      ['lib/log/write-ahead-log.js', 'end.newestGeneration + 1', '1'],
      ['lib/log/segment-reader.js', 'if (!equalBytes(previousTagAt(this.#window, at), expected.lastTag))', 'if (false)'],
    ],
  },
  {
    rule: 'what was read from the page cache only is written again', notice: 'faults',
    changes: [['lib/log/tail.js', 'writeAgain(file, from, to)', 'void 0']],
  },
  {
    rule: 'a mark is durable by a later record only', notice: 'faults',
    changes: [['lib/log/replay.js', '(record.head.kind === syncMarkKind ? 1 : 0)', '0']],
  },
  {
    rule: 'after a failed sync nothing is acknowledged', notice: 'faults',
    changes: [['lib/log/write-ahead-log.js', 'throw this.#fail(error)', 'throw error']],
  },
  {
    rule: 'a header that could not be written whole is removed', notice: 'faults',
    changes: [['lib/log/segments.js', 'this.#undo(segment, file)', 'void 0']],
  },
  {
    rule: 'a later record that says so is proof of damage', notice: 'damage',
    changes: [['lib/log/replay.js', 'synced > this.#lastLsn', 'false']],
  },
  {
    rule: 'a mark behind the last records says that they were synced', notice: 'damage',
    changes: [['lib/log/write-ahead-log.js', 'this.#mark()', 'void 0']],
  },
]

interface Model {
  runModel(options: object, figures: object): Promise<void>
}

interface Damage {
  damageLog(ending: string, step: number, figures: object): Promise<void>
}

interface Stale {
  refuseStaleRecord(): Promise<void>
}

const seedsMax = 40

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
    if (mutant.notice === 'stale') {
      const { refuseStaleRecord } = await load('log-stale.js') as Stale
      await refuseStaleRecord()
      return undefined
    }
    const { runModel } = await load('log-model.js') as Model
    for (let seed = 1; seed <= seedsMax; seed++) {
      await runModel({ seed, operations: 60, depth: 1, faults: mutant.notice === 'faults' }, { lives: 0, crashes: 0, records: 0 })
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
  for (const mutant of mutants.filter(({ rule }) => rule.includes(process.env['RULE'] ?? ''))) {
    await t.test(mutant.rule, async (t) => {
      const root = mkdtempSync(join(tmpdir(), 'vaultfs-mutant-'))
      t.teardown(() => { rmSync(root, { recursive: true, force: true }) })
      for (const folder of ['lib', 'native-deps', 'test/model']) cpSync(join(compiled, folder), join(root, folder), { recursive: true })
      for (const name of ['package.json', 'node_modules']) symlinkSync(join(packageRoot(), name), join(root, name))
      for (const [file, find, replace] of mutant.changes) {
        const path = join(root, file)
        const code = readFileSync(path, 'utf8')
        t.ok(code.includes(find), `the line is there: ${find}`)
        writeFileSync(path, code.replace(find, replace))
      }
      const found = await noticed(root, mutant)
      t.ok(found, 'noticed')
      if (found !== undefined) t.comment(found)
    })
  }
}
