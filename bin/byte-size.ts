// Sizes on the command line: 500G, 1.5T, 0, none. Powers of 1024, as disks of files are counted here.
import { VaultError } from '../lib/terms/errors.js'

const units = ['', 'K', 'M', 'G', 'T', 'P'] as const

/** Undefined: no limit ('none'). Throws 'usage'. */
export function byteSize(text: string, option: string): number | undefined {
  if (text.trim() === 'none') return undefined
  const [, digits, unit] = /^(\d{1,12}(?:\.\d{1,3})?)([KMGTP]?)(?:iB|B)?$/i.exec(text.trim()) ?? []
  const power = units.findIndex((one) => one === unit?.toUpperCase())
  const bytes = Math.round(Number(digits) * 1024 ** power)
  if (digits === undefined || power < 0 || !Number.isSafeInteger(bytes)) {
    throw new VaultError('usage', `${option}: '${text}' is no size`, { subject: option, next: "write it as 500G, 1.5T, or 'none'" })
  }
  return bytes
}
