// How verdicts come about: the lists of what does not apply may only shrink, and what other suites print is read rightly.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { projectRoot } from '../tidy/source.js'
import { ExpectedList, ranges } from './expected.js'
import { suites } from './suites.js'
import { readTap } from './tap-output.js'
import { currentTest, readVerdicts } from './xfstests-output.js'

t.test('a list says what may fail, and nothing else may', (t) => {
  const list = new ExpectedList('# kernel\n\nrename/24.t 2-4,9 # FUSE has no such thing\ngeneric/035 # a reason\n')
  t.equal(list.size, 5)
  t.strictSame(list.judge('rename/24.t 3', 'failed', 'x'), { verdict: 'expected', why: 'FUSE has no such thing' })
  t.equal(list.judge('rename/24.t 5', 'failed', 'x').verdict, 'failed', 'not listed')
  t.match(list.judge('generic/035', 'passed', ''), { verdict: 'failed', why: /take it off the list/ })
  t.equal(list.judge('generic/035', 'skipped', '').verdict, 'skipped')
  t.equal(list.judge('generic/001', 'passed', '').verdict, 'passed')
  t.end()
})

t.test('a list without reasons, or with a test twice, is refused', (t) => {
  for (const text of ['generic/001', 'generic/001 #', ' # reason', 'a 1-3 # r\na 2 # r']) t.throws(() => new ExpectedList(text), Error, text)
  t.equal(ranges([3, 1, 2, 9]), '1-3,9')
  t.end()
})

t.test('the committed lists can be read, and belong to a suite', (t) => {
  const folder = join(projectRoot(import.meta.dirname), 'test/posix/expected')
  for (const each of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.txt'))) {
    const name = each.replace(/^fuse-native\//, '').replace(/\.txt$/, '')
    t.ok(suites.some((suite) => suite.name === name), `${each} is of a suite`)
    t.ok(new ExpectedList(readFileSync(join(folder, each), 'utf8')).size > 0, `${each} lists something`)
  }
  t.end()
})

t.test('TAP: numbers, todo, and a plan that was not kept', (t) => {
  const { results, planned } = readTap('1..4\nok 1\nnot ok 2 - expected EPERM, got 0\nnot ok 3 # TODO later\nok\n')
  t.equal(planned, 4)
  t.strictSame(results.map(({ number, ok, todo }) => [number, ok, todo]), [[1, true, false], [2, false, false], [3, false, true], [4, true, false]])
  t.equal(results[1]?.text, 'expected EPERM, got 0')
  t.end()
})

t.test('what check of xfstests prints', (t) => {
  const output = [
    'FSTYP         -- fuse', 'generic/001 3s ...  4s', 'generic/002       [not run] no reflink', 'generic/003       - output mismatch (see x.out.bad)',
    '    --- tests/generic/003.out', '    +++ results/generic/003.out.bad', '    @@ -1,2 +1,3 @@', '    +ERROR: access time has changed', 'generic/004       [failed, exit status 1]', 'generic/005 ',
    'generic/006       - output mismatch (see y.out.bad)', '    +tests/generic/006: line 16: ulimit: file size: cannot modify limit: Operation not permitted', 'generic/007 ',
    'Ran: generic/001 generic/002', 'Not run: generic/002', 'Failures: generic/003 generic/004', 'Failed 2 of 5 tests',
  ]
  t.strictSame(readVerdicts(output.join('\n')).map(({ test, verdict }) => [test.slice(-3), verdict]), [['001', 'passed'], ['002', 'skipped'], ['003', 'failed'], ['004', 'failed'], ['005', 'failed'], ['006', 'skipped'], ['007', 'failed']])
  t.match(readVerdicts(output.join('\n'))[2], { why: '+ERROR: access time has changed' })
  t.equal(currentTest(output.join('\n')), 'generic/007')
  t.end()
})
