// Counts the bytes that code asks for while it is watched, and stops it where it asks for more than it may: a length that
// lies must cost nothing. It stands before the constructors of the language, so what is asked for inside of zlib or of an
// addon is not seen.
import { Finding } from './target.js'

let limit = Infinity
let asked = 0
let broken: Finding | undefined

function ask(bytes: number): void {
  if (limit === Infinity) return
  asked += bytes
  if (asked <= limit) return
  broken ??= new Finding(`asks for ${bytes} bytes of memory, ${asked} in all, where ${limit} should do`)
  throw broken
}

const widths: Readonly<Record<string, number>> = {
  Uint8Array: 1, Uint16Array: 2, Uint32Array: 4, Float64Array: 8, BigUint64Array: 8, ArrayBuffer: 1, SharedArrayBuffer: 1, Array: 8,
}

function install(): void {
  const global = globalThis as unknown as Record<string, new (...args: unknown[]) => object>
  for (const [name, width] of Object.entries(widths)) {
    const original = global[name]
    if (original === undefined) continue
    const counting: new (...args: unknown[]) => object = new Proxy(original, {
      construct(target, args: unknown[], newTarget: unknown) {
        const [length] = args
        if (typeof length === 'number') ask(length * width)
        return Reflect.construct(target, args, newTarget === counting ? target : newTarget as new () => object)
      },
    })
    global[name] = counting
  }
  const buffer = Buffer as unknown as Record<string, (length: number, ...rest: unknown[]) => Buffer>
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow']) {
    const original = buffer[name]
    if (original === undefined) continue
    buffer[name] = (length, ...rest) => {
      ask(length)
      return Reflect.apply(original, Buffer, [length, ...rest]) as Buffer
    }
  }
}

install()

/** Throws the finding even where the code under test swallowed it. */
export async function withinMemory<Result>(bytes: number, work: () => Result | Promise<Result>): Promise<Result> {
  asked = 0
  broken = undefined
  limit = bytes
  try {
    return await work()
  } finally {
    limit = Infinity
    const found = broken as Finding | undefined
    if (found !== undefined) throw found
  }
}
