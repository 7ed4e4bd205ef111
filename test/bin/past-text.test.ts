// How moments, paths and spans of time are read from the command line and written to it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { pathJson, pathText, policyText, quoted } from '../../bin/past-text.js'
import { policyOf } from '../../bin/retention-options.js'
import { splitWhen, whenOf } from '../../bin/when.js'
import { parseSpan, retentionDefault, spanText } from '../../lib/terms/retention.js'

const folder = mkdtempSync(join(tmpdir(), 'vaultfs-past-text-'))
t.teardown(() => {
  rmSync(folder, { recursive: true })
})

t.test('the last @ splits, unless a file has that very name', async (t) => {
  writeFileSync(join(folder, 'photo@2x.png'), '')
  const file = (name: string): string => join(folder, name)
  t.strictSame(splitWhen(file('a@yesterday')), { file: file('a'), when: 'yesterday' })
  t.strictSame(splitWhen(file('photo@2x.png@3h ago')), { file: file('photo@2x.png'), when: '3h ago' })
  t.strictSame(splitWhen(file('a@@GMT-2024.05.01-14.30.05')), { file: file('a'), when: '@GMT-2024.05.01-14.30.05' })
  t.strictSame(splitWhen(file('a@@1714573805')), { file: file('a'), when: '@1714573805' })
  for (const name of ['photo@2x.png', 'a', '@yesterday', 'a@', 'a@b/c']) t.throws(() => splitWhen(name === 'photo@2x.png' ? file(name) : name), { code: 'usage' }, name)
})

t.test('a moment, a name, or the present', async (t) => {
  t.strictSame(whenOf('now'), { kind: 'now' })
  t.strictSame(whenOf('latest'), { kind: 'latest' })
  t.strictSame(whenOf('2024-05-01T14-30-05Z'), { kind: 'through', sec: 1_714_573_805 })
  t.strictSame(whenOf('before the move'), { kind: 'snapshot', name: 'before the move' })
  t.throws(() => whenOf('2024-02-30'), { code: 'usage', subject: '2024-02-30' })
})

t.test('a path can neither move the cursor nor lose a byte', async (t) => {
  const bytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1')
  t.equal(pathText(bytes('Fotos/Müller 1.png')), 'Fotos/Müller 1.png')
  t.equal(pathText(''), '.')
  t.equal(pathText('a\u001b[2Jb'), String.raw`"a\033[2Jb"`)
  t.equal(pathText('say "no"\\'), String.raw`"say \"no\"\\"`)
  t.equal(pathText('\xff\xfe'), String.raw`"\377\376"`)
  t.equal(pathText(bytes('left\u202eright')), String.raw`"left\342\200\256right"`, 'text that turns itself round')
  t.strictSame(pathJson(bytes('ü')), { path: 'ü' })
  t.strictSame(pathJson('\xff'), { path: '\ufffd', pathBase64: '/w==' })
  t.equal(quoted("it's"), String.raw`'it'\''s'`)
  t.equal(quoted('a/b@2024-05-01'), 'a/b@2024-05-01')
})

t.test('spans of time and policies', async (t) => {
  for (const [text, sec] of [['7d', 604_800], ['36h', 129_600], ['4w', 2_419_200], ['90m', 5400], ['5s', 5], ['0', 0]] as const) t.equal(parseSpan(text), sec, text)
  for (const text of ['7', 'd', '-1d', '7 d', '1.5h', '99999999w', '']) t.equal(parseSpan(text), undefined, text)
  for (const text of ['7d', '36h', '90m', '5s', '0']) t.equal(spanText(parseSpan(text) ?? -1), text)
  const none = { keepWithin: undefined, hourly: undefined, daily: undefined, weekly: undefined, monthly: undefined }
  t.strictSame(policyOf(none), {})
  t.strictSame(policyOf({ ...none, keepWithin: '2d', daily: 0 }), { withinSec: 172_800, daily: 0 })
  t.throws(() => policyOf({ ...none, keepWithin: 'long' }), { code: 'usage', subject: '--keep-within' })
  t.throws(() => policyOf({ ...none, weekly: -1 }), { code: 'usage', subject: '--weekly' })
  t.throws(() => policyOf({ ...none, weekly: 1.5 }), { code: 'usage', subject: '--weekly' })
  t.equal(policyText(retentionDefault), 'everything of the last 7d; the last state of 24 hours, 30 days, 8 weeks, 12 months; what has a name, and the newest')
  t.equal(policyText({ withinSec: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 }), 'what has a name, and the newest')
})
