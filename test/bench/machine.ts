// On what a figure was measured: without it no figure means anything.
import { availableParallelism, cpus, loadavg, release } from 'node:os'

/** Lines of Markdown: machine, date, command. No paths. */
export function machineLines(command: string): readonly string[] {
  return [
    `- ${cpus()[0]?.model ?? 'unknown processor'}, ${String(availableParallelism())} processors, Linux ${release()}, Node ${process.version}`,
    `- ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, load ${loadavg().map((each) => each.toFixed(1)).join(' ')} when it ended`,
    `- \`${command}\``,
  ]
}

export function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? NaN
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '---:'))), ...rows.map(line)]
}
