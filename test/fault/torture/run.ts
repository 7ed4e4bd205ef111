// `npm run test:torture`: trials for hours. `--trials N` in all (2 000), `--seed N`, `--power` to cut the power of the store's
// disk instead of killing the daemon (`--filesystem xfs`), `--lying` to have its syncs swallowed, which must fail, `--heirs`
// to have another daemon go on at each of three deaths in a trial, `--hangs` to have two of these be hangs, `--remount` to
// have another one mount anew, `--state FOLDER` to go on later where it was ended. Each failed trial is kept by its seed.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { campaign, type Heirs } from './campaign.js'
import { hasTracer } from './trial.js'

const { values: options } = parseArgs({
  options: {
    trials: { type: 'string', default: '2000' }, seed: { type: 'string' }, state: { type: 'string' }, 'longest-ms': { type: 'string', default: '900' },
    power: { type: 'boolean', default: false }, lying: { type: 'boolean', default: false }, heirs: { type: 'boolean', default: false }, hangs: { type: 'boolean', default: false }, remount: { type: 'boolean', default: false }, filesystem: { type: 'string', default: 'ext4' },
  },
})
/** A vault lives for so many crashes; then all that it stores is verified, and a new one is made. */
const trialsOfVault = 25
const deathsOfTrial = 3

interface State {
  seed: number
  done: number
  failed: number
  steps: number
  acknowledged: number
  gone: number
  waits: number[]
}

const folder = options.state ?? mkdtempSync(join(tmpdir(), 'vaultfs-torture-'))
const stateFile = join(folder, 'state.json')
const say = (text: string): void => { console.log(text) }

function load(): State {
  if (existsSync(stateFile)) return JSON.parse(readFileSync(stateFile, 'utf8')) as State
  return { seed: Number(options.seed ?? Math.floor(Math.random() * 1e5) * 10_000), done: 0, failed: 0, steps: 0, acknowledged: 0, gone: 0, waits: [] }
}

function save(): void {
  writeFileSync(`${stateFile}.new`, JSON.stringify(state))
  renameSync(`${stateFile}.new`, stateFile)
}

function waited(waits: readonly number[]): string {
  const sorted = waits.toSorted((one, other) => one - other)
  const at = (share: number): string => String(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)
  return `${String(waits.length)} deaths, ${at(0.5)} ms to the next answer (median), ${at(0.9)} (nine of ten), ${at(1)} (worst)`
}

mkdirSync(folder, { recursive: true, mode: 0o700 })
const state = load()
const total = Number(options.trials)
const filesystem = options.filesystem === 'xfs' ? 'xfs' : 'ext4'
const heirs: Heirs | undefined = options.remount ? { afterCrash: 'remount', kills: 1, hangs: false }
  : options.heirs || options.hangs ? { afterCrash: 'resume', kills: deathsOfTrial, hangs: options.hangs } : undefined
const kind = heirs !== undefined ? `${heirs.hangs ? 'hangs and ' : ''}kills with heirs that ${heirs.afterCrash === 'resume' ? 'go on' : 'mount anew'}` : options.power ? `power cuts on ${filesystem}${options.lying ? ' with swallowed syncs' : ''}` : `kills${hasTracer ? '' : ' (without strace, or not root: at moments of the clock only)'}`
say(`${kind}: seed ${String(state.seed)}, ${String(state.done)} of ${String(total)} done, state in ${folder}`)
const began = performance.now()
const before = state.done
let isOver = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => { isOver = true })
while (state.done < total && !isOver) {
  await campaign({
    folder, seed: state.seed + state.done, trials: Math.min(trialsOfVault, total - state.done), longestMs: Number(options['longest-ms']),
    lying: options.lying, isOver: () => isOver, ...(heirs === undefined ? {} : { heirs }), ...(options.power ? { power: filesystem } : {}),
  }, (outcome, seed, kept) => {
    state.done++
    state.steps += outcome.steps
    state.acknowledged += outcome.acknowledged
    state.gone += outcome.gone
    state.waits.push(...(outcome.waits ?? []).map(Math.round))
    if (kept !== undefined) {
      state.failed++
      say(`FAIL seed ${String(seed)}, ${outcome.moment}, kept in ${kept}:\n${outcome.faults.slice(0, 10).map((fault) => `  ${fault}`).join('\n')}`)
    }
    save()
  }).catch((error: unknown) => {
    // The signal that ends it met a mount on its way.
    if (!isOver) throw error
  })
  const each = (performance.now() - began) / 1000 / Math.max(1, state.done - before)
  say(`${String(state.done)} of ${String(total)}, ${String(state.failed)} failed; ${String(state.steps)} steps, ${String(state.acknowledged)} acknowledged, ${String(state.gone)} others gone; ${heirs === undefined ? '' : `${waited(state.waits)}; `}${each.toFixed(1)} s each, ${String(Math.round(((total - state.done) * each) / 60))} min left`)
}
say(`${kind}: ${String(state.done - state.failed)} passed, ${String(state.failed)} failed`)
if (options.state === undefined && state.failed === 0) rmSync(folder, { recursive: true, force: true })
process.exitCode = state.failed > 0 ? 1 : 0
