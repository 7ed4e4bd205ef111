// Runs the scripts of this folder: a `.txt` says what a person types and what must come of it, with the files it needs
// inline. Steps are lines (`README.md` of this folder lists them); each runs in a temporary folder of the script's own,
// which is its home too. A vault mounted in it is taken away at the end, whatever happened.

import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { readMountTable } from '../../bin/mount-table.js'
import { restoreMountPoint } from '../../bin/mount-point.js'
import { projectRoot } from '../tidy/source.js'

const commandMsMax = 240_000
/** The cheapest derivation that is accepted: these vaults guard nothing. */
const cheap = '--kdf-memory-mib 64 --kdf-passes 1'

export interface ScriptResult {
  /** Why it was not run. */
  readonly skipped?: string
  /** One a failed step; empty: all is well. */
  readonly failures: readonly string[]
  readonly steps: number
}

interface Script {
  readonly lines: readonly string[]
  readonly files: ReadonlyMap<string, string>
}

/** Steps until the first `-- name --`, then files. */
export function parseScript(text: string): Script {
  const files = new Map<string, string>()
  const lines: string[] = []
  let file: string | undefined
  for (const line of text.split('\n')) {
    const start = /^-- (\S+) --$/.exec(line)?.[1]
    if (start !== undefined) {
      file = start
      files.set(file, '')
    } else if (file !== undefined) files.set(file, (files.get(file) ?? '') + line + '\n')
    else if (line.trim() !== '' && !line.startsWith('#')) lines.push(line.trim())
  }
  for (const [name, content] of files) files.set(name, content.replace(/\n+$/, '\n'))
  return { lines, files }
}

export function runScript(text: string): ScriptResult {
  const { lines, files } = parseScript(text)
  const run = new Run()
  try {
    for (const [name, content] of files) writeFileSync(join(run.folder, name), content)
    for (const [at, line] of lines.entries()) {
      const skipped = run.step(line)
      if (skipped !== undefined) return { skipped, failures: [], steps: at }
    }
    return { failures: run.failures, steps: lines.length }
  } finally {
    run.cleanUp()
  }
}

class Run {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'vaultfs-cli-')))
  readonly failures: string[] = []
  #last = { line: '', status: 0, stdout: '', stderr: '' }
  readonly #remembered = new Map<string, string>()
  readonly #environment: NodeJS.ProcessEnv

  constructor() {
    const runtime = join(this.folder, '.run')
    mkdirSync(runtime, { mode: 0o700 })
    const { PATH } = process.env
    this.#environment = {
      PATH: `${programFolder(this.folder)}:${PATH ?? ''}`, HOME: this.folder, XDG_RUNTIME_DIR: runtime, CHEAP: cheap, W: this.folder, NODE: process.execPath, SCRIPTS: join(projectRoot(import.meta.dirname), 'test/cli'),
    }
  }

  /** Answers why the script cannot be run here. */
  step(line: string): string | undefined {
    const [word = '', ...rest] = line.split(/\s+/)
    const argument = rest.join(' ')
    switch (word) {
      case 'needs':
        return lacking(argument)
      case '$':
        this.#execute(argument)
        return undefined
      case 'exit':
        return this.#expect(this.#last.status === Number(argument), `exit ${this.#last.status}, not ${argument}`)
      case 'stdout':
        return this.#expect(new RegExp(argument, 'm').test(this.#last.stdout), `stdout does not match ${argument}`)
      case 'stderr':
        return this.#expect(new RegExp(argument, 'm').test(this.#last.stderr), `stderr does not match ${argument}`)
      case 'one-line':
        return this.#expect(/^vaultfs: [^\n]+; [^\n]+$/.test(this.#last.stderr.replace(/^(publishing|sending|draining|unmounting): .*\n/gm, '').trimEnd()), 'stderr is not one line with a next step')
      case 'silent':
        return this.#expect(this.#last.stdout + this.#last.stderr === '', 'it said something')
      case 'remember':
        this.#remembered.set(argument, fingerprint(join(this.folder, argument)))
        return undefined
      case 'unchanged':
        return this.#expect(this.#remembered.get(argument) === fingerprint(join(this.folder, argument)), `${argument} was changed`)
      case 'missing':
        return this.#expect(!existsSync(join(this.folder, argument)), `${argument} is there`)
      default:
        return this.#expect(false, `no such step: ${word}`)
    }
  }

  cleanUp(): void {
    const mounts = readMountTable().filter(({ mountPoint }) => mountPoint.startsWith(this.folder))
    for (const { mountPoint, source } of mounts.toReversed()) {
      if (source.startsWith('vaultfs')) spawnSync('vaultfs', ['unmount', '--lazy', mountPoint], { env: this.#environment, stdio: 'ignore' })
      spawnSync('umount', ['-l', mountPoint], { stdio: 'ignore' })
      spawnSync('fusermount3', ['-uz', mountPoint], { stdio: 'ignore' })
    }
    for (const item of readdirSync(this.folder, { withFileTypes: true })) if (item.isDirectory()) restoreMountPoint(join(this.folder, item.name), 0o700)
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Without what tap puts into NODE_OPTIONS of every child. */
  #execute(command: string): void {
    const { status, signal, stdout, stderr } = spawnSync('env', ['-u', 'NODE_OPTIONS', 'bash', '-c', command], { cwd: this.folder, env: this.#environment, encoding: 'utf8', timeout: commandMsMax, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#last = { line: command, status: status ?? -1, stdout, stderr: signal === null ? stderr : `${stderr}ended by ${signal}\n` }
  }

  #expect(condition: boolean, what: string): undefined {
    if (!condition) this.failures.push(`${this.#last.line}: ${what}\n${this.#last.stdout}${this.#last.stderr}`)
    return undefined
  }
}

/** The launcher; or, when compiled elsewhere than into dist, something like it that runs what was compiled there. */
function programFolder(folder: string): string {
  const compiled = join(import.meta.dirname, '../..')
  if (basename(compiled) === 'dist') return join(projectRoot(compiled), 'bin')
  const programs = join(folder, '.programs')
  mkdirSync(programs)
  writeFileSync(join(programs, 'vaultfs'), `#!/bin/sh\nexec ${process.execPath} --disable-sigusr1 ${join(compiled, 'bin/vaultfs.js')} "$@"\n`, { mode: 0o755 })
  return programs
}

function lacking(what: string): string | undefined {
  if (what === 'fuse') return existsSync('/dev/fuse') ? undefined : 'no /dev/fuse'
  if (what === 'root') return process.getuid?.() === 0 ? undefined : 'not root'
  // Mounts of its own, which a container may not have.
  if (what === 'unshare') return spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0 ? undefined : 'no mount namespace'
  // Samba's modules are no programs.
  if (what === 'shadow_copy2') return spawnSync('sh', ['-c', 'ls "$(smbd -b | sed -n "s/^ *MODULESDIR: //p")"/vfs/shadow_copy2.so']).status === 0 ? undefined : 'no samba-vfs-modules'
  return spawnSync('sh', ['-c', `command -v ${what}`]).status === 0 ? undefined : `no ${what}`
}

/** Names, kinds, permissions, times and every byte below a path. */
function fingerprint(path: string): string {
  const hash = createHash('sha256')
  const add = (at: string): void => {
    if (!existsSync(at)) return
    const { mode, size, mtimeMs } = lstatSync(at)
    const isFolder = (mode & 0o170000) === 0o040000
    hash.update(`${at} ${mode} ${isFolder ? 0 : size} ${mtimeMs}\n`)
    if (isFolder) for (const name of readdirSync(at).sort()) add(join(at, name))
    else if ((mode & 0o170000) === 0o100000) hash.update(readFileSync(at))
  }
  add(path)
  return hash.digest('hex')
}
