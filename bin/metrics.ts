// A mounted vault's numbers in the text format that Prometheus reads. Names are a contract: bin/CLI.md lists them.

import type { StatusReport } from '../lib/control/daemon-port.js'
import { peerStates } from '../lib/store/sync-port.js'

type Labels = Readonly<Record<string, string>>

/** Lines with their help and type; of each peer one. */
export function metricLines(report: StatusReport): readonly string[] {
  const { dirty, unpublished, onlyHere, log, cache, amplification, requests, damaged, peers } = report
  const vault: Labels = { vault: report.name }
  const one = (name: string, help: string, value: number, type: 'gauge' | 'counter' = 'gauge'): readonly string[] => metric(name, help, type, [[vault, value]])
  const each = (name: string, help: string, value: (peer: StatusReport['peers'][number]) => number, type: 'gauge' | 'counter' = 'gauge'): readonly string[] =>
    metric(name, help, type, peers.map((peer) => [{ ...vault, node: peer.name }, value(peer)] as const))
  return [
    ...one('vaultfs_dirty_bytes', 'In memory, not yet in the log.', dirty.bytes),
    ...one('vaultfs_unpublished_entries', 'In the log, not yet published.', unpublished.entries),
    ...one('vaultfs_only_here_blobs', 'Blobs that no node has.', onlyHere.blobs),
    ...one('vaultfs_only_here_bytes', 'Bytes of them.', onlyHere.bytes),
    ...one('vaultfs_log_bytes', 'The write-ahead log.', log.bytes),
    ...one('vaultfs_cache_blobs', 'Blobs in the cache.', cache.blobs),
    ...one('vaultfs_cache_bytes', 'Bytes of them.', cache.bytes),
    ...one('vaultfs_written_bytes_total', 'Written by programs since the mount.', amplification.writtenByUser, 'counter'),
    ...one('vaultfs_requests_total', 'Requests of the kernel since the mount.', requests.answered, 'counter'),
    ...delayMetric(vault, report.delay),
    ...one('vaultfs_resident_bytes', 'Memory of the daemon.', report.memory.resident),
    ...one('vaultfs_damaged_entries', 'Files and folders that were asked for and could not be read.', damaged.entries),
    ...one('vaultfs_damaged_here_blobs', 'Blobs that are damaged here and could not be sent.', report.damagedHere),
    ...each('vaultfs_node_left_blobs', 'Blobs that the node lacks.', ({ blobsLeft }) => blobsLeft),
    ...each('vaultfs_node_left_bytes', 'Bytes of them.', ({ bytesLeft }) => bytesLeft),
    ...each('vaultfs_node_left_entries', 'Manifest entries that the node lacks.', ({ entriesLeft }) => entriesLeft),
    ...each('vaultfs_node_lost_blobs_total', 'Blobs that the node had acknowledged and lost.', ({ lost }) => lost, 'counter'),
    ...each('vaultfs_node_sent_blobs_total', 'Sent since the mount.', ({ sentBlobs }) => sentBlobs, 'counter'),
    ...each('vaultfs_node_sent_bytes_total', 'Sent since the mount.', ({ sentBytes }) => sentBytes, 'counter'),
    ...each('vaultfs_node_last_contact_seconds', 'Of its last answer, since 1970; 0: none yet.', ({ lastContact }) => lastContact ?? 0),
    ...metric('vaultfs_node_state', '1 for the state that the node is in.', 'gauge', peers.flatMap((peer) => (
      peerStates.map((state) => [{ ...vault, node: peer.name, state }, peer.state === state ? 1 : 0] as const)))),
  ]
}

/** A histogram, in seconds as Prometheus has all times. */
function delayMetric(vault: Labels, { atMost, count, sum, max }: StatusReport['delay']): readonly string[] {
  const name = 'vaultfs_loop_delay_seconds'
  const bucket = (le: string, value: number): string => `${name}_bucket{${labelText({ ...vault, le })}} ${value}`
  return [
    `# HELP ${name} How long a request waits until the thread that answers the kernel looks at it.`, `# TYPE ${name} histogram`,
    ...atMost.map((each) => bucket(String(each.ms / 1000), each.count)), bucket('+Inf', count),
    `${name}_sum{${labelText(vault)}} ${sum / 1000}`, `${name}_count{${labelText(vault)}} ${count}`,
    ...metric('vaultfs_loop_delay_max_seconds', 'The longest since the mount.', 'gauge', [[vault, max / 1000]]),
  ]
}

function metric(name: string, help: string, type: string, values: readonly (readonly [Labels, number])[]): readonly string[] {
  if (values.length === 0) return []
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...values.map(([labels, value]) => `${name}{${labelText(labels)}} ${value}`)]
}

function labelText(labels: Labels): string {
  const escaped = (text: string): string => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
  return Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`).join(',')
}
