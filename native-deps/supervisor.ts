// Starts the small process that looks after the mount when this one dies without an unmount (supervisor/supervisor.c): it
// has another daemon go on with it, or takes it away.
import { spawn } from 'node:child_process'
import { existsSync, realpathSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { VaultError } from '../lib/terms/errors.js'
import { builtPath } from './addon.js'
import { findMount } from './fuse/mount-table.js'
import { closeOnExec } from './system.js'

/** Two are missed before anybody is nervous; the supervisor waits for ten seconds. */
const beatMs = 1000

export interface Supervision {
  readonly pid: number
  /** The mount is gone in good order: the supervisor ends. May be called twice. */
  release(): void
}

/** Who goes on when this process dies, and with what. */
export interface Heir {
  readonly program: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Where what it says is appended. */
  readonly output: string
  /** What it reads first, keys and all; wiped here once it is handed over. At most 64 KiB. */
  readonly request: Uint8Array
  readonly connectionFd: number
  readonly memoryFd: number
}

/** `mountPoint` as Mount has it: absolute, without symbolic links. Keeps no event loop alive. */
export function superviseMount(mountPoint: string, heir?: Heir): Supervision {
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
  const child = spawn(program, [path, mount.device, ...(heir === undefined ? [] : [heir.output, heir.program, ...heir.args])], {
    stdio: ['pipe', 'ignore', 'ignore', ...(heir === undefined ? [] : [heir.connectionFd, heir.memoryFd])], detached: true, cwd: '/',
    env: { ...heir?.environment },
  })
  // Without a supervisor the mount works all the same; a broken pipe only means that it ended first.
  child.on('error', () => undefined)
  const { stdin } = child
  if (stdin === null) throw new VaultError('io', 'the supervisor of mounts has no pipe')
  stdin.on('error', () => undefined)
  child.unref()
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  if (heir === undefined) return supervision(child.pid ?? 0, () => { stdin.end('.') }, undefined)
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, heir.request.byteLength, true)
  stdin.write(length)
  stdin.write(heir.request, () => { heir.request.fill(0) })
  return supervision(child.pid ?? 0, () => { stdin.end('.') }, () => { stdin.write('h') })
}

/** By an heir: its supervisor is the one that started it, at the other end of this pipe. */
export function joinSupervisor(fd: number): Supervision {
  closeOnExec(fd)
  const say = (word: string): void => {
    try {
      writeSync(fd, word)
    } catch {
      // It ended, or has not read for hours: the mount works all the same.
    }
  }
  return supervision(process.ppid, () => { say('.') }, () => { say('h') })
}

function supervision(pid: number, done: () => void, beat: (() => void) | undefined): Supervision {
  const timer = beat === undefined ? undefined : setInterval(beat, beatMs).unref()
  let released = false
  return {
    pid,
    release: () => {
      if (released) return
      released = true
      clearInterval(timer)
      done()
    },
  }
}
