// Verifying as the main thread holds it: a thread of its own does the work; here it is only said what is published, and
// passed on what was found. The vault may be in use meanwhile.
import { Worker } from 'node:worker_threads'
import type { DeviceIdentity } from './crypto/identity.js'
import type { KeyPage } from './crypto/key-page.js'
import type { VaultHeader } from './format/vault-header.js'
import { VaultError } from './terms/errors.js'
import { limits } from './terms/limits.js'
import { threadFlags } from './terms/thread-flags.js'
import { errorOf, postedError } from './terms/posted-error.js'
import type { Unpublished } from './tree/unpublished.js'
import { nameKey } from './tree/unpublished.js'
import type { Vault } from './vault.js'
import { verifyLogged } from './vault-verify-log.js'
import type { Candidates, NamePlace, Settled, ThreadSummary, VerifyReply, VerifyRequest, VerifySetup } from './vault-verify-messages.js'
import type { VerifyFinding, VerifyProgress, VerifySummary } from './vault-verify-report.js'

export interface VerifySubject {
  readonly vault: Vault
  readonly page: KeyPage
  readonly header: VaultHeader
  readonly identity: DeviceIdentity
  /** Of the newest entry of our chain that is on the disk. */
  readonly sequence: () => number
}

export interface VerifyHooks {
  readonly onProgress: (progress: VerifyProgress) => void
  /** The next is not told before it resolves; when it rejects, so does verifying. */
  readonly onFinding: (finding: VerifyFinding) => Promise<void> | void
  /** Encoded references to blobs that can't be read, for who repairs. */
  readonly onDamaged?: (references: readonly Uint8Array[]) => void
  /** Verifying rejects then, with its reason or 'cancelled'. */
  readonly signal?: AbortSignal
  /** Nobody answers a kernel beside it, and somebody waits. */
  readonly isAlone?: boolean
  /** Every blob here was compared with its name when it came, a moment ago: what opens whole is not hashed once more. */
  readonly isFresh?: boolean
}

/** One verification at a time; closing the vault ends it. */
export class Verifier {
  readonly #subject: VerifySubject
  readonly #leaving = new AbortController()
  #running: Promise<unknown> | undefined

  constructor(subject: VerifySubject) {
    this.#subject = subject
  }

  /** Damage is told as findings; it rejects only when it can't go on. Repairs nothing. */
  verify(hooks: VerifyHooks): Promise<VerifySummary> {
    if (this.#running !== undefined) return Promise.reject(new VaultError('busy', 'The vault is being verified already', { next: 'Wait until that is done.' }))
    const signal = AbortSignal.any([this.#leaving.signal, ...(hooks.signal === undefined ? [] : [hooks.signal])])
    const running = verifyVault(this.#subject, { ...hooks, signal }).finally(() => { this.#running = undefined })
    this.#running = running
    return running
  }

  /** Resolves when nothing of the store is open any more. */
  async close(): Promise<void> {
    this.#leaving.abort(brokenOff())
    await this.#running?.catch(() => undefined)
  }
}

type Hooks = VerifyHooks & { readonly signal: AbortSignal }

async function verifyVault(subject: VerifySubject, hooks: Hooks): Promise<VerifySummary> {
  const { vault } = subject
  let found = 0
  const began = vault.parts.clock.monotonicMs()
  let toldMs = -Infinity
  const loggedBytes = await verifyLogged(vault, {
    step: (done, total) => {
      if (hooks.signal.aborted) throw reasonOf(hooks.signal)
      const now = vault.parts.clock.monotonicMs()
      if (now - toldMs < limits.verifyProgressMs && done < total) return
      toldMs = now
      hooks.onProgress({ phase: 'log', done, total, elapsedMs: now - began })
    },
    found: async (finding) => {
      found++
      await unlessAborted(hooks.signal, hooks.onFinding(finding))
    },
  })
  const summary = await verifyInThread(subject, hooks)
  return { ...summary, findings: found + summary.findings, loggedBytes }
}

/** Whoever listens may never answer; closing the vault must not wait for that. */
function unlessAborted<Value>(signal: AbortSignal, answer: Promise<Value> | Value): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => { reject(reasonOf(signal)) }
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    void Promise.resolve(answer).then(resolve, reject).finally(() => { signal.removeEventListener('abort', abort) })
  })
}

async function verifyInThread(subject: VerifySubject, hooks: Hooks): Promise<ThreadSummary> {
  const { vault, page, header, identity } = subject
  const { signal } = hooks
  const stop = new SharedArrayBuffer(4)
  const setup: VerifySetup = {
    store: vault.parts.store, vaultId: header.vaultId, ownerPublicKey: header.ownerPublicKey, deviceId: identity.member.deviceId, keyPage: page.shared, stop, isAlone: hooks.isAlone === true, isFresh: hooks.isFresh === true,
  }
  const abort = (): void => { Atomics.store(new Int32Array(stop), 0, 1) }
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  const worker = new Worker(new URL('./vault-verify-thread.js', import.meta.url), {
    name: 'vaultfs verify', workerData: setup, env: {}, stdin: false, execArgv: [...threadFlags], resourceLimits: { maxYoungGenerationSizeMb: 16 },
  })
  return new Verifying(worker, subject, hooks).ended().finally(() => { signal.removeEventListener('abort', abort) })
}

class Verifying {
  readonly #worker: Worker
  readonly #subject: VerifySubject
  readonly #hooks: Hooks

  constructor(worker: Worker, subject: VerifySubject, hooks: Hooks) {
    this.#worker = worker
    this.#subject = subject
    this.#hooks = hooks
  }

  /** When the thread has ended, so that nothing of the store is open any more. */
  ended(): Promise<ThreadSummary> {
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      let summary: ThreadSummary | undefined
      let failure: VaultError | undefined
      worker.on('message', (request: VerifyRequest) => {
        if (request.kind === 'done') summary = request.summary
        else if (request.kind === 'failed') failure = errorOf(request.error)
        else if (request.kind === 'damaged') this.#hooks.onDamaged?.(request.references)
        else if (request.kind === 'progress') this.#hooks.onProgress(request.progress)
        else void this.#answer(request)
      })
      worker.on('error', (cause) => { failure ??= new VaultError('io', `The verifying thread ended: ${cause.message}`, { subject: 'verify', cause }) })
      worker.on('exit', () => {
        if (summary !== undefined) resolve(summary)
        else reject(failure ?? new VaultError('io', 'The verifying thread ended without a word', { subject: 'verify' }))
      })
    })
  }

  async #answer(request: Extract<VerifyRequest, { id: number }>): Promise<void> {
    const { id } = request
    let reply: VerifyReply
    try {
      if (request.kind === 'found') await unlessAborted(this.#hooks.signal, this.#hooks.onFinding(request.finding))
      reply = { id, settled: request.kind === 'settle' ? await this.#settle(request.candidates) : undefined }
    } catch (error) {
      reply = { id, error: postedError(error) }
    }
    this.#worker.postMessage(reply)
  }

  /** All of it between two awaits: one instant. */
  async #settle({ inos, names }: Candidates): Promise<Settled> {
    const { vault, sequence } = this.#subject
    const { feed, unpublished, tree, readOnly } = vault.parts
    if (!readOnly && vault.failsafe === undefined) await feed.apply()
    return {
      sequence: sequence(),
      inos: inos.map((ino) => tree.isAhead(ino) || isUnpublished(unpublished, ino)),
      names: names.map((place) => tree.isNameAhead(place.parent, place.name) || isNameUnpublished(unpublished, place)),
    }
  }
}

function reasonOf({ reason }: AbortSignal): VaultError {
  return reason instanceof VaultError ? reason : brokenOff()
}

function brokenOff(): VaultError {
  return new VaultError('cancelled', 'verifying was broken off', { next: 'begin again when you like' })
}

/** Or a name of it is, or one in it: then its counts may not be told. */
function isUnpublished(unpublished: Unpublished, ino: number): boolean {
  if (unpublished.entries.has(ino)) return true
  const names = [unpublished.namesOf(ino), unpublished.namesLeftBy(ino), unpublished.namesIn(ino)]
  return names.some((some) => some.next().done !== true)
}

function isNameUnpublished(unpublished: Unpublished, { parent, name }: NamePlace): boolean {
  return unpublished.names.has(nameKey(parent, name))
}
