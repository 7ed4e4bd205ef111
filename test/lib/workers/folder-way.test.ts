// The way leads to the folder that was opened, not to what lies at its path now; errors name the path that people know.
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openWay } from '../../../lib/workers/folder-way.js'

t.test('a folder that is moved, with another one in its place', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'vaultfs-way-'))
  t.teardown(() => { rmSync(folder, { recursive: true }) })
  const cache = join(folder, 'cache')
  mkdirSync(cache)
  writeFileSync(join(cache, 'index'), 'ours')
  const way = openWay(cache)
  renameSync(cache, join(folder, 'away'))
  mkdirSync(cache)
  writeFileSync(join(cache, 'index'), 'theirs')
  t.equal(readFileSync(join(way.path, 'index'), 'utf8'), 'ours')
  const error = { code: 'io', message: `${way.path}/segments/1.blobs: no`, subject: `${way.path}/segments/1.blobs`, next: undefined } as const
  t.same(way.named(error), { ...error, message: `${cache}/segments/1.blobs: no`, subject: `${cache}/segments/1.blobs` })
  way.close()
  way.close()
  t.throws(() => readFileSync(join(way.path, 'index')))
  t.end()
})
