// What a program said in the Test Anything Protocol.

export interface TapResult {
  readonly number: number
  readonly ok: boolean
  /** The suite itself does not count on it. */
  readonly todo: boolean
  readonly text: string
}

export interface TapOutput {
  readonly results: readonly TapResult[]
  /** How many it meant to run. */
  readonly planned: number | undefined
}

export function readTap(output: string): TapOutput {
  const results: TapResult[] = []
  let planned: number | undefined
  for (const line of output.split('\n')) {
    const plan = /^1\.\.(\d+)/.exec(line)
    if (plan !== null) planned ??= Number(plan[1])
    const result = /^(not )?ok\b *(\d*)(.*)/.exec(line)
    if (result === null) continue
    const text = (result[3] ?? '').replace(/^ *-? */, '').slice(0, 200)
    results.push({ number: result[2] === '' ? results.length + 1 : Number(result[2]), ok: result[1] === undefined, todo: /# *(TODO|SKIP)/i.test(text), text })
  }
  return { results, planned }
}
