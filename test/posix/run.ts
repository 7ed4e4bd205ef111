// `npm run test:posix`: every suite that is here, on a mounted vault (or on what --on names), one after another, with a
// watchdog over the mount. Ends with `N passed, N failed`; what is missing is said. options.ts says what it takes.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from '../tidy/source.js'
import { SuiteBench } from './bench.js'
import { killAll } from './execution.js'
import { ExpectedList } from './expected.js'
import { connectionsShown } from './fusectl.js'
import { readOptions, usage, type RunOptions } from './options.js'
import { installPackages, missingPackages, programFolders } from './packages.js'
import type { Suite } from './suite.js'
import { suites as allSuites } from './suites.js'
import { Tally } from './tally.js'
import { targetOf, type Target } from './target.js'
import { whyMissing } from './whereabouts.js'

const root = projectRoot(import.meta.dirname)
const vaultfs = process.env['VAULTFS'] ?? join(root, 'bin/vaultfs')
const say = (text: string): void => { console.log(text) }

async function main(options: RunOptions): Promise<number> {
  process.umask(0o022)
  process.env['PATH'] = programFolders.join(':')
  const suites = chosen(options)
  if (options.list) return list(suites)
  const logs = options.logs ?? mkdtempSync(join(tmpdir(), 'vaultfs-posix-logs-'))
  mkdirSync(logs, { recursive: true })
  say(`logs: ${logs}`)
  await installPackages(missingPackages(suites), join(logs, 'apt'), say)
  const hide = await connectionsShown()
  const target = await targetOf(options, vaultfs)
  const tally = new Tally(logs, say)
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => { interrupted.abort(new Error(`interrupted by ${signal}`)); killAll() })
  try {
    say(`on ${target.mountPoint}: ${target.description}${options.quick ? ', quick' : ''}`)
    for (const [at, suite] of suites.entries()) {
      const why = whyMissing(suite, target.isOurs)
      if (why !== undefined) tally.missing(suite.name, why)
      else if (interrupted.signal.aborted) tally.missing(suite.name, 'the run was ended before it')
      else if (!(await runSuite({ suite, place: `[${at + 1}/${suites.length}]`, target, tally, logs, options, interrupted }))) interrupted.abort(new Error('the mount is stuck'))
    }
    if (target.isOurs && !interrupted.signal.aborted) await target.lastLook((what, wrong) => { tally.failedAside(what, wrong) })
  } finally {
    for (const left of await target.close()) tally.failedAside('could not be taken away', left)
    await hide()
  }
  if (interrupted.signal.aborted) tally.failedAside('the run did not come to its end', String(interrupted.signal.reason))
  const failed = tally.finish()
  return failed > 0 ? 1 : tally.isEmpty ? 2 : 0
}

interface SuiteRun {
  readonly suite: Suite
  readonly place: string
  readonly target: Target
  readonly tally: Tally
  readonly logs: string
  readonly options: RunOptions
  readonly interrupted: AbortController
}

/** False when nothing more can be run on this mount. */
async function runSuite({ suite, place, target, tally, logs, options }: SuiteRun): Promise<boolean> {
  mkdirSync(join(logs, suite.name), { recursive: true })
  const stuck = Promise.withResolvers<string>()
  const watchdog = target.watch((why) => {
    killAll()
    stuck.resolve(why)
  })
  const bench = new SuiteBench({ suite, target, tally, logs: join(logs, suite.name), quick: options.quick, vaultfs, home: logs, parts: options.only?.get(suite.name) ?? [''] })
  tally.begin(suite.name, place, target.listFolder === undefined ? new ExpectedList('') : ExpectedList.read(join(root, target.listFolder, `${suite.name}.txt`)))
  // A suite that waits in a call of the mount itself can't be ended: then the run goes on without it.
  const ended = bench.run().then(() => undefined)
  const why = await Promise.race([ended, stuck.promise])
  const report = watchdog.end()
  if (report.stuck !== undefined) tally.verdict('the mount answers each request', 'failed', report.stuck)
  tally.end()
  if (report.blind !== undefined && place.startsWith('[1/')) say(`watchdog: ${report.blind}`)
  const sick = why === undefined ? await target.sickness() : why
  if (sick === undefined) return true
  tally.failedAside(`after ${suite.name}`, sick)
  await target.rescue(join(logs, suite.name))
  return false
}

function chosen({ only }: RunOptions): readonly Suite[] {
  if (only === undefined) return allSuites
  const unknown = [...only.keys()].filter((name) => !allSuites.some((suite) => suite.name === name))
  if (unknown.length > 0) throw new Error(`no suite is called ${unknown.join(', ')}; there are ${allSuites.map(({ name }) => name).join(', ')}`)
  return allSuites.filter(({ name }) => only.has(name))
}

function list(suites: readonly Suite[]): number {
  for (const suite of suites) say(`${suite.name.padEnd(14)} ${whyMissing(suite, true) ?? 'is here'}`)
  return 0
}

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
  process.exitCode = 2
}
