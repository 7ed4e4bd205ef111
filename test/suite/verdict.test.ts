// The suite's judgement of a file must be able to fail: by what it says, by how it ends, and by what it leaves unsaid.
import t from 'tap'
import { inOrder } from './order.js'
import { failureOf } from './verdict.js'

const ending = { code: 0, signal: null }
const whole = ['TAP version 14', '# Subtest: a', '    ok 1 - within', '    1..1', 'ok 1 - a', 'ok 2 - b', '1..2']

t.equal(failureOf({ ...ending, lines: whole }), undefined)
t.match(failureOf({ code: 1, signal: null, lines: whole }), /exit code 1/)
t.match(failureOf({ code: null, signal: 'SIGSEGV', lines: whole }), /SIGSEGV/)
t.match(failureOf({ ...ending, lines: ['not ok 1 - a', '1..1'] }), /1 failed/)
t.match(failureOf({ ...ending, lines: ['not ok 1 - a # TODO later', '1..1'] }), /1 failed/, 'whatever it is excused with')
t.match(failureOf({ ...ending, lines: ['ok 1 - a'] }), /before its plan/, 'somebody called process.exit')
t.match(failureOf({ ...ending, lines: ['ok 1 - a', '1..2'] }), /1 results of 2/)
t.match(failureOf({ ...ending, lines: ['1..0'] }), /looked at nothing/)
t.equal(failureOf({ ...ending, lines: ['# skipped: no /dev/fuse', '1..0'] }), undefined)
t.throws(() => inOrder(['some/other.test.js']), /names what is no test/)
