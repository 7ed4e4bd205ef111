// Bytes written to a mounted vault until they are published and durable, against what the processors could do if they did
// nothing but the stages of storing.
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchVault } from '../bench-vault.js'
import { median } from '../machine.js'
import { bytesOf, windowBytes, type Kind } from './stages.js'

const mebibyte = 1024 * 1024
/** Threads for which a mount does not wait have begun by then. */
const threadsBeginMs = 2000

export interface StoreRate {
  /** Megabytes a second until every byte is in the store. */
  readonly perSecond: number
  /** Processor seconds of the daemon for a gigabyte. */
  readonly processorSec: number
}

/** Medians; each repetition has a vault of its own. */
export async function measureStoreRate(kind: Kind, { mebibytes, repetitions }: { readonly mebibytes: number; readonly repetitions: number }): Promise<StoreRate> {
  const runs: StoreRate[] = []
  for (let count = 0; count < repetitions; count++) runs.push(await storeOnce(kind, mebibytes))
  return { perSecond: median(runs.map((run) => run.perSecond)), processorSec: median(runs.map((run) => run.processorSec)) }
}

async function storeOnce(kind: Kind, mebibytes: number): Promise<StoreRate> {
  const windows = Array.from({ length: Math.ceil((mebibytes * mebibyte) / windowBytes) }, (_, index) => bytesOf(kind, index * windowBytes))
  const vault = new BenchVault()
  try {
    vault.mount()
    await sleep(threadsBeginMs)
    const { pid } = vault.status()
    const before = vault.processorMs(pid)
    const began = performance.now()
    const file = openSync(join(vault.mountPoint, 'large'), 'w')
    for (const bytes of windows) for (let at = 0; at < bytes.byteLength; at += mebibyte) writeSync(file, bytes, at, mebibyte)
    closeSync(file)
    vault.sync()
    const seconds = (performance.now() - began) / 1000
    const megabytes = (windows.length * windowBytes) / 1e6
    return { perSecond: megabytes / seconds, processorSec: (vault.processorMs(pid) - before) / megabytes }
  } finally {
    vault.remove()
  }
}
