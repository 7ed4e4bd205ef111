// Debian's packages: what a suite needs and the machine lacks is installed by root, and named to everybody else.
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { execute } from './execution.js'
import type { Suite } from './suite.js'

/** Where programs lie, those for administrators included: an ordinary user's shell does not look there. */
export const programFolders = [...new Set([...(process.env['PATH'] ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin', '/usr/games'])].filter((folder) => folder !== '')

export function hasProgram(name: string): boolean {
  return programFolders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export function missingPackages(suites: readonly Suite[]): readonly string[] {
  const missing = suites.flatMap(({ packages }) => Object.entries(packages).filter(([program]) => !hasProgram(program)).map(([, name]) => name))
  return [...new Set(missing)].sort()
}

/** One package a call: one that the archive lacks must not keep the others away. */
export async function installPackages(names: readonly string[], log: string, say: (text: string) => void): Promise<void> {
  if (names.length === 0 || process.getuid?.() !== 0 || !hasProgram('apt-get')) return
  say(`installing ${names.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', PATH: programFolders.join(':') }
  await execute({ program: 'apt-get', args: ['update', '-qq'], env }, log)
  for (const name of names) await execute({ program: 'apt-get', args: ['install', '-y', '-qq', '--no-install-recommends', name], env }, log)
}
