// Settings: who wins, and that a misspelt key or a wrong value is refused by name. And the small tables beside them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { errorLine, exitCodeOf, exitCodes } from '../../bin/exit-codes.js'
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
t.throws(() => withFile({}, {}, { spinMicroseconds: -1 }), { code: 'usage', subject: '--spin-microseconds' })
t.throws(() => withFile('{'), { code: 'usage', subject: file }, 'no JSON')
t.equal(withFile({}).dataHome, join(home, '.local/share'))
t.equal(withFile({}, { XDG_DATA_HOME: '/data' }).dataHome, '/data')
t.equal(withFile({}, { XDG_DATA_HOME: 'data' }).dataHome, join(home, '.local/share'), 'a relative path is ignored, as the specification says')
t.ok(Object.isFrozen(withFile({})))

const numbers = Object.values(exitCodes)
t.equal(new Set(numbers).size, numbers.length, 'every error has an exit code of its own')
t.notOk(numbers.some((number) => number < 2 || number > 125), 'none that a shell uses itself')
t.equal(exitCodeOf(new Error('x')), 1)
t.equal(errorLine(new VaultError('io', 'it\nbroke', { subject: 'disk', next: 'Mend it.' })), 'vaultfs: it broke (disk); mend it', 'one line')
