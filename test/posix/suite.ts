// What a suite is to the runner: a name, what it needs, and how it runs on a mounted filesystem. A suite says a verdict
// for each of its tests and nothing else; the runner counts, compares with the expected list and tells.
import type { Executed, Execution } from './execution.js'

export interface Suite {
  readonly name: string
  /** Debian's package, by a program of it that shows that it is there. */
  readonly packages: Readonly<Record<string, string>>
  /** What is built outside of the repository. */
  readonly built?: Built
  readonly needsRoot: boolean
  /** It mounts vaults of its own; on a mount that was given by --on it can't run. */
  readonly mountsItself?: boolean
  run(bench: Bench): Promise<void>
}

export interface Built {
  /** The environment variable that names it. */
  readonly variable: string
  /** For people: what the variable has to name. */
  readonly what: string
  /** A file below it that shows that it is built; '' when the variable names the program itself. */
  readonly shownBy: string
}

export interface Bench {
  readonly mountPoint: string
  /** An empty folder on the mount, for this suite alone; removed after it. */
  readonly work: string
  /** A folder off the mount for logs, which are kept. */
  readonly logs: string
  /** What the suite's variable names, or ''. */
  readonly built: string
  readonly quick: boolean
  readonly driver: 'kernel' | 'fuse-native' | 'other'
  /** The command that runs vaultfs. */
  readonly vaultfs: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether that part of the suite (a file, a group, a test) was asked for: all are, unless --only says SUITE:PART. */
  wants(part: string): boolean
  passed(test: string): void
  failed(test: string, why: string): void
  skipped(test: string, why: string): void
  /** What it is at, for the line that is shown meanwhile. */
  at(step: string): void
  /** Runs a program to its end; standard output and error go to a log of that name. Never throws for what the program does. */
  execute(log: string, execution: Execution): Promise<Executed>
  /** A test that passes when the program ends with 0. */
  check(test: string, execution: Execution): Promise<boolean>
}
