// The daemon's end of questions about nodes: arguments as they come from the socket, looked at one by one, then the port.
import { VaultError } from '../terms/errors.js'
import type { ControlRequest } from './messages.js'
import type { PeersPort } from './peer-port.js'

type Arguments = ControlRequest['args']

/** Undefined: it is no question about nodes. */
export function performPeers({ verb, args }: Pick<ControlRequest, 'verb' | 'args'>, peers: PeersPort): Promise<unknown> | undefined {
  switch (verb) {
    case 'peer-list':
      return peers.list()
    case 'peer-add':
      return peers.add({ code: text(args, 'code'), name: optionalText(args, 'name') })
    case 'peer-remove':
      return peers.remove(text(args, 'name'))
    case 'peer-rename':
      return peers.rename({ from: text(args, 'from'), to: text(args, 'to') })
    case 'peer-test':
      return peers.test(optionalText(args, 'name'))
    default:
      return undefined
  }
}

function optionalText(args: Arguments, key: string): string | undefined {
  return args[key] === null ? undefined : text(args, key)
}

function text(args: Arguments, key: string): string {
  const value = args[key]
  if (typeof value === 'string') return value
  throw new VaultError('invalid', `'${key}' of a request is missing or of another kind`, { next: 'unmount and mount again with one version of vaultfs' })
}
