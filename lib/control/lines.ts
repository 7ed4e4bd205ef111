// Cuts a socket's bytes into lines, and refuses a peer that never ends one: memory is bounded by one line.

import type { Socket } from 'node:net'

export function onLines(
  socket: Socket,
  options: { readonly bytesMax: number; readonly line: (text: string) => void; readonly tooLong: () => void },
): void {
  let rest = ''
  socket.setEncoding('utf8')
  socket.on('data', (piece: string) => {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > options.bytesMax || lines.some((line) => line.length > options.bytesMax)) {
      rest = ''
      options.tooLong()
      return
    }
    for (const line of lines) if (line !== '') options.line(line)
  })
}
