// Why a suite can't run here, as a sentence that says what to do; undefined when it can.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hasProgram } from './packages.js'
import type { Suite } from './suite.js'

/** What the suite's variable names, or ''. */
export function builtOf({ built }: Suite): string {
  return built === undefined ? '' : (process.env[built.variable] ?? '')
}

export function whyMissing(suite: Suite, onOurs: boolean): string | undefined {
  const { built, packages, needsRoot, mountsItself } = suite
  if (built !== undefined) {
    const path = builtOf(suite)
    if (path === '') return `set ${built.variable} to ${built.what}`
    if (!existsSync(join(path, built.shownBy))) return `${built.variable} names ${path}, where ${built.shownBy === '' ? 'nothing' : `no ${built.shownBy}`} is`
  }
  const absent = [...new Set(Object.entries(packages).filter(([program]) => !hasProgram(program)).map(([, name]) => name))]
  if (absent.length > 0) return `apt-get install ${absent.join(' ')}`
  if (needsRoot && process.geteuid?.() !== 0) return 'run it as root'
  if (mountsItself === true && !onOurs) return 'it makes its own mounts and does not run with --on'
  return undefined
}
