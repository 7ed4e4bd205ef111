// Mounts the in-memory tree for a test and takes it away again. Never a synchronous file call on the mount here: the
// thread that would wait is the one that has to answer.
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import type { Logger } from '../../lib/terms/log.js'
import { mountKernel } from '../../native-deps/fuse/driver.js'
import type { Handler, Mount, MountOptions } from '../../native-deps/fuse/handler.js'
import { MemoryTree } from '../model/memory-tree.js'

const exec = promisify(execFile)

/** Why mounted tests can't run here, or false: the form that tap's `skip` takes. */
export const whyNoMounts = noMounts()

function noMounts(): string | false {
  if (!existsSync('/dev/fuse')) return 'no /dev/fuse'
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
    return false
  } catch {
    return '/dev/fuse may not be opened'
  }
}

export function clock(): { sec: number; nsec: number } {
  const ms = performance.timeOrigin + performance.now()
  const sec = Math.floor(ms / 1000)
  return { sec, nsec: Math.floor((ms - sec * 1000) * 1e6) }
}

export interface Fixture {
  readonly folder: string
  readonly tree: MemoryTree
  readonly mount: Mount
  readonly logged: string[]
}

export interface FixtureOptions extends Partial<MountOptions> {
  /** Stands between the driver and the tree. */
  readonly wrap?: (tree: MemoryTree) => Handler
}

export async function mountTree(t: Test, { wrap, ...options }: FixtureOptions = {}): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-fuse-'))
  const tree = new MemoryTree(clock, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 })
  const logged: string[] = []
  const logger: Logger = { log: (level, message) => void logged.push(`${level}: ${message}`) }
  const mount = await mountKernel(
    {
      mountPoint: folder, source: 'vaultfs:test', allowOther: process.geteuid?.() === 0, readOnly: false, spinMicroseconds: 0,
      entrySeconds: 1, attributeSeconds: 1, writeback: false, ...options,
    },
    wrap === undefined ? tree : wrap(tree),
    logger,
  )
  tree.mounted(mount)
  t.teardown(async () => {
    await mount.unmount({ lazy: true })
    rmSync(folder, { recursive: true, force: true })
  })
  return { folder, tree, mount, logged }
}

/** Runs a program to its end; rejects when it fails. */
export async function run(program: string, args: readonly string[]): Promise<string> {
  return (await exec(program, args, { cwd: '/' })).stdout
}

/** System calls that Node lacks. The script sees its arguments as a[0], a[1], ... */
export function python(script: string, ...args: readonly string[]): Promise<string> {
  return run('python3', ['-c', `import os, sys, ctypes, errno, struct\na = sys.argv[1:]\nc = ctypes.CDLL(None, use_errno=True)\n${script}`, ...args])
}

/** Looks again and again until it holds; the test's own time-out ends a wait that is in vain. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(3)
}

/** The same handler, but every answer comes later. */
export function deferred(tree: MemoryTree): Handler {
  return new Proxy<Handler>(tree, {
    get(target, property) {
      const member: unknown = Reflect.get(target, property)
      if (typeof member !== 'function') return member
      if (property === 'afterBatch' || property === 'forgotten' || property === 'mounted') return member.bind(target)
      return async (...args: readonly unknown[]): Promise<unknown> => {
        await setImmediate()
        return Reflect.apply(member, target, args)
      }
    },
  })
}
