// Numbers and reports as people read them.

import type { StatusReport } from '../lib/control/daemon-port.js'
import type { Progress } from '../lib/control/progress.js'

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`
}

export function progressText({ phase, entries, bytes }: Progress): string {
  return `${phase}: ${count(entries, 'entry', 'entries')}, ${bytesText(bytes)} in flight`
}

export function statusLines(report: StatusReport): readonly string[] {
  const { dirty, unpublished, onlyHere, log, cache, amplification } = report
  return [
    `${report.name} (${report.vault.slice(0, 16)}) ${report.state} at ${report.mountPoint}${report.readOnly ? ', read-only' : ''}`,
    `  store        ${report.store}`,
    `  driver       ${report.driver}, daemon ${report.pids.join(' ')}`,
    `  dirty        ${count(dirty.files, 'file')}, ${bytesText(dirty.bytes)} in memory`,
    `  unpublished  ${count(unpublished.entries, 'entry', 'entries')}, ${bytesText(unpublished.bytes)} in the log (${bytesText(log.bytes)}, ${count(log.segments, 'segment')})`,
    `  only here    ${count(onlyHere.blobs, 'blob')}, ${bytesText(onlyHere.bytes)}`,
    `  cache        ${count(cache.blobs, 'blob')}, ${bytesText(cache.bytes)}`,
    `  written      ${bytesText(amplification.writtenByUser)}, logged ${bytesText(amplification.logged)}, stored ${bytesText(amplification.stored)} (× ${amplification.ratio.toFixed(2)}), disk ${bytesText(amplification.disk)}`,
    `  recovery     ${report.recovery === 'confirmed' ? 'kit confirmed' : 'kit not confirmed yet'}`,
    ...report.damaged.found.map(({ path, reason }) => `  damaged      ${path ?? 'a file whose name is not known'}: ${reason}`),
    ...report.warnings.map((warning) => `  ! ${warning}`),
  ]
}
