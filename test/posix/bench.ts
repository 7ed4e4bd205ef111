// The bench of one suite: its folders, its verdicts, its programs. A suite that throws has failed as a whole; what it
// leaves in its folder has to be removable.
import { join } from 'node:path'
import { execute, type Executed, type Execution } from './execution.js'
import type { Verdict } from './expected.js'
import type { Bench, Suite } from './suite.js'
import type { Tally } from './tally.js'
import type { Target } from './target.js'
import { builtOf } from './whereabouts.js'

export interface SuiteBenchOptions {
  readonly suite: Suite
  readonly target: Pick<Target, 'mountPoint' | 'driver'>
  readonly tally: Pick<Tally, 'verdict' | 'at'>
  readonly logs: string
  readonly quick: boolean
  readonly vaultfs: string
  readonly home: string
  /** How the names of the wanted parts begin. */
  readonly parts: readonly string[]
}

export class SuiteBench implements Bench {
  readonly mountPoint: string
  readonly work: string
  readonly logs: string
  readonly built: string
  readonly quick: boolean
  readonly driver: Bench['driver']
  readonly vaultfs: string
  readonly env: Bench['env']
  readonly #suite: Suite
  readonly #parts: readonly string[]
  readonly #tally: SuiteBenchOptions['tally']

  constructor({ suite, target, tally, logs, quick, vaultfs, home, parts }: SuiteBenchOptions) {
    this.#suite = suite
    this.#parts = parts
    this.#tally = tally
    this.mountPoint = target.mountPoint
    this.driver = target.driver
    this.work = join(target.mountPoint, `posix-${suite.name}`)
    this.logs = logs
    this.built = builtOf(suite)
    this.quick = quick
    this.vaultfs = vaultfs
    this.env = { ...process.env, HOME: home, LC_ALL: 'C', TZ: 'UTC' }
  }

  async run(): Promise<void> {
    const { work } = this
    const made = await this.execute('make-folder', { program: 'mkdir', args: [work] })
    if (made.why !== undefined) return this.failed('a folder for the suite', made.output().trim())
    try {
      await this.#suite.run(this)
    } catch (error) {
      this.failed('the suite runs to its end', error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    this.at('removing what it made')
    const removed = await this.execute('remove-folder', { program: 'rm', args: ['-rf', work] })
    if (removed.why !== undefined) this.failed('what the suite made can be removed', `${removed.why} ${lastLine(removed.output())}`)
  }

  wants(part: string): boolean {
    return this.#parts.some((start) => part.startsWith(start))
  }

  passed(test: string): void {
    this.#verdict(test, 'passed', '')
  }

  failed(test: string, why: string): void {
    this.#verdict(test, 'failed', why)
  }

  skipped(test: string, why: string): void {
    this.#verdict(test, 'skipped', why)
  }

  at(step: string): void {
    this.#tally.at(step)
  }

  execute(log: string, execution: Execution): Promise<Executed> {
    return execute({ env: this.env, ...execution }, join(this.logs, log.replace(/[^\w.+-]+/g, '_')))
  }

  async check(test: string, execution: Execution): Promise<boolean> {
    this.at(test)
    const { why, output, log } = await this.execute(test, execution)
    if (why === undefined) this.passed(test)
    else this.failed(test, `${why}; ${lastLine(output())}; all of it in ${log}`)
    return why === undefined
  }

  #verdict(test: string, verdict: Verdict, why: string): void {
    this.#tally.verdict(test, verdict, why)
  }
}

export function lastLine(text: string): string {
  return (text.trimEnd().split('\n').at(-1) ?? '').slice(0, 200)
}
