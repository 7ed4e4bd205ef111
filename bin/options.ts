// Options that several commands share, each described once. Kept as data: yargs infers the arguments' types from them.

import type { CommandModule } from 'yargs'
import { VaultError } from '../lib/terms/errors.js'
import type { KdfCost } from './vault-service.js'

export const storeOption = { store: { type: 'string', requiresArg: true, describe: 'The folder that holds the vault' } } as const

export const secretOptions = {
  'passphrase-file': { type: 'string', requiresArg: true, describe: 'Read the passphrase from this file' },
  'passphrase-fd': { type: 'number', requiresArg: true, describe: 'Read the passphrase from this open descriptor' },
} as const

export const recoveryFileOption = {
  'recovery-file': { type: 'string', requiresArg: true, describe: 'Open with the 24 words in this file, instead of the passphrase' },
} as const

export const jsonOption = { json: { type: 'boolean', default: false, describe: 'Answer as one JSON object, for scripts' } } as const

export const recoveryOption = {
  recovery: { choices: ['now', 'later'], describe: "Show and check the recovery kit now, or 'later' ('status' reminds of it)" },
} as const

export const costOptions = {
  'kdf-memory-mib': { type: 'number', requiresArg: true, default: 256, describe: 'Memory that one guess of the passphrase costs' },
  'kdf-passes': { type: 'number', requiresArg: true, default: 3, describe: 'Passes over that memory' },
} as const

/** Which mounted vault; both may be left away inside of it, and when only one is mounted. */
export const vaultOptions = {
  mountpoint: { type: 'string', requiresArg: true, describe: 'Where it is mounted (default: the vault we are in, or the only one)' },
  ...storeOption,
} as const

/** Bounds of FORMAT: what every reader accepts. */
const memoryMib = { min: 64, max: 4096 }
const passes = { min: 1, max: 10 }

export function kdfCost(args: { readonly kdfMemoryMib: number; readonly kdfPasses: number }): KdfCost {
  within('--kdf-memory-mib', args.kdfMemoryMib, memoryMib)
  within('--kdf-passes', args.kdfPasses, passes)
  return { memoryBytes: args.kdfMemoryMib * 1024 * 1024, passes: args.kdfPasses }
}

function within(option: string, value: number, { min, max }: { readonly min: number; readonly max: number }): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new VaultError('usage', `${option} must be a whole number from ${min} to ${max}`, { subject: option })
}

/** Lets TypeScript infer a command's arguments from its builder. */
export function verb<Arguments>(module: CommandModule<object, Arguments>): CommandModule<object, Arguments> {
  return module
}
