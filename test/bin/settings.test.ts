// Settings: who wins, and that a misspelt key or a wrong value is refused by name. And the small tables beside them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { errorLine, exitCodeOf, exitCodes } from '../../bin/exit-codes.js'
import { ownersFrom } from '../../bin/owner-options.js'
import { readSettings } from '../../bin/settings.js'
import { VaultError } from '../../lib/terms/errors.js'

const home = mkdtempSync(join(tmpdir(), 'vaultfs-settings-'))
t.teardown(() => {
  rmSync(home, { recursive: true })
})
const file = join(home, '.config/vaultfs/settings.json')
mkdirSync(join(home, '.config/vaultfs'), { recursive: true })
const withFile = (content: unknown, environment: Readonly<Record<string, string>> = {}, flags = {}) => {
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return readSettings(flags, { HOME: home, ...environment })
}

t.equal(withFile({}).logLevel, 'info')
t.equal(withFile({ logLevel: 'warn' }).logLevel, 'warn', 'the file over the default')
t.equal(withFile({ logLevel: 'warn' }, { VAULTFS_LOG_LEVEL: 'debug' }).logLevel, 'debug', 'the environment over the file')
t.equal(withFile({ logLevel: 'warn' }, { VAULTFS_LOG_LEVEL: 'debug' }, { logLevel: 'error' }).logLevel, 'error', 'options over all')
t.equal(withFile({}, { VAULTFS_SPIN_MICROSECONDS: '0' }).spinMicroseconds, 0)
t.throws(() => withFile({ logLevl: 'warn' }), { code: 'usage', subject: 'logLevl' }, 'a misspelt key')
t.throws(() => withFile({ logLevel: 'loud' }), { code: 'usage', message: /logLevel.*loud/ }, 'a wrong value')
t.throws(() => withFile({}, { VAULTFS_DRIVER: 'kernal' }), { code: 'usage', subject: 'VAULTFS_DRIVER' })
t.equal(withFile({ memoryMib: 64 }).memoryMib, 64)
t.throws(() => withFile({}, {}, { memoryMib: 7 }), { code: 'usage', subject: '--memory-mib' }, 'too little to work in')
t.equal(withFile({ mapUid: '1000:1001,5:6:2' }).mapUid, '1000:1001,5:6:2')
t.equal(withFile({}, {}, { mapGid: ['1:2', '3:4'] }).mapGid, '1:2,3:4', 'an option that is given twice')
t.throws(() => withFile({}, {}, { mapUid: 'anna:ben' }), { code: 'usage', subject: '--map-uid' }, 'numbers only')
t.throws(() => withFile({ forceOwner: 'you' }), { code: 'usage', message: /forceOwner/ })
t.throws(() => ownersFrom({ mapUid: '1:2', mapGid: '', forceOwner: 'me' }), { code: 'usage', message: /exclude each other/ })
t.throws(() => ownersFrom({ mapUid: '1:2,1:3', mapGid: '', forceOwner: '' }), { code: 'usage', message: /1 is shown as two numbers/ })
t.equal(ownersFrom({ mapUid: '', mapGid: '', forceOwner: '' }), undefined)
t.match(ownersFrom({ mapUid: '', mapGid: '', forceOwner: '3:4' })?.show({ uid: 0, gid: 0 }), { uid: 3, gid: 4 })
t.throws(() => withFile({}, {}, { spinMicroseconds: -1 }), { code: 'usage', subject: '--spin-microseconds' })
t.throws(() => withFile('{'), { code: 'usage', subject: file }, 'no JSON')
t.equal(withFile({}).dataHome, join(home, '.local/share'))
t.equal(withFile({}, { XDG_DATA_HOME: '/data' }).dataHome, '/data')
t.equal(withFile({}, { XDG_DATA_HOME: 'data' }).dataHome, join(home, '.local/share'), 'a relative path is ignored, as the specification says')
t.ok(Object.isFrozen(withFile({})))

const kept = (content: unknown, vault?: string, environment = {}) => {
  writeFileSync(file, JSON.stringify(content))
  const { keepWithin, hourly, daily } = readSettings({}, { HOME: home, ...environment }, vault)
  return { keepWithin, hourly, daily }
}
t.strictSame(kept({}), { keepWithin: 7 * 86_400, hourly: 24, daily: 30 })
const twoVaults = { daily: 10, vaults: { notes: { keepWithin: '36h', daily: 60 } } }
t.strictSame(kept(twoVaults), { keepWithin: 7 * 86_400, hourly: 24, daily: 10 })
t.strictSame(kept(twoVaults, 'other'), { keepWithin: 7 * 86_400, hourly: 24, daily: 10 })
t.strictSame(kept(twoVaults, 'notes'), { keepWithin: 36 * 3600, hourly: 24, daily: 60 }, 'what is said of one vault goes before')
t.strictSame(kept(twoVaults, 'notes', { VAULTFS_KEEP_DAILY: '5' }).daily, 5, 'and the environment before that')
t.throws(() => kept({ vaults: { notes: { dayly: 1 } } }), { code: 'usage', subject: 'dayly' }, 'whichever vault it is about')
t.throws(() => kept({ vaults: { notes: { daily: -1 } } }, 'notes'), { code: 'usage', message: /vaults.notes.daily/ })
t.throws(() => kept({ keepWithin: 7 }), { code: 'usage', message: /keepWithin/ }, 'seven of what?')
t.throws(() => kept({}, undefined, { VAULTFS_KEEP_WITHIN: 'long' }), { code: 'usage', subject: 'VAULTFS_KEEP_WITHIN' })

const numbers = Object.values(exitCodes)
t.equal(new Set(numbers).size, numbers.length, 'every error has an exit code of its own')
t.notOk(numbers.some((number) => number < 2 || number > 125), 'none that a shell uses itself')
t.equal(exitCodeOf(new Error('x')), 1)
t.equal(errorLine(new VaultError('io', 'it\nbroke', { subject: 'disk', next: 'Mend it.' })), 'vaultfs: it broke (disk); mend it', 'one line')
