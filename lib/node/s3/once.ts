// Objects that are written once, by whom comes first: each begins with 16 random bytes of its writer, so that a writer who
// got no answer can see afterwards whether it was its own bytes that came first.
import { equalBytes } from '../../terms/bytes.js'
import type { S3Engine } from './engine.js'

export const writerBytes = 16
/** Magic and version, before the writer's bytes. */
export const magicBytes = 4

/** `body`: magic ‖ writer ‖ …. False: somebody else's object is there. */
export async function putOnce(engine: S3Engine, key: string, body: Uint8Array): Promise<boolean> {
  const { isNew, isUnsure } = await engine.putNew(key, body)
  if (isNew || !isUnsure) return isNew
  const head = magicBytes + writerBytes
  const found = await engine.get(key, head, { start: 0, length: head })
  return found !== undefined && equalBytes(found.bytes, body.subarray(0, head))
}

const sequenceDigits = 16

/**
 * Names that ascend while numbers descend: a listing begins with the newest, so one request finds it, or what lies before
 * a given number.
 */
export function descendingName(number: number): string {
  return String(Number.MAX_SAFE_INTEGER - number).padStart(sequenceDigits, '0')
}

/** Undefined: a name that is none of ours. */
export function numberNamed(key: string): number | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1)
  return /^\d{16}$/.test(name) && Number(name) <= Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER - Number(name) : undefined
}
