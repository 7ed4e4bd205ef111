// The one part of WebAssembly that is used: a global that TypeScript knows from browsers only.
declare namespace WebAssembly {
  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum: number; readonly shared?: true })
    readonly buffer: ArrayBufferLike
  }
}
