// Nodes that nobody is to ask about.
import type { PeersPort } from '../../lib/control/peer-port.js'

const unasked = (): Promise<never> => Promise.reject(new Error('nobody was to ask that'))

export const noPeers: PeersPort = { list: unasked, add: unasked, remove: unasked, rename: unasked, test: unasked }
