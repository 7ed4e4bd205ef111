// A command's end of questions about nodes. The daemon is of the same version as a rule: answers are looked at for their
// kind, not field by field.
import { VaultError } from '../terms/errors.js'
import { isRecord, type ControlVerb } from './messages.js'
import type { PeerAdded, PeerReport, PeersPort, PeerTest } from './peer-port.js'

type Send = (verb: ControlVerb, args: Readonly<Record<string, unknown>>) => Promise<unknown>

export class PeersClient implements PeersPort {
  readonly #send: Send

  constructor(send: Send) {
    this.#send = send
  }

  async list(): Promise<readonly PeerReport[]> {
    return many(await this.#send('peer-list', {})) as readonly PeerReport[]
  }

  async add({ code, name }: { readonly code: string; readonly name: string | undefined }): Promise<PeerAdded> {
    return one(await this.#send('peer-add', { code, name: name ?? null })) as unknown as PeerAdded
  }

  async remove(name: string): Promise<PeerReport> {
    return one(await this.#send('peer-remove', { name })) as unknown as PeerReport
  }

  async rename(order: { readonly from: string; readonly to: string }): Promise<PeerReport> {
    return one(await this.#send('peer-rename', order)) as unknown as PeerReport
  }

  async test(name: string | undefined): Promise<readonly PeerTest[]> {
    return many(await this.#send('peer-test', { name: name ?? null })) as readonly PeerTest[]
  }
}

function one(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value) || typeof value['name'] !== 'string') throw unfit()
  return value
}

function many(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw unfit()
  return value.map(one)
}

function unfit(): VaultError {
  return new VaultError('invalid', 'the daemon answered something that is not of this version', { next: 'unmount and mount again with one version of vaultfs' })
}
