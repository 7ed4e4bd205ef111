// Which of the process's own flags its threads are started with: none but the profiler's. Options of a test runner (loaders,
// coverage) are not for them.
import { execArgv } from 'node:process'

export const threadFlags: readonly string[] = execArgv.filter((flag) => flag.startsWith('--cpu-prof'))
