// What a test file's process said and how it ended, and whether that is a success.

export interface Ending {
  readonly code: number | null
  readonly signal: string | null
  /** Of its standard output, without line ends. */
  readonly lines: readonly string[]
}

/** Why it failed; undefined: it did not. A file that ends before its plan, or that looks at nothing, is a failure too; so is what is only marked as to be done. */
export function failureOf({ code, signal, lines }: Ending): string | undefined {
  if (signal !== null) return `ended by ${signal}`
  if (code !== 0) return `exit code ${String(code)}`
  const results = lines.filter((line) => /^(not )?ok\b/.test(line))
  const failed = results.filter((line) => line.startsWith('not ')).length
  if (failed > 0) return `${String(failed)} failed`
  const plan = lines.flatMap((line) => /^1\.\.(\d+)/.exec(line)?.[1] ?? []).at(-1)
  if (plan === undefined) return 'it ended before its plan'
  if (Number(plan) !== results.length) return `${String(results.length)} results of ${plan}`
  if (results.length === 0 && !lines.some((line) => /skipped:|# SKIP/i.test(line))) return 'it looked at nothing'
  return undefined
}
