// Keyed BLAKE3. The native package is seven times faster; the WASM one loads everywhere and is the cross-check.
// Traps: the WASM package's keyedHash() and deriveKey() leak until they break every hash of the process, so only
// createKeyed() is used; a new native hasher for each call grows the memory of a loop that never yields, so one
// hasher lives as long as its key and is reset.

import { createRequire } from 'node:module'

interface NativeHasher {
  reset(): void
  update(input: Uint8Array): unknown
  digestBuffer(): Uint8Array
}
interface NativeModule {
  Blake3Hasher: { newKeyed(key: Uint8Array): NativeHasher }
}
interface WasmModule {
  createKeyed(key: Uint8Array): { update(input: Uint8Array): unknown; digest(): Uint8Array }
}

export type Blake3Engine = 'native' | 'wasm'

const require = createRequire(import.meta.url)
let native: NativeModule | null | undefined
let wasm: WasmModule | undefined

/** Hashes under one key; not re-entrant: one digest begins and ends before the next. */
export class KeyedHasher {
  readonly #key: Uint8Array
  readonly #native: NativeHasher | undefined

  /** Copies the key. `engine` is for the cross-check; by default the fastest that loads. */
  constructor(key: Uint8Array, engine?: Blake3Engine) {
    this.#key = Buffer.from(key)
    const loaded = engine === 'wasm' ? null : loadNative()
    this.#native = loaded?.Blake3Hasher.newKeyed(this.#key)
  }

  get engine(): Blake3Engine {
    return this.#native === undefined ? 'wasm' : 'native'
  }

  /** 32 bytes over the parts one after another, in memory of their own. */
  digest(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    if (this.#native === undefined) {
      wasm ??= require('blake3') as WasmModule
      const hasher = wasm.createKeyed(this.#key)
      for (const part of parts) hasher.update(part)
      return new Uint8Array(hasher.digest())
    }
    this.#native.reset()
    for (const part of parts) this.#native.update(part)
    return new Uint8Array(this.#native.digestBuffer())
  }

  /** Forgets our copy of the key; the engine's own copy goes with the collector. */
  wipe(): void {
    this.#key.fill(0)
    this.#native?.reset()
  }
}

function loadNative(): NativeModule | null {
  if (native !== undefined) return native
  try {
    native = require('@napi-rs/blake-hash') as NativeModule
  } catch {
    // No prebuilt binary for this platform: the WASM package answers the same bytes, slower.
    native = null
  }
  return native
}
