// The program: arguments → command → exit code. Errors come out as one line on standard error; bin/exit-codes.ts says
// with which code.

import { runCommand } from './command-line.js'
import { createContext } from './context.js'
import { errorLine, exitCodeOf } from './exit-codes.js'
import { readSettings } from './settings.js'
import { Terminal } from './terminal.js'
import { createVaultService } from './wiring.js'

async function main(words: readonly string[]): Promise<number> {
  try {
    const terminal = new Terminal(process.stdin, process.stderr)
    const settings = readSettings({})
    const context = createContext({ settings, terminal, service: createVaultService(), output: process.stdout, errors: process.stderr })
    await runCommand(context, words)
    return 0
  } catch (error) {
    process.stderr.write(`${errorLine(error)}\n`)
    return exitCodeOf(error)
  }
}

// Whoever reads us may have read enough (`vaultfs status … | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})
process.stderr.on('error', () => undefined)
process.exitCode = await main(process.argv.slice(2))
