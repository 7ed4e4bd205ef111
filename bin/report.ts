// Numbers and reports as people read them.

import type { Standing, StatusReport } from '../lib/control/daemon-port.js'
import type { PeerStatus } from '../lib/store/sync-port.js'
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
  if (phase === 'sending') return `sending: ${count(entries, 'blob')}, ${bytesText(bytes)} to go`
  return `${phase}: ${count(entries, 'entry', 'entries')}, ${bytesText(bytes)} in flight`
}

export function statusLines(report: StatusReport): readonly string[] {
  const { dirty, unpublished, onlyHere, log, cache, amplification, delay, memory } = report
  return [
    `${report.name} (${report.vault.slice(0, 16)}) ${report.state} at ${report.mountPoint}${report.readOnly ? ', read-only' : ''}`,
    `  store        ${report.store}`,
    `  driver       ${report.driver}, daemon ${report.pids.join(' ')}`,
    `  dirty        ${count(dirty.files, 'file')}, ${bytesText(dirty.bytes)} in memory`,
    `  unpublished  ${count(unpublished.entries, 'entry', 'entries')}, ${bytesText(unpublished.bytes)} in the log (${bytesText(log.bytes)}, ${count(log.segments, 'segment')})`,
    `  only here    ${count(onlyHere.blobs, 'blob')}, ${bytesText(onlyHere.bytes)}`,
    ...report.peers.map((peer) => `  node         ${peerText(peer)}`),
    `  cache        ${count(cache.blobs, 'blob')}, ${bytesText(cache.bytes)}`,
    `  written      ${bytesText(amplification.writtenByUser)}, logged ${bytesText(amplification.logged)}, stored ${bytesText(amplification.stored)} (× ${amplification.ratio.toFixed(2)}), disk ${bytesText(amplification.disk)}`,
    `  memory       ${bytesText(memory.resident)}`,
    `  waiting      ${delay['p99.9']} ms at most for 99.9 % of requests, ${delay.max} ms the longest`,
    `  recovery     ${report.recovery === 'confirmed' ? 'kit confirmed' : 'kit not confirmed yet'}`,
    ...report.damaged.found.map(({ path, reason }) => `  damaged      ${path ?? 'a file whose name is not known'}: ${reason}`),
    ...report.warnings.map((warning) => `  ! ${warning}`),
  ]
}

/** 'home: syncing, 20 blobs, 3.4 MiB to go, last heard of 2024-05-01 14:30: reason'. */
function peerText({ name, state, blobsLeft, bytesLeft, entriesLeft, lastContact, lost, error, fault }: PeerStatus): string {
  const left = blobsLeft + entriesLeft === 0 ? '' : `, ${count(blobsLeft, 'blob')}, ${bytesText(bytesLeft)} and ${count(entriesLeft, 'entry', 'entries')} to go`
  const heard = lastContact === null ? '' : `, last heard of ${new Date(lastContact * 1000).toISOString().slice(0, 19).replace('T', ' ')}Z`
  return `${name}: ${state}${left}${heard}${lost === 0 ? '' : `, lost ${count(lost, 'blob')}`}${error === null ? '' : `: ${error}`}${fault === null ? '' : `; ${fault}. When you have looked, 'vaultfs sync --trust ${name}' takes this off`}`
}

/** What can't be sent, what is only here, and how many nodes have all the rest: when nobody waits for them any more. */
export function standingText({ onlyHere, peers, damagedHere }: Standing): string {
  const complete = peers.filter(({ state, blobsLeft, entriesLeft }) => state !== 'distrusted' && blobsLeft + entriesLeft === 0).length
  const nodes = `${complete} of ${count(peers.length, 'node')} ${complete === 1 ? 'has' : 'have'} everything`
  const damaged = damagedHere > 0 ? [`${count(damagedHere, 'blob')} ${damagedHere === 1 ? 'is' : 'are'} damaged here and can't be sent`] : []
  const only = onlyHere.blobs > 0 ? [`only here: ${count(onlyHere.blobs, 'blob')}, ${bytesText(onlyHere.bytes)}`] : []
  return [...damaged, ...only, nodes].join('; ')
}
