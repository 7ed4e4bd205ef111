// `vaultfs recover`: a vault from the kit's words and its nodes, on a machine that has nothing of it; or the header of a
// store that has lost both copies.

import { readdirSync } from 'node:fs'
import { fromErrno, VaultError } from '../../lib/terms/errors.js'
import type { RecoverProgress } from '../../lib/vault-recover.js'
import { decodeAddress } from '../../lib/wire/pin.js'
import type { Context } from '../context.js'
import { costOptions, jsonOption, kdfCost, recoveryFileOption, storeOption, verb } from '../options.js'
import { hasLostHeader, isRecovering, nameOf, realStore } from '../place.js'
import type { Recovered } from '../recovery-request.js'
import { bytesText, count } from '../report.js'
import { readNewPassphrase, readUnlock } from '../secrets.js'
import { StoreLock } from '../store-lock.js'
import { makeStore } from '../vault-creation.js'
import { VerifyListener } from '../verify-listener.js'
import { findingJson, nodeNoteText, summaryText } from '../verify-text.js'
import { WorkProgressLine } from '../work-progress.js'

const phases: Readonly<Record<RecoverProgress['phase'], string>> = {
  chains: 'fetching the manifest', blobs: 'fetching blobs', manifest: 'reading the manifest', catalog: 'writing the catalog', contents: 'looking for chunks',
}

export const recoverCommand = (context: Context) =>
  verb({
    command: 'recover',
    describe: "Bring a vault, or its header, back from its nodes with the recovery kit's words",
    builder: (options) =>
      options.options({
        store: { ...storeOption.store, demandOption: true, describe: 'The folder that will hold the vault; or one whose header is lost' },
        node: { type: 'string', array: true, requiresArg: true, demandOption: true, describe: 'Address of a node, as on the kit: host:port#PIN; again for more' },
        ...recoveryFileOption,
        'new-passphrase-file': { type: 'string', requiresArg: true, describe: 'Read the new passphrase from this file' },
        ...costOptions, ...jsonOption,
      }),
    handler: async (args) => {
      const store = realStore(args.store)
      const headerOnly = checkTarget(context, store)
      const addresses = args.node.map(decodeAddress)
      const kdf = kdfCost(args)
      const words = await kitWords(args.recoveryFile, context)
      const passphrase = await readNewPassphrase({ passphraseFile: args.newPassphraseFile }, context.terminal, 'A new passphrase for the vault: ', '--new-passphrase-file FILE')
      makeStore(store)
      const lock = await StoreLock.take(store, () => false)
      const listener = new Listener(context, args.json)
      const broken = new AbortController()
      const end = (): void => { broken.abort(new VaultError('cancelled', 'recovering was broken off', { next: 'run it again when you like: it goes on' })) }
      process.once('SIGINT', end).once('SIGTERM', end)
      const began = performance.now()
      try {
        const logger = { log: (level: string, message: string): void => { if (level === 'error') context.note(message) } }
        const recovered = await context.service.recover({ store, headerOnly, addresses, words, passphrase, kdf, logger, signal: broken.signal }, listener.hooks)
        listener.end()
        context.registry.put({ ...context.registry.ofStore(store), name: nameOf(store), store })
        tell(context, { store, recovered, listener, seconds: (performance.now() - began) / 1000, json: args.json })
      } finally {
        listener.end()
        process.off('SIGINT', end).off('SIGTERM', end)
        passphrase.fill(0)
        lock.release()
      }
    },
  })

/** Answers whether only the header is to be put back. */
function checkTarget(context: Context, store: string): boolean {
  if (isRecovering(store)) return false
  if (context.service.exists(store)) {
    throw new VaultError('exists', `there is a vault in ${store}, and its header`, { subject: store, next: "'vaultfs verify --repair' brings back blobs that it lacks; another --store DIR takes the whole vault" })
  }
  if (hasLostHeader(store)) return true
  if (namesIn(store) > 0) throw new VaultError('not-empty', `${store} holds other files`, { subject: store, next: 'choose a folder that is empty or does not exist' })
  return false
}

function namesIn(store: string): number {
  try {
    return readdirSync(store).length
  } catch (error) {
    const wrong = fromErrno(error, store)
    if (wrong.code === 'not-found') return 0
    throw wrong
  }
}

async function kitWords(recoveryFile: string | undefined, context: Context): Promise<string> {
  if (recoveryFile === undefined) return context.terminal.line('The 24 words: ', '--recovery-file FILE')
  const unlock = await readUnlock({ recoveryFile }, context.terminal, '')
  return unlock.kind === 'recovery' ? unlock.words : ''
}

interface Outcome {
  readonly store: string
  readonly recovered: Recovered
  readonly listener: Listener
  readonly seconds: number
  readonly json: boolean
}

function tell(context: Context, { store, recovered, listener, seconds, json }: Outcome): void {
  const { verify, notes } = listener
  const whole = recovered.store
  if (json) {
    context.out(JSON.stringify({
      store, seconds, nodes: notes, ...whole, findings: verify.findings.map(findingJson), ...(verify.repaired === undefined ? {} : { repaired: verify.repaired }),
    }))
  } else if (whole === undefined) {
    context.out(`the header of ${store} is back, with the new passphrase`)
  } else {
    for (const step of verify.nextSteps) context.note(step)
    const { manifestEntries, devices, fetched, rebuilt, verified } = whole
    context.out(`recovered: ${count(rebuilt.entries, 'entry', 'entries')} and ${count(rebuilt.moments, 'published state')}, from ${count(manifestEntries, 'manifest entry', 'manifest entries')} of ${count(devices, 'device')}`)
    context.out(`fetched ${count(fetched.blobs, 'blob')} (${bytesText(fetched.bytes)}); ${summaryText(verified, seconds)}`)
    context.out(`mount it: vaultfs mount DIR --store ${store}`)
  }
  const findings = whole?.verified.findings ?? 0
  if (findings > 0) {
    throw new VaultError('corrupt', `not everything was on the nodes: ${count(findings, 'finding')}`, { subject: store, next: "what is there can be mounted; when another node or copy has the rest, 'vaultfs verify --repair' brings it" })
  }
}

class Listener {
  readonly verify: VerifyListener
  readonly notes: { readonly node: string; readonly message: string }[] = []
  readonly #context: Context
  readonly #json: boolean
  readonly #progress = new WorkProgressLine(process.stderr)

  constructor(context: Context, json: boolean) {
    this.#context = context
    this.#json = json
    this.verify = new VerifyListener(context, json)
  }

  get hooks(): Parameters<Context['service']['recover']>[1] {
    return {
      onProgress: ({ phase, done, total }) => {
        this.#progress.report({ phase: phases[phase], done, total, unit: phase === 'chains' || phase === 'blobs' || phase === 'manifest' ? 'bytes' : 'items' })
      },
      onNote: ({ node, message }) => {
        this.#progress.end()
        this.notes.push({ node, message })
        if (!this.#json) this.#context.note(nodeNoteText(node, message))
      },
      onEvents: (events) => {
        this.#progress.end()
        this.verify.take(events)
      },
    }
  }

  end(): void {
    this.#progress.end()
    this.verify.end()
  }
}
