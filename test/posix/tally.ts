// What came of the tests, counted for each suite, and told: a line for each suite while it runs, one for each failure, a
// table at the end.
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExpectedList, Verdict } from './expected.js'

/** Without a terminal a line can't be written over: then one a minute. */
const lineMs = { terminal: 200, file: 60_000 }

export interface Score {
  readonly suite: string
  passed: number
  failed: number
  expected: number
  skipped: number
  seconds: number
}

export class Tally {
  readonly #logs: string
  readonly #say: (text: string) => void
  readonly #scores: Score[] = []
  readonly #missing: string[] = []
  #expected: ExpectedList | undefined
  #startedMs = 0
  #step = ''
  #timer: NodeJS.Timeout | undefined
  #shown = false

  constructor(logs: string, say: (text: string) => void) {
    this.#logs = logs
    this.#say = say
  }

  begin(suite: string, place: string, expected: ExpectedList): void {
    this.#scores.push({ suite, passed: 0, failed: 0, expected: 0, skipped: 0, seconds: 0 })
    this.#expected = expected
    this.#startedMs = performance.now()
    this.#step = ''
    const isTerminal = process.stderr.isTTY
    const show = (): void => { this.#show(`${place} ${suite} ${clock(this.#seconds)}  ${this.#line}${this.#step === '' ? '' : `  ${this.#step}`}`, isTerminal) }
    this.#timer = setInterval(show, isTerminal ? lineMs.terminal : lineMs.file)
  }

  end(): void {
    clearInterval(this.#timer)
    const score = this.#score
    score.seconds = this.#seconds
    this.#tell(`${score.suite.padEnd(14)} ${clock(score.seconds)}  ${this.#line}`)
  }

  at(step: string): void {
    this.#step = step
  }

  verdict(test: string, said: Verdict, why: string): void {
    const { verdict, why: reason } = this.#expected?.judge(test, said, why) ?? { verdict: said, why }
    const score = this.#score
    score[verdict]++
    appendFileSync(join(this.#logs, score.suite, 'verdicts'), `${verdict} ${test}${reason === '' ? '' : `: ${reason}`}\n`)
    if (verdict === 'failed') this.#tell(`FAIL ${score.suite}: ${test}: ${reason}`)
  }

  /** A failure of no suite: of the mount, of the daemon. */
  failedAside(what: string, why: string): void {
    const last = this.#scores.at(-1)
    if (last?.suite !== 'mount') this.#scores.push({ suite: 'mount', passed: 0, failed: 0, expected: 0, skipped: 0, seconds: 0 })
    this.#score.failed++
    this.#tell(`FAIL mount: ${what}: ${why}`)
  }

  missing(suite: string, why: string): void {
    this.#missing.push(suite)
    this.#tell(`missing: ${suite}: ${why}`)
  }

  /** No suite was run: nothing is proved then. */
  get isEmpty(): boolean {
    return this.#scores.length === 0
  }

  /** The table, and what is missing again; answers how many failed. */
  finish(): number {
    const columns = ['passed', 'failed', 'expected', 'skipped'] as const
    this.#tell(`\n${'suite'.padEnd(14)}${columns.map((name) => name.padStart(9)).join('')}     time`)
    const sum = { passed: 0, failed: 0, expected: 0, skipped: 0 }
    for (const score of this.#scores) {
      for (const name of columns) sum[name] += score[name]
      this.#tell(`${score.suite.padEnd(14)}${columns.map((name) => String(score[name]).padStart(9)).join('')} ${clock(score.seconds).padStart(8)}`)
    }
    if (this.#missing.length > 0) this.#tell(`missing: ${this.#missing.join(', ')}`)
    if (sum.expected > 0) this.#tell(`${sum.expected} that do not apply failed as listed, ${sum.skipped} were skipped by their suites`)
    this.#tell(`logs: ${this.#logs}`)
    this.#tell(`${sum.passed} passed, ${sum.failed} failed`)
    return sum.failed
  }

  get #score(): Score {
    const score = this.#scores.at(-1)
    if (score === undefined) throw new Error('a verdict before the first suite')
    return score
  }

  get #line(): string {
    const { passed, failed, expected, skipped } = this.#score
    return [`${passed} passed`, `${failed} failed`, ...(expected > 0 ? [`${expected} expected`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ')
  }

  get #seconds(): number {
    return (performance.now() - this.#startedMs) / 1000
  }

  #show(text: string, isTerminal: boolean): void {
    process.stderr.write(isTerminal ? `\r\x1b[K${text.slice(0, process.stderr.columns - 1)}` : `${text}\n`)
    this.#shown = isTerminal
  }

  #tell(text: string): void {
    if (this.#shown) process.stderr.write('\r\x1b[K')
    this.#shown = false
    this.#say(text)
  }
}

function clock(seconds: number): string {
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}
