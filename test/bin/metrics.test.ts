// The text of `status --metrics` as Prometheus wants it: a histogram's buckets are cumulative, and seconds.
import t from 'tap'
import { metricLines } from '../../bin/metrics.js'
import type { StatusReport } from '../../lib/control/daemon-port.js'

const report: StatusReport = {
  vault: 'ab'.repeat(32), name: 'a "vault"', store: '/store', mountPoint: '/mnt', driver: 'kernel', pid: 7, pids: [7, 8], state: 'mounted', readOnly: false,
  recovery: 'later', dirty: { files: 1, bytes: 2 }, unpublished: { entries: 3, bytes: 4 }, onlyHere: { blobs: 5, bytes: 6 }, peers: [], damagedHere: 0, log: { bytes: 7, segments: 1 },
  cache: { blobs: 9, bytes: 10 },
  amplification: { writtenByUser: 1, published: 1, logged: 1, stored: 1, manifest: 1, disk: 4, ratio: 2, publishedRatio: 2, diskRatio: 4 },
  requests: { answered: 3, waiting: 0, oldest: null },
  delay: { p50: 0.1, p99: 4, 'p99.9': 30, max: 31, count: 1000, sum: 250, sinceSec: 2, atMost: [{ ms: 0.5, count: 900 }, { ms: 5, count: 990 }] },
  memory: { resident: 1024, peak: 2048 }, damaged: { entries: 0, found: [] }, warnings: [],
}

t.test('the delay is a histogram in seconds', (t) => {
  const vault = 'vault="a \\"vault\\""'
  const lines = metricLines(report).filter((line) => line.includes('vaultfs_loop_delay_') && !line.startsWith('# HELP'))
  t.same(lines, [
    '# TYPE vaultfs_loop_delay_seconds histogram',
    `vaultfs_loop_delay_seconds_bucket{${vault},le="0.0005"} 900`,
    `vaultfs_loop_delay_seconds_bucket{${vault},le="0.005"} 990`,
    `vaultfs_loop_delay_seconds_bucket{${vault},le="+Inf"} 1000`,
    `vaultfs_loop_delay_seconds_sum{${vault}} 0.25`,
    `vaultfs_loop_delay_seconds_count{${vault}} 1000`,
    '# TYPE vaultfs_loop_delay_max_seconds gauge',
    `vaultfs_loop_delay_max_seconds{${vault}} 0.031`,
  ])
  t.ok(metricLines(report).includes(`vaultfs_resident_bytes{${vault}} 1024`))
  t.end()
})
