// The grammar of moments, in the zones where local time is awkward.
import t, { type Test } from 'tap'
import {
  dayName, exactName, isReservedName, parseMoment, requireMoment, snapshotNameFault, type Moment,
} from '../../../lib/terms/moment-name.js'

/** Seconds of an ISO time: what is expected is never computed by the code under test. */
const sec = (iso: string): number => Date.parse(iso) / 1000

function inZone<Value>(zone: string, work: () => Value): Value {
  const before = process.env['TZ']
  process.env['TZ'] = zone
  try {
    return work()
  } finally {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  }
}

type Case = readonly [text: string, kind: Moment['kind'], through: string]

function check(t: Test, zone: string, now: string, cases: readonly Case[]): void {
  for (const [text, kind, through] of cases)
    t.same(inZone(zone, () => parseMoment(text, sec(now))), { kind, throughSec: sec(through) }, `${text} in ${zone}`)
}

t.test('a moment is exact in UTC, and otherwise lasts to the end of what is said', async (t) => {
  const now = '2024-05-03T10:15:30Z'
  check(t, 'Europe/Berlin', now, [
    ['2024-05-01T14-30-05Z', 'exact', '2024-05-01T14:30:05Z'],
    ['2024-05-01T14:30:05Z', 'exact', '2024-05-01T14:30:05Z'],
    ['@GMT-2024.05.01-14.30.05', 'exact', '2024-05-01T14:30:05Z'],
    ['2024-05-01', 'day', '2024-05-01T21:59:59Z'],
    ['2024-02-29', 'day', '2024-02-29T22:59:59Z'],
    ['2000-02-29', 'day', '2000-02-29T22:59:59Z'],
    ['2024-05', 'moment', '2024-05-31T21:59:59Z'],
    ['2024-12', 'moment', '2024-12-31T22:59:59Z'],
    ['2024-05-01T14:30', 'moment', '2024-05-01T12:30:59Z'],
    ['2024-05-01 14:30', 'moment', '2024-05-01T12:30:59Z'],
    ['2024-05-01 14:30:05', 'moment', '2024-05-01T12:30:05Z'],
    ['2024-05-01_14-30', 'moment', '2024-05-01T12:30:59Z'],
    ['2024-05-01_14-30-05', 'moment', '2024-05-01T12:30:05Z'],
    ['2024-05-01T14:30Z', 'moment', '2024-05-01T14:30:59Z'],
    ['2024-05-01T14:30:05+02:00', 'moment', '2024-05-01T12:30:05Z'],
    ['2024-05-01T14:30:05-0330', 'moment', '2024-05-01T18:00:05Z'],
    ['2024-05-01T14-30-05:00', 'moment', '2024-05-01T19:30:59Z'],
    ['14:30', 'moment', '2024-05-03T12:30:59Z'],
    ['14:30:05', 'moment', '2024-05-03T12:30:05Z'],
    ['@1714573805', 'moment', '2024-05-01T14:30:05Z'],
    ['latest', 'latest', now],
  ])
})

t.test('what is relative is told from now, in calendar days and months', async (t) => {
  check(t, 'Europe/Berlin', '2024-05-31T22:30:00Z', [
    ['today', 'moment', '2024-06-01T21:59:59Z'],
    ['yesterday', 'moment', '2024-05-31T21:59:59Z'],
    ['Yesterday', 'moment', '2024-05-31T21:59:59Z'],
    ['3h ago', 'moment', '2024-05-31T19:30:00Z'],
    ['3 hours ago', 'moment', '2024-05-31T19:30:00Z'],
    ['3_hours_ago', 'moment', '2024-05-31T19:30:00Z'],
    ['90s', 'moment', '2024-05-31T22:28:30Z'],
    ['5 minutes ago', 'moment', '2024-05-31T22:25:00Z'],
    ['5m', 'moment', '2024-05-31T22:25:00Z'],
    ['2d', 'moment', '2024-05-29T22:30:00Z'],
    ['1 day ago', 'moment', '2024-05-30T22:30:00Z'],
    ['1 week ago', 'moment', '2024-05-24T22:30:00Z'],
    ['3 months ago', 'moment', '2024-02-29T23:30:00Z'],
    ['1y', 'moment', '2023-05-31T22:30:00Z'],
  ])
  // The 31st of March, a month before: February has no such day.
  check(t, 'UTC', '2023-03-31T12:00:00Z', [['1 month ago', 'moment', '2023-02-28T12:00:00Z']])
})

t.test('the clock is set forward and back', async (t) => {
  const now = '2024-11-01T12:00:00Z'
  check(t, 'Europe/Berlin', now, [
    // 23 and 25 hours long.
    ['2024-03-31', 'day', '2024-03-31T21:59:59Z'],
    ['2024-10-27', 'day', '2024-10-27T22:59:59Z'],
    // Left out: read as if the clock had not been changed. Twice there: the later one.
    ['2024-03-31T02:30', 'moment', '2024-03-31T01:30:59Z'],
    ['2024-10-27T01:59', 'moment', '2024-10-26T23:59:59Z'],
    ['2024-10-27T02:30', 'moment', '2024-10-27T01:30:59Z'],
    ['2024-10-27T03:00', 'moment', '2024-10-27T02:00:59Z'],
  ])
  check(t, 'Europe/Berlin', '2024-10-28T11:00:00Z', [['2d', 'moment', '2024-10-26T10:00:00Z'], ['48h', 'moment', '2024-10-26T11:00:00Z']])
  // No midnight on that day; the clock went from 24:00 back to 23:00; half an hour of change.
  check(t, 'America/Sao_Paulo', now, [
    ['2018-11-03', 'day', '2018-11-04T02:59:59Z'],
    ['2018-11-04', 'day', '2018-11-05T01:59:59Z'],
    ['2018-02-17', 'day', '2018-02-18T02:59:59Z'],
    ['2018-02-17T23:30', 'moment', '2018-02-18T02:30:59Z'],
  ])
  check(t, 'Australia/Lord_Howe', now, [['2024-04-07T01:45', 'moment', '2024-04-06T15:15:59Z']])
  check(t, 'Asia/Kathmandu', now, [['2024-05-01', 'day', '2024-05-01T18:14:59Z']])
})

t.test('a date that there is not is no moment, and commands say so', async (t) => {
  const impossible = [
    '2024-13-01', '2024-00-01', '2024-02-30', '2023-02-29', '1900-02-29', '2024-04-31', '2024-05-00', '2024-05-32', '2024-13', '2024-05-01T24:00',
    '2024-05-01T14:60', '2024-05-01T14-30-60Z', '2024-05-01T14:30+15:00', '2024-05-01T14:30+02:60', '25:00', '14:60',
    '@GMT-2024.02.30-14.30.05', '@GMT-2024', '2024-5-1', '2024-05-01T14', '9:15', '@',
  ]
  for (const text of impossible) {
    t.equal(parseMoment(text, 0), undefined, text)
    t.throws(() => requireMoment(text, 0), { code: 'usage', subject: text }, text)
    t.ok(isReservedName(text), `${text} is no snapshot's name either`)
  }
})

t.test('other names are not moments', async (t) => {
  for (const text of ['before upgrade', '2024', '2024-05-01 before the upgrade', '20240501', 'v1.0', '3 apples', '12 x ago', 'long ago', 'ago', 'äöü', '日本', '7']) {
    t.equal(requireMoment(text, 0), undefined, text)
    t.notOk(isReservedName(text), text)
  }
  // No name of Object's own is a unit.
  t.equal(parseMoment('3 constructor', 0), undefined)
})

t.test('a name that is two things is refused, with why', async (t) => {
  for (const name of ['latest', 'LATEST', 'today', 'yesterday', 'now', 'Present', '2024-05-01', '2024-05', '14:30', '3h', '2 days ago', '@1714573805', '2024-05-01T14-30-05Z'])
    t.equal(snapshotNameFault(name), 'is, or looks like, a moment', name)
  t.match(snapshotNameFault(''), 'empty')
  for (const name of ['a/b', 'a\0b', 'a\nb', '/']) t.match(snapshotNameFault(name), 'slash')
  for (const name of ['.', '..', '.versions', '.hidden']) t.match(snapshotNameFault(name), 'dot')
  t.match(snapshotNameFault('ä'.repeat(128)), 'longer')
  t.equal(snapshotNameFault('ä'.repeat(127)), undefined)
})

t.test('what is printed is read as the same', async (t) => {
  for (const zone of ['UTC', 'Europe/Berlin', 'America/Sao_Paulo', 'Pacific/Apia', 'Asia/Kathmandu'])
    inZone(zone, () => {
      // Through two years in steps that fall on every hour and minute.
      for (let at = sec('2011-06-01T00:00:00Z'); at < sec('2013-06-01T00:00:00Z'); at += 7321) {
        const exact = parseMoment(exactName(at), 0)
        const day = parseMoment(dayName(at), 0)
        if (exact?.kind !== 'exact' || exact.throughSec !== at) t.fail(`${exactName(at)} in ${zone}`)
        if (day?.kind !== 'day' || day.throughSec < at || dayName(day.throughSec) !== dayName(at) || dayName(day.throughSec + 1) === dayName(at)) t.fail(`${dayName(at)} of ${at} in ${zone}`)
      }
      t.pass(zone)
    })
  t.equal(exactName(1714573805), '2024-05-01T14-30-05Z')
  t.equal(inZone('Asia/Kathmandu', () => dayName(1714587300)), '2024-05-02')
})
