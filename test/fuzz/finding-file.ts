// Findings are kept as files, one input each, and tried again by every test run: test/fuzz/findings/TARGET-HASH.json.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Target } from './target.js'
import type { Found } from './trial.js'

export interface KeptFinding {
  readonly target: string
  /** What was wrong. */
  readonly says: string
  /** In hexadecimal. */
  readonly input: string
  /** The valid inputs that it was made of, where the target asks for them. */
  readonly known?: readonly string[]
}

/** Wherever the compiled code lies. */
export function findingsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder)
  return join(folder, 'test', 'fuzz', 'findings')
}

export function readFindings(): readonly (readonly [string, KeptFinding])[] {
  const folder = findingsFolder()
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((name) => name.endsWith('.json')).sort()
    .map((name) => [name, JSON.parse(readFileSync(join(folder, name), 'utf8')) as KeptFinding])
}

/** Answers the file's path. */
export function keepFinding({ name: target, canonical }: Target, { what, input, known }: Found, folder = findingsFolder()): string {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const kept: KeptFinding = { target, says: what, input: hex(input), ...(canonical ? {} : { known: known.map(hex) }) }
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${target}-${createHash('sha256').update(kept.input).digest('hex').slice(0, 8)}.json`)
  writeFileSync(path, `${JSON.stringify(kept, null, 2)}\n`)
  return path
}
