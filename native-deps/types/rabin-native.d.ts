// rabin-native 2.0.0 has no types. `_handle` is its whole state, a private field on which rabin.ts leans.

declare module 'rabin-native' {
  export class Chunker {
    _handle: ArrayBuffer
    constructor(options: { minSize: number; maxSize: number })
    /** Crashes the process on shared memory. */
    push(data: Uint8Array): Generator<{ length: number; offset: number }, void, undefined>
  }
}
