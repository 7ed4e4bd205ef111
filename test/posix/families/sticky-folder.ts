// Who may take a name out of a sticky directory: the owner of the file, the owner of the directory, the superuser. Held
// against every combination of owners and types, for each call that takes a name away or replaces it.
import type { Test } from 'tap'
import { isErrno, must, type FileType } from '../call-results.js'
import { makeOwned, removeFile, stranger, superuser, user, type PosixMount } from '../posix-mount.js'
import type { Identity, SystemCalls } from '../system-calls.js'

export interface StickyCall {
  readonly name: string
  readonly types: readonly FileType[]
  /** `path` lies in the sticky directory, `aside` in one where the caller may do everything. */
  call(as: SystemCalls, path: string, aside: string): Promise<unknown>
  /** Made by the caller at `aside` before. */
  readonly aside?: FileType
}

const owners: readonly Identity[] = [user, stranger, superuser]

export async function obeysSticky(t: Test, mount: PosixMount, call: StickyCall): Promise<void> {
  const { root } = mount
  const folder = await mount.room({ mode: 0o1777 })
  const aside = await mount.room({ owner: user })
  for (const folderOwner of owners) {
    await must(root.chown(folder, folderOwner.uid, folderOwner.gid))
    for (const fileOwner of owners) {
      for (const type of call.types) await oneCase(t, mount, call, { folder, aside, folderOwner, fileOwner, type })
    }
  }
}

interface Case {
  readonly folder: string
  readonly aside: string
  readonly folderOwner: Identity
  readonly fileOwner: Identity
  readonly type: FileType
}

async function oneCase(t: Test, mount: PosixMount, call: StickyCall, { folder, aside, folderOwner, fileOwner, type }: Case): Promise<void> {
  const { root } = mount
  const [path, other] = [`${folder}/file`, `${aside}/file`]
  const may = folderOwner === user || fileOwner === user
  await makeOwned(mount, type, path, fileOwner)
  if (call.aside !== undefined) await makeOwned(mount, call.aside, other, user)
  const before = await must(root.lstat(path))
  const outcome = await call.call(mount.as(user), path, other)
  const what = `${call.name}: a ${type} of ${fileOwner.uid} in a sticky folder of ${folderOwner.uid}`
  t.equal(outcome, may ? 0 : 'EPERM', what)
  if (!may) t.strictSame(await root.lstat(path), before, `${what}: it is as it was`)
  for (const left of [path, other]) if (!isErrno(await root.lstat(left))) await removeFile(root, left)
}
