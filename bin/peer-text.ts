// What a person reads of nodes.
import type { PeerAdded, PeerPlaceReport, PeerReport, PeerTest } from '../lib/control/peer-port.js'
import { bytesText, count } from './report.js'

/** More than clocks differ that are set by themselves. */
const clockSecMax = 60

export function peerLine({ name, address, addedSec }: PeerReport, width: number): string {
  return `${name.padEnd(width)}  ${address}  since ${new Date(addedSec * 1000).toISOString().slice(0, 10)}`
}

export function addedLines({ name, address, again }: PeerAdded): readonly string[] {
  return [`${again ? 'paired again' : 'paired'} with ${name}`, 'for the paper of the recovery kit:', `  ${address}`]
}

export function recoveryNote(name: string): string {
  return `${name} will not let the recovery kit in: this store does not have what says so. Run 'vaultfs recovery check' with the 24 words, which tells all nodes`
}

export function testLines(test: PeerTest): readonly string[] {
  const { name, places, latencyMs, health, clockSec, recovery, failed } = test
  return [
    `${name}: ${failed === undefined ? 'well' : 'not well'}`,
    ...places.map((one) => `  ${placeText(one)}`),
    ...(latencyMs === undefined ? [] : [`  answers in ${latencyMs.toFixed(1)} ms`]),
    ...(health === undefined ? [] : [`  keeps ${count(health.blobs, 'blob')}, ${bytesText(health.bytes)}${health.quota === null ? '' : ` of ${bytesText(health.quota)}`} (version ${health.version})`]),
    ...(clockSec === undefined ? [] : [`  its clock is ${clockText(clockSec)}`]),
    ...(recovery === undefined ? [] : [`  ${recoveryTexts[recovery]}`]),
    ...(failed === undefined ? [] : [`  failed at ${failed.step}: ${failed.error.message}${failed.error.next === undefined ? '' : `; ${failed.error.next}`}`]),
  ]
}

const steps = { name: 'looking up its name', connection: 'connecting', tls: 'agreeing on TLS', key: 'comparing its key' } as const
const recoveryTexts = {
  known: 'lets the recovery kit in', sent: 'lets the recovery kit in, from now on', missing: "does not let the recovery kit in: 'vaultfs recovery check' changes that",
} as const

function placeText(one: PeerPlaceReport): string {
  return 'ms' in one ? `${one.place}  connected in ${one.ms.toFixed(1)} ms` : `${one.place}  failed at ${steps[one.step]}: ${one.reason}`
}

function clockText(seconds: number): string {
  if (Math.abs(seconds) <= clockSecMax) return seconds === 0 ? 'ours' : `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`
  return `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}: one of the two is wrong, and invitations may seem to have ended`
}
