// Each rule of the house must be able to fail: a fixture that breaks it, and one that does not.

import t from 'tap'
import { blindRoomFindings, cycleFindings, layerFindings, packageFindings, quietThreadFindings } from './imports.js'
import { programOf, promiseFindings } from './promises.js'
import { sourceFile, type Finding, type SourceFile } from './source.js'
import { ambientFindings, constructFindings, machinePathFindings, nameFindings, openingFindings, sizeFindings } from './style.js'

type Files = Readonly<Record<string, string>>
type Rule = (files: readonly SourceFile[]) => readonly Finding[]

const each = (rule: (file: SourceFile) => Finding[]): Rule => (files) => files.flatMap(rule)
const lines = (count: number): string => '// A line.\n'.repeat(count)
const project = (files: Files): SourceFile[] => Object.entries(files).map(([path, text]) => sourceFile(path, text))

const cases: readonly { readonly rule: Rule; readonly name: string; readonly bad: Files; readonly good: Files }[] = [
  {
    name: 'up a layer', rule: layerFindings,
    bad: { 'lib/terms/a.ts': "import { b } from '../crypto/b.js'\n" },
    good: { 'lib/crypto/b.ts': "import { a } from '../terms/a.js'\n" },
  },
  {
    name: 'to a sibling', rule: layerFindings,
    bad: { 'lib/cache/a.ts': "import type { b } from '../log/b.js'\n" },
    good: { 'lib/cache/a.ts': "import type { b } from './b.js'\n" },
  },
  {
    name: 'a room without a layer', rule: layerFindings,
    bad: { 'lib/attic/a.ts': '' },
    good: { 'lib/vault.ts': "import { b } from './log/b.js'\n" },
  },
  {
    name: 'importing a test', rule: layerFindings,
    bad: { 'bin/a.ts': "import { b } from '../test/b.js'\n" },
    good: { 'test/b.ts': "import { a } from '../bin/a.js'\n" },
  },
  {
    name: 'a native package', rule: packageFindings,
    bad: { 'lib/cache/a.ts': "import Database from 'better-sqlite3'\n" },
    good: { 'native-deps/sqlite.ts': "import Database from 'better-sqlite3'\n" },
  },
  {
    name: 'a native package by require', rule: packageFindings,
    bad: { 'lib/cache/a.ts': "const x = require('sodium-native')\n" },
    good: { 'lib/cache/a.ts': "import { x } from '../../native-deps/sodium.js'\n" },
  },
  {
    name: 'the network', rule: packageFindings,
    bad: { 'lib/content/a.ts': "import { request } from 'node:http'\n" },
    good: { 'lib/peer/a.ts': "import { request } from 'undici'\n" },
  },
  {
    name: 'a node that could decrypt', rule: blindRoomFindings,
    bad: {
      'lib/node/server.ts': "import { a } from '../store/a.js'\n",
      'lib/store/a.ts': "import { open } from '../crypto/open.js'\n",
      'lib/crypto/open.ts': '',
    },
    good: { 'lib/node/server.ts': "import { a } from '../crypto/blob-id.js'\n", 'lib/crypto/blob-id.ts': '' },
  },
  {
    name: 'TLS beside the kernel', rule: quietThreadFindings,
    bad: {
      'bin/peer-service.ts': "const { probeNode } = await import('../lib/peer/probe.js')\n", 'lib/peer/probe.ts': "import './http-peer.js'\n", 'lib/peer/http-peer.ts': '',
    },
    good: { 'bin/peer-service.ts': "import { Meeting } from '../lib/vault-meet.js'\n", 'lib/vault-meet.ts': '', 'lib/peer/http-peer.ts': '' },
  },
  {
    name: 'a cycle', rule: cycleFindings,
    bad: { 'lib/log/a.ts': "import './b.js'\n", 'lib/log/b.ts': "import './c.js'\n", 'lib/log/c.ts': "import './a.js'\n" },
    good: { 'lib/log/a.ts': "import './b.js'\nimport './c.js'\n", 'lib/log/b.ts': "import './c.js'\n", 'lib/log/c.ts': '' },
  },
  { name: 'an empty name', rule: each(nameFindings), bad: { 'lib/log/read-utils.ts': '' }, good: { 'lib/cache/database.ts': '' } },
  { name: 'a barrel', rule: each(nameFindings), bad: { 'lib/log/index.ts': '' }, good: { 'lib/log/segments.ts': '' } },
  { name: 'camel case', rule: each(nameFindings), bad: { 'lib/log/groupCommit.ts': '' }, good: { 'lib/log/group-commit.ts': '' } },
  { name: 'a long file', rule: each(sizeFindings), bad: { 'native-deps/fuse/a.c': lines(301) }, good: { 'native-deps/fuse/a.c': lines(300) } },
  {
    name: 'a long function', rule: each(sizeFindings),
    bad: { 'lib/log/a.ts': `function a() {\n${lines(59)}}\n` },
    good: { 'lib/log/a.ts': `function a() {\n${lines(58)}}\n` },
  },
  { name: 'no opening', rule: each(openingFindings), bad: { 'bin/a.ts': 'const a = 1\n' }, good: { 'bin/a.ts': '// Says why.\n\nconst a = 1\n' } },
  { name: 'a long opening', rule: each(openingFindings), bad: { 'bin/a.ts': `${lines(7)}\n` }, good: { 'bin/a.ts': `${lines(6)}\n` } },
  { name: 'any', rule: each(constructFindings), bad: { 'bin/a.ts': 'let a: any\n' }, good: { 'bin/a.ts': "let a: unknown = 'any'\n" } },
  { name: 'non-null', rule: each(constructFindings), bad: { 'bin/a.ts': 'f(a!)\n' }, good: { 'bin/a.ts': 'f(!a)\n' } },
  { name: 'default export', rule: each(constructFindings), bad: { 'bin/a.ts': 'export default 1\n' }, good: { 'bin/a.ts': 'export const a = 1\n' } },
  { name: 'default function', rule: each(constructFindings), bad: { 'bin/a.ts': 'export default function a() {}\n' }, good: { 'bin/a.ts': 'export function a() {}\n' } },
  { name: 're-export', rule: each(constructFindings), bad: { 'bin/a.ts': "export * from './b.js'\n" }, good: { 'bin/a.ts': 'const a = 1\nexport { a }\n' } },
  { name: 'enum', rule: each(constructFindings), bad: { 'bin/a.ts': 'enum A { B }\n' }, good: { 'bin/a.ts': "type A = 'b'\n" } },
  { name: 'ts-ignore', rule: each(constructFindings), bad: { 'bin/a.ts': '// @ts-' + 'ignore\nf()\n' }, good: { 'bin/a.ts': '// Ignores nothing.\nf()\n' } },
  { name: 'environment', rule: each(ambientFindings), bad: { 'mount/a.ts': 'f(process.env)\n' }, good: { 'bin/settings.ts': 'f(process.env)\n' } },
  { name: 'clock', rule: each(ambientFindings), bad: { 'lib/log/a.ts': 'f(Date.now())\n' }, good: { 'bin/a.ts': 'f(Date.now())\n' } },
  { name: 'new Date', rule: each(ambientFindings), bad: { 'lib/log/a.ts': 'f(new Date())\n' }, good: { 'lib/log/a.ts': 'f(new Date(1))\n' } },
  { name: 'chance', rule: each(ambientFindings), bad: { 'lib/log/a.ts': 'f(Math.random())\n' }, good: { 'lib/log/a.ts': 'f(Math.round(1))\n' } },
  { name: 'console', rule: each(ambientFindings), bad: { 'lib/log/a.ts': "console.log('x')\n" }, good: { 'lib/log/a.ts': "logger.log('info', 'console.log')\n" } },
  { name: 'machine path', rule: each(machinePathFindings), bad: { 'bin/a.ts': "const a = '/home/" + "me/x'\n" }, good: { 'bin/a.ts': "const a = '~/x'\n" } },
]

for (const { name, rule, bad, good } of cases) {
  t.not(rule(project(bad)).length, 0, `${name}: seen`)
  t.strictSame(rule(project(good)), [], `${name}: let be`)
}

const promises = (text: string): number => promiseFindings(programOf({ '/a.ts': `declare function f(): Promise<void>\n${text}` }), (name) => (name === '/a.ts' ? name : undefined)).length
t.equal(promises('f()\n'), 1, 'a floating promise: seen')
t.equal(promises('f().then(f)\n'), 1, 'a chain without an end: seen')
t.equal(promises('f().catch(() => undefined)\nf().then(f, f)\n'), 0, 'handled: let be')
t.equal(promises('export async function g() { void f(); await f(); return f() }\n'), 0, 'void, await and return: let be')
