// A command's end of questions about the past. The daemon is of the same version as a rule: answers are looked at for
// their kind, not field by field.

import { VaultError } from '../terms/errors.js'
import type { OnProgress } from './progress.js'
import { isRecord, type ControlVerb } from './messages.js'
import type {
  DifferenceReport, ForgetOrder, ForgetReport, FoundReport, MomentReport, OnItems, PastPort, PolicyReport, RestoreOrder, RestoreReport, RestoreStep,
  RetainedReport, VersionReport, When,
} from './past-port.js'

interface Asking {
  readonly verb: ControlVerb
  readonly args: Readonly<Record<string, unknown>>
  readonly onProgress: OnProgress
  readonly onItems: (items: readonly unknown[]) => void
}

const ignore = (): undefined => undefined

export class PastClient implements PastPort {
  readonly #send: (asking: Asking) => Promise<unknown>

  constructor(send: (asking: Asking) => Promise<unknown>) {
    this.#send = send
  }

  snapshot(name: string | undefined, onProgress: OnProgress): Promise<{ readonly name: string; readonly moment: MomentReport }> {
    return this.#ask({ verb: 'snapshot', args: { name: name ?? null }, onProgress })
  }

  retained(onItems: OnItems<RetainedReport>): Promise<{ readonly policy: PolicyReport }> {
    return this.#ask({ verb: 'retained', args: {}, onItems })
  }

  async versions(path: string, onItems: OnItems<VersionReport>): Promise<void> {
    await this.#ask({ verb: 'versions', args: { path }, onItems })
  }

  differences(order: { readonly from: When; readonly to: When; readonly path: string }, onItems: OnItems<DifferenceReport>): Promise<{ readonly from: MomentReport; readonly to: MomentReport }> {
    return this.#ask({ verb: 'differences', args: { ...order }, onItems })
  }

  async find(order: { readonly pattern: string; readonly limit: number }, onItems: OnItems<FoundReport>): Promise<void> {
    await this.#ask({ verb: 'find', args: { ...order }, onItems })
  }

  restore(order: RestoreOrder, onItems: OnItems<RestoreStep>): Promise<RestoreReport> {
    return this.#ask({ verb: 'restore', args: { ...order }, onItems })
  }

  forget(order: ForgetOrder): Promise<ForgetReport> {
    return this.#ask({ verb: 'forget', args: { ...order } })
  }

  async #ask<Item, Result>(asking: {
    readonly verb: ControlVerb
    readonly args: Readonly<Record<string, unknown>>
    readonly onProgress?: OnProgress
    readonly onItems?: OnItems<Item>
  }): Promise<Result> {
    const { verb, args, onProgress = ignore, onItems = ignore } = asking
    let failure: unknown
    const result = await this.#send({
      verb, args, onProgress,
      onItems: (items) => {
        if (!items.every(isRecord)) failure ??= foreign(verb)
        else void onItems(items as readonly Item[])
      },
    })
    if (failure !== undefined) throw failure
    if (result !== null && !isRecord(result)) throw foreign(verb)
    return result as Result
  }
}

function foreign(verb: string): VaultError {
  return new VaultError('invalid', `the daemon answered '${verb}' with something that is not of this version`, {
    next: 'unmount and mount again with one version of vaultfs',
  })
}
