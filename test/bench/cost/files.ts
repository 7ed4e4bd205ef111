// Makes many small files quickly, by programs of their own: what makes them must not be what serves them.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

export const perFolder = 1000

/** Folders `0`, `1` … of a thousand files each, from the number `from` on; the folder has that many before. */
export function makeFiles(mountPoint: string, until: number, from = 0): void {
  for (let first = from; first < until; first += perFolder) {
    const folder = join(mountPoint, `folder-${String(first / perFolder)}`)
    mkdirSync(folder)
    const script = `cd "$0" && seq -f 'file-%.0f' ${String(Math.min(perFolder, until - first))} | xargs touch`
    const { status, stderr } = spawnSync('sh', ['-c', script, folder], { encoding: 'utf8', cwd: '/' })
    if (status !== 0) throw new Error(`no files in ${folder}: ${stderr}`)
  }
}
