// What the kernel says is mounted, from /proc/self/mountinfo: reading it never touches a file system, so it works while
// a mount hangs or its daemon is dead.

import { readFileSync, realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

export interface MountedAt {
  readonly mountPoint: string
  readonly type: string
  readonly source: string
}

export function readMountTable(path = '/proc/self/mountinfo'): readonly MountedAt[] {
  return readFileSync(path, 'utf8').split('\n').filter((line) => line !== '').map(parseLine)
}

// 36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/sda rw
function parseLine(line: string): MountedAt {
  const [before = '', after = ''] = line.split(' - ', 2)
  const [type = '', source = ''] = after.split(' ')
  return { mountPoint: unescape(before.split(' ')[4] ?? ''), type, source: unescape(source) }
}

/** The kernel writes space, tab, newline and backslash as octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
}

/** The topmost mount at exactly this place. */
export function mountAt(path: string): MountedAt | undefined {
  return readMountTable().findLast((mount) => mount.mountPoint === path)
}

export function isVault(mount: MountedAt | undefined): boolean {
  return mount !== undefined && mount.type.startsWith('fuse') && mount.source.startsWith('vaultfs')
}

/** The real path of a mount point, without asking the file system that is mounted there (its daemon may be dead). */
export function realMountPoint(path: string): string {
  const full = resolve(path)
  const parent = realOrSame(dirname(full))
  const here = join(parent, basename(full))
  return mountAt(here) === undefined ? realOrSame(here) : here
}

function realOrSame(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
