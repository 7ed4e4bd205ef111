// For who looks after the node's machine: numbers as Prometheus reads them, and whether it works. Plain HTTP on a listener
// of its own that is off unless it was asked for; it tells sizes and numbers of vaults, and nothing else of them.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hex } from '../terms/bytes.js'
import { fromErrno, VaultError } from '../terms/errors.js'
import { nodeLimits, patience } from './node-limits.js'
import type { RunningNode } from './node-server.js'

export interface MetricsServer {
  readonly port: number
  close(): void
}

/** Rejects what listen(2) says. */
export async function startMetrics(node: RunningNode, { host, port }: { readonly host: string; readonly port: number }): Promise<MetricsServer> {
  const server = createServer({ maxHeaderSize: nodeLimits.headBytesMax, requestTimeout: patience.headMs }, (request, response) => { void answer(node, request, response) })
  server.maxConnections = nodeLimits.metricsConnectionsMax
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      const { code, message } = fromErrno(error, `${host}:${port}`)
      reject(new VaultError(code, message, { subject: `${host}:${port}`, next: 'choose another --metrics', cause: error }))
    })
    server.listen(port, host, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answer(node: RunningNode, { method, url }: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405).end()
    if (url === '/healthz') {
      await node.alive()
      return void response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
    }
    if (url !== '/metrics') return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(await metricsText(node))
  } catch (error) {
    response.writeHead(503, { 'content-type': 'text/plain' }).end(`${error instanceof VaultError ? error.code : 'failed'}\n`)
  }
}

export async function metricsText({ counters, listener, register, vaults }: RunningNode): Promise<string> {
  const lines: string[] = []
  const metric = (name: string, kind: 'counter' | 'gauge', help: string, values: readonly (readonly [labels: string, value: number])[]): void => {
    lines.push(`# HELP vaultfs_node_${name} ${help}`, `# TYPE vaultfs_node_${name} ${kind}`)
    for (const [labels, value] of values) lines.push(`vaultfs_node_${name}${labels} ${value}`)
  }
  const { counts } = listener
  metric('requests_total', 'counter', 'Requests answered.', [...counters.requests].map(([key, value]) => {
    const [route, status] = key.split(' ')
    return [`{route="${route ?? ''}",status="${status ?? ''}"}`, value] as const
  }))
  metric('received_bytes_total', 'counter', 'Bytes of bodies received.', [['', counters.bytesIn]])
  metric('sent_bytes_total', 'counter', 'Bytes of bodies sent.', [['', counters.bytesOut]])
  metric('connections', 'gauge', 'Connections of known keys.', [['', counts.open]])
  metric('connections_total', 'counter', 'Connections of known keys.', [['', counts.accepted]])
  metric('connections_refused_total', 'counter', 'Connections refused.', [['', counts.refused]])
  metric('pairings_total', 'counter', 'Invitations used.', [['', counters.pairings]])
  metric('pairings_refused_total', 'counter', 'Pairings refused.', [['', counters.pairingsRefused]])
  metric('deleted_blobs_total', 'counter', 'Blobs removed as their owner asked.', [['', counters.blobsDeleted]])
  metric('vaults', 'gauge', 'Vaults kept.', [['', register.access.vaults.length]])
  const held = (await vaults.opened()).map(({ vaultId, account, deletions }) => ({ label: `{vault="${hex(vaultId).slice(0, 16)}"}`, account, deletions }))
  metric('blobs', 'gauge', 'Blobs kept, of vaults that were in use since the start.', held.map(({ label, account }) => [label, account.blobs]))
  metric('bytes', 'gauge', 'Bytes of blobs and chains kept.', held.map(({ label, account }) => [label, account.bytes]))
  metric('written_today_bytes', 'gauge', 'Bytes written since midnight (UTC).', held.map(({ label, account }) => [label, account.writtenToday]))
  metric('quota_bytes', 'gauge', 'Bytes that the vault may keep.', held.flatMap(({ label, account }) => (account.quota.totalBytes === undefined ? [] : [[label, account.quota.totalBytes] as const])))
  metric('deletions_waiting', 'gauge', 'Intents to delete that wait.', held.map(({ label, deletions }) => [label, deletions.waiting.length]))
  metric('resident_bytes', 'gauge', 'Memory of the process.', [['', process.memoryUsage.rss()]])
  return `${lines.join('\n')}\n`
}
