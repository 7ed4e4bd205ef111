// Owners that are shown otherwise than they are stored: the maps, and a vault mounted with them, used by several users.
import t from 'tap'
import { IdMap, parseIdRange } from '../../mount/owners/id-map.js'
import { ownersOf } from '../../mount/owners/owners.js'
import { whyNoMounts } from '../native-deps/fuse-fixture.js'
import { mountTestVault } from './mounted-vault.js'

t.test('what a map says, and what it refuses', (t) => {
  t.strictSame(parseIdRange('1000:1001'), { stored: 1000, shown: 1001, count: 1 })
  t.strictSame(parseIdRange('100000:0:65536'), { stored: 100000, shown: 0, count: 65536 })
  for (const text of ['', '1000', '1000:', 'a:b', '1:2:0', '1:-1', '1:4294967295', '4294967000:1:1000', '1:2:3:4']) t.equal(parseIdRange(text), undefined, text)
  const range = (stored: number, shown: number, count = 1) => ({ stored, shown, count })
  t.throws(() => new IdMap([range(1, 5), range(1, 6)], '--map-uid'), { code: 'usage', message: /--map-uid: 1 is shown as two numbers/ })
  t.throws(() => new IdMap([range(1, 5), range(2, 5)], '--map-uid'), { code: 'usage', message: /5 is what two numbers are shown as/ })
  t.throws(() => new IdMap([range(0, 100, 10), range(9, 200)], '--map-gid'), { code: 'usage', message: /--map-gid: 9 / }, 'ranges that meet')
  const map = new IdMap([range(1000, 1001), range(2000, 3000, 10)], '--map-uid')
  t.equal(map.show(1000), 1001)
  t.equal(map.store(1001), 1000)
  t.equal(map.show(2009), 3009)
  t.equal(map.store(3009), 2009)
  t.equal(map.show(5), 5)
  t.equal(map.show(1001), 65534, 'who is somebody else here is nobody')
  t.equal(map.store(1000), undefined, 'and can be stored as nobody')
  const swapped = new IdMap([range(1, 2), range(2, 1)], '--map-uid')
  t.strictSame([1, 2, 3].map((id) => swapped.show(id)), [2, 1, 3])
  for (const id of [0, 1, 2, 1000, 1001, 2005, 3005, 65534]) {
    const stored = map.store(id)
    if (stored !== undefined) t.equal(map.show(stored), id, `chown to ${String(id)} shows ${String(id)}`)
  }
  t.end()
})

const skip = whyNoMounts !== false ? whyNoMounts : process.geteuid?.() === 0 ? false : 'other users: only root can be them'

/** Runs as one user and group, in the vault. */
const as = (uid: number, script: string): string => `setpriv --reuid=${String(uid)} --regid=${String(uid)} --clear-groups bash -euc '${script}'`

t.test('users and groups are mapped, both ways', { skip }, async (t) => {
  const owners = ownersOf({ users: [{ stored: 1000, shown: 4001, count: 1 }], groups: [{ stored: 1000, shown: 4001, count: 1 }, { stored: 50, shown: 4050, count: 1 }] })
  if (owners === undefined) throw new Error('there are maps')
  const vault = await mountTestVault(t, { owners })
  const { tree } = vault.mounted.vault
  const stored = (name: string): string => {
    const entry = tree.get(tree.lookup(1, name)?.ino ?? 0)
    return `${String(entry?.uid)}:${String(entry?.gid)}`
  }
  t.equal(await vault.run(`
    chmod 777 .
    ${as(4001, 'echo mine > f; mkdir d; ln -s f l; mkfifo p; chmod 600 f')}
    stat -c "%n %u:%g" f d l p
    ${as(4001, 'cat f; echo more >> f; chgrp 4001 f')}
    (${as(4002, 'cat f')}) 2>/dev/null || echo closed to others
  `), 'f 4001:4001\nd 4001:4001\nl 4001:4001\np 4001:4001\nmine\nclosed to others\n')
  t.strictSame(['f', 'd', 'l', 'p'].map(stored), ['1000:1000', '1000:1000', '1000:1000', '1000:1000'])
  t.equal(await vault.run('touch g; chown 4001:4050 g; stat -c %u:%g g; chown 7:8 g; stat -c %u:%g g; chown 4001:4050 g'), '4001:4050\n7:8\n')
  t.equal(stored('g'), '1000:50')
  t.equal(await vault.run('chown 1000 g 2>&1 || stat -c %u:%g g'), "chown: changing ownership of 'g': Invalid argument\n4001:4050\n", 'nobody is shown as 1000')
  t.match(await vault.run(`(${as(1000, 'touch h')}) 2>&1 || ls h 2>&1 || true`), /Value too large/, 'whoever is shown as nobody makes nothing')
  await vault.run('setfacl -m u:4001:rwx,u:7:r,g:4050:r-x d; setfacl -d -m u:4001:rwx d; mkdir d/below')
  const listed = await vault.run('getfacl -cnp d; getfacl -cnp d/below')
  t.match(listed, /^user:4001:rwx/m)
  t.match(listed, /^group:4050:r-x/m)
  t.match(listed, /^default:user:4001:rwx/m)
  t.notMatch(listed, /:1000:/)
  const raw = tree.get(tree.lookup(1, 'd')?.ino ?? 0)?.xattrs?.get('system.posix_acl_access') ?? new Uint8Array(0)
  t.ok(Buffer.from(raw).includes(Buffer.from([2, 0, 7, 0, 0xe8, 3, 0, 0])), 'user 1000 is in the stored list')
  const moment = await vault.publish()
  await vault.run('chown 9:9 f; setfacl -b d')
  t.equal(await vault.run(`cd .versions/${moment}; stat -c "%n %u:%g" f d g; ls -n | grep -c " 4001 "; getfacl -cnp d | grep user:4001`), 'f 4001:4001\nd 4001:4001\ng 4001:4050\n5\nuser:4001:rwx\ndefault:user:4001:rwx\n', 'the past, too')
  t.strictSame(vault.logged, [])
})

t.test('everything is one owner\'s', { skip }, async (t) => {
  const owners = ownersOf({ users: [], groups: [], forced: { uid: 4001, gid: 4002 } })
  if (owners === undefined) throw new Error('an owner is forced')
  const vault = await mountTestVault(t, { owners })
  t.equal(await vault.run('stat -c %u:%g .; touch f; stat -c %u:%g f; chown 4001:4002 f; chown 0 f 2>&1 || true'), "4001:4002\n4001:4002\nchown: changing ownership of 'f': Operation not permitted\n")
  const { tree } = vault.mounted.vault
  t.match(tree.get(tree.lookup(1, 'f')?.ino ?? 0), { uid: 4001, gid: 4002 }, 'whoever made it')
  t.match(tree.get(1), { uid: 0 }, 'what was there keeps its owner')
})
