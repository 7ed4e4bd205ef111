// The table of what a node answers: it dispatches by it, describes itself with it (OpenAPI), and clients build their paths
// from it. PROTOCOL.
import { entryBytesMax } from '../format/manifest-entry.js'
import { limits } from '../terms/limits.js'
import { blobBytesMax, blobIdBytes, framesBytesMax, getIdsMax, hasIdsMax } from './blob-frames.js'
import { deletionIdsMax } from './owner-records.js'
import { pairingBytesMax } from './pairing-messages.js'

export type Principal = 'device' | 'recovery' | 'stranger'
export type Media = 'application/octet-stream' | 'application/json' | 'none'

export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** Parts in braces are parameters. */
  readonly path: string
  readonly summary: string
  readonly who: readonly Principal[]
  readonly request: Media
  /** Of the request's body; longer ones are refused before they are read. */
  readonly bytesMax: number
  readonly response: Media
  readonly query?: Readonly<Record<string, string>>
}

const binary = 'application/octet-stream'
const json = 'application/json'
const none = 'none'
const everybody = ['device', 'recovery'] as const
const devices = ['device'] as const
/** What one request may append to a chain. */
export const chainBytesMax = Math.max(framesBytesMax, entryBytesMax)

export const routes = {
  putBlob: { method: 'PUT', path: '/v1/blobs/{blob}', summary: 'Keep one blob', who: devices, request: binary, bytesMax: blobBytesMax, response: none },
  getBlob: { method: 'GET', path: '/v1/blobs/{blob}', summary: 'One blob, or a range of it', who: everybody, request: none, bytesMax: 0, response: binary },
  hasBlobs: { method: 'POST', path: '/v1/blobs/has', summary: 'Which of these blobs are here', who: everybody, request: binary, bytesMax: hasIdsMax * blobIdBytes, response: binary },
  putBlobs: { method: 'POST', path: '/v1/blobs/put', summary: 'Keep many blobs', who: devices, request: binary, bytesMax: framesBytesMax, response: binary },
  getBlobs: { method: 'POST', path: '/v1/blobs/get', summary: 'Many blobs', who: everybody, request: binary, bytesMax: getIdsMax * blobIdBytes, response: binary },
  appendEntries: { method: 'POST', path: '/v1/chains/{device}', summary: 'Append entries to a chain', who: devices, request: binary, bytesMax: chainBytesMax, response: binary },
  readEntries: {
    method: 'GET', path: '/v1/chains/{device}', summary: 'Entries of a chain', who: everybody, request: none, bytesMax: 0, response: binary,
    query: { after: 'sequence behind which to begin', bytes: 'about how many bytes of entries' },
  },
  heads: { method: 'GET', path: '/v1/heads', summary: 'The newest entry of each chain, signed', who: everybody, request: none, bytesMax: 0, response: binary },
  inventory: {
    method: 'GET', path: '/v1/inventory', summary: 'A page of the blobs that are here, signed', who: everybody, request: none, bytesMax: 0, response: binary,
    query: { after: 'id behind which to begin', limit: 'how many' },
  },
  challenge: { method: 'POST', path: '/v1/challenge', summary: 'Proof that blobs are here', who: everybody, request: binary, bytesMax: (getIdsMax + 1) * blobIdBytes, response: binary },
  getHeader: { method: 'GET', path: '/v1/header', summary: "The vault's header", who: everybody, request: none, bytesMax: 0, response: binary },
  putHeader: { method: 'PUT', path: '/v1/header', summary: "Replace the vault's header", who: devices, request: binary, bytesMax: limits.headerBytesMax, response: none },
  keptHeaders: { method: 'GET', path: '/v1/headers', summary: 'Headers that came before or beside that one', who: everybody, request: none, bytesMax: 0, response: binary },
  members: { method: 'GET', path: '/v1/members', summary: 'Member records', who: everybody, request: none, bytesMax: 0, response: binary },
  putMember: { method: 'PUT', path: '/v1/members', summary: 'Let a device in', who: everybody, request: binary, bytesMax: limits.memberRecordBytesMax, response: none },
  revocations: { method: 'GET', path: '/v1/revocations', summary: 'Revocations', who: everybody, request: none, bytesMax: 0, response: binary },
  putRevocation: { method: 'PUT', path: '/v1/revocations', summary: 'Shut a device out', who: devices, request: binary, bytesMax: 1024, response: none },
  recovery: { method: 'GET', path: '/v1/recovery', summary: 'The recovery record', who: everybody, request: none, bytesMax: 0, response: binary },
  putRecovery: { method: 'PUT', path: '/v1/recovery', summary: 'Say which key the recovery kit comes with', who: devices, request: binary, bytesMax: 1024, response: none },
  putDeletion: { method: 'POST', path: '/v1/deletions', summary: "The owner's intent to delete blobs", who: devices, request: binary, bytesMax: deletionIdsMax * blobIdBytes + 256, response: none },
  deletions: { method: 'GET', path: '/v1/deletions', summary: 'Intents that wait', who: everybody, request: none, bytesMax: 0, response: binary },
  cancelDeletion: { method: 'DELETE', path: '/v1/deletions/{intent}', summary: 'Take an intent back', who: devices, request: none, bytesMax: 0, response: none },
  health: { method: 'GET', path: '/v1/health', summary: 'How the node is', who: everybody, request: none, bytesMax: 0, response: json },
  openapi: { method: 'GET', path: '/v1/openapi.json', summary: 'This description', who: everybody, request: none, bytesMax: 0, response: json },
  pair: { method: 'POST', path: '/v1/pair', summary: 'Use an invitation', who: ['stranger', 'device', 'recovery'], request: json, bytesMax: pairingBytesMax, response: json },
} as const satisfies Readonly<Record<string, Route>>
export type RouteName = keyof typeof routes

/** A route's path with its parameters filled in. */
export function pathOf(name: RouteName, parameters: Readonly<Record<string, string>> = {}, query: Readonly<Record<string, string | number>> = {}): string {
  const path = routes[name].path.replace(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(parameters[key] ?? ''))
  const search = Object.entries(query).map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')
  return search === '' ? path : `${path}?${search}`
}
