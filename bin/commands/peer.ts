// `vaultfs peer`: the nodes that keep a vault's blobs. Meeting one takes the code of its invitation, which is asked for
// rather than given as an argument, since others on the machine can read those.
import type { PeerTest } from '../../lib/control/peer-port.js'
import { errorOf } from '../../lib/control/messages.js'
import { VaultError } from '../../lib/terms/errors.js'
import type { Context } from '../context.js'
import { jsonOption, recoveryFileOption, secretOptions, storeOption, verb } from '../options.js'
import { withPeers } from '../peer-access.js'
import { addedLines, peerLine, recoveryNote, testLines } from '../peer-text.js'
import { readInvitation } from '../secrets.js'

export const peerCommand = (context: Context) =>
  verb({
    command: 'peer',
    describe: 'The nodes that keep copies of a vault',
    builder: (options) =>
      options.command(addCommand(context)).command(listCommand(context)).command(removeCommand(context)).command(renameCommand(context)).command(testCommand(context))
        .demandCommand(1, 'add, list, remove, rename or test?'),
    handler: () => undefined,
  })

const mountpoint = { type: 'string', describe: 'Where the vault is mounted (default: the vault we are in, or the only one)' } as const
const shared = { ...storeOption, ...secretOptions, ...recoveryFileOption, ...jsonOption } as const
/** How a code begins; no mount point does. */
const codePrefix = 'vfsn1_'

const addCommand = (context: Context) =>
  verb({
    command: 'add [code] [mountpoint]',
    describe: "Pair with a node, by the code that 'vaultfs node invite' printed there",
    builder: (options) =>
      options.positional('code', { type: 'string', describe: 'The code; - reads it from standard input, without it it is asked for' }).positional('mountpoint', mountpoint).options({
        ...shared,
        'code-file': { type: 'string', requiresArg: true, describe: 'Read the code from this file' },
        name: { type: 'string', requiresArg: true, describe: 'What to call it here (default: as it calls itself)' },
      }),
    handler: async (args) => {
      const { codeFile, name } = args
      const [code, place] = codeAndPlace(args)
      if (code !== undefined && codeFile !== undefined) throw new VaultError('usage', 'the code is given twice', { next: 'give either CODE or --code-file FILE' })
      const added = await withPeers(context, { ...args, mountpoint: place }, 'write', async (peers) => await peers.add({ code: await readInvitation({ code, codeFile }, context.terminal), name }))
      if (args.json) context.out(JSON.stringify(added))
      else for (const line of addedLines(added)) context.out(line)
      if (added.recovery === 'missing') context.note(recoveryNote(added.name))
    },
  })

/** With one word only, it says by itself which of the two it is. */
function codeAndPlace({ code, mountpoint: place }: { readonly code: string | undefined; readonly mountpoint: string | undefined }): readonly [string | undefined, string | undefined] {
  return code === undefined || code === '-' || code === '' || place !== undefined || code.trimStart().startsWith(codePrefix) ? [code, place] : [undefined, code]
}

const listCommand = (context: Context) =>
  verb({
    command: 'list [mountpoint]',
    describe: 'The nodes that this store knows: name, address for the paper, since when',
    builder: (options) => options.positional('mountpoint', mountpoint).options(shared),
    handler: async (args) => {
      const known = await withPeers(context, args, 'read', (peers) => peers.list())
      if (args.json) context.out(JSON.stringify(known))
      else for (const one of known) context.out(peerLine(one, Math.max(...known.map(({ name }) => name.length))))
    },
  })

const removeCommand = (context: Context) =>
  verb({
    command: 'remove <name> [mountpoint]',
    describe: 'Forget a node; it keeps what it has',
    builder: (options) => options.positional('name', { type: 'string', demandOption: true }).positional('mountpoint', mountpoint).options(shared),
    handler: async (args) => {
      const removed = await withPeers(context, args, 'write', (peers) => peers.remove(args.name))
      if (args.json) context.out(JSON.stringify(removed))
      else context.note(`${removed.name} is forgotten here and gets nothing more; what it has it keeps until who runs it deletes it. Strike it off the paper of the kit`)
    },
  })

const renameCommand = (context: Context) =>
  verb({
    command: 'rename <old> <new> [mountpoint]',
    describe: 'Call a node something else here',
    builder: (options) =>
      options.positional('old', { type: 'string', demandOption: true }).positional('new', { type: 'string', demandOption: true }).positional('mountpoint', mountpoint).options(shared),
    handler: async (args) => {
      const renamed = await withPeers(context, args, 'write', (peers) => peers.rename({ from: args.old, to: args.new }))
      if (args.json) context.out(JSON.stringify(renamed))
    },
  })

const testCommand = (context: Context) =>
  verb({
    command: 'test [name] [mountpoint]',
    describe: 'Connect to one node, or to all, and say how they are, or which step fails',
    builder: (options) => options.positional('name', { type: 'string' }).positional('mountpoint', mountpoint).options(shared),
    handler: async (args) => {
      // A name has no slash in it.
      const [name, place] = args.mountpoint === undefined && args.name?.includes('/') === true ? [undefined, args.name] : [args.name, args.mountpoint]
      const tests = await withPeers(context, { ...args, mountpoint: place }, 'read', (peers) => peers.test(name))
      if (args.json) context.out(JSON.stringify(tests))
      else for (const line of tests.flatMap(testLines)) context.out(line)
      throwFirst(tests)
    },
  })

function throwFirst(tests: readonly PeerTest[]): void {
  const [first] = tests.flatMap(({ failed }) => (failed === undefined ? [] : [failed.error]))
  if (first !== undefined) throw errorOf(first)
}

