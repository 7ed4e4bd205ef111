// A thread and what it can be asked: calls by name, answered in any order. Blobs that lie in shared memory are not copied
// on their way.
import { Worker, type MessagePort } from 'node:worker_threads'
import { VaultError } from '../terms/errors.js'
import type { Logger, LogLevel } from '../terms/log.js'
import { errorOf, postedError, type PostedError } from '../terms/posted-error.js'
import { threadFlags } from '../terms/thread-flags.js'

// What a thread offers: functions of what can be posted.
type Callable = (...parameters: never[]) => unknown
type Fields = Readonly<Record<string, string | number | boolean>>

interface Call {
  readonly id: number
  readonly name: string
  readonly parameters: readonly unknown[]
}

type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: PostedError }
  | { readonly level: LogLevel; readonly message: string; readonly fields: Fields }

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

export interface ThreadLinkOptions {
  readonly entry: URL
  readonly name: string
  readonly setup: unknown
  readonly logger: Logger
  /** Once, when the thread has ended and nobody told it to: it does not begin again. */
  readonly onBroken?: ((error: VaultError) => void) | undefined
}

export class ThreadLink<Calls extends { readonly [Name in keyof Calls]: Callable }> {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #exited: Promise<void>
  readonly #options: ThreadLinkOptions
  #next = 1
  #failure: VaultError | undefined
  #isClosing = false

  constructor(options: ThreadLinkOptions) {
    this.#options = options
    this.#worker = new Worker(options.entry, {
      name: options.name, workerData: options.setup, env: {}, stdin: false, execArgv: [...threadFlags], resourceLimits: { maxYoungGenerationSizeMb: 4 },
    })
    this.#worker.on('message', (answer: Answer) => { this.#take(answer, options.logger) })
    this.#exited = new Promise((resolve) => {
      this.#worker.on('error', (error) => { this.#fail(error) })
      this.#worker.on('exit', (code) => {
        this.#fail(this.#isClosing ? 'it has been closed' : `it exited with ${code}`)
        resolve()
      })
    })
  }

  call<Name extends keyof Calls & string>(name: Name, ...parameters: Parameters<Calls[Name]>): Promise<Awaited<ReturnType<Calls[Name]>>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      const id = this.#next++
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
      const call: Call = { id, name, parameters }
      this.#worker.postMessage(call)
    })
  }

  /** Resolves when the thread has come to it; rejects 'io' when it has ended. */
  async alive(): Promise<void> {
    await (this as ThreadLink<{ alive(): void }>).call('alive')
  }

  /** After all that was asked before. The thread's `close` is called. */
  async close(): Promise<void> {
    this.#isClosing = true
    const call: Call = { id: 0, name: 'close', parameters: [] }
    this.#worker.postMessage(call)
    await this.#exited
  }

  #take(answer: Answer, logger: Logger): void {
    if ('level' in answer) return logger.log(answer.level, answer.message, answer.fields)
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('error' in answer) waiting?.reject(errorOf(answer.error))
    else waiting?.resolve(answer.value)
  }

  #fail(cause: unknown): void {
    const isFirst = this.#failure === undefined
    this.#failure ??= new VaultError('io', `a thread of the node ended: ${cause instanceof Error ? cause.message : String(cause)}`, { cause, next: 'Start the node again.' })
    for (const { reject } of this.#waiting.values()) reject(this.#failure)
    this.#waiting.clear()
    if (!isFirst || this.#isClosing) return
    const { logger, name, onBroken } = this.#options
    logger.log('error', 'a thread ended', { name, reason: this.#failure.message })
    onBroken?.(this.#failure)
  }
}

/** The thread's own side. `close` of the calls ends it. */
export function answerCalls(port: MessagePort, calls: Readonly<Record<string, Callable | undefined>> & { close(): void | Promise<void> }): void {
  port.on('message', (call: Call) => { void answer(port, calls, call) })
}

async function answer(port: MessagePort, calls: Readonly<Record<string, Callable | undefined>> & { close(): void | Promise<void> }, { id, name, parameters }: Call): Promise<void> {
  if (name === 'close') return await end(port, calls)
  if (name === 'alive') return port.postMessage({ id, value: undefined })
  try {
    const value: unknown = await calls[name]?.(...parameters as never[])
    // Memory of its own goes over as it is.
    const isOwn = value instanceof Uint8Array && value.byteLength === value.buffer.byteLength && value.byteLength > 65_536
    port.postMessage({ id, value }, isOwn ? [value.buffer as ArrayBuffer] : [])
  } catch (error) {
    port.postMessage({ id, error: postedError(error) })
  }
}

/** Whatever goes wrong in it: a thread that does not end would keep the process alive. */
async function end(port: MessagePort, calls: { close(): void | Promise<void> }): Promise<void> {
  try {
    await calls.close()
  } catch (error) {
    postingLogger(port).log('error', 'closing failed', { reason: error instanceof Error ? error.message : String(error) })
  } finally {
    port.close()
  }
}

export function postingLogger(port: MessagePort): Logger {
  return { log: (level, message, fields = {}) => { port.postMessage({ level, message, fields }) } }
}
