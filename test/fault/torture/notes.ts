// How far a writer came, kept where no crash of the vault reaches: for each step when it began and when it ended, in
// nanoseconds of the machine's monotonic clock, which all processes share.
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs'

const recordBytes = 16

export class StepNotes {
  readonly #fd: number
  readonly #record = Buffer.alloc(recordBytes)

  constructor(path: string) {
    this.#fd = openSync(path, 'w', 0o600)
  }

  begin(index: number): void {
    this.#record.writeBigUInt64LE(process.hrtime.bigint(), 0)
    this.#record.writeBigUInt64LE(0n, 8)
    writeSync(this.#fd, this.#record, 0, recordBytes, index * recordBytes)
  }

  end(index: number): void {
    this.#record.writeBigUInt64LE(process.hrtime.bigint(), 8)
    writeSync(this.#fd, this.#record, 8, 8, index * recordBytes + 8)
  }

  close(): void {
    closeSync(this.#fd)
  }
}

export interface StepTimes {
  readonly began: bigint
  /** Absent: it had not ended. */
  readonly ended: bigint | undefined
}

export function readNotes(path: string): readonly StepTimes[] {
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
  const out: StepTimes[] = []
  for (let at = 0; at + recordBytes <= bytes.byteLength; at += recordBytes) {
    const ended = bytes.readBigUInt64LE(at + 8)
    out.push({ began: bytes.readBigUInt64LE(at), ended: ended === 0n ? undefined : ended })
  }
  return out
}

/** What was known at a moment; absent: at the end. In order of their beginning. */
export function upTo(times: readonly StepTimes[], moment: bigint | undefined): readonly StepTimes[] {
  if (moment === undefined) return times
  return times.filter(({ began }) => began <= moment).map(({ began, ended }) => ({ began, ended: ended !== undefined && ended <= moment ? ended : undefined }))
}
