// What one daemon leaves to the next: memory that outlives it, in the hands of the supervisor, and the kernel's connection.
import { AnswerTable, handoverTableBytes, type Handover } from '../lib/store/handover.js'
import type { AnswerMemory, Connection } from '../native-deps/fuse/handler.js'
import type { Heir } from '../native-deps/supervisor.js'
import { closeOnExec, createMemory, mapMemory } from '../native-deps/system.js'

/** Left by a daemon that died. Descriptors of this process. */
export interface Inheritance {
  /** Absent: it ended with that daemon. */
  readonly connection?: Connection
  readonly memoryFd: number
  readonly supervisorFd: number
}

/** Who is to go on when this process dies. */
export interface Succession {
  /** With the same mount, where the kernel can; else it mounts anew. */
  readonly resumes: boolean
  heir(connection: Connection | undefined): Omit<Heir, 'connectionFd' | 'memoryFd'>
}

export interface HandoverMemory {
  readonly fd: number
  readonly handover: Handover
}

/** Undefined where memory can't outlive its process: then a death of the daemon ends the mount. */
export function openHandoverMemory(arenaBytes: number, inheritance: Inheritance | undefined): HandoverMemory | undefined {
  const fd = inheritance?.memoryFd ?? createMemory(handoverTableBytes + arenaBytes)
  if (fd === undefined) return undefined
  closeOnExec(fd)
  return {
    fd,
    handover: {
      tables: mapMemory(fd, { offset: 0, length: handoverTableBytes }),
      arena: mapMemory(fd, { offset: handoverTableBytes, length: arenaBytes }),
      inherited: inheritance === undefined ? 'nothing' : inheritance.connection === undefined ? 'memory' : 'mount',
    },
  }
}

/** `log`: as it is before anything new is appended to it. */
export function answersIn({ tables }: Handover, log: { readonly lastLsn: number }): AnswerMemory {
  const table = new AnswerTable(tables)
  const earlier = table.take(log.lastLsn)
  return {
    note: (request, reply) => { table.note(request, log.lastLsn, reply) },
    find: (request) => earlier.get(request),
  }
}
