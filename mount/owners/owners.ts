// Who owns what, seen from this machine: by maps of users and groups, or everything is one user's. Only the mount knows of
// it: what is stored, published and shown on other machines has the stored numbers.
import { decodeAcl, encodeAcl, withIds } from '../../lib/tree/posix/acl.js'
import { errno } from '../errno.js'
import { IdMap, type IdRange } from './id-map.js'

export interface Owner {
  readonly uid: number
  readonly gid: number
}

export interface OwnersOptions {
  readonly users: readonly IdRange[]
  readonly groups: readonly IdRange[]
  /** Everything is shown as, and made by, this one. */
  readonly forced?: Owner
}

/** A change of owner; what is absent stays. */
type OwnerChange = Partial<Owner>

export interface Owners {
  show(stored: Owner): Owner
  /** Who is stored as the maker; a negative errno when nobody can be. */
  maker(caller: Owner): Owner | number
  /** What a chown changes; a negative errno: it can't. */
  change(asked: OwnerChange): OwnerChange | number
  showAcl(stored: Uint8Array): Uint8Array
  storeAcl(shown: Uint8Array): Uint8Array | number
}

/** Undefined: everybody is who he is. Throws 'usage' for what contradicts itself. */
export function ownersOf({ users, groups, forced }: OwnersOptions): Owners | undefined {
  const maps = { users: new IdMap(users, '--map-uid'), groups: new IdMap(groups, '--map-gid') }
  if (forced !== undefined) return new ForcedOwner(forced)
  return users.length + groups.length === 0 ? undefined : new MappedOwners(maps.users, maps.groups)
}

class ForcedOwner implements Owners {
  readonly #owner: Owner

  constructor(owner: Owner) {
    this.#owner = owner
  }

  show(): Owner {
    return this.#owner
  }

  maker(): Owner {
    return this.#owner
  }

  /** The owner that is shown may be set; nothing changes then. */
  change({ uid, gid }: OwnerChange): OwnerChange | number {
    const isShown = (uid ?? this.#owner.uid) === this.#owner.uid && (gid ?? this.#owner.gid) === this.#owner.gid
    return isShown ? {} : errno.EPERM
  }

  showAcl(stored: Uint8Array): Uint8Array {
    return stored
  }

  storeAcl(shown: Uint8Array): Uint8Array {
    return shown
  }
}

class MappedOwners implements Owners {
  readonly #users: IdMap
  readonly #groups: IdMap

  constructor(users: IdMap, groups: IdMap) {
    this.#users = users
    this.#groups = groups
  }

  show({ uid, gid }: Owner): Owner {
    return { uid: this.#users.show(uid), gid: this.#groups.show(gid) }
  }

  maker({ uid, gid }: Owner): Owner | number {
    const stored = { uid: this.#users.store(uid), gid: this.#groups.store(gid) }
    return stored.uid === undefined || stored.gid === undefined ? errno.EOVERFLOW : { uid: stored.uid, gid: stored.gid }
  }

  change(asked: OwnerChange): OwnerChange | number {
    const uid = asked.uid === undefined ? undefined : this.#users.store(asked.uid)
    const gid = asked.gid === undefined ? undefined : this.#groups.store(asked.gid)
    if ((asked.uid !== undefined && uid === undefined) || (asked.gid !== undefined && gid === undefined)) return errno.EINVAL
    return { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) }
  }

  showAcl(stored: Uint8Array): Uint8Array {
    const acl = decodeAcl(stored)
    const shown = acl === undefined ? undefined : withIds(acl, (uid) => this.#users.show(uid), (gid) => this.#groups.show(gid))
    return shown === undefined ? stored : encodeAcl(shown)
  }

  storeAcl(shown: Uint8Array): Uint8Array | number {
    const acl = decodeAcl(shown)
    if (acl === undefined) return shown
    const stored = withIds(acl, (uid) => this.#users.store(uid), (gid) => this.#groups.store(gid))
    return stored === undefined ? errno.EINVAL : encodeAcl(stored)
  }
}
