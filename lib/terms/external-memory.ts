// Bytes that come from elsewhere (by message, from a socket) lie outside of V8's heap. By itself V8 looks for dead ones only
// when 64 MiB of them have come, in each thread, and goes through the whole heap then, beside what they cost the caches.

/** Collecting the young takes less than a millisecond. */
export const externalBytesMax = 8 * 1024 * 1024

/** Undefined without the launcher's --expose-gc: then V8's own limit holds. */
export function youngCollector(): (() => void) | undefined {
  const { gc } = globalThis
  return gc === undefined ? undefined : () => { void gc({ type: 'minor' }) }
}

/** Counts bytes that came and that nobody needs for long. Of one thread. */
export class PassingBytes {
  readonly #collect: (() => void) | undefined
  #bytes = 0

  constructor(collect: (() => void) | undefined = youngCollector()) {
    this.#collect = collect
  }

  came(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < externalBytesMax) return
    this.#bytes = 0
    this.#collect?.()
  }
}
