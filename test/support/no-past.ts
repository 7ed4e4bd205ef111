// A past that nobody is expected to ask about.
import type { PastPort } from '../../lib/control/past-port.js'

const unasked = (): Promise<never> => Promise.reject(new Error('nobody was to ask that'))

export const noPast: PastPort = {
  snapshot: unasked, retained: unasked, versions: unasked, differences: unasked, find: unasked, restore: unasked, forget: unasked,
}
