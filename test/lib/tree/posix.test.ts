// The rules of POSIX that do not depend on storage: access lists, modes, flags, names.
import t from 'tap'
import { modeType } from '../../../lib/tree/entry.js'
import { decodeAcl, encodeAcl, inheritAcl, withAccessAcl, withMode } from '../../../lib/tree/posix/acl.js'
import {
  areRenameFlagsValid, createdModes, isFallocateModeOffered, withoutSetIds, withPermissions, type Creation,
} from '../../../lib/tree/posix/modes.js'
import { xattrKind } from '../../../lib/tree/posix/xattr-names.js'

const none = 0xffffffff
type Row = readonly [tag: number, perm: number, id: number]

function bytes(rows: readonly Row[], version = 2): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 + rows.length * 8))
  view.setUint32(0, version, true)
  rows.forEach(([tag, perm, id], index) => {
    view.setUint16(4 + index * 8, tag, true)
    view.setUint16(6 + index * 8, perm, true)
    view.setUint32(8 + index * 8, id, true)
  })
  return new Uint8Array(view.buffer)
}

const minimal: readonly Row[] = [[1, 7, none], [4, 5, none], [32, 0, none]]
const extended: readonly Row[] = [[1, 7, none], [2, 7, 1000], [2, 4, 1001], [4, 5, none], [8, 6, 50], [16, 7, none], [32, 0, none]]

function acl(rows: readonly Row[]): NonNullable<ReturnType<typeof decodeAcl>> {
  const decoded = decodeAcl(bytes(rows))
  if (decoded === undefined) throw new Error('the list was meant to be valid')
  return decoded
}

t.test('lists are read as the kernel writes them', async (t) => {
  t.same(encodeAcl(acl(extended)), bytes(extended))
  t.same(decodeAcl(bytes([])), [])
  const bad: Record<string, Uint8Array> = {
    'empty': new Uint8Array(0),
    'another version': bytes(minimal, 1),
    'cut off': bytes(minimal).subarray(0, 27),
    'no owner': bytes(minimal.slice(1)),
    'two others': bytes([...minimal, [32, 0, none]]),
    'a user and no mask': bytes([[1, 7, none], [2, 7, 1000], [4, 5, none], [32, 0, none]]),
    'users out of order': bytes([[1, 7, none], [2, 7, 1001], [2, 7, 1000], [4, 5, none], [16, 7, none], [32, 0, none]]),
    'one user twice': bytes([[1, 7, none], [2, 7, 1000], [2, 7, 1000], [4, 5, none], [16, 7, none], [32, 0, none]]),
    'tags out of order': bytes([[4, 5, none], [1, 7, none], [32, 0, none]]),
    'a permission that is none': bytes([[1, 8, none], [4, 5, none], [32, 0, none]]),
    'an unknown tag': bytes([...minimal, [64, 0, none]]),
  }
  for (const [what, value] of Object.entries(bad)) t.equal(decodeAcl(value), undefined, what)
})

t.test('list and mode keep in step', async (t) => {
  t.same(withAccessAcl(0o100600, acl(minimal)), { mode: 0o100750, acl: undefined }, 'what the mode says needs no list')
  const kept = withAccessAcl(0o104600, acl(extended))
  t.equal(kept.mode, 0o104770, 'the group bits are the mask\'s, the rest stays')
  t.same(kept.acl, acl(extended))
  t.same(withAccessAcl(0o100640, []), { mode: 0o100640, acl: undefined })
  t.same(withMode(acl(extended), 0o100641).map(({ perm }) => perm), [6, 7, 4, 5, 6, 4, 1], 'chmod\'s group bits go to the mask')
  t.same(withMode(acl(minimal), 0o641).map(({ perm }) => perm), [6, 4, 1])
})

t.test('a default list is inherited, cut down by the mode asked for', async (t) => {
  const file = inheritAcl(acl(extended), 0o100666)
  t.equal(file.mode, 0o100660)
  t.same(file.acl?.map(({ perm }) => perm), [6, 7, 4, 5, 6, 6, 0])
  t.same(inheritAcl(acl(minimal), 0o100666), { mode: 0o100640, acl: undefined })
})

const creation: Creation = {
  parentMode: modeType.directory | 0o755, parentGid: 7, parentDefaultAcl: undefined, mode: modeType.file | 0o666, umask: 0o027,
  callerUid: 1000, callerGid: 100,
}

t.test('what a new entry gets', async (t) => {
  t.match(createdModes(creation), { mode: 0o100640, uid: 1000, gid: 100 })
  const setGidParent = { ...creation, parentMode: modeType.directory | 0o2775 }
  t.match(createdModes(setGidParent), { mode: 0o100640, gid: 7 })
  t.match(createdModes({ ...setGidParent, mode: modeType.directory | 0o777 }), { mode: 0o042750, gid: 7 })
  t.match(createdModes({ ...creation, mode: modeType.symlink | 0o777 }), { mode: 0o120777 }, 'a link has no umask')
  const parentDefaultAcl = bytes(extended)
  const file = createdModes({ ...creation, parentDefaultAcl })
  t.equal(file.mode, 0o100660, 'the list stands in for the umask')
  t.equal(file.defaultAcl, undefined)
  t.ok(file.accessAcl)
  t.equal(createdModes({ ...creation, parentDefaultAcl, mode: modeType.directory | 0o777 }).defaultAcl, parentDefaultAcl)
  t.equal(createdModes({ ...creation, parentDefaultAcl, mode: modeType.symlink | 0o777 }).accessAcl, undefined)
})

t.test('set-id bits fall from what is not a folder', async (t) => {
  t.equal(withoutSetIds(0o106755), 0o100755)
  t.equal(withoutSetIds(0o106745), 0o102745, 'set-gid without group execution means mandatory locking')
  t.equal(withoutSetIds(0o042755), 0o042755)
  t.equal(withPermissions(0o104755, 0o170644), 0o100644, 'the type stays')
})

t.test('flags that are offered', async (t) => {
  const valid = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter(areRenameFlagsValid)
  t.same(valid, [0, 1, 2, 4, 5])
  t.same(Array.from({ length: 128 }, (_, mode) => mode).filter(isFallocateModeOffered), [0, 1, 3, 16, 17])
})

t.test('names of extended attributes', async (t) => {
  t.equal(xattrKind('system.posix_acl_access'), 'acl')
  t.equal(xattrKind('user.x'), 'plain')
  t.equal(xattrKind('security.capability'), 'plain')
  t.same(['user.', 'system.other', 'odd', 'os2.x', ''].map(xattrKind), [undefined, undefined, undefined, undefined, undefined])
})
