// Starts the small process that takes the mount away when this one dies without doing so (supervisor/supervisor.c).
import { spawn } from 'node:child_process'
import { existsSync, realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { VaultError } from '../lib/terms/errors.js'
import { builtPath } from './addon.js'
import { findMount } from './fuse/mount-table.js'

export interface Supervision {
  readonly pid: number
  /** The mount is gone in good order: the supervisor ends. May be called twice. */
  release(): void
}

/** `mountPoint` as Mount has it: absolute, without symbolic links. Keeps no event loop alive. */
export function superviseMount(mountPoint: string): Supervision {
  const program = builtPath('supervisor', 'vaultfs-supervisor')
  if (!existsSync(program)) {
    throw new VaultError('missing-dependency', 'the supervisor of mounts was not built', {
      subject: program, next: 'Build it with: npm rebuild --foreground-scripts',
    })
  }
  // Only the folders above: the mount point itself would have to be answered by this very thread.
  const path = join(realpathSync(dirname(mountPoint)), basename(mountPoint))
  const mount = findMount(path)
  if (mount === undefined) throw new VaultError('not-mounted', `nothing is mounted on ${mountPoint}`, { subject: mountPoint })
  const child = spawn(program, [path, mount.device], { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/', env: {} })
  // Without a supervisor the mount works all the same; a broken pipe only means that it ended first.
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  let released = false
  return {
    pid: child.pid ?? 0,
    release: () => {
      if (released) return
      released = true
      child.stdin.end('.')
    },
  }
}
