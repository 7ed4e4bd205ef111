// Which VaultFS this is.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export function programVersion(): string {
  // Two folders up from dist/bin.
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as { readonly version: string }
  return version
}
