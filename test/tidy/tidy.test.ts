// The house's rules over the whole project; a failure says what to write instead. That each rule can fail is shown by
// rules.test.ts.

import { relative } from 'node:path'
import t from 'tap'
import { blindRoomFindings, cycleFindings, layerFindings, packageFindings, quietThreadFindings } from './imports.js'
import { programOfProject, promiseFindings } from './promises.js'
import { projectRoot, readProject, type Finding } from './source.js'
import { ambientFindings, constructFindings, machinePathFindings, nameFindings, openingFindings, sizeFindings } from './style.js'

const root = projectRoot(import.meta.dirname)
const files = readProject(root)

const rules: Readonly<Record<string, () => readonly Finding[]>> = {
  'imports go down the layers': () => layerFindings(files),
  'packages stay in their rooms': () => packageFindings(files),
  'node and wire cannot decrypt': () => blindRoomFindings(files),
  'who answers the kernel speaks with no node': () => quietThreadFindings(files),
  'no import cycles': () => cycleFindings(files),
  'names say what a file is': () => files.flatMap(nameFindings),
  'files and functions are short': () => files.flatMap(sizeFindings),
  'files open with a comment': () => files.flatMap(openingFindings),
  'no banned constructs': () => files.flatMap(constructFindings),
  'no ambient authority': () => files.flatMap(ambientFindings),
  'no machine paths': () => files.flatMap(machinePathFindings),
  'no floating promises': () =>
    promiseFindings(programOfProject(root), (name) => {
      const path = relative(root, name)
      return path.startsWith('..') || path.startsWith('node_modules') ? undefined : path
    }),
}

t.ok(files.length > 20, 'the project was found')
for (const [name, rule] of Object.entries(rules)) {
  t.strictSame(
    rule().map(({ path, line, message }) => `${path}${line > 0 ? `:${line}` : ''}: ${message}`),
    [],
    name,
  )
}
