// All suites, in the order in which they run: first what says most in the least time.
import type { Suite } from './suite.js'
import { acl } from './suites/acl.js'
import { fsstress } from './suites/fsstress.js'
import { fsx } from './suites/fsx.js'
import { git } from './suites/git.js'
import { gitTests } from './suites/git-tests.js'
import { inotify } from './suites/inotify.js'
import { bonnie, dbench, fio, fsMark } from './suites/load.js'
import { ltp } from './suites/ltp.js'
import { pjdfstest } from './suites/pjdfstest.js'
import { renameAtomic } from './suites/rename-atomic.js'
import { rsync } from './suites/rsync.js'
import { sqlite } from './suites/sqlite.js'
import { sqliteTests } from './suites/sqlite-tests.js'
import { stressNg } from './suites/stress-ng.js'
import { tar } from './suites/tar.js'
import { testSyscalls } from './suites/test-syscalls.js'
import { xfstests } from './suites/xfstests.js'

export const suites: readonly Suite[] = [
  pjdfstest, testSyscalls, acl, rsync, tar, renameAtomic, inotify, git, sqlite, fsx, fsstress, fio, fsMark, dbench, bonnie, stressNg, gitTests, sqliteTests, ltp, xfstests,
]
