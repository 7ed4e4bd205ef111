// Who keeps a mount busy: processes with a working folder, a program, a mapping or an open file in it, as far as /proc
// shows them to us. Reads links only, so a hanging mount cannot hold it up.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface Holder {
  readonly pid: number
  readonly command: string
}

export function holdersOf(mountPoint: string): readonly Holder[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && linksOf(name).some((path) => path === mountPoint || path.startsWith(`${mountPoint}/`)))
    .map((name) => ({ pid: Number(name), command: textOf(`/proc/${name}/comm`).trim() }))
}

function linksOf(pid: string): readonly string[] {
  const descriptors = namesIn(`/proc/${pid}/fd`).map((fd) => `/proc/${pid}/fd/${fd}`)
  const links = [`/proc/${pid}/cwd`, `/proc/${pid}/root`, `/proc/${pid}/exe`, ...descriptors].map(targetOf)
  const mapped = textOf(`/proc/${pid}/maps`).split('\n').map((line) => line.slice(line.indexOf('/')))
  return [...links, ...mapped]
}

// A process that ended meanwhile, or that is not ours to look at, has nothing to tell.
function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function targetOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
