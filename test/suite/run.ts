// `npm test`: each test file by itself in a process, as `node FILE` runs it, a few at once. FILEs of dist/test are run
// alone when named. Prints a line a file, and all that a failed one said; with --reporter=tap all that every one said.
// tap's own runner began each file, and each daemon that a test started, with loaders that cost more than most tests.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { inOrder } from './order.js'
import { failureOf, type Ending } from './verdict.js'

const { values: options, positionals } = parseArgs({ options: { reporter: { type: 'string', default: 'lines' } }, allowPositionals: true })
const compiled = join(import.meta.dirname, '..')
const root = join(compiled, '../..')
/** More than cores: a test waits for disks and clocks now and then. */
const jobs = availableParallelism() + 1
/** Of a file; and of each test in it that says nothing else. */
const fileSecondsMax = 900
const graceMs = 10_000

interface Said extends Ending {
  readonly ms: number
  /** With what it wrote to standard error. */
  readonly all: readonly string[]
}

function allFiles(): readonly string[] {
  const files = readdirSync(compiled, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.js'))
  return inOrder(files).map((file) => join(compiled, file))
}

function run(file: string): Promise<Said> {
  const began = performance.now()
  const child = spawn(process.execPath, [file], { cwd: root, env: { ...process.env, TAP_TIMEOUT: String(fileSecondsMax) }, stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  const all: string[] = []
  createInterface(child.stdout).on('line', (line) => { lines.push(line); all.push(line) })
  createInterface(child.stderr).on('line', (line) => { all.push(line) })
  // tap says what it waits for at that signal, and ends.
  const late = setTimeout(() => { child.kill('SIGALRM') }, fileSecondsMax * 1000)
  const tooLate = setTimeout(() => { child.kill('SIGKILL') }, fileSecondsMax * 1000 + graceMs)
  // Whom it left behind may hold its output for ever.
  let left: NodeJS.Timeout | undefined
  child.once('exit', () => {
    left = setTimeout(() => {
      all.push('it left somebody behind who holds its output')
      child.stdout.destroy()
      child.stderr.destroy()
    }, graceMs)
  })
  return new Promise((done, fail) => {
    child.once('error', fail)
    child.once('close', (code, signal) => {
      for (const timer of [late, tooLate, left]) clearTimeout(timer)
      done({ code, signal, lines, all, ms: performance.now() - began })
    })
  })
}

let count = 0
let failed = 0

function report(name: string, said: Said): void {
  const failure = failureOf(said)
  if (failure !== undefined) failed++
  const text: string[] = []
  if (options.reporter === 'tap' || failure !== undefined) text.push(`# Subtest: ${name}`, ...said.all.map((line) => `    ${line}`))
  else text.push(...said.all.filter((line) => /skipped:/.test(line)))
  text.push(`${failure === undefined ? '' : 'not '}ok ${String(++count)} - ${name} # time=${said.ms.toFixed(0)}ms`)
  if (failure !== undefined) text.push('  ---', `  failure: ${failure}`, '  ...')
  process.stdout.write(`${text.join('\n')}\n`)
}

async function work(files: string[]): Promise<void> {
  for (let file = files.shift(); file !== undefined; file = files.shift()) report(relative(root, file), await run(file))
}

const files = positionals.length > 0 ? positionals.map((file) => resolve(file)) : [...allFiles()]
process.stdout.write(`TAP version 14\n1..${String(files.length)}\n`)
const waiting = [...files]
await Promise.all(Array.from({ length: jobs }, () => work(waiting)))
process.stdout.write(`# ${String(files.length - failed)} files passed, ${String(failed)} failed\n`)
process.exitCode = failed > 0 ? 1 : 0
