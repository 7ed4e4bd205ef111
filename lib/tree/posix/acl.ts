// POSIX access control lists (POSIX.1e draft 17, acl(5)) as the kernel carries them in the attributes
// system.posix_acl_access and system.posix_acl_default. The kernel checks them; keeping list and mode bits in step, and
// inheriting defaults, is ours.

export const accessAclName = 'system.posix_acl_access'
export const defaultAclName = 'system.posix_acl_default'

/** ACL_USER_OBJ and so on of <linux/posix_acl.h>. */
const tags = { owner: 0x01, user: 0x02, owningGroup: 0x04, group: 0x08, mask: 0x10, other: 0x20 } as const
/** POSIX_ACL_XATTR_VERSION of <linux/posix_acl_xattr.h>. */
const xattrVersion = 2
const headerBytes = 4
const entryBytes = 8
const noId = 0xffffffff
const permissions = 0o777

interface AclEntry {
  readonly tag: number
  readonly perm: number
  readonly id: number
}

/** In the order owner, users, owning group, groups, mask, other; users and groups by rising id. */
export type Acl = readonly AclEntry[]

/** The value of the attribute, or undefined when it is not a valid list. An empty list is valid: it takes the list away. */
export function decodeAcl(value: Uint8Array): Acl | undefined {
  const reader = new DataView(value.buffer, value.byteOffset, value.byteLength)
  if (value.byteLength < headerBytes || reader.getUint32(0, true) !== xattrVersion) return undefined
  if ((value.byteLength - headerBytes) % entryBytes !== 0) return undefined
  const acl: AclEntry[] = []
  for (let at = headerBytes; at < value.byteLength; at += entryBytes) {
    acl.push({ tag: reader.getUint16(at, true), perm: reader.getUint16(at + 2, true), id: reader.getUint32(at + 4, true) })
  }
  return acl.length === 0 || isValid(acl) ? acl : undefined
}

export function encodeAcl(acl: Acl): Uint8Array<ArrayBuffer> {
  const value = new Uint8Array(headerBytes + acl.length * entryBytes)
  const writer = new DataView(value.buffer, value.byteOffset, value.byteLength)
  writer.setUint32(0, xattrVersion, true)
  acl.forEach(({ tag, perm, id }, index) => {
    const at = headerBytes + index * entryBytes
    writer.setUint16(at, tag, true)
    writer.setUint16(at + 2, perm, true)
    writer.setUint32(at + 4, tag === tags.user || tag === tags.group ? id : noId, true)
  })
  return value
}

function isValid(acl: Acl): boolean {
  const count = (tag: number): number => acl.filter((entry) => entry.tag === tag).length
  if (count(tags.owner) !== 1 || count(tags.owningGroup) !== 1 || count(tags.other) !== 1 || count(tags.mask) > 1) return false
  if (acl.some(({ tag, perm }) => perm > 7 || !Object.values<number>(tags).includes(tag))) return false
  if (count(tags.user) + count(tags.group) > 0 && count(tags.mask) === 0) return false
  return acl.every((entry, index) => {
    const before = acl[index - 1]
    if (before === undefined || entry.tag > before.tag) return true
    return entry.tag === before.tag && (entry.tag === tags.user || entry.tag === tags.group) && entry.id > before.id
  })
}

function permOf(acl: Acl, tag: number): number | undefined {
  return acl.find((entry) => entry.tag === tag)?.perm
}

/** The nine permission bits that say the same; with a mask the group bits are the mask's. */
function bitsOf(acl: Acl): number {
  const group = permOf(acl, tags.mask) ?? permOf(acl, tags.owningGroup) ?? 0
  return ((permOf(acl, tags.owner) ?? 0) << 6) | (group << 3) | (permOf(acl, tags.other) ?? 0)
}

function isMinimal(acl: Acl): boolean {
  return acl.length <= 3
}

/** What an entry keeps: its mode, and a list only where the mode does not say it all. */
export interface ModeAndAcl {
  readonly mode: number
  readonly acl: Acl | undefined
}

/** Setting the access list changes the mode's permission bits. */
export function withAccessAcl(mode: number, acl: Acl): ModeAndAcl {
  if (acl.length === 0) return { mode, acl: undefined }
  return { mode: (mode & ~permissions) | bitsOf(acl), acl: isMinimal(acl) ? undefined : acl }
}

/** chmod changes the list: the group bits go to its mask, where there is one. */
export function withMode(acl: Acl, mode: number): Acl {
  const groupTag = permOf(acl, tags.mask) === undefined ? tags.owningGroup : tags.mask
  const wanted = new Map<number, number>([[tags.owner, (mode >> 6) & 7], [groupTag, (mode >> 3) & 7], [tags.other, mode & 7]])
  return acl.map((entry) => ({ ...entry, perm: wanted.get(entry.tag) ?? entry.perm }))
}

/** A new entry in a folder with a default list: the list, cut down by the mode asked for; the umask has no say. */
export function inheritAcl(defaults: Acl, mode: number): ModeAndAcl {
  const groupTag = permOf(defaults, tags.mask) === undefined ? tags.owningGroup : tags.mask
  const asked = new Map<number, number>([[tags.owner, (mode >> 6) & 7], [groupTag, (mode >> 3) & 7], [tags.other, mode & 7]])
  const acl = defaults.map((entry) => ({ ...entry, perm: entry.perm & (asked.get(entry.tag) ?? 7) }))
  return { mode: (mode & ~permissions) | (mode & permissions & bitsOf(acl)), acl: isMinimal(acl) ? undefined : acl }
}

/** With other numbers for the users and groups named in it; undefined when there is none for one of them. */
export function withIds(acl: Acl, user: (id: number) => number | undefined, group: (id: number) => number | undefined): Acl | undefined {
  const changed: AclEntry[] = []
  for (const entry of acl) {
    const id = entry.tag === tags.user ? user(entry.id) : entry.tag === tags.group ? group(entry.id) : entry.id
    if (id === undefined) return undefined
    changed.push({ ...entry, id })
  }
  return changed.sort((a, b) => a.tag - b.tag || a.id - b.id)
}
