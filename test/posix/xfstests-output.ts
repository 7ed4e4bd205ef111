// What xfstests' check said of each test. It prints a test's name when it begins and the rest of the line when it ended.

export interface XfstestsVerdict {
  readonly test: string
  readonly verdict: 'passed' | 'failed' | 'skipped'
  readonly why: string
}

const start = /^((?:generic|shared)\/\d+)\b(.*)$/
/** A machine on which root may not raise its own limits: that says nothing about a filesystem. */
const refused = /ulimit: [\w ]+: cannot modify limit: Operation not permitted/
const summary = /^(Ran|Not run|Failures|Passed all|Failed \d+|Interrupted)\b/

/** The test that it is at. */
export function currentTest(output: string): string | undefined {
  return output.split('\n').findLast((line) => start.test(line))?.match(start)?.[1]
}

export function readVerdicts(output: string): readonly XfstestsVerdict[] {
  const sections: { readonly test: string; readonly first: string; readonly rest: string[] }[] = []
  const failures = new Set<string>()
  for (const line of output.split('\n')) {
    const begin = start.exec(line)
    if (begin !== null) sections.push({ test: begin[1] ?? '', first: begin[2] ?? '', rest: [] })
    else if (line.startsWith('Failures:')) for (const test of line.split(/\s+/).slice(1)) failures.add(test)
    else if (!summary.test(line)) sections.at(-1)?.rest.push(line)
  }
  return sections.filter(({ first }) => !first.includes('[expunged]')).map(({ test, first, rest }) => {
    const all = [first, ...rest].join('\n')
    if (first.includes('[not run]')) return { test, verdict: 'skipped', why: first.replace(/.*\[not run\]\s*/, '').trim() }
    const found = rest.find((line) => /^\s+\+/.test(line) && !line.includes('+++'))?.trim()
    const limit = refused.exec(all)
    if (limit !== null) return { test, verdict: 'skipped', why: `of this machine: ${limit[0]}` }
    if (failures.has(test) || /- output mismatch|\[failed|_check_/.test(all)) return { test, verdict: 'failed', why: (found ?? first.trim()).slice(0, 200) }
    if (/\d+s\s*$/.test(first)) return { test, verdict: 'passed', why: '' }
    return { test, verdict: 'failed', why: `no verdict: ${first.trim().slice(0, 120)}` }
  })
}
