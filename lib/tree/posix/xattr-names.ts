// Which extended attributes an entry can carry. Access is the kernel's business: user.* by permission bits, trusted.*
// and security.* by capability.
import { accessAclName, defaultAclName } from './acl.js'

/** Dropped by whatever drops set-uid: a written or given away program keeps no capabilities. */
export const capabilityName = 'security.capability'

/** Where a file's content is: nobody sets it, and it is listed to nobody, so that copies do not take it along. */
export const stateName = 'user.vaultfs.state'

const prefixes = ['user.', 'trusted.', 'security.']

/** 'acl': the two lists, which are tied to the mode; 'plain': kept as it is; undefined: not offered. */
export function xattrKind(name: string): 'acl' | 'plain' | undefined {
  if (name === accessAclName || name === defaultAclName) return 'acl'
  return prefixes.some((prefix) => name.startsWith(prefix) && name.length > prefix.length) ? 'plain' : undefined
}
