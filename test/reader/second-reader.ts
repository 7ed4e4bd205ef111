// Runs the second reader, the one in Python that was written from FORMAT.md. It uses Debian's interpreter, whose packages
// it needs; where they are missing, tests say so and are skipped.
import { execFile, execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { projectRoot } from '../tidy/source.js'

const interpreter = '/usr/bin/python3'
export const readerFolder = join(projectRoot(import.meta.dirname), 'test/reader')

/** Why it can't run here, or false: the form that tap's `skip` takes. */
export const whyNoReader = noReader()

function noReader(): string | false {
  try {
    execFileSync(interpreter, ['-c', 'import nacl, zstandard'], { stdio: 'ignore' })
    return false
  } catch {
    return `${interpreter} has no nacl or no zstandard (apt-get install python3-nacl python3-zstandard)`
  }
}

export interface Answer {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** One of the Python files of this folder; never rejects because of what the program answers. */
export function runPython(file: string, ...args: readonly string[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    execFile(interpreter, ['-B', join(readerFolder, file), ...args], { cwd: '/', maxBuffer: 64 * 1024 * 1024, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error === null) resolve({ status: 0, stdout, stderr })
      else if (typeof error.code === 'number') resolve({ status: error.code, stdout, stderr })
      else reject(error)
    })
  })
}

/** An entry as `list --json` tells it. Bytes of names are characters U+0000 to U+00FF. */
export interface ListedEntry {
  readonly path: string
  readonly target: string
  readonly kind: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly links: number
  readonly size: number
  readonly device: number
  readonly mtimeNs: string
  readonly sha256: string | null
  /** Values in hexadecimal. */
  readonly xattrs: Readonly<Record<string, string>>
}

export interface ListedMoment {
  readonly position: number
  readonly sec: number
  readonly nsec: number
  readonly sequence: number
  readonly names: readonly string[]
  readonly kept: boolean
}

/** Objects, one a line. */
export function parsedLines<T>(text: string): T[] {
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as T)
}
