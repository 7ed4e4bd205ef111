// The part of the vault service that brings a vault back from nodes, with the kit's words: all of it into a new store, or
// only the header of a store that has lost it. The header is written last, so that until then the store is none.

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { availableParallelism, hostname } from 'node:os'
import { join } from 'node:path'
import { backupName, headerName, writeDurably } from '../lib/crypto/header-store.js'
import { createIdentity, openIdentity, type DeviceIdentity } from '../lib/crypto/identity.js'
import { readPeers, writePeers } from '../lib/crypto/peers-file.js'
import { writeRecoveryFile } from '../lib/crypto/recovery-file.js'
import { kitEntropy, ownerKeyPair } from '../lib/crypto/recovery-kit.js'
import type { OpenedVault } from '../lib/crypto/vault-keys.js'
import type { KnownPeer } from '../lib/format/peer-list.js'
import { openPeer } from '../lib/peer/open-peer.js'
import { recoveryRecordOf } from '../lib/peer/recovery-record.js'
import { equalBytes, hex } from '../lib/terms/bytes.js'
import { VaultError, fromErrno } from '../lib/terms/errors.js'
import { retentionDefault } from '../lib/terms/retention.js'
import { Nodes } from '../lib/vault-nodes.js'
import { recoverStore, type RecoveredStore } from '../lib/vault-recover.js'
import { headerWithPassphrase, newestHeader } from '../lib/vault-recover-header.js'
import type { VerifySummary } from '../lib/vault-verify-report.js'
import type { TlsIdentity } from '../lib/wire/certificate.js'
import { hardenProcess } from '../native-deps/secure.js'
import { wipe } from '../native-deps/sodium.js'
import { deviceBackupName, deviceName } from './key-service.js'
import { keptHeaders, meetNodes, recoveryIdentity } from './node-connections.js'
import { openDevice } from './open-keys.js'
import { recoveringName } from './place.js'
import type { Recovered, RecoverHooks, RecoverRequest } from './recovery-request.js'
import { systemClock, systemEntropy } from './system-sources.js'
import { verifyAndRepair } from './verify-service.js'

/** The caller holds the lock of the store, which is there. */
export async function recoverService(request: RecoverRequest, hooks: RecoverHooks): Promise<Recovered> {
  hardenProcess()
  process.umask(0o077)
  const kit = kitEntropy(request.words)
  try {
    const tls = await recoveryIdentity(kit)
    const met = await meetNodes(request.addresses, tls, hooks.onNote)
    const offers = met.flatMap(({ known, header }) => (header === undefined ? [] : [{ node: known.name, bytes: header }]))
    const vault = await newestHeader(offers, kit, hooks.onNote, () => keptHeaders(met, tls, hooks.onNote))
    try {
      const recovery = new Recovery(request, hooks, { vault, kit, tls })
      return { store: request.headerOnly ? await recovery.header() : await recovery.everything(met.map(({ known }) => known)) }
    } finally {
      vault.page.wipe()
    }
  } finally {
    wipe(kit)
  }
}

interface Opened {
  readonly vault: OpenedVault
  readonly kit: Uint8Array
  readonly tls: TlsIdentity
}

class Recovery {
  readonly #request: RecoverRequest
  readonly #hooks: RecoverHooks
  readonly #opened: Opened

  constructor(request: RecoverRequest, hooks: RecoverHooks, opened: Opened) {
    this.#request = request
    this.#hooks = hooks
    this.#opened = opened
  }

  async header(): Promise<undefined> {
    const { store, logger } = this.#request
    // It opens with the header's keys, or this is another vault's store.
    await openDevice({ store, logger, readOnly: false }, this.#opened.vault)
    await this.#writeHeader(await this.#newHeader())
  }

  async everything(known: readonly KnownPeer[]): Promise<RecoveredStore & { readonly verified: VerifySummary }> {
    const { store, logger, signal } = this.#request
    const { vault: { page, header }, tls } = this.#opened
    const { vaultId } = header
    await this.#begin()
    const identity = await this.#identity()
    const peers = known.map((each) => openPeer(each, { vaultId, tls }))
    const nodes = new Nodes(peers, this.#hooks.onNote)
    try {
      // So that from here on this device may go on by itself.
      for (const peer of nodes.present) await nodes.ask(peer, (each) => each.putMember(identity.record))
      nodes.requireOne()
      await this.#writePeers(known)
      await writeRecoveryFile(store, recoveryRecordOf(this.#opened.kit, vaultId))
      const options = {
        store, page, header, identity, logger, readOnly: false, bulkThreads: availableParallelism(), bulkStartsLate: true, retention: { ...retentionDefault, offsetMin: 0 },
        owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }, clock: systemClock, entropy: systemEntropy,
      }
      const recovered = await recoverStore({ ...options, nodes, signal, onProgress: this.#hooks.onProgress })
      // The one takes a processor and the other another; both have let go of the keys before anybody hears of a failure.
      const [verified, made] = await Promise.allSettled([
        verifyAndRepair({ store, page, header, identity, logger, signal, isFresh: true }, { sources: [], nodes }, this.#hooks.onEvents), this.#newHeader(),
      ])
      if (verified.status === 'rejected') throw verified.reason
      if (made.status === 'rejected') throw made.reason
      await this.#writeHeader(made.value)
      rmSync(join(store, recoveringName), { force: true })
      return { ...recovered, verified: verified.value }
    } finally {
      for (const peer of peers) await peer.close()
    }
  }

  /** From here on the folder is a recovery that is not done. */
  async #begin(): Promise<void> {
    const path = join(this.#request.store, recoveringName)
    const vaultId = hex(this.#opened.vault.header.vaultId)
    if (!existsSync(path)) await writeDurably(path, Buffer.from(`${vaultId}\n`))
    else if (readFileSync(path, 'latin1').trim() !== vaultId) {
      throw new VaultError('exists', `in ${this.#request.store} another vault was being recovered`, { subject: this.#request.store, next: 'choose another --store' })
    }
    for (const name of ['manifest', 'cache', 'log']) mkdirSync(join(this.#request.store, name), { recursive: true, mode: 0o700 })
  }

  /** The one of the attempt before, if there was one: it may be known to nodes already. */
  async #identity(): Promise<DeviceIdentity> {
    const { store } = this.#request
    const { vault: { page, header }, kit } = this.#opened
    for (const name of [deviceName, deviceBackupName]) {
      const file = await readFile(join(store, name)).catch((error: unknown) => {
        const failure = fromErrno(error, join(store, name))
        if (failure.code === 'not-found') return undefined
        throw failure
      })
      if (file !== undefined) return openIdentity(page, file, header)
    }
    const owner = ownerKeyPair(kit)
    try {
      const { identity, file } = createIdentity(page, {
        vaultId: header.vaultId, name: hostname(), createdSec: systemClock.now().sec, ownerSecretKey: owner.secretKey, entropy: systemEntropy,
      })
      for (const name of [deviceBackupName, deviceName]) await writeDurably(join(store, name), file)
      return identity
    } finally {
      wipe(owner.secretKey)
    }
  }

  async #writePeers(known: readonly KnownPeer[]): Promise<void> {
    const { store } = this.#request
    const { page, header: { vaultId } } = this.#opened.vault
    const before = await readPeers(store, page, vaultId)
    const added = known.filter(({ pin }) => !before.some((each) => equalBytes(each.pin, pin)))
    if (added.length > 0) await writePeers(store, page, vaultId, [...before, ...added], systemEntropy)
  }

  async #newHeader(): Promise<Uint8Array> {
    const { passphrase, kdf } = this.#request
    return await headerWithPassphrase(this.#opened.vault, passphrase, { entropy: systemEntropy, nowSec: systemClock.now().sec, cost: kdf })
  }

  async #writeHeader(bytes: Uint8Array): Promise<void> {
    for (const name of [backupName, headerName]) await writeDurably(join(this.#request.store, name), bytes)
  }
}
