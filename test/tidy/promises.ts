// Floating promises: a statement that drops a promise drops its error too. Needs the type checker, so it is the one
// slow rule; async callbacks given to something that ignores their result are not seen.

import ts from 'typescript'
import { lineAt, nodesOf, type Finding } from './source.js'

export function promiseFindings(program: ts.Program, pathOf: (fileName: string) => string | undefined): Finding[] {
  const checker = program.getTypeChecker()
  const findings: Finding[] = []
  for (const syntax of program.getSourceFiles()) {
    const path = pathOf(syntax.fileName)
    if (path === undefined || syntax.isDeclarationFile) continue
    for (const node of nodesOf(syntax)) {
      if (!ts.isExpressionStatement(node) || !isCallable(node.expression) || isHandled(node.expression)) continue
      // tap waits for its own subtests.
      if (path.startsWith('test/') && /^\w+\.test\(/.test(node.expression.getText())) continue
      if (isPromise(checker, checker.getTypeAtLocation(node.expression)))
        findings.push({ path, line: lineAt(syntax, node.getStart(syntax)), message: 'a floating promise: await it, or write void before it and handle its error where it is made' })
    }
  }
  return findings
}

/** Only what starts work can float; `void x` and `await x` are answers of their own. */
function isCallable(expression: ts.Expression): boolean {
  return ts.isCallExpression(expression) || ts.isNewExpression(expression) || ts.isIdentifier(expression)
}

/** Ends in `.catch(handler)`, or in `.then` with a second handler. */
function isHandled(expression: ts.Expression): boolean {
  if (!ts.isCallExpression(expression) || !ts.isPropertyAccessExpression(expression.expression)) return false
  const { name } = expression.expression
  return (name.text === 'catch' && expression.arguments.length === 1) || (name.text === 'then' && expression.arguments.length === 2)
}

function isPromise(checker: ts.TypeChecker, type: ts.Type): boolean {
  if (type.isUnion()) return type.types.some((part) => isPromise(checker, part))
  const then = type.getProperty('then')
  if (then === undefined) return false
  const symbol = type.getSymbol()?.getName()
  return symbol === 'Promise' || symbol === 'PromiseLike' || type.getProperty('catch') !== undefined
}

/** A program of virtual files, for the rule's own fixtures. */
export function programOf(files: Readonly<Record<string, string>>): ts.Program {
  const options: ts.CompilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, strict: true, noEmit: true, types: [] }
  const host = ts.createCompilerHost(options)
  const original = host.getSourceFile.bind(host)
  host.getSourceFile = (name, target) => {
    const text = files[name]
    return text === undefined ? original(name, target) : ts.createSourceFile(name, text, target, true)
  }
  const exists = host.fileExists.bind(host)
  host.fileExists = (name) => name in files || exists(name)
  return ts.createProgram(Object.keys(files), options, host)
}

export function programOfProject(root: string): ts.Program {
  const configPath = `${root}/tsconfig.json`
  const config: unknown = ts.readConfigFile(configPath, (path) => ts.sys.readFile(path)).config
  const parsed = ts.parseJsonConfigFileContent(config, ts.sys, root)
  delete parsed.options.tsBuildInfoFile
  return ts.createProgram(parsed.fileNames, { ...parsed.options, noEmit: true, incremental: false })
}
