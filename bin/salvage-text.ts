// What salvaging found, as people read it and as scripts do; and the report that it leaves beside what it wrote.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import type { SalvageProblem, SalvageSummary } from '../lib/vault-salvage-report.js'
import { pathJson, pathText } from './past-text.js'
import { bytesText, count } from './report.js'

export function problemText({ kind, path, start, end, message }: SalvageProblem): string {
  if (path === null) return `${kind === 'note' ? 'note' : 'the vault'}: ${message}`
  const range = start === undefined || end === undefined ? '' : `bytes ${start} to ${end - 1} are zeros here: `
  return `${path === '' ? '/' : pathText(path)}: ${range}${message}`
}

export function problemJson({ kind, path, start, end, message }: SalvageProblem): Readonly<Record<string, unknown>> {
  return { kind, ...(path === null ? { path } : pathJson(path)), start: start ?? null, end: end ?? null, message }
}

export function salvageText({ files, folders, links, bytes, versions, source, problems, damagedPaths, lostBytes }: SalvageSummary, seconds: number): string {
  const rate = seconds > 0 ? `, ${bytesText(bytes / seconds)}/s` : ''
  return [
    `${count(files, 'file')}, ${count(folders, 'folder')}, ${count(links, 'link')}${versions === 0 ? '' : `, ${count(versions, 'version')}`}; ${bytesText(bytes)} in ${seconds.toFixed(1)} s${rate}`,
    `by the ${source}`,
    problems === 0 ? 'everything could be read' : `${count(problems, 'problem')}, ${count(damagedPaths, 'path')} touched, ${bytesText(lostBytes)} could not be read`,
  ].join('; ')
}

/** Line by line, so that a report is there also when the work is broken off. */
export class SalvageReportFile {
  readonly path: string
  #fd: number | undefined

  /** Throws what open(2) says. */
  constructor(path: string, head: readonly string[]) {
    this.path = path
    this.#fd = openSync(path, 'wx', 0o600)
    for (const line of head) this.line(line)
  }

  /** Nothing, once it is closed. */
  line(text: string): void {
    if (this.#fd !== undefined) writeSync(this.#fd, `${text}\n`)
  }

  /** On the disk when it returns; may be called twice. */
  close(): void {
    if (this.#fd === undefined) return
    fsyncSync(this.#fd)
    closeSync(this.#fd)
    this.#fd = undefined
  }
}
