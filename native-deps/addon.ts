// Finds what native-deps/build.mjs compiled. The compiled JavaScript may lie in dist/ or elsewhere, so the package is
// found by walking up to the folder that holds package.json, never by counting folders.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { VaultError } from '../lib/terms/errors.js'

const require = createRequire(import.meta.url)

export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new VaultError('missing-dependency', 'the package.json of VaultFS is not above its code')
    folder = parent
  }
  return folder
}

/** The path of something that a folder of native-deps builds, e.g. ('fuse', 'fuse.node'). */
export function builtPath(folder: string, file: string): string {
  return join(packageRoot(), 'native-deps', folder, 'build', 'Release', file)
}

/** Loads native-deps/NAME/build/Release/NAME.node; its caller says what type it has. */
export function loadAddon(name: string): unknown {
  const path = builtPath(name, `${name}.node`)
  try {
    return require(path)
  } catch (cause) {
    throw new VaultError('missing-dependency', `the native part "${name}" does not load`, {
      subject: path,
      next: 'Build it with: npm rebuild --foreground-scripts',
      cause,
    })
  }
}
