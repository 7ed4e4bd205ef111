// What is shown while a vault is verified: progress, findings as they come, and what was mended.

import type { VerifyEvent } from '../lib/control/verify-port.js'
import type { RepairOutcome } from '../lib/vault-repair.js'
import type { VerifyFinding, VerifyProgress } from '../lib/vault-verify-report.js'
import type { Context } from './context.js'
import { findingLines, repairedText } from './verify-text.js'
import { WorkProgressLine } from './work-progress.js'

const phases: Readonly<Record<VerifyProgress['phase'], string>> = {
  log: 'reading the log', databases: 'checking the databases', manifest: 'reading the manifest', history: 'comparing the past', state: 'making the state anew',
  contents: 'looking for blobs', catalog: 'comparing the catalog', blobs: 'reading blobs', versions: 'looking for what needs the damaged ones',
}

/** Tells findings as they come, or keeps them for the one object. */
export class VerifyListener {
  readonly findings: VerifyFinding[] = []
  readonly nextSteps = new Set<string>()
  /** What was done about what was found before. */
  repaired: RepairOutcome | undefined
  readonly #context: Context
  readonly #json: boolean
  readonly #progress = new WorkProgressLine(process.stderr)

  constructor(context: Context, json: boolean) {
    this.#context = context
    this.#json = json
  }

  readonly take = (events: readonly VerifyEvent[]): void => {
    for (const event of events) {
      if ('progress' in event) this.#report(event.progress)
      else if ('repairing' in event) this.#progress.report({ phase: 'putting blobs back', ...event.repairing, unit: 'items' })
      else if ('repaired' in event) this.#noteRepaired(event.repaired)
      else this.#found(event.finding)
    }
  }

  end(): void {
    this.#progress.end()
  }

  /** What is found is found anew, when there was something to mend with. */
  #noteRepaired(outcome: RepairOutcome): void {
    this.#progress.end()
    this.repaired = outcome
    if (!this.#json) this.#context.out(repairedText(outcome))
    if (outcome.repaired === 0) return
    this.findings.length = 0
    this.nextSteps.clear()
  }

  #report({ phase, done, total }: VerifyProgress): void {
    this.#progress.report({ phase: phases[phase], done, total, unit: phase === 'blobs' || phase === 'manifest' || phase === 'log' ? 'bytes' : 'items' })
  }

  #found(finding: VerifyFinding): void {
    this.#progress.end()
    this.nextSteps.add(finding.next)
    if (this.#json) this.findings.push(finding)
    else for (const line of findingLines(finding)) this.#context.out(line)
  }
}
