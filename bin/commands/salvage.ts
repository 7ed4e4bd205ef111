// `vaultfs salvage`: saves what can be read of an unmounted vault into a folder, whatever is damaged or missing. The way
// out when `mount` and `rebuild` refuse, and for a disk that is dying: the store is not written to.

import { existsSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fromErrno, VaultError } from '../../lib/terms/errors.js'
import type { SalvageProblem, SalvageProgress } from '../../lib/vault-salvage-report.js'
import type { Context } from '../context.js'
import { jsonOption, recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { placeOf, requireVault } from '../place.js'
import { count } from '../report.js'
import { problemJson, problemText, SalvageReportFile, salvageText } from '../salvage-text.js'
import { readUnlock } from '../secrets.js'
import type { SalvageRequest } from '../salvage-service.js'
import { StoreLock } from '../store-lock.js'
import { whenOf } from '../when.js'
import { WorkProgressLine } from '../work-progress.js'

const phases: Readonly<Record<SalvageProgress['phase'], string>> = { manifest: 'reading the manifest', counting: 'counting', writing: 'writing files' }
const reportName = 'salvage-report.txt'
/** In --json; the report has all of them. */
const problemsMax = 10_000

export const salvageCommand = (context: Context) =>
  verb({
    command: 'salvage <folder> [paths..]',
    describe: 'Save what can be read of a damaged vault into a new folder',
    builder: (options) =>
      options
        .positional('folder', { type: 'string', demandOption: true, describe: 'Where to: it must be empty, or not be there yet' })
        .positional('paths', { type: 'string', array: true, describe: 'Paths in the vault (default: everything)' })
        .options({
          store: { ...storeOption.store, demandOption: true }, ...secretOptions, ...recoveryFileOption, ...jsonOption,
          at: { type: 'string', requiresArg: true, describe: 'A published state instead of the present: 2024-05-01T14:30, yesterday, the name of a snapshot' },
          'all-versions': { type: 'boolean', default: false, describe: 'Also every published version of every file' },
        }),
    handler: async (args) => {
      if (args.at !== undefined && args.allVersions) throw new VaultError('usage', '--at and --all-versions are two things', { next: 'give one of them' })
      const { store, name } = placeOf(context, { store: args.store, mountpoint: undefined })
      requireVault(context, store)
      const at = args.at === undefined ? { kind: 'now' as const } : whenOf(args.at)
      const target = emptyFolder(args.folder, store)
      const lock = await StoreLock.take(store, () => false, 'read').catch((error: unknown) => {
        if (!(error instanceof VaultError) || error.code !== 'locked') throw error
        throw new VaultError('locked', `${name} is in use: it cannot be salvaged while it is mounted`, { subject: store, next: "'vaultfs unmount' it first", cause: error })
      })
      try {
        const unlock = await readUnlock(args, context.terminal, `Passphrase of ${name}: `)
        await salvage(context, { store, unlock, out: target.path, at, allVersions: args.allVersions, paths: (args.paths ?? []).map(vaultPath) }, { name, json: args.json })
      } finally {
        target.removeUnused()
        lock.release()
      }
    },
  })

async function salvage(context: Context, request: SalvageRequest, { name, json }: { readonly name: string; readonly json: boolean }): Promise<void> {
  const { store, out } = request
  const broken = new AbortController()
  const end = (): void => { broken.abort(new VaultError('cancelled', 'salvaging was broken off', { next: 'what was written so far is there; begin again with a new folder' })) }
  process.once('SIGINT', end).once('SIGTERM', end)
  const listener = new Listener(context, join(out, reportName), [`What vaultfs salvage found in ${store}`, ''], json)
  const began = performance.now()
  try {
    const summary = await context.service.salvage(request, { signal: broken.signal, onProgress: listener.report, onProblem: listener.take })
    const seconds = (performance.now() - began) / 1000
    listener.end(`\n${salvageText(summary, seconds)}`)
    if (json) context.out(JSON.stringify({ ...summary, problems: listener.problems.map(problemJson), moreProblems: listener.told - listener.problems.length, report: listener.path, seconds }))
    else context.out(`${name} is in ${join(out, 'files')}: ${salvageText(summary, seconds)}`)
    if (summary.problems > 0) throw new VaultError('corrupt', `not everything of ${name} could be read: ${count(summary.problems, 'problem')}`, { next: `${listener.path} names each; what could be read is there` })
  } catch (error) {
    listener.end(`\nbroken off: ${error instanceof Error ? error.message : String(error)}`)
    throw error
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
  }
}

/** Tells what is found as it comes, to the report and whoever waits. */
class Listener {
  readonly problems: SalvageProblem[] = []
  readonly path: string
  told = 0
  readonly #context: Context
  readonly #file: SalvageReportFile
  readonly #json: boolean
  readonly #progress = new WorkProgressLine(process.stderr)

  constructor(context: Context, path: string, head: readonly string[], json: boolean) {
    this.#context = context
    this.path = path
    this.#json = json
    this.#file = new SalvageReportFile(path, head)
  }

  readonly report = ({ phase, done, total }: SalvageProgress): void => {
    this.#progress.report({ phase: phases[phase], done, total, unit: phase === 'writing' ? 'bytes' : 'items' })
  }

  readonly take = (problem: SalvageProblem): void => {
    this.#progress.end()
    this.told++
    this.#file.line(problemText(problem))
    if (this.problems.length < problemsMax) this.problems.push(problem)
    if (!this.#json) this.#context.note(problemText(problem))
  }

  /** May be called twice: the first one counts. */
  end(line: string): void {
    this.#progress.end()
    this.#file.line(line)
    this.#file.close()
  }
}

/** As the vault has it: bytes as latin1 characters, without a slash at the beginning. */
function vaultPath(path: string): string {
  return Buffer.from(path).toString('latin1').split('/').filter((name) => name !== '' && name !== '.').join('/')
}

interface Target {
  readonly path: string
  /** As if it had never been asked for, when nothing was written. */
  removeUnused(): void
}

/** Not within the store: nothing is written there. */
function emptyFolder(asked: string, store: string): Target {
  try {
    const made = mkdirSync(asked, { recursive: true, mode: 0o700 })
    const path = realpathSync(asked)
    const inStore = relative(store, path)
    const removeUnused = (): void => {
      if (existsSync(join(path, 'files'))) return
      rmSync(join(path, reportName), { force: true })
      if (made !== undefined && readdirSync(path).length === 0) rmdirSync(path)
    }
    if (inStore === '' || (!inStore.startsWith('..') && !inStore.startsWith('/'))) {
      removeUnused()
      throw new VaultError('usage', `${asked} lies in the store`, { subject: asked, next: 'give a folder elsewhere' })
    }
    if (readdirSync(path).length > 0) throw new VaultError('not-empty', `${asked} is not empty`, { subject: asked, next: 'give a new folder' })
    return { path, removeUnused }
  } catch (error) {
    throw fromErrno(error, asked)
  }
}
