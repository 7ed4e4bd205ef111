// A node in the foreground, until somebody tells it to end. What it has to say goes to standard error, a line an event.
import { startMetrics, type MetricsServer } from '../lib/node/metrics-server.js'
import { startNode } from '../lib/node/node-server.js'
import { listenPlace } from '../lib/node/node-settings.js'
import type { VaultError } from '../lib/terms/errors.js'
import type { Logger, LogLevel } from '../lib/terms/log.js'
import { encodeAddress } from '../lib/wire/pin.js'
import { noteRunning, openStorageOf, reachablePlaces, takeNodeLock, type NodePlace } from './node-place.js'
import { systemClock, systemEntropy } from './system-sources.js'
import { thrifty } from './thrift.js'
import { programVersion } from './version.js'

/** Requests that are being answered have so long after the signal. */
const drainMs = 20_000

export interface NodeRun {
  readonly place: NodePlace
  readonly listen: string | undefined
  readonly metrics: string | undefined
  readonly logLevel: LogLevel
  note(line: string): void
}

/** Resolves when it was told to end, and everything is closed. Rejects 'io' when it could not go on. */
export async function runNode(run: NodeRun): Promise<void> {
  const { place, note } = run
  const { settings, keys } = place
  const logger = lineLogger(run.logLevel, note)
  const lock = await takeNodeLock(place)
  let broken: VaultError | undefined
  let breakOff = (): void => undefined
  const brokenOff = new Promise<undefined>((resolve) => { breakOff = () => { resolve(undefined) } })
  const onBroken = (error: VaultError): void => {
    broken ??= error
    breakOff()
  }
  const storage = await openStorageOf(place, 'serve', logger, onBroken)
  let metrics: MetricsServer | undefined
  try {
    const ended = untilSignal()
    const node = await startNode({
      storage, keys, name: settings.name, version: programVersion(), listen: listenPlace(run.listen ?? settings.listen), clock: systemClock, entropy: systemEntropy, logger,
      quota: { totalBytes: settings.quotaBytes ?? undefined, dailyBytes: settings.dailyBytes ?? undefined },
      deletion: { delaySec: settings.deleteDelaySec, keepSec: settings.keepSec }, onBroken,
    })
    const endThrift = thrifty()
    let forget: (() => void) | undefined
    try {
      const host = node.host.includes(':') ? `[${node.host}]` : node.host
      forget = noteRunning(place, { pid: process.pid, listen: `${host}:${node.port}`, sinceSec: systemClock.now().sec })
      if (run.metrics !== undefined) metrics = await startMetrics(node, listenPlace(run.metrics))
      logger.log('info', 'the node listens', { on: `${host}:${node.port}`, address: reachablePlaces(place).map((one) => encodeAddress({ place: one, pin: node.pin })).join(' '), ...(metrics === undefined ? {} : { metrics: metrics.port }) })
      const signal = await Promise.race([ended, brokenOff])
      logger.log('info', 'the node ends', signal === undefined ? {} : { signal })
    } finally {
      endThrift()
      metrics?.close()
      // What a broken one could still answer nobody should wait for.
      await node.close(broken === undefined ? drainMs : 0)
      forget?.()
    }
  } finally {
    await storage.close()
    lock.release()
  }
  if (broken !== undefined) throw broken
}

function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => { resolve(signal) })
    // A terminal that goes away is no reason for a node to end.
    process.on('SIGHUP', () => undefined)
  })
}

const rank: Readonly<Record<LogLevel, number>> = { error: 0, warn: 1, info: 2, debug: 3 }

function lineLogger(level: LogLevel, note: (line: string) => void): Logger {
  return {
    log: (of, message, fields = {}) => {
      if (rank[of] > rank[level]) return
      const details = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
      note(`${new Date().toISOString()} ${of} ${message}${details.join('')}`.replaceAll('\n', '\\n'))
    },
  }
}
