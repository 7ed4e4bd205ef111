// `vaultfs mount`: mounts a vault, and offers to make it when there is none. Everything that can refuse does so before
// the passphrase is asked for; nothing is changed on disk by then but the mount point made.

import { accessSync, constants } from 'node:fs'
import { VaultError } from '../../lib/terms/errors.js'
import { hardenProcess } from '../../native-deps/secure.js'
import { answers } from '../connection.js'
import type { Context } from '../context.js'
import { DaemonLog, daemonLogPath } from '../daemon-log.js'
import { runDaemon } from '../daemon-life.js'
import type { DaemonRequest } from '../daemon-request.js'
import { StartingDaemon } from '../daemon-start.js'
import { detachMount } from '../detach.js'
import { prepareMountPoint, restoreMountPoint, type MountPoint } from '../mount-point.js'
import { mountAt, isVault, realMountPoint } from '../mount-table.js'
import { ownerOptions, ownersFrom } from '../owner-options.js'
import { costOptions, kdfCost, recoveryFileOption, recoveryOption, secretOptions, storeOption, verb } from '../options.js'
import { defaultStore, nameOf, notAVault, realStore, registeredAt } from '../place.js'
import { readNewPassphrase, readUnlock, requireSource, type SecretOptions, type Unlock } from '../secrets.js'
import { retentionOptions } from '../retention-options.js'
import { choices, readSettings } from '../settings.js'
import { syncOptions } from '../sync-options.js'
import { checkNewStore, createVault } from '../vault-creation.js'

const heirAnswersWithinMs = 5000
const pollMs = 100

const mountOptions = {
  ...storeOption, ...secretOptions, ...recoveryFileOption, ...recoveryOption, ...costOptions,
  driver: { choices: choices.driver, describe: 'How to speak to the kernel (default: kernel)' },
  'allow-other': { type: 'boolean', default: false, describe: 'Let other users in, by the permissions of the files' },
  'read-only': { type: 'boolean', default: false, describe: 'Refuse every change' },
  writeback: { type: 'boolean', default: false, describe: 'Let the kernel hold written pages back: faster, but a kill of the daemon loses them' },
  'show-versions': { type: 'boolean', default: false, describe: 'List .versions, which is in every folder, in the topmost one' },
  'accept-older-store': { type: 'boolean', default: false, describe: 'Go on with a store that was put back from a copy' },
  foreground: { alias: 'f', type: 'boolean', default: false, describe: 'Stay, and log to standard error' },
  create: { type: 'boolean', default: false, describe: 'Make the vault when there is none, without asking' },
  'after-crash': { choices: choices.afterCrash, describe: 'What becomes of the mount when its daemon dies (default: resume)' },
  guard: { choices: choices.guard, describe: 'How the unmounted mount point refuses writes (default: immutable)' },
  'log-level': { choices: choices.logLevel, describe: 'How much the daemon logs (default: info)' },
  'spin-microseconds': { type: 'number', requiresArg: true, describe: 'How long the driver polls after activity' },
  'memory-mib': { type: 'number', requiresArg: true, describe: 'Memory for data on its way and what is kept at hand (default: 160)' },
  ...ownerOptions,
  ...retentionOptions,
  ...syncOptions,
} as const

export const mountCommand = (context: Context) =>
  verb({
    command: 'mount <mountpoint>',
    describe: 'Mount a vault on an empty folder',
    builder: (options) =>
      options.positional('mountpoint', { type: 'string', demandOption: true, describe: 'Made when it does not exist' }).options(mountOptions),
    handler: async (args) => {
      const { driver, afterCrash, guard, logLevel, spinMicroseconds, memoryMib, mapUid, mapGid, forceOwner, keepWithin, hourly, daily, weekly, monthly, uploadLimit, downloadLimit, syncSchedule, allowOther, readOnly, writeback, showVersions, acceptOlderStore: acceptOlder } = args
      const store = realStore(args.store ?? defaultStore(context, args.mountpoint))
      const name = context.registry.ofStore(store)?.name ?? nameOf(args.store === undefined ? args.mountpoint : store)
      const settings = readSettings({
        driver, afterCrash, guard, logLevel, spinMicroseconds, memoryMib, mapUid, mapGid, forceOwner, keepWithin, hourly, daily, weekly, monthly,
        uploadLimit, downloadLimit, syncSchedule,
      }, undefined, name)
      ownersFrom(settings)
      hardenProcess()
      requireFuse()
      await requireUnmounted(context, args.mountpoint)
      const isNew = !context.service.exists(store)
      if (isNew) await agreeToCreate(context, { ...args, store })
      else requireSource(args, context.terminal)
      const mountPoint = prepareMountPoint(args.mountpoint, store)
      let daemon: StartingDaemon | undefined
      try {
        if (!args.foreground) daemon = new StartingDaemon({ settings, store, mountPoint: mountPoint.path })
        const unlock = isNew ? await unlockNew(context, { ...args, store, name }) : await readUnlock(args, context.terminal, `Passphrase of ${name}: `)
        const request: DaemonRequest = {
          store, name, mountPoint: mountPoint.path, mountPointMode: originalMode(context, store, mountPoint), allowOther, readOnly, writeback, showVersions, acceptOlder, settings, connection: null, place: null,
        }
        await (daemon === undefined ? stay(context, request, unlock) : leave(context, daemon, request, unlock))
      } catch (error) {
        daemon?.release()
        if (mountPoint.originalMode === null && !isVault(mountAt(mountPoint.path))) restoreMountPoint(mountPoint.path, null)
        throw error
      }
    },
  })

function requireFuse(): void {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK)
  } catch (error) {
    throw new VaultError('no-fuse', '/dev/fuse is missing or closed to you', {
      subject: '/dev/fuse', next: "load it with 'modprobe fuse' and install the package fuse3 ('vaultfs doctor' tells more)", cause: error,
    })
  }
}

/** A dead daemon's mount is taken away, a living one's refuses. */
async function requireUnmounted(context: Context, asked: string): Promise<void> {
  const mountPoint = realMountPoint(asked)
  const mount = mountAt(mountPoint)
  const socket = registeredAt(context, mountPoint)?.socket
  if (isVault(mount) && socket !== undefined && !(await answersSoon(mountPoint, socket))) return detachMount(mountPoint)
  if (isVault(mount))
    throw new VaultError('mount-point', `a vault is mounted at ${mountPoint} already`, { subject: mountPoint, next: `'vaultfs unmount ${mountPoint}' takes it away` })
}

/** A daemon that died may have an heir, or a supervisor that takes the mount away: both need a moment. */
async function answersSoon(mountPoint: string, socket: string): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < heirAnswersWithinMs; waitedMs += pollMs) {
    if (await answers(socket)) return true
    if (!isVault(mountAt(mountPoint))) return false
    await new Promise((resolve) => setTimeout(resolve, pollMs))
  }
  return await answers(socket)
}

interface NewVault extends SecretOptions {
  readonly store: string
  readonly recovery: string | undefined
  readonly create: boolean
  readonly kdfMemoryMib: number
  readonly kdfPasses: number
}

async function agreeToCreate(context: Context, args: NewVault): Promise<void> {
  checkNewStore(context, args.store)
  if (args.recoveryFile !== undefined) throw notAVault(args.store)
  if (args.create) {
    requireSource(args, context.terminal)
    if (args.recovery !== 'later') context.terminal.require('--recovery later')
    return
  }
  if (!context.terminal.present)
    throw new VaultError('not-a-vault', `there is no vault in ${args.store}`, {
      subject: args.store, next: 'to make one without a terminal, add --create --passphrase-file FILE --recovery later',
    })
  if (!(await context.terminal.confirm(`There is no vault in ${args.store}. Make one?`, '--create'))) throw new VaultError('cancelled', 'nothing was made')
}

async function unlockNew(context: Context, args: NewVault & { readonly name: string }): Promise<Unlock> {
  const passphrase = await readNewPassphrase(args, context.terminal, `A passphrase for ${args.name}: `, '--passphrase-file FILE')
  await createVault(context, { store: args.store, name: args.name, passphrase, kdf: kdfCost(args), recoveryLater: args.recovery === 'later' })
  return { kind: 'passphrase', passphrase }
}

/** As it was before the first mount: by now it is our own 0500 that we see. */
function originalMode(context: Context, store: string, found: MountPoint): number | null {
  const known = context.registry.ofStore(store)
  return known?.mountPoint === found.path && known.mountPointMode !== undefined ? known.mountPointMode : found.originalMode
}

async function leave(context: Context, daemon: StartingDaemon, request: DaemonRequest, unlock: Unlock): Promise<void> {
  const { limitations } = await daemon.finish(request, unlock)
  for (const sentence of limitations) context.note(`note: ${sentence}`)
  context.note(`mounted ${request.name} at ${request.mountPoint}`)
}

async function stay(context: Context, request: DaemonRequest, unlock: Unlock): Promise<void> {
  const logger = new DaemonLog({
    path: daemonLogPath(request.store), level: request.settings.logLevel,
    also: (line) => {
      context.note(line.trimEnd())
    },
  })
  // The terminal was closed: that is a wish to end too.
  process.on('SIGHUP', () => process.kill(process.pid, 'SIGTERM'))
  process.umask(0o077)
  process.chdir('/')
  await runDaemon({
    request, unlock, service: context.service, logger,
    ready: ({ limitations }) => {
      logger.open()
      for (const sentence of limitations) context.note(`note: ${sentence}`)
      context.note(`mounted ${request.name} at ${request.mountPoint}; Ctrl-C unmounts`)
    },
  })
}
