// Counts what restoring does, and keeps the first of it to be shown.

import type { RestoreStep } from '../lib/control/past-port.js'

const shownMax = 20
const words: Readonly<Record<RestoreStep['kind'], string>> = { create: 'to create', replace: 'to replace', link: 'to link', attributes: 'to change properties of', remove: 'to remove' }

export class RestoreCount {
  readonly steps: RestoreStep[] = []
  total = 0
  readonly #keep: number
  readonly #counts = new Map<RestoreStep['kind'], number>()

  constructor(keep = shownMax) {
    this.#keep = keep
  }

  readonly take = (items: readonly RestoreStep[]): void => {
    for (const step of items) {
      this.total++
      this.#counts.set(step.kind, (this.#counts.get(step.kind) ?? 0) + 1)
      if (this.steps.length < this.#keep) this.steps.push(step)
    }
  }

  /** '12 to create, 3 to replace'. */
  get text(): string {
    return [...this.#counts].map(([kind, number]) => `${number} ${words[kind]}`).join(', ')
  }
}
