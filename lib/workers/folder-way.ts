// Threads that begin later open files of folders that may have been moved meanwhile, with something else in their place.
import { closeSync, constants, existsSync, openSync } from 'node:fs'
import type { PostedError } from '../terms/posted-error.js'

export interface FolderWay {
  /** Leads to the folder wherever it is moved, as long as this process has it open. */
  readonly path: string
  /** An error that speaks of a file on that way, with the path that people know. */
  named(error: PostedError): PostedError
  /** May be called again. */
  close(): void
}

/** Throws what open(2) says. */
export function openWay(folder: string): FolderWay {
  let fd: number | undefined = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  const way = `/proc/self/fd/${fd}`
  const path = existsSync(way) ? way : folder
  const known = (text: string): string => text.replaceAll(`${path}/`, `${folder}/`)
  return {
    path,
    named: ({ message, subject, ...rest }) => ({ ...rest, message: known(message), subject: subject === undefined ? undefined : known(subject) }),
    close: () => {
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}
