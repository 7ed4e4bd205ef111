// What verifying found, as people read it and as scripts do.

import type { RepairOutcome } from '../lib/vault-repair.js'
import type { AffectedVersion, VerifyFinding, VerifySummary } from '../lib/vault-verify-report.js'
import { pathJson, pathText } from './past-text.js'
import { bytesText, count } from './report.js'

/** What is wrong with what, then each version that it touches. */
export function findingLines({ subject, path, message, versions, moreVersions }: VerifyFinding): readonly string[] {
  return [
    `${path === null ? subject : pathText(path)}: ${message}`,
    ...versions.map((version) => `    ${versionText(version)}`),
    ...(moreVersions > 0 ? [`    and ${count(moreVersions, 'more version')}`] : []),
  ]
}

function versionText({ path, moment, isCurrent }: AffectedVersion): string {
  const name = path === null ? '' : `${pathText(path)} `
  return isCurrent ? `${name}now, since ${moment}` : `${name}as of ${moment}`
}

export function findingJson({ kind, subject, path, message, versions, moreVersions, next }: VerifyFinding): Readonly<Record<string, unknown>> {
  const pathOf = (each: string | null): Readonly<Record<string, unknown>> => (each === null ? { path: null } : pathJson(each))
  return {
    kind, subject, ...pathOf(path), message, moreVersions, next,
    versions: versions.map(({ path: then, moment, isCurrent }) => ({ ...pathOf(then), moment, isCurrent })),
  }
}

/** What is wrong with a node. */
export function nodeNoteText(node: string, message: string): string {
  return message.includes(node) ? message : `node ${node}: ${message}`
}

/** What of the damage could be mended. */
export function repairedText({ repaired, repairedBytes, missing }: RepairOutcome): string {
  const rest = missing === 0 ? '' : `; of ${count(missing, 'other')} there is no whole copy`
  return `repaired: ${count(repaired, 'blob')} (${bytesText(repairedBytes)}) put back${rest}`
}

export function summaryText({ manifestEntries, contents, blobs, blobBytes, loggedBytes, unnamedBlobs, unpublished }: VerifySummary, seconds: number): string {
  const rate = seconds > 0 ? `, ${bytesText(blobBytes / seconds)}/s` : ''
  return [
    `${count(blobs, 'blob')} (${bytesText(blobBytes)}${unnamedBlobs === 0 ? '' : `, ${unnamedBlobs} of them in no version`})`,
    `${count(contents, 'content')} of files, ${count(manifestEntries, 'manifest entry', 'manifest entries')}, in ${seconds.toFixed(1)} s${rate}`,
    ...(loggedBytes === 0 ? [] : [`${bytesText(loggedBytes)} in the log`]),
    ...(unpublished === 0 ? [] : [`${count(unpublished, 'entry or name', 'entries and names')} not published yet and not compared`]),
  ].join('; ')
}
